"""How journeys were judged: the answers of their customers, told apart by a group of journeys.

An answer belongs to the journey that it names by the same property as the events of the process (`order_id`), if that
had begun by then; one that names none belongs to the newest journey of its customer that had begun when it was given.
Answers before the first journey belong to none. Every answer counts once, without weights, also long after the period
of the page. Answers on another scale than the most usual one are left out. Merged customers are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope, expression
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of
from cxm.stats.samples import MeanSample, NpsSample
from cxm.understand.journeys.definition import CUSTOMER, ProcessDefinition
from cxm.understand.journeys.models import Process
from cxm.understand.metrics.fields import questions
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import bounds_of, default_scale, fill

Outcome = Literal["nps", "csat", "ces", "rating"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("nps", "csat", "ces", "rating")

SQL = """
SELECT group_key, scale_name, toUInt64(count()) AS n, sum(value) AS total, sum(value * value) AS squares,
       toUInt64(countIf(value >= 9)) AS promoters, toUInt64(countIf(value < 7)) AS detractors
FROM (
  SELECT whose, toUnixTimestamp64Milli(occurred_at) AS given_ms, assumeNotNull(score) AS value, $scale AS scale_name
  FROM (SELECT $answered AS whose, occurred_at, score, scale FROM feedback $merges
        WHERE $workspace AND metric = {metric:String} AND score IS NOT NULL AND $about)
  WHERE $on_scale
) AS answers
ASOF JOIN (
  SELECT $began AS whose, toUnixTimestamp64Milli(steps.occurred_at) AS began_ms, journey, $group AS group_key
  FROM steps $merges WHERE $workspace AND process = {process:UInt32} AND number = 1 AND $known
) AS journeys ON answers.whose = journeys.whose AND answers.given_ms >= journeys.began_ms
WHERE journeys.journey GLOBAL IN (
  SELECT journey FROM steps $join WHERE $scope AND process = {process:UInt32} AND number = 1 AND $wanted
)
GROUP BY group_key, scale_name
"""
# The case that an answer names, made as the steps make it.
CASE = "reinterpretAsUUID(sipHash128({case:String}, $named))"
SCALE = "if(scale = '', {usual:String}, toString(scale))"
ON_SCALE = (
    "value BETWEEN toFloat64OrNull(extract(scale_name, '^\\\\s*(-?\\\\d+(?:\\\\.\\\\d+)?)'))"
    " AND toFloat64OrNull(extract(scale_name, '[-–]\\\\s*(-?\\\\d+(?:\\\\.\\\\d+)?)\\\\s*$'))"
)


@dataclass(frozen=True, slots=True)
class Row:
    group_key: str
    scale_name: str
    n: int
    total: float
    squares: float
    promoters: int
    detractors: int


@dataclass(frozen=True, slots=True)
class Scores:
    """`of` maps a group to its score: of nps in points, else a mean of `scale`. `left_out` are on other scales."""

    outcome: Outcome
    scale: str
    of: Mapping[str, Estimate]
    everybody: Estimate
    left_out: int
    sql: str
    parameters: Mapping[str, Any]

    @property
    def unit(self) -> str:
        return "points" if self.outcome == "nps" else "score"


def asked_outcomes(workspace_id: int) -> list[Outcome]:
    """The kinds of scores that this workspace has, the most answered first."""
    n: dict[str, int] = {}
    for one in questions(workspace_id):
        n[one.metric] = n.get(one.metric, 0) + one.n
    return sorted((one for one in OUTCOMES if n.get(one)), key=lambda one: -n[one])


def scores_by_path(process: Process, scope: Scope, outcome: Outcome, paths: Sequence[int]) -> Scores:
    """The scores of journeys with each of these paths; groups are the numbers of the paths as text, and "" the rest."""
    group = "if(path IN {paths:Array(UInt64)}, toString(path), '')"
    return _scores(process, scope, outcome, group=group, wanted="1", paths=list(paths))


def scores_of_journeys(process: Process, scope: Scope, outcome: Outcome, highest: int) -> Mapping[UUID, list[Row]]:
    """The sums of each journey whose hash is `highest` at most: what a sample of journeys said."""
    answer = _ask(
        process, scope, outcome, group="toString(journey)",
        wanted="cityHash64(toString(journey)) <= {highest:UInt64}", highest=highest,
    )  # fmt: skip
    found: dict[UUID, list[Row]] = {}
    for row in answer[0]:
        found.setdefault(UUID(row.group_key), []).append(row)
    return found


def _scores(process: Process, scope: Scope, outcome: Outcome, *, group: str, wanted: str, **more: Any) -> Scores:
    rows, sql, parameters = _ask(process, scope, outcome, group=group, wanted=wanted, **more)
    scale = usual_scale(outcome, rows)
    keys = dict.fromkeys(row.group_key for row in rows)
    return Scores(
        outcome, scale,
        {key: score_of(outcome, scale, [row for row in rows if row.group_key == key]) for key in keys},
        score_of(outcome, scale, rows), sum(row.n for row in rows if scale_of(outcome, row) != scale), sql, parameters,
    )  # fmt: skip


def _ask(
    process: Process, scope: Scope, outcome: Outcome, *, group: str, wanted: str, **more: Any
) -> tuple[list[Row], str, Mapping[str, Any]]:
    nps = outcome == "nps"
    marks = {
        "group": group, "wanted": wanted,
        "scale": "'0-10'" if nps else SCALE, "on_scale": "value BETWEEN 0 AND 10" if nps else ON_SCALE,
    }  # fmt: skip
    case = msgspec.convert(process.definition, ProcessDefinition).case
    kinds = [{"answered": "$customer", "began": "$customer", "about": "$known"}]
    if case != CUSTOMER:
        named = expression(f"property.{case}", "feedback")
        kinds[0]["about"] = f"$known AND {named} = ''"
        mine = {"answered": CASE.replace("$named", named), "began": "case_id", "about": f"{named} != ''"}
        kinds.insert(0, mine | {"merges": "", "known": "1"})
    rows: list[Row] = []
    for kind in kinds:
        answer = ask(
            with_customers(fill(SQL, **marks, **kind), scope), scope, row=Row, name="journeys.outcomes", table="steps",
            process=process.pk, metric=outcome, usual=default_scale((outcome,)), case=case, **more,
        )  # fmt: skip
        rows += answer.rows
    return rows, answer.sql, answer.parameters


def scale_of(outcome: Outcome, row: Row) -> str:
    return row.scale_name or default_scale((outcome,))


def usual_scale(outcome: Outcome, rows: list[Row]) -> str:
    """The scale of most answers; that of nps is always 0–10."""
    if outcome == "nps":
        return "0-10"
    n: dict[str, int] = {}
    for row in rows:
        if bounds_of(scale_of(outcome, row)):
            n[scale_of(outcome, row)] = n.get(scale_of(outcome, row), 0) + row.n
    return max(n, key=lambda one: (n[one], one)) if n else default_scale((outcome,))


def score_of(outcome: Outcome, scale: str, rows: list[Row]) -> Estimate:
    """The score of all answers of these rows that are on the scale."""
    rows = [row for row in rows if scale_of(outcome, row) == scale]
    n = sum(row.n for row in rows)
    if outcome == "nps":
        promoters, detractors = sum(row.promoters for row in rows), sum(row.detractors for row in rows)
        return nps_of(NpsSample(promoters, n - promoters - detractors, detractors))
    total, squares = sum(row.total for row in rows), sum(row.squares for row in rows)
    return mean_of(MeanSample(n, total, squares), bounds_of(scale))
