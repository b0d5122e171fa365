"""The groups of a process: journeys that are alike, with how they were judged.

Of more than 20 000 journeys in the scope, a sample of so many is grouped, always the same for the same journeys: those
with the lowest hashes of their ids. Labels beyond the 60 most frequent ones are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.models import Process

from . import clusters, outcomes
from .outcomes import Outcome

SAMPLE, LABELS, LONGEST = 20_000, 60, 500
MOST_GROUPS = 8

SQL = """
SELECT journey, argMin(customer_id, number) AS whose, cityHash64(toString(journey)) AS hash,
       arrayMap(one -> one.2, arraySort(groupArray({longest:UInt32})((number, toString(label))))) AS labels,
       max(left_ms) / 1000 AS took
FROM steps WHERE $workspace AND process = {process:UInt32} AND journey GLOBAL IN (
  SELECT journey FROM steps $join WHERE $scope AND process = {process:UInt32} AND number = 1
  ORDER BY cityHash64(toString(journey)) LIMIT {sample:UInt32}
)
GROUP BY journey ORDER BY hash
"""


@dataclass(frozen=True, slots=True)
class Row:
    journey: UUID
    whose: UUID
    hash: int
    labels: list[str]
    took: float


@dataclass(frozen=True, slots=True)
class Group:
    number: int
    n: int
    customers: int  # as events carry them
    share: Estimate
    path: tuple[str, ...]  # the one that most of its journeys take, and the share that does
    path_share: Estimate
    marks: list[clusters.Mark]
    common: list[tuple[str, float]]  # the most common steps and how often a journey has them, in the mean
    steps: float
    median_s: float
    score: Estimate | None
    journeys: list[UUID]


@dataclass(frozen=True, slots=True)
class Groups:
    groups: list[Group]
    sampled: int
    silhouette: float
    sql: str
    parameters: Mapping[str, Any]

    @property
    def is_sample(self) -> bool:
        return self.sampled >= SAMPLE


def groups(process: Process, scope: Scope, wanted: int = 0, outcome: Outcome | None = None) -> Groups:
    """`wanted` groups of the journeys; 0: as many as fit best."""
    answer = ask(
        SQL, scope, row=Row, name="journeys.groups", table="steps", process=process.pk, sample=SAMPLE, longest=LONGEST
    )  # fmt: skip
    rows = answer.rows
    if not rows:
        return Groups([], 0, 0.0, answer.sql, answer.parameters)
    often = Counter(label for row in rows for label in set(row.labels))
    labels = [label for label, _n in sorted(often.items(), key=lambda item: (-item[1], item[0]))[:LABELS]]
    place = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(rows), len(labels)), np.int64)
    for number, row in enumerate(rows):
        for label in row.labels:
            if label in place:
                counts[number, place[label]] += 1
    found = clusters.group(counts, labels, wanted)
    said = outcomes.scores_of_journeys(process, scope, outcome, rows[-1].hash) if outcome else {}
    scale = outcomes.usual_scale(outcome, [one for many in said.values() for one in many]) if outcome else ""
    made = []
    for number in range(len(found.sizes)):
        mine = np.flatnonzero(found.members == number)
        ids = [rows[one].journey for one in mine]
        means = counts[mine].mean(axis=0)
        order = np.argsort(-means, kind="stable")[:5]
        answers = [one for journey in ids for one in said.get(journey, [])]
        ways = Counter(tuple(rows[one].labels) for one in mine)
        path, often_taken = min(ways.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
        made.append(
            Group(
                number + 1, len(ids), len({rows[one].whose for one in mine} - {NOBODY}), share(len(ids), len(rows)),
                path, share(often_taken, len(ids)), found.marks[number],
                [(labels[one], float(means[one])) for one in order if means[one] > 0],
                float(np.mean([len(rows[one].labels) for one in mine])),
                float(np.median([rows[one].took for one in mine])),
                outcomes.score_of(outcome, scale, answers) if outcome and answers else None, ids,
            )
        )  # fmt: skip
    return Groups(made, len(rows), found.silhouette, answer.sql, answer.parameters)
