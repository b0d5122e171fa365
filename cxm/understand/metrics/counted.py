"""What the modules of tickets, orders, subscriptions and customers share: asking with a limit, and shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share_of
from cxm.stats.samples import ShareSample

from .merges import with_customers
from .metric import MOST_ROWS, Cell, Measurement, Question
from .refusals import TooManyGroups

Row = TypeVar("Row")


def ask_cells(
    question: Question,
    sql: str,
    row: type[Row],
    *,
    name: str,
    table: str,
    scope: Scope | None = None,
    **parameters: Any,
) -> Answer[Row]:
    """Ask for rows of cells; TooManyGroups rather than more than a page could hold."""
    answer = ask(
        with_customers(sql, question.scope) + f"LIMIT {MOST_ROWS + 1}", scope or question.scope, row=row,
        name=f"metrics.{name}", table=table, grain=question.grain, by=question.by, **parameters,
    )  # fmt: skip
    if len(answer.rows) > MOST_ROWS:
        raise TooManyGroups(MOST_ROWS)
    return answer


@dataclass(frozen=True, slots=True)
class HitsRow:
    period: date
    by: str
    hits: int
    total: int


def hit_cells(answer: Answer[HitsRow], *, hits: str = "hits", total: str = "total") -> Measurement:
    """Cells of shares; `hits` and `total` name the two counts in the figure's parts."""
    cells = []
    for row in answer.rows:
        sample = ShareSample(row.hits, row.total)
        cells.append(Cell(row.period, row.by, share_of(sample), sample, {hits: row.hits, total: row.total}))
    return Measurement(cells, answer.sql, answer.parameters)


def count_estimate(n: int) -> Estimate:
    """A count of what was recorded is exact: it has no interval."""
    return Estimate(float(n), None, None, n, "count")


def of_rows(answer: Answer[Any], cells: list[Cell], parameters: Mapping[str, Any] | None = None) -> Measurement:
    return Measurement(cells, answer.sql, parameters if parameters is not None else answer.parameters)
