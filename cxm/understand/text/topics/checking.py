"""Trying a topic: what it finds among the newest texts, and how right it is on the examples that people have marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.text.models import Topic, TopicExample
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.reading.reading import Reading, Span
from cxm.understand.text.words.counting import common_words

from .matching import SURE, Compiled, TextRow, background, compiled, learn, recent_texts
from .patterns import Matcher, TopicWords
from .queries import version_of

NEWEST = 500  # texts that a draft is tried on, as it is typed
MANY = 2000  # texts of the check of the whole tree
FOLDS = 5
SHOWN = 12
READ = 2000  # characters of a text that are looked at, as `recent_texts` cuts them
MAYBE = 0.15  # probability from which a text that is not found is worth a look
Piece = tuple[str, bool]  # a stretch of a text, and whether it is what tells of the topic


@dataclass(frozen=True, slots=True)
class Shown:
    """A text on the page, with what tells of the topic marked."""

    pieces: tuple[Piece, ...]
    event_id: UUID | None
    fits: bool | None = None  # what people said of it


@dataclass(slots=True)
class Accuracy:
    """On marked examples: of those found, how many fit; of those that fit, how many are found."""

    precision: Estimate
    recall: Estimate
    wrong: list[Shown] = field(default_factory=list)  # found, but they do not fit
    missed: list[Shown] = field(default_factory=list)  # they fit, but are not found


@dataclass(slots=True)
class Trial:
    """A draft of a topic on the newest texts."""

    texts: int
    found: Estimate  # share of them
    shown: list[Shown]
    maybe: list[Shown]  # not found, but alike to the examples
    accuracy: Accuracy
    by_entry: list[tuple[str, int]]  # each form that was found, with how many texts have it
    learns: bool  # there are enough examples to learn from


def try_topic(scope: Scope, draft: TopicWords, topic: Topic | None) -> Trial:
    """Raises EventlogError."""
    rows = recent_texts(scope, NEWEST)
    texts = [row.comment for row in rows]
    readings = reader().read(texts)
    matcher = Matcher([draft])
    whole = compiled(scope.workspace_id)
    chances = _chances(whole, draft.key, texts)
    said = TopicExample.objects.filter(topic=topic).values_list("text", "fits") if topic else ()
    marked = {text[:READ]: fits for text, fits in said}
    known: set[str] = set()  # the same words of several people are shown once
    shown, maybe, forms, n = [], [], Counter[str](), 0
    for row, reading, chance in zip(rows, readings, chances, strict=True):
        spans = matcher.find(row.comment, reading).get(draft.key, [])
        forms.update({row.comment[one.start : one.end].lower() for one in spans})
        fits = marked.get(row.comment)
        if spans or (chance >= SURE and reading.supported):
            n += 1
            if row.comment not in known:
                shown.append(Shown(pieces_of(row.comment, spans), row.event_id, fits))
        elif chance >= MAYBE and reading.supported and fits is None and row.comment not in known:
            maybe.append((chance, Shown(pieces_of(row.comment, ()), row.event_id)))
        known.add(row.comment)
    maybe.sort(key=lambda one: -one[0])
    return Trial(
        texts=len(texts), found=share(n, len(texts)), shown=_unmarked_first(shown)[:SHOWN],
        maybe=[one for _chance, one in maybe[: SHOWN // 2]], accuracy=accuracy(scope.workspace_id, draft, topic),
        by_entry=forms.most_common(30), learns=draft.key in whole.learnt.keys,
    )  # fmt: skip


def _unmarked_first(shown: Sequence[Shown]) -> list[Shown]:
    """What still waits for a word of a person, the newest first."""
    return [*(one for one in shown if one.fits is None), *(one for one in shown if one.fits is not None)]


def _chances(whole: Compiled, key: str, texts: Sequence[str]) -> list[float]:
    """What the examples of the topic say of each text."""
    if key not in whole.learnt.keys or not texts:
        return [0.0] * len(texts)
    return [float(one) for one in whole.learnt.probabilities(reader().features(texts))[:, whole.learnt.keys.index(key)]]


def accuracy(workspace_id: int, draft: TopicWords, topic: Topic | None) -> Accuracy:
    """On the marked examples of the topic. What is learnt from examples is judged by cross-validation: each example by
    what the others teach."""
    rows = list(TopicExample.objects.filter(topic=topic)) if topic else []
    learnt = held_out(workspace_id, version_of(workspace_id), draft.key)
    matcher = Matcher([draft])
    readings = reader().read([row.text for row in rows])
    right = found = fitting = 0
    wrong: list[Shown] = []
    missed: list[Shown] = []
    for row, reading in zip(rows, readings, strict=True):
        spans = matcher.find(row.text, reading).get(draft.key, [])
        is_found = bool(spans) or learnt.get(row.text, 0.0) >= SURE
        right += is_found and row.fits
        found += is_found
        fitting += row.fits
        if is_found != row.fits:
            (wrong if is_found else missed).append(Shown(pieces_of(row.text, spans), row.event_id, row.fits))
    return Accuracy(share(right, found), share(right, fitting), wrong[:SHOWN], missed[:SHOWN])


@lru_cache(maxsize=64)
def held_out(workspace_id: int, version: int, key: str) -> dict[str, float]:
    """The probability of each example of the topic, by text, learnt from the other folds; `version` is that of the
    tree. Empty where there are too few examples to learn from."""
    examples: dict[str, list[tuple[str, bool]]] = {}
    rows = TopicExample.objects.filter(topic__workspace=workspace_id, topic__merged_into=None).order_by("at", "pk")
    for one, text, fits in rows.values_list("topic__key", "text", "fits"):
        examples.setdefault(one, []).append((text, fits))
    own = list(dict(examples.get(key, ())).items())
    around = background(workspace_id) if own else []
    found: dict[str, float] = {}
    for fold in range(FOLDS):
        held = [text for number, (text, _fits) in enumerate(own) if number % FOLDS == fold]
        kept = [one for number, one in enumerate(own) if number % FOLDS != fold]
        learnt = learn({**examples, key: kept}, lambda: around, only=key) if held else None
        if learnt is not None and learnt.keys:
            chances = learnt.probabilities(reader().features(held))[:, 0]
            found.update(zip(held, map(float, chances), strict=True))
    return found


def pieces_of(text: str, spans: Sequence[Span]) -> tuple[Piece, ...]:
    """The text cut where the spans begin and end, which do not overlap."""
    found, at = [], 0
    for one in spans:
        found += [(text[at : one.start], False), (text[one.start : one.end], True)]
        at = one.end
    return tuple(piece for piece in [*found, (text[at:], False)] if piece[0])


# The whole tree


@dataclass(frozen=True, slots=True)
class TopicCheck:
    topic: Topic
    found: int
    accuracy: Accuracy
    marked: int  # examples


@dataclass(slots=True)
class TreeCheck:
    """The tree on the newest texts."""

    texts: int
    covered: Estimate  # share of the texts that have a topic
    topics: list[TopicCheck]
    silent: list[Topic]  # topics that were not found once
    alike: list[tuple[Topic, Topic, float]]  # pairs found in the same texts: the share of those of the rarer one
    left: list[str]  # texts without a topic
    left_words: list[tuple[str, int]]  # what those speak of


def check_tree(scope: Scope, topics: Sequence[Topic]) -> TreeCheck:
    """Raises EventlogError."""
    rows = recent_texts(scope, MANY)
    read: list[tuple[TextRow, Reading]] = [
        (row, reading)
        for row, reading in zip(rows, reader().read([row.comment for row in rows]), strict=True)
        if reading.supported
    ]
    texts = [row.comment for row, _reading in read]
    found = compiled(scope.workspace_id).topics_of(texts, [reading for _row, reading in read])
    where: dict[str, set[int]] = {}
    for number, tags in enumerate(found):
        for tag in tags:
            where.setdefault(tag.name, set()).add(number)
    left = [number for number, tags in enumerate(found) if not tags]
    on = [one for one in topics if one.is_on]
    marked = Counter(TopicExample.objects.filter(topic__in=on).values_list("topic", flat=True))
    checks = [
        TopicCheck(
            one, len(where.get(one.key, ())),
            accuracy(scope.workspace_id, TopicWords(one.key, one.words, one.exclusions), one), marked[one.pk],
        )
        for one in on
    ]  # fmt: skip
    return TreeCheck(
        texts=len(texts), covered=share(len(texts) - len(left), len(texts)), topics=checks,
        silent=[one for one in on if one.key not in where], alike=list(_alike(on, where)),
        left=[texts[number] for number in left[:SHOWN]],
        left_words=common_words([(texts[number], read[number][1].language) for number in left]),
    )  # fmt: skip


def _alike(topics: Sequence[Topic], where: dict[str, set[int]]) -> Iterable[tuple[Topic, Topic, float]]:
    for number, one in enumerate(topics):
        for other in topics[number + 1 :]:
            if other.parent_id == one.pk or one.parent_id == other.pk:
                continue
            first, second = where.get(one.key, set()), where.get(other.key, set())
            least = min(len(first), len(second))
            both = len(first & second)
            if least >= 10 and both >= 0.7 * least:
                yield one, other, both / least
