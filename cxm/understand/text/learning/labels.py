"""The labels that a firm already has: scores beside comments, and what its people corrected.

A comment takes the label of the score that was given with it, in the same answer or, in a survey, in the same response:
its promoter score if it has one, else its only score. Of 0–10: negative to 6, positive from 9. Of other scales:
negative in the lower 30 %, positive in the upper 30 % (1–2 and 4–5 of 1–5). What lies between is neutral. Scores of
effort are not asked: they say whether something was easy. A correction counts before the score of the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.texts import texts_by_id
from cxm.understand.text.models import Correction

MOST: Final = 20_000  # the newest texts; more labels make training slower and hardly better
LONGEST: Final = 4_000  # characters of a text that are learnt from
AT_ONCE: Final = 2_000  # texts fetched by their ids
SENTIMENT: Final = "sentiment"
KINDS: Final = (SENTIMENT, "emotion", "intent", "effort", "urgency")
CORRECTION: Final = "correction"


@dataclass(frozen=True, slots=True)
class Label:
    """`kind` is sentiment, emotion, intent, or (`name` yes or no) effort or urgency; `source` is nps, csat, rating or
    correction."""

    text: str
    kind: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class _Row:
    comment: str
    kind: str
    scale: str
    score: float


LABELLED: Final = """
    SELECT event_id, occurred_at, comment, metric AS kind, toString(scale) AS scale, assumeNotNull(score) AS score
    FROM feedback WHERE $scope AND comment != '' AND score IS NOT NULL AND metric IN ('nps', 'csat', 'rating')
    UNION ALL
    SELECT texts.event_id AS event_id, texts.occurred_at AS occurred_at, texts.comment AS comment, about.1 AS kind,
           about.2 AS scale, about.3 AS score
    FROM (SELECT event_id, occurred_at, comment, response_id FROM feedback
          WHERE $scope AND comment != '' AND score IS NULL AND response_id != '') AS texts
    GLOBAL ANY INNER JOIN (
        SELECT response_id, argMin((metric, toString(scale), assumeNotNull(score)), metric != 'nps') AS about
        FROM feedback
        WHERE $scope AND score IS NOT NULL AND metric IN ('nps', 'csat', 'rating') AND response_id != ''
        GROUP BY response_id HAVING countIf(metric = 'nps') = 1 OR count() = 1
    ) AS scores USING (response_id)
"""
SCORED: Final = (
    f"SELECT comment, kind, scale, score FROM ({LABELLED}) ORDER BY occurred_at DESC, event_id LIMIT {{most:UInt32}}"
)
COUNTED: Final = f"SELECT kind, scale, score, toInt64(count()) AS n FROM ({LABELLED}) GROUP BY kind, scale, score"


@dataclass(frozen=True, slots=True)
class _Count:
    kind: str
    scale: str
    score: float
    n: int


@dataclass(frozen=True, slots=True)
class Stock:
    """How many texts a workspace could learn from; copies of one text are still counted apart here."""

    sources: dict[str, int]
    sides: dict[str, int]  # of scores and of corrected sentiment

    @property
    def texts(self) -> int:
        return sum(self.sources.values())


def stock_of(workspace_id: int) -> Stock:
    """What is there to learn from. Raises EventlogError."""
    sources: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    for row in ask(COUNTED, Scope(workspace_id), row=_Count, name="text.labels.counted").rows:
        if name := said_by(row.kind, row.scale, row.score):
            sources[row.kind] += row.n
            sides[name] += row.n
    rows = Correction.objects.filter(workspace=workspace_id, kind__in=KINDS, undone_at=None, wrong=False)
    for kind, value in rows.values_list("kind", "value"):
        sources[CORRECTION] += 1
        if kind == SENTIMENT:
            sides["neutral" if value == "mixed" else value] += 1
    return Stock(dict(sources), dict(sides))


def labels_of(workspace_id: int, *, most: int = MOST) -> list[Label]:
    """The newest labels, each text once for each kind. Raises EventlogError."""
    rows = ask(SCORED, Scope(workspace_id), row=_Row, name="text.labels", most=most).rows
    scored = (
        Label(row.comment[:LONGEST], SENTIMENT, name, row.kind)
        for row in rows
        if (name := said_by(row.kind, row.scale, row.score))
    )
    return once([*corrections_of(workspace_id), *scored])


def corrections_of(workspace_id: int, *, most: int = MOST) -> list[Label]:
    """What people said better and did not take back, the newest first."""
    rows = Correction.objects.filter(workspace=workspace_id, kind__in=KINDS, undone_at=None, wrong=False)
    said = list(rows.order_by("-at", "-pk").values_list("event_id", "kind", "value")[:most])
    texts: dict[UUID, str] = {}
    ids = list(dict.fromkeys(event_id for event_id, _kind, _value in said))
    for at in range(0, len(ids), AT_ONCE):
        texts |= {one.event_id: one.comment for one in texts_by_id(workspace_id, ids[at : at + AT_ONCE])}
    return [
        Label(
            texts[event_id][:LONGEST], kind, "neutral" if (kind, value) == (SENTIMENT, "mixed") else value, CORRECTION
        )
        for event_id, kind, value in said
        if event_id in texts and value
    ]


def once(labels: Iterable[Label]) -> list[Label]:
    """The first label of each text and kind: who copies a text a thousand times teaches it once."""
    found: dict[tuple[str, str], Label] = {}
    for label in labels:
        key = (label.kind, " ".join(label.text.split()).casefold())
        if key[1]:
            found.setdefault(key, label)
    return list(found.values())


def said_by(metric: str, scale: str, score: float) -> str:
    """The sentiment that a score stands for; empty for a score outside its scale."""
    low, high = bounds(metric, scale)
    if not low <= score <= high or low >= high:
        return ""
    place = (score - low) / (high - low)
    if metric == "nps":
        return "negative" if place <= 0.6 else "positive" if place >= 0.9 else "neutral"
    return "negative" if place <= 0.3 else "positive" if place >= 0.7 else "neutral"


def bounds(metric: str, scale: str) -> tuple[float, float]:
    """The lowest and the highest score of a scale such as 1-5; one that is not named is that of the metric."""
    low, _dash, high = scale.rpartition("-")
    try:
        return float(low), float(high)
    except ValueError:
        return (0.0, 10.0) if metric == "nps" else (1.0, 5.0)


def by_source(labels: Iterable[Label]) -> dict[str, int]:
    return dict(Counter(label.source for label in labels))
