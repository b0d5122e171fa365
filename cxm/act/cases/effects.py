"""Did the play work? From the outcomes of its customers to effects with intervals and a verdict.

A play with a test: the two arms as chance made them (intention to treat). Any play: its customers beside those with a
case and no play (difference-in-differences), which needs the assumption that both would have changed alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from cxm.stats.comparison import Difference
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, share_of
from cxm.stats.recovery import (
    Plan,
    Result,
    answers_unevenly,
    bounds_of_the_same,
    cost_per_recovered,
    difference_in_differences,
    effect_on_mean,
    effect_on_share,
    results,
    smallest_effect,
)
from cxm.stats.samples import MeanSample, ShareSample

from .models import Play, PlayAssignment
from .outcomes import Row, beside_others, of_test

Kind = Literal["share", "score", "money"]
ORDER: Final = ("next_score", "recovered", "repeat_contact", "churn", "revenue")
HIGHER: Final = {"next_score": True, "recovered": True, "repeat_contact": False, "churn": False, "revenue": True}
KINDS: Final[dict[str, Kind]] = {
    "next_score": "score", "recovered": "share", "repeat_contact": "share", "churn": "share", "revenue": "money"
}  # fmt: skip
ON_SCALE: Final = (0.0, 100.0)
VALUES: Final[dict[str, Callable[[Row], float | None]]] = {
    "next_score": lambda row: row.next_score,
    "recovered": lambda row: float(row.recovered),
    "repeat_contact": lambda row: float(row.contacts > 0),
    "churn": lambda row: None if row.churned is None else float(row.churned),
    "revenue": lambda row: row.revenue,
}
CHANGES: Final[dict[str, Callable[[Row], float | None]]] = {
    "next_score": lambda row: (
        None if row.next_score is None or row.score_before is None else row.next_score - row.score_before
    ),
    "contacts": lambda row: float(row.contacts - row.contacts_before),
    "revenue": lambda row: row.revenue - row.revenue_before,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """One outcome of a test. Shares as fractions, scores in percent of their scale, money in the usual currency.

    `difference` is helped minus held out. `bounds`: of the effect on those who answer either way, where the arms answer
    differently often.
    """

    outcome: str
    kind: Kind
    held_out: Estimate
    helped: Estimate
    difference: Difference
    result: Result
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """How much more the helped changed than the others. `start_…`: mean before; far apart: a doubtful assumption."""

    outcome: str
    kind: Kind
    others: Estimate
    helped: Estimate
    difference: Difference
    start_others: float | None
    start_helped: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """`assigned`: customers in the test so far; `waiting`: of them, those whose days are not over."""

    has_test: bool
    assigned: int
    held_out: int
    counted: int
    waiting: int
    complete: bool
    cases: int
    done: int  # of the cases that should get the play, those in which it was carried out
    due: int
    done_anyway: int  # of the cases that were held out
    spent: float
    effects: list[Effect]
    cost: Estimate | None
    smallest: float | None  # true difference of the recovered share that the test finds in four of five cases
    changes: list[Change]
    sql: str


def report(play: Play, now: datetime | None = None) -> Report:
    """Everything the page of a play says."""
    now = now or timezone.now()
    rows = PlayAssignment.objects.filter(play=play)
    arms = PlayAssignment.Arm
    numbers = rows.aggregate(
        cases=Count("pk"), assigned=Count("place"),
        held_out=Count("place", filter=Q(arm=arms.HELD_OUT)),
        due=Count("pk", filter=Q(arm=arms.PLAY)),
        done=Count("pk", filter=Q(arm=arms.PLAY, done_at__isnull=False)),
        done_anyway=Count("pk", filter=Q(arm=arms.HELD_OUT, done_at__isnull=False)),
        spent=Sum("cost"),
    )  # fmt: skip
    has_test = play.hold_out > 0
    effects: list[Effect] = []
    cost = None
    sql, counted, complete = "", 0, False
    if has_test and numbers["assigned"]:
        answer = of_test(play.workspace_id, play.pk, play.window_days, now)
        sql, counted = answer.sql, len(answer.rows)
        complete = _is_complete(play, now)
        effects = effects_of(answer.rows, complete=complete)
        recovered = next((one.difference for one in effects if one.outcome == "recovered"), None)
        if recovered is not None:
            cost = cost_per_recovered(_cost_of_a_customer(play), recovered)
    plan = Plan(play.customers, play.hold_out) if has_test else None
    return Report(
        has_test=has_test, assigned=numbers["assigned"], held_out=numbers["held_out"], counted=counted,
        waiting=max(numbers["assigned"] - counted, 0), complete=complete, cases=numbers["cases"], done=numbers["done"],
        due=numbers["due"], done_anyway=numbers["done_anyway"], spent=numbers["spent"] or 0.0, effects=effects,
        cost=cost, smallest=smallest_effect(plan, 0.5) if plan else None,
        changes=changes_of(play, now) if not has_test and play.started_at else [], sql=sql,
    )  # fmt: skip


def _is_complete(play: Play, now: datetime) -> bool:
    """The outcome of every customer of the plan is known. Who was erased since has none, and is not waited for."""
    return play.full_at is not None and now >= play.full_at + timedelta(days=play.window_days)


def _cost_of_a_customer(play: Play) -> float:
    """What a customer of the helped arm cost more than one held out, whether or not the play was carried out."""
    arms, again = PlayAssignment.Arm, PlayAssignment.Reason.AGAIN
    tested = PlayAssignment.objects.filter(play=play).filter(Q(place__isnull=False) | Q(reason=again))
    each = []
    for arm in (arms.PLAY, arms.HELD_OUT):
        numbers = tested.filter(arm=arm).aggregate(n=Count("place"), spent=Sum("cost"))
        each.append((numbers["spent"] or 0.0) / numbers["n"] if numbers["n"] else 0.0)
    return max(each[0] - each[1], 0.0)


def effects_of(rows: Sequence[Row], *, complete: bool) -> list[Effect]:
    """The effects on every outcome that has values in both arms."""
    arms = {arm: [row for row in rows if row.arm == arm] for arm in ("held_out", "play")}
    found: list[tuple[str, list[float], list[float], Difference]] = []
    for outcome in ORDER:
        held_out, helped = (known(arms[arm], VALUES[outcome]) for arm in ("held_out", "play"))
        if not held_out or not helped or (outcome == "revenue" and not any(held_out) and not any(helped)):
            continue  # nothing of the kind is recorded here
        if KINDS[outcome] == "share":
            difference = effect_on_share(shares(held_out), shares(helped))
        else:
            scale = ON_SCALE if KINDS[outcome] == "score" else None
            difference = effect_on_mean(means(held_out), means(helped), scale)
        found.append((outcome, held_out, helped, difference))
    said = results([(difference, HIGHER[outcome]) for outcome, _first, _second, difference in found], complete=complete)
    return [
        Effect(
            outcome, KINDS[outcome], estimated(outcome, held_out), estimated(outcome, helped), difference, result,
            _bounds(arms, held_out, helped) if outcome == "next_score" else None,
        )
        for (outcome, held_out, helped, difference), result in zip(found, said, strict=True)
    ]  # fmt: skip


def _bounds(arms: dict[str, list[Row]], held_out: list[float], helped: list[float]) -> tuple[float, float] | None:
    n_held_out, n_helped = len(arms["held_out"]), len(arms["play"])
    if not answers_unevenly(ShareSample(len(held_out), n_held_out), ShareSample(len(helped), n_helped)):
        return None
    return bounds_of_the_same(held_out, helped, n_held_out, n_helped)


def changes_of(play: Play, now: datetime) -> list[Change]:
    """Before and after, beside customers with a case and no play in the same time."""
    assert play.started_at is not None
    rows = beside_others(play.workspace_id, play.pk, play.window_days, now, play.started_at, play.ended_at).rows
    groups = {arm: [row for row in rows if row.arm == arm] for arm in ("other", "play")}
    before: dict[str, Callable[[Row], float | None]] = {
        "next_score": lambda row: None if row.next_score is None else row.score_before,
        "contacts": lambda row: float(row.contacts_before),
        "revenue": lambda row: row.revenue_before,
    }
    found = []
    for outcome, change in CHANGES.items():
        sides = [known(groups[arm], change) for arm in ("other", "play")]
        starts = [known(groups[arm], before[outcome]) for arm in ("other", "play")]
        if not all(sides) or (outcome == "revenue" and not any(map(any, [*sides, *starts]))):
            continue
        kind: Kind = "score" if outcome == "next_score" else "money"
        found.append(
            Change(
                outcome, kind, mean_of(means(sides[0])), mean_of(means(sides[1])), difference_in_differences(*sides),
                *(math.fsum(start) / len(start) if start else None for start in starts),
            )
        )  # fmt: skip
    return found


def known(rows: Sequence[Row], value: Callable[[Row], float | None]) -> list[float]:
    return [found for row in rows if (found := value(row)) is not None]


def shares(values: Sequence[float]) -> ShareSample:
    return ShareSample(math.fsum(values), len(values))


def means(values: Sequence[float]) -> MeanSample:
    return MeanSample(len(values), math.fsum(values), math.fsum(one * one for one in values))


def estimated(outcome: str, values: Sequence[float]) -> Estimate:
    if KINDS[outcome] == "share":
        return share_of(shares(values))
    return mean_of(means(values), ON_SCALE if KINDS[outcome] == "score" else None)
