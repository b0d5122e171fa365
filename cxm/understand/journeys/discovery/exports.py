"""The tables behind the pages of paths, as rows of a CSV file; the first is the heading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.queries import labels_of, sankey, step_matrix, transitions

from .behind import Listed
from .funnels import Asked, funnel_of
from .grouping import groups
from .outcomes import Outcome
from .paths import paths_of
from .retention import Unit, hits_of, retention

AT_ONCE = 1000
Row = list[Any]


def transition_rows(process: Process, scope: Scope) -> Iterator[Row]:
    yield ["from", "to", "times", "journeys", "mean_s", "median_s", "p90_s"]
    for one in transitions(process, scope).rows:
        yield [one.label, one.next, one.n, one.journeys, one.mean_s, one.median_s, one.p90_s]


def matrix_rows(process: Process, scope: Scope, steps: int, from_end: bool) -> Iterator[Row]:
    yield ["from_end" if from_end else "number", "step", "journeys", "share"]
    for one in step_matrix(process, scope, **({"last": steps} if from_end else {"first": steps})).rows:
        yield [one.number, one.label, one.n, one.share]


def stream_rows(process: Process, scope: Scope, steps: int, from_end: bool) -> Iterator[Row]:
    """Whole, where the picture gathers rare steps. An empty `to` is the end of the journey."""
    yield ["from_end" if from_end else "number", "from", "to", "journeys"]
    for one in sankey(process, scope, **({"last": steps} if from_end else {"first": steps})).rows:
        yield [one.number, one.label, one.next, one.n]


def variant_rows(process: Process, scope: Scope, outcome: Outcome | None) -> Iterator[Row]:
    yield ["path", "journeys", "share", "low", "high", "median_s", "outcome", "score", "score_low", "score_high",
           "answers"]  # fmt: skip
    for one in paths_of(process, scope, outcome).rows:
        score = one.score
        yield [
            " > ".join(one.path), one.n, one.share.value, one.share.low, one.share.high, one.median_s, outcome or "",
            score and score.value, score and score.low, score and score.high, score and score.n,
        ]  # fmt: skip


def funnel_rows(process: Process, scope: Scope, asked: Asked) -> Iterator[Row]:
    yield ["group", "number", "step", "journeys", "of_first", "of_first_low", "of_first_high", "of_before",
           "of_before_low", "of_before_high", "dropped"]  # fmt: skip
    for by, levels in funnel_of(process, scope, asked).groups.items():
        for one in levels:
            first, before = one.of_first, one.of_before
            yield [
                by, one.number, one.label, one.n, first.value, first.low, first.high, before and before.value,
                before and before.low, before and before.high, one.dropped,
            ]  # fmt: skip


def retention_rows(
    process: Process, scope: Scope, now: datetime, *, unit: Unit, first: str, then: str
) -> Iterator[Row]:  # fmt: skip
    """An empty `began` is all cohorts together, also those too old for the page's table."""
    yield ["began", "stretch", "back", "customers", "share", "low", "high"]
    found = retention(process, scope, now, unit=unit, first=first, then=then)
    for began, cells in [("", found.all), *((day.isoformat(), cells) for day, cells in found.cohorts.items())]:
        for place, one in enumerate(cells, 1):
            if one is not None:
                yield [began, place, hits_of(one), one.n, one.value, one.low, one.high]


def group_rows(process: Process, scope: Scope, wanted: int, outcome: Outcome | None) -> Iterator[Row]:
    yield ["group", "journeys", "customers", "share", "low", "high", "path", "path_share", "steps", "median_s",
           "outcome", "score", "score_low", "score_high", "answers"]  # fmt: skip
    for one in groups(process, scope, wanted, outcome).groups:
        score = one.score
        yield [
            one.number, one.n, one.customers, one.share.value, one.share.low, one.share.high, " > ".join(one.path),
            one.path_share.value, one.steps, one.median_s, outcome or "", score and score.value, score and score.low,
            score and score.high, score and score.n,
        ]  # fmt: skip


def journey_rows(process: Process, scope: Scope, found: Listed) -> Iterator[Row]:
    """All journeys of a list, each with its whole way."""
    yield ["journey", "customer_id", "started_at", "duration_s", "steps", "path"]
    for start in range(0, max(found.journeys, 1), AT_ONCE):
        rows = found.part(start, AT_ONCE)
        ways = labels_of(process, scope, [one.journey for one in rows])
        for one in rows:
            yield [
                one.journey, "" if one.customer_id == NOBODY else one.customer_id, one.started_at, one.duration_s,
                one.steps, " > ".join(ways.get(one.journey, ())),
            ]  # fmt: skip
