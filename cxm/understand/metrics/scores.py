"""How answers are summed: from the raw answers, or exactly and faster from their roll-up.

The roll-up counts scores per quarter of an hour, question and scale. It is used where it gives the very same sums: no
filter or breakdown beyond its columns, and bounds on quarter hours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import COLUMNS, Scope, sql_text
from cxm.stats.intervals import mean_of, share_of
from cxm.stats.samples import MeanSample, ShareSample

from .metric import MOST_ROWS, Cell, Means, Measurement, Option, Question
from .refusals import MixedScales, TooManyGroups

Row = TypeVar("Row")

NO_SCALE = "?"
NO_SCORE = (0.0, -1.0)  # the limits of a text that is no scale: nothing lies between them
ON_SCALE = "score BETWEEN $low AND $high"
QUESTION = Option("question", _("Question"), "texts", default=())


def default_scale(kinds: tuple[str, ...]) -> str:
    """The scale of answers that name none."""
    return "0-10" if kinds == ("nps",) else "1-5"


def bounds_of(scale: str) -> tuple[float, float] | None:
    """(lowest, highest) score of a scale such as "1-5"; None where the text is no scale."""
    found = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)\s*", scale)
    if not found or not float(found[1]) < float(found[2]):
        return None
    return float(found[1]), float(found[2])


def top_of(scale: str) -> float:
    """The lowest score among the two highest points: 4–5 of 1–5, 6–7 of 1–7, 9–10 of 1–10."""
    bounds = bounds_of(scale)
    return bounds[1] - 1 if bounds else float("inf")


def fits_rollup(scope: Scope, by: str | None) -> bool:
    known = COLUMNS["feedback_rollup"]
    on_quarters = all(
        moment is None or (moment.minute % 15 == 0 and moment.second == 0 and moment.microsecond == 0)
        for moment in (scope.since, scope.until)
    )
    return on_quarters and (by is None or by in known) and all(one.field in known for one in scope.filters)


@dataclass(frozen=True, slots=True)
class ScaleRow:
    scale: str


SCALES = "SELECT DISTINCT scale FROM feedback_rollup WHERE $scope AND $answers ORDER BY scale"


def scales(question: Question, kinds: tuple[str, ...]) -> list[str]:
    """The scales on which the questions asked for have ever been answered in this workspace."""
    rows = ask(
        fill(SCALES, answers=answers_filter(question, kinds)), Scope(question.scope.workspace_id), row=ScaleRow,
        name="metrics.scales", table="feedback_rollup", time="bucket", **asked(question),
    ).rows  # fmt: skip
    return [row.scale for row in rows]


def known_scales(question: Question, kinds: tuple[str, ...]) -> dict[str, str]:
    """The scales as answers name them, and what each means: an answer without one is on the kind's usual scale."""
    usual = default_scale(kinds)
    names = scales(question, kinds)
    known = {name: name or usual for name in names if bounds_of(name or usual)} or {"": usual}
    # Answers with a text that is no scale never count; naming such a one keeps them apart in SQL.
    return known if len(known) == len(names) or not names else {**known, NO_SCALE: NO_SCALE}


def by_scale(value: dict[str, float]) -> str:
    """SQL for a number that depends on the scale: a plain number where it is the same for all."""
    numbers = [repr(float(number)) for number in value.values()]
    if len(numbers) == 1:
        return numbers[0]
    return f"transform(scale, [{', '.join(map(sql_text, value))}], [{', '.join(numbers)}], nan)"


def scale_sql(known: dict[str, str]) -> str:
    """SQL for the scale of an answer."""
    if len(set(known.values())) == 1:
        return sql_text(next(iter(known.values())))
    return f"if(scale = '', {sql_text(known[''])}, scale)" if "" in known else "scale"


def ask_scores(
    question: Question, sql: str, row: type[Row], *, name: str, kinds: tuple[str, ...], top: float | None = None,
    lowest_top: Callable[[str], float] = top_of,
) -> Answer[Row]:  # fmt: skip
    """Ask with the marks of this module filled in, of answers whose score lies on its scale.

    $table and $answers (which rows), $n, $w and $w2 (count, weight, squared weight of a row), $scale (the scale, to
    select and group by), $low, $high and $top (limits that depend on the scale; `top` sets the same for every scale,
    `lowest_top` tells it by the scale).
    """
    rollup = fits_rollup(question.scope, question.by)
    if question.weighted:
        n, w, w2 = ("n", "w", "w2") if rollup else ("1", "weight", "weight * weight")
    else:
        n, w, w2 = ("n", "n", "n") if rollup else ("1", "1", "1")
    filled = fill(
        sql,
        table="feedback_rollup" if rollup else "feedback",
        answers=answers_filter(question, kinds),
        n=n, w=w, w2=w2,
        **(scale_marks(question, kinds, top, lowest_top) if re.search(r"\$(scale|low|high|top)\b", sql) else {}),
    )  # fmt: skip
    answer = ask(
        filled + f"LIMIT {MOST_ROWS + 1}", question.scope, row=row, name=f"metrics.{name}",
        table="feedback_rollup" if rollup else "feedback", time="bucket" if rollup else "occurred_at",
        grain=question.grain, by=question.by, **asked(question),
    )  # fmt: skip
    if len(answer.rows) > MOST_ROWS:
        raise TooManyGroups(MOST_ROWS)
    return answer


def scale_marks(
    question: Question, kinds: tuple[str, ...], top: float | None, lowest_top: Callable[[str], float]
) -> dict[str, str]:
    """SQL for what depends on the scale of an answer."""
    known = known_scales(question, kinds)
    return {
        **limits_sql(known),
        "scale": scale_sql(known),
        "top": by_scale({name: top if top is not None else lowest_top(scale) for name, scale in known.items()}),
    }


