"""Times between two moments: mean, median and 90th percentile, with the interval that belongs to each.

The engine computes exactly and returns only sums and the order statistics that the interval needs: how many values
there are says which ranks (`stats.quantiles.quantile_ranks`), so a quantile is asked in two rounds. Both rounds see
the same values unless some arrived in between; then it is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of
from cxm.stats.quantiles import QuantileRanks, quantile_from_ranks, quantile_ranks
from cxm.stats.samples import MeanSample

from .counted import ask_cells
from .metric import Cell, Means, Measurement, Option, Question
from .scores import deviation, fill

STATISTIC = Option("statistic", _("Statistic"), "choice", default="median", values=("mean", "median", "p90"))
LEVELS = {"median": 0.5, "p90": 0.9}
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class SumsRow:
    period: date
    by: str
    n: int
    total: float
    total_of_squares: float


@dataclass(frozen=True, slots=True)
class RanksRow:
    period: date
    by: str
    n: int
    fetched: list[float]


SUMS_SQL = """
SELECT $period AS period, $by AS by, count() AS n, sum($value) AS total, sum($value * $value) AS total_of_squares
FROM $from
WHERE $scope AND $counted
GROUP BY period, by ORDER BY period, by
"""
COUNT_SQL = SUMS_SQL.replace("sum($value)", "0.").replace("sum($value * $value)", "0.")
RANKS_SQL = """
SELECT period, by, toUInt64(length(sorted)) AS n,
       arrayMap(rank -> sorted[rank], {ranks:Array(Array(UInt32))}[indexOf({sizes:Array(UInt64)}, n)]) AS fetched
FROM (
  SELECT $period AS period, $by AS by, arraySort(groupArray($value)) AS sorted
  FROM $from
  WHERE $scope AND $counted
  GROUP BY period, by
)
ORDER BY period, by
"""


def measure_durations(
    question: Question, *, name: str, table: str, source: str, value: str, counted: str
) -> Measurement:
    """Measure `value` (SQL, a Float64) over `source` (SQL after FROM, with $join) where `counted` holds."""
    marks = {"from": source, "value": f"({value})", "counted": counted}
    if question.options["statistic"] == "mean":
        answer = ask_cells(question, fill(SUMS_SQL, **marks), SumsRow, name=name, table=table)
        cells = []
        for row in answer.rows:
            sample = MeanSample(row.n, row.total, row.total_of_squares)
            cells.append(
                Cell(
                    row.period,
                    row.by,
                    mean_of(sample),
                    Means(sample),
                    {"total": row.total, "deviation": deviation(sample)},
                )
            )
        return Measurement(cells, answer.sql, answer.parameters)
    level = LEVELS[question.options["statistic"]]
    counts = ask_cells(question, fill(COUNT_SQL, **marks), SumsRow, name=name, table=table)
    for _round in range(ROUNDS):
        ranks = {row.n: quantile_ranks(row.n, level) for row in counts.rows if row.n}
        if not ranks:
            return Measurement([], counts.sql, counts.parameters)
        found = ask_cells(
            question, fill(RANKS_SQL, **marks), RanksRow, name=name, table=table,
            sizes=list(ranks), ranks=[list(one.needed) for one in ranks.values()],
        )  # fmt: skip
        if all(row.n in ranks for row in found.rows):
            break
        counts = ask_cells(question, fill(COUNT_SQL, **marks), SumsRow, name=name, table=table)
    cells = [Cell(row.period, row.by, estimate(row, ranks)) for row in found.rows if row.n in ranks]
    return Measurement(cells, found.sql, found.parameters)


def estimate(row: RanksRow, ranks: dict[int, QuantileRanks]) -> Estimate:
    wanted = ranks[row.n]
    return quantile_from_ranks(wanted, dict(zip(wanted.needed, row.fetched, strict=True)))
