"""Write down what every text says: new ones as they come, all of a workspace when that is wanted.

One process of an installation does it. New texts go first, in stretches; what has an annotation already is passed
over, so a stretch that comes again after a crash costs little and changes nothing. What a person has corrected holds
for every new reading too.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from django.db.models import F
from django.utils import timezone

from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import LeaseLost, Pace
from cxm.record.eventlog.texts import (
    Annotation,
    Stretch,
    Text,
    TextCursor,
    annotated,
    count_texts,
    stretch_after,
    texts_by_id,
    tops,
    write_annotations,
)

from . import topics
from .correcting import corrected, corrections_of
from .deep.using import counts, kept, marked, points_before
from .endpoint.asking import with_opinions
from .models import Rereading
from .reading.reading import Reading, Sentence, Span, Tag
from .understanding import understand, version_of, wording

if TYPE_CHECKING:
    from .deep.sentiment import Point

logger = logging.getLogger(__name__)

AT_ONCE = 250  # texts between two looks whether somebody waits
WRITTEN = 2_000  # annotations in one insert
Stop = Callable[[], bool]
Progress = Callable[[int, int], None]  # texts looked at, of how many
_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder()


def never() -> bool:
    return False


class Annotator:
    """Annotates as long as the process lives; of several processes, the one that holds the lease."""

    def __init__(self, holder: str, *, alone: bool = False) -> None:
        self._cursor = TextCursor(holder, alone=alone)

    def annotate_due(self, stopping: Stop = never) -> bool:
        """Read what waits, new texts first, until nothing does; False while another process does it."""
        while self._cursor.take():
            try:
                if not (self._new(stopping) or self._again(stopping)):
                    return True
            except LeaseLost:
                return False
            if stopping():
                return True
        return False

    def end(self) -> None:
        self._cursor.release()

    def _new(self, stopping: Stop) -> bool:
        """One stretch of each node; whether there was any."""
        found = False
        for node in range(len(engine().addresses)):
            stretch = self._cursor.next(node)
            if stretch is None:
                continue
            if not annotate_texts(stretch.texts, stopping=stopping):
                return True  # what is written is written; the stretch comes again
            self._cursor.advance(stretch)
            found = True
        return found

    def _again(self, stopping: Stop) -> bool:
        """One stretch of the rereading that was wanted first; whether there is more to do."""
        row = Rereading.objects.filter(done_at=None, workspace__deleted_at=None).order_by("wanted_at").first()
        if row is None:
            return False
        if row.total is None:
            row.total, row.positions = (
                count_texts(row.workspace_id),
                {str(node): {"until": top, "place": {}} for node, top in tops().items()},
            )
            _keep(row, total=row.total, positions=row.positions)
        stretch = next_of(row)
        if stretch is None:
            _keep(row, done_at=timezone.now())
            return True
        before = round(row.wanted_at.timestamp() * 1000)
        if annotate_texts(stretch.texts, before=before, stopping=stopping):
            positions = dict(row.positions)
            positions[str(stretch.node)] = {**positions[str(stretch.node)], "place": stretch.place}
            _keep(row, positions=positions, done=F("done") + len(stretch.texts))
        return True


def next_of(row: Rereading) -> Stretch | None:
    for node, entry in sorted(row.positions.items()):
        stretch = stretch_after(int(node), entry["place"], until=entry["until"], workspace_id=row.workspace_id)
        if stretch is not None:
            return stretch
    return None


def _keep(row: Rereading, **changes: Any) -> None:
    """Unless the rereading was asked for anew meanwhile: then it begins again."""
    Rereading.objects.filter(pk=row.pk, wanted_at=row.wanted_at, done_at=None).update(**changes)


def annotate_workspace(workspace_id: int, progress: Progress = lambda done, of: None) -> int:
    """Read the texts of a workspace that have not been read; returns how many. For what must be there at once."""
    total, done, written = count_texts(workspace_id), 0, 0
    for node, top in tops().items():
        place: dict[str, Any] = {}
        while stretch := stretch_after(node, place, until=top, workspace_id=workspace_id):
            known = annotated(stretch.texts)
            annotate_texts(stretch.texts)
            written += sum(one.event_id not in known for one in stretch.texts)
            done, place = done + len(stretch.texts), stretch.place
            progress(done, total)
    return written


def annotate_events(workspace_id: int, event_ids: Sequence[UUID]) -> int:
    """Read these texts now, whatever was read in them before. Returns how many there are."""
    texts = texts_by_id(workspace_id, event_ids)
    return write_annotations(annotations_for(texts))


def annotate_texts(texts: Sequence[Text], *, before: int | None = None, stopping: Stop = never) -> bool:
    """Read and write those that have no annotation; with `before` (in milliseconds) also those with an older one.

    False when it was stopped in between.
    """
    known = annotated(texts)
    wanted = [
        one for one in texts
        if (version := known.get(one.event_id)) is None or (before is not None and version < before)
    ]  # fmt: skip
    pace = Pace()
    for start in range(0, len(wanted), WRITTEN):
        rows: list[Annotation] = []
        for some in _parts(wanted[start : start + WRITTEN], AT_ONCE):
            if stopping():
                return False
            began = time.monotonic()
            rows += annotations_for(some, known)
            time.sleep(pace.rest_after(time.monotonic() - began))
        write_annotations(rows)
    return True


def _parts(texts: Sequence[Text], size: int) -> Iterator[Sequence[Text]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


def annotations_for(texts: Sequence[Text], known: Container[UUID] | None = None) -> list[Annotation]:
    """Readings as rows of the table, with this moment as their version. `known`: those that have a row, if that is
    known. What the deep tier said of them holds for the new reading."""
    by_workspace: dict[int, list[Text]] = defaultdict(list)
    for one in texts:
        by_workspace[one.workspace_id].append(one)
    rows = []
    for workspace_id, some in by_workspace.items():
        before = [one.event_id for one in some if known is None or one.event_id in known]
        rows += rows_for(workspace_id, some, points_before(workspace_id, before))
    return rows


def rows_for(
    workspace_id: int, texts: Sequence[Text], points: Mapping[UUID, Point], *, opinions: bool = True
) -> list[Annotation]:
    """As `annotations_for`, of one workspace. `points`: what the deep tier says, of those that it was asked about;
    `opinions`: whether the workspace's endpoint may be asked, which takes its time."""
    model = version_of(workspace_id)
    now = time.time_ns() // 1_000_000
    heard = points if points and counts(workspace_id) else {}
    readings = read(workspace_id, texts, heard)
    if opinions:
        readings = with_opinions(workspace_id, [one.comment for one in texts], readings)
    said = corrections_for(workspace_id, [one.event_id for one in texts])
    readings = [
        said[one.event_id](reading) if one.event_id in said else reading
        for one, reading in zip(texts, readings, strict=True)
    ]
    feelings = feelings_of([one.comment for one in texts], readings)
    return [
        annotation(
            one, reading, felt, marked(model) if one.event_id in heard else model, now,
            corrected=one.event_id in said, point=points.get(one.event_id),
        )
        for one, reading, felt in zip(texts, readings, feelings, strict=True)
    ]  # fmt: skip


