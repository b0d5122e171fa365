"""Which topics texts are about: by the words of the workspace's topics, and by what their examples teach."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import UUID

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope
from cxm.understand.text.models import Topic, TopicExample, TopicTree
from cxm.understand.text.reading.heads import train
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.reading.reading import Reading, Span, Tag

from .patterns import Matcher, TopicWords

logger = logging.getLogger(__name__)

KIND = "topic"
LEAST_EXAMPLES = 5  # that fit, before a topic learns from them
BACKGROUND = 300  # texts of the workspace that stand for all that a topic is not
SURE = 0.5  # probability from which the examples of a topic bring it into a text
BY_WORDS = 0.9  # of what words match, so much is taken to be right until people have said otherwise …
TRUST = 10  # … and so many examples weigh as much as that belief
KEPT = 32  # workspaces whose topics are kept compiled
Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(slots=True)
class Learnt:
    """Linear classifiers of several topics over those columns of the features that their examples have."""

    keys: list[str] = field(default_factory=list)
    column: Any = None  # of each feature: its row in `weights`; 0 for what no example has
    weights: Any = None  # (columns, topics)
    bias: Any = None

    def probabilities(self, features: scipy.sparse.csr_matrix) -> Floats:
        """Shape (texts, topics)."""
        known = scipy.sparse.csr_matrix(
            (features.data, self.column[features.indices], features.indptr),
            shape=(features.shape[0], self.weights.shape[0]),
        )
        return np.asarray(1 / (1 + np.exp(-(known @ self.weights + self.bias))), dtype=np.float32)


@dataclass(slots=True)
class Compiled:
    """The topics of a workspace at one version of its tree."""

    version: int
    matcher: Matcher
    learnt: Learnt = field(default_factory=Learnt)
    precision: dict[str, float] = field(default_factory=dict)  # of words, by key of the topic

    @property
    def is_empty(self) -> bool:
        return not self.matcher.keys

    def topics_of(self, texts: Sequence[str], readings: Sequence[Reading]) -> list[list[Tag]]:
        found = [self.matcher.find(text, reading) for text, reading in zip(texts, readings, strict=True)]
        tags = [
            [Tag(KIND, key, self.precision.get(key, BY_WORDS), tuple(spans)) for key, spans in places.items()]
            for places in found
        ]
        if self.learnt.keys and texts:
            self._add_learnt(texts, readings, tags)
        return tags

    def _add_learnt(self, texts: Sequence[str], readings: Sequence[Reading], tags: list[list[Tag]]) -> None:
        chances = self.learnt.probabilities(reader().features(texts))
        for number, which in zip(*np.nonzero(chances >= SURE), strict=True):
            reading, key, chance = readings[number], self.learnt.keys[which], float(chances[number, which])
            same = next((at for at, tag in enumerate(tags[number]) if tag.name == key), None)
            if reading.language == "other":
                continue
            if same is not None:  # both say so
                tag = tags[number][same]
                tags[number][same] = Tag(KIND, key, 1 - (1 - tag.score) * (1 - chance), tag.spans)
            else:
                places = self._places(texts[number], reading, which)
                tags[number].append(Tag(KIND, key, chance, places))

    def _places(self, text: str, reading: Reading, which: int) -> tuple[Span, ...]:
        """The sentences that say it most: all that would alone, else the best one."""
        whole = [Span(one.start, one.end) for one in reading.sentences] or [Span(0, len(text))]
        if len(whole) == 1:
            return tuple(whole)
        features = reader().features([text[one.start : one.end] for one in whole])
        chances = self.learnt.probabilities(features)[:, which]
        return tuple(one for one, chance in zip(whole, chances, strict=True) if chance >= SURE) or (
            whole[int(chances.argmax())],
        )


_compiled: OrderedDict[int, Compiled] = OrderedDict()
_lock = Lock()


def match(workspace_id: int, texts: Sequence[str], readings: Sequence[Reading]) -> list[list[Tag]]:
    """The topics of each text, as tags of kind “topic”: `name` is the key of the topic, `score` the probability that
    it is right, `spans` the words that tell of it, or the sentences where examples do. Nothing of unsupported texts.
    """
    return compiled(workspace_id).topics_of(texts, readings)


def compiled(workspace_id: int) -> Compiled:
    """The topics of the workspace as they are now; compiled anew only after a change."""
    version = TopicTree.objects.filter(workspace=workspace_id).values_list("version", flat=True).first() or 0
    with _lock:
        found = _compiled.get(workspace_id)
        if found is not None and found.version == version:
            _compiled.move_to_end(workspace_id)
            return found
    made = compile_topics(workspace_id, version)
    with _lock:
        _compiled[workspace_id] = made
        _compiled.move_to_end(workspace_id)
        while len(_compiled) > KEPT:
            _compiled.popitem(last=False)
    return made


def compile_topics(workspace_id: int, version: int, instead: TopicWords | None = None) -> Compiled:
    """`instead` takes the place of the topic of its key, or is one more: to try words before they are saved."""
    rows = Topic.objects.filter(workspace=workspace_id, is_on=True, merged_into=None)
    words = {row.key: TopicWords(row.key, row.words, row.exclusions) for row in rows}
    if instead is not None:
        words[instead.key] = instead
    matcher = Matcher(words.values())
    examples: dict[str, list[tuple[str, bool]]] = {}
    if words:
        marked = TopicExample.objects.filter(topic__workspace=workspace_id, topic__key__in=words)
        for key, text, fits in marked.order_by("at", "pk").values_list("topic__key", "text", "fits"):
            examples.setdefault(key, []).append((text, fits))
    return Compiled(
        version=version,
        matcher=matcher,
        learnt=learn(examples, lambda: background(workspace_id)),
        precision=precision_of(matcher, examples),
    )


def precision_of(matcher: Matcher, examples: dict[str, list[tuple[str, bool]]]) -> dict[str, float]:
    """How often words are right, by topic: what people said of the texts that they match, beside a belief."""
    said = sorted({text for rows in examples.values() for text, _fits in rows})
    places = {text: matcher.find(text, reading) for text, reading in zip(said, reader().read(said), strict=True)}
    found = {}
    for key, rows in examples.items():
        matched = [fits for text, fits in rows if key in places[text]]
        found[key] = (sum(matched) + BY_WORDS * TRUST) / (len(matched) + TRUST)
    return found


def learn(
    examples: dict[str, list[tuple[str, bool]]], texts: Callable[[], Sequence[str]], only: str | None = None
) -> Learnt:
    """Topics with enough examples that fit, each against its own that do not, the others' examples and the
    background (`texts()`). `only` learns one of them."""
    able = sorted(
        key for key, rows in examples.items()
        if only in (None, key) and sum(fits for _text, fits in rows) >= LEAST_EXAMPLES
    )  # fmt: skip
    if not able:
        return Learnt()
    around = texts()
    every = sorted({text for rows in examples.values() for text, _fits in rows} | set(around))
    at = {text: number for number, text in enumerate(every)}
    features = reader().features(every)
    columns = np.unique(features.indices)
    place = np.zeros(features.shape[1], dtype=np.int32)
    place[columns] = np.arange(1, len(columns) + 1, dtype=np.int32)
    known = scipy.sparse.csr_matrix(
        (features.data, place[features.indices], features.indptr), shape=(len(every), len(columns) + 1)
    )
    learnt = Learnt(column=place)
    weights, bias = [], []
    for key in able:
        own = dict(examples[key])
        fit = {at[text] for text, fits in own.items() if fits}
        others = {at[text] for other, rows in examples.items() if other != key for text, fits in rows if fits}
        others |= {at[text] for text in around}
        not_fit = {at[text] for text, fits in own.items() if not fits}
        against = sorted(not_fit | set(sorted(others - fit)[: 20 * len(fit)]))
        if not against:
            continue
        rows = [*sorted(fit), *against]
        head = train(scipy.sparse.csr_matrix(known[rows]), ["yes"] * len(fit) + ["no"] * len(against))
        yes, no = head.classes.index("yes"), head.classes.index("no")
        learnt.keys.append(key)
        weights.append(head.weights[:, yes] - head.weights[:, no])
        bias.append(float(head.bias[yes] - head.bias[no]))
    if not learnt.keys:
        return Learnt()
    learnt.weights = np.stack(weights, axis=1).astype(np.float32)
    learnt.bias = np.array(bias, dtype=np.float32)
    return learnt


@dataclass(frozen=True, slots=True)
class TextRow:
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    language: str
    comment: str


RECENT = """
SELECT event_id, customer_id, occurred_at, toString(language) AS language, substringUTF8(comment, 1, 2000) AS comment
FROM feedback $join
WHERE $scope AND comment != ''
ORDER BY occurred_at DESC, event_id LIMIT {limit:UInt32}
"""


def recent_texts(scope: Scope, limit: int) -> list[TextRow]:
    """The newest texts within the scope, their first 2,000 characters. Raises EventlogError."""
    return ask(RECENT, scope, row=TextRow, name="text.recent", limit=limit).rows


def background(workspace_id: int) -> list[str]:
    """Texts of the workspace that stand for all that a topic is not; none while the log does not answer."""
    try:
        rows = recent_texts(Scope(workspace_id=workspace_id, until=datetime.now(UTC)), BACKGROUND)
    except EventlogError:
        logger.warning(
            "The topics of workspace %d are learnt without its texts: the log does not answer.", workspace_id
        )
        return []
    return _distinct(row.comment for row in rows)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