def limits_sql(known: dict[str, str]) -> dict[str, str]:
    """SQL for $low and $high: the ends of each answer's own scale."""
    limits = {name: bounds_of(scale) or NO_SCORE for name, scale in known.items()}
    return {
        "low": by_scale({name: limit[0] for name, limit in limits.items()}),
        "high": by_scale({name: limit[1] for name, limit in limits.items()}),
    }


def fill(sql: str, **marks: str) -> str:
    """Put texts in place of $marks; those that are not named stay for the scope to fill."""
    return re.sub(r"\$(\w+)", lambda found: marks.get(found[1], found[0]), sql)


def answers_filter(question: Question, kinds: tuple[str, ...]) -> str:
    """SQL that picks the answers of these kinds (none: of all), and of the questions asked for."""
    kind = f"metric IN ({', '.join(map(sql_text, kinds))})" if kinds else "1"
    if len(kinds) == 1:
        kind = f"metric = {sql_text(kinds[0])}"
    return kind + (" AND question IN {questions:Array(String)}" if question.options.get("question") else "")


def asked(question: Question) -> dict[str, Any]:
    return {"questions": list(question.options["question"])} if question.options.get("question") else {}


@dataclass(frozen=True, slots=True)
class ShareRow:
    """`hits` of `total`: counts, or sums of weights with `squares` of them."""

    period: date
    by: str
    answers: int
    hits: float
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class MeanRow:
    period: date
    by: str
    scale_name: str
    answers: int
    total: float
    weights: float
    squares: float
    total_of_squares: float


SHARE_SQL = """
SELECT $period AS period, $by AS by, toUInt64(sum($n)) AS answers,
       toFloat64(sumIf($w, score >= $top)) AS hits, toFloat64(sum($w)) AS total, toFloat64(sum($w2)) AS squares
FROM $table $join
WHERE $scope AND $answers AND score BETWEEN $low AND $high
GROUP BY period, by ORDER BY period, by
"""

MEAN_SQL = """
SELECT $period AS period, $by AS by, toString($scale) AS scale_name, toUInt64(sum($n)) AS answers,
       toFloat64(sum($w * score)) AS total, toFloat64(sum($w)) AS weights, toFloat64(sum($w2)) AS squares,
       toFloat64(sum($w * score * score)) AS total_of_squares
FROM $table $join
WHERE $scope AND $answers AND score BETWEEN $low AND $high
GROUP BY period, by, $scale ORDER BY period, by, scale_name
"""


def share_cells(answer: Answer[ShareRow], weighted: bool) -> Measurement:
    cells = []
    for row in answer.rows:
        sample = (
            ShareSample(row.hits, row.total, row.squares, row.answers) if weighted else ShareSample(row.hits, row.total)
        )
        parts = {"hits": row.hits, "total": row.total}
        cells.append(Cell(row.period, row.by, share_of(sample), sample, parts))
    return Measurement(cells, answer.sql, answer.parameters)


def mean_cells(answer: Answer[MeanRow], weighted: bool, mirrored: bool = False) -> Measurement:
    """Cells of mean scores; MixedScales where one cell holds several scales.

    `mirrored` turns the scale around, so that its lowest score becomes the highest.
    """
    seen: dict[tuple[date, str], MeanRow] = {}
    cells = []
    for row in answer.rows:
        other = seen.setdefault((row.period, row.by), row)
        if other is not row:
            raise MixedScales(sorted({other.scale_name, row.scale_name}))
        bounds = bounds_of(row.scale_name)
        total, squares = row.total, row.total_of_squares
        if mirrored and bounds:
            turn = sum(bounds)
            total, squares = turn * row.weights - total, turn * turn * row.weights - 2 * turn * total + squares
        sample = (
            MeanSample(row.answers, total, squares, row.weights, row.squares)
            if weighted
            else MeanSample(row.answers, total, squares)
        )
        cells.append(
            Cell(
                row.period,
                row.by,
                mean_of(sample, bounds),
                Means(sample, bounds),
                {"total": total, "weight": row.weights, "deviation": deviation(sample)},
            )
        )
    return Measurement(cells, answer.sql, answer.parameters)


def limit_marks(
    question: Question, kinds: tuple[str, ...], limits: tuple[float, float] | None = None
) -> dict[str, str]:
    """$low and $high: the ends of each answer's own scale, or `limits` for all."""
    if limits:
        return {"low": repr(limits[0]), "high": repr(limits[1])}
    return limits_sql(known_scales(question, kinds))


def deviation(sample: MeanSample) -> float:
    """Standard deviation of single answers, in their unit."""
    if sample.empty:
        return 0.0
    size, _, deviations = sample.effective()
    return math.sqrt(deviations / size)


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    missing: int
    off_scale: int


EXCLUDED_SQL = """
SELECT countIf(score IS NULL) AS missing, countIf(score IS NOT NULL AND NOT (score BETWEEN $low AND $high)) AS off_scale
FROM feedback $join WHERE $scope AND $answers
"""


def excluded(question: Question, kinds: tuple[str, ...], limits: tuple[float, float] | None = None) -> dict[str, int]:
    """Answers in scope that do not count: without a score, or with one that is not on its scale."""
    sql = fill(EXCLUDED_SQL, answers=answers_filter(question, kinds), **limit_marks(question, kinds, limits))
    row = ask(sql, question.scope, row=ExcludedRow, name="metrics.excluded", **asked(question)).rows[0]
    return {"missing": row.missing, "off_scale": row.off_scale}