def corrections_for(workspace_id: int, event_ids: Sequence[UUID]) -> dict[UUID, Callable[[Reading], Reading]]:
    """For each text that people have corrected, what makes a reading say so."""
    return {event_id: partial(corrected, corrections=mine)
            for event_id, mine in corrections_of(workspace_id, event_ids).items()}  # fmt: skip


def read(workspace_id: int, texts: Sequence[Text], heard: Mapping[UUID, Point]) -> list[Reading]:
    """As `understand`; a text that it fails on is found by halving and stays without a reading."""
    try:
        asked = _wordings(workspace_id, texts)
        points = [heard.get(one.event_id) for one in texts] if heard else []
        return understand(workspace_id, [one.comment for one in texts], asked, points)
    except Exception:
        if len(texts) == 1:
            logger.exception("The text of the event %s cannot be read", texts[0].event_id)
            return [Reading()]
    middle = len(texts) // 2
    return [*read(workspace_id, texts[:middle], heard), *read(workspace_id, texts[middle:], heard)]


def _wordings(workspace_id: int, texts: Sequence[Text]) -> list[str]:
    """What each text answers. Most answer the same few questions, and each is looked up once."""
    keys = [(one.survey, one.question, one.question_version, one.language) for one in texts]
    found = {key: wording(workspace_id, *key) for key in set(keys)}
    return [found[key] for key in keys]


def annotation(
    text: Text, reading: Reading, feelings: dict[str, float], model: str, version: int, *, corrected: bool = False,
    point: Point | None = None,
) -> Annotation:  # fmt: skip
    """A row of the table; `feelings` is the sentiment of each topic, from `feelings_of`; `point`: of the deep tier."""
    return Annotation(
        workspace_id=text.workspace_id, event_id=text.event_id, customer_id=text.customer_id,
        occurred_at=text.occurred_at, import_id=text.import_id, version=version, model=model,
        language=reading.language, script=reading.script, sentiment=reading.sentiment,
        sentiment_score=round(reading.score, 4), emotion=reading.emotion, intent=reading.intent,
        effort=reading.effort, urgent=reading.urgent, topics=tuple(feelings), topic_sentiments=tuple(feelings.values()),
        personal=tuple(dict.fromkeys(one.name for one in reading.tags if one.kind == "personal")),
        tags=tags_json(reading, point), corrected=corrected,
    )  # fmt: skip


def feelings_of(texts: Sequence[str], readings: Sequence[Reading]) -> list[dict[str, float]]:
    """Of each text the sentiment in [-1, 1] of each of its topics, where the topic stands in the text."""
    tags = [[one for one in reading.tags if one.kind == "topic"] for reading in readings]
    return [
        {tag.name: round(score, 4) for tag, score in zip(of_text, scores, strict=True)}
        for of_text, scores in zip(tags, topics.sentiments(texts, readings, tags), strict=True)
    ]


def tags_json(reading: Reading, point: Point | None = None) -> str:
    """The tags and sentences as the table keeps them; `reading_of` is the way back."""
    return _encoder.encode(
        {
            "supported": reading.supported,
            "tags": [[one.kind, one.name, round(one.score, 4), [[span.start, span.end] for span in one.spans]]
                     for one in reading.tags],
            "sentences": [[one.start, one.end, one.language, one.sentiment, round(one.score, 4)]
                          for one in reading.sentences],
            "emotions": {name: round(score, 4) for name, score in reading.emotions.items()},
            **kept(point),
        }
    ).decode()  # fmt: skip


def reading_of(row: Annotation) -> Reading:
    """What the table keeps, as a reading again."""
    try:
        kept = _decoder.decode(row.tags) if row.tags else {}
    except msgspec.DecodeError:
        kept = {}
    return Reading(
        language=row.language, script=row.script, supported=bool(kept.get("supported")), sentiment=row.sentiment,
        score=row.sentiment_score, emotion=row.emotion, intent=row.intent, effort=bool(row.effort),
        urgent=bool(row.urgent), model=row.model, emotions=kept.get("emotions", {}),
        sentences=tuple(Sentence(*one) for one in kept.get("sentences", [])),
        tags=tuple(Tag(kind, name, score, tuple(Span(*span) for span in spans))
                   for kind, name, score, spans in kept.get("tags", [])),
    )  # fmt: skip
