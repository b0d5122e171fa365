"""From a table of outcomes and drivers to figures: shares, effects, and what to fix first.

A driver becomes one column (a topic two: mentioned or not, and its sentiment), and one more that says that its answer
was missing where missing answers count as the mean. Of hours and days the highest hundredth counts as that hundredth's
edge, so that one forgotten ticket moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from django.utils.translation import gettext_noop as _

from cxm.stats.estimate import Estimate
from cxm.stats.importance import BINARY_UP_TO, Importance, Slopes, importance, slopes, what_if
from cxm.stats.intervals import share
from cxm.stats.refusals import Floats

from .definition import Driver, DriverDefinition, Findings, Found, LeftOut, Numbers, numbers
from .errors import Refused
from .table import MOST_UNITS, Column, Table

LEAST_ROWS: Final = 50
ROWS_A_COLUMN: Final = 10
LEAST_DIFFERENT: Final = 20  # rows in which a driver is not what it mostly is
SKEWED: Final = ("waiting", "days_late")
PROMOTER, DETRACTOR = 9, 6


@dataclass(slots=True)
class _Used:
    """A driver in the design: `columns` of it, `values` in its own unit, `known` where the value was not missing."""

    driver: Driver
    values: Floats
    known: Floats
    low: float | None
    high: float | None
    mentioned: Floats | None
    missing: int
    columns: list[Floats] = field(default_factory=list)

    @property
    def target(self) -> float:
        """What would be good enough: the second highest point of a scale, no trouble, an hour's wait, no bad word."""
        if self.driver.target is not None:
            return self.driver.target
        if self.driver.kind == "fact" and self.driver.key == "waiting":
            return 1.0
        return self.high - 1 if self.driver.kind == "rating" and self.high is not None else 0.0

    @property
    def fewer_is_better(self) -> bool:
        return self.driver.kind == "fact"

    @property
    def is_yes_or_no(self) -> bool:
        return self.driver.kind in ("passed", "group")

    @property
    def counts(self) -> Floats:
        """The rows that say something about it: of a topic those that mention it."""
        return self.known if self.mentioned is None else self.known * self.mentioned

    def step(self) -> Floats:
        """What one point better adds to each row, up to the end of the scale."""
        if self.is_yes_or_no:
            return -self.values * self.counts
        if self.fewer_is_better:
            return -np.minimum(1.0, self.values) * self.counts
        room = np.inf if self.high is None else self.high - self.values
        return np.minimum(1.0, room) * self.counts

    def to_target(self, sign: float) -> Floats:
        """What reaching the target adds to each row; of yes and no, that nobody has it where it does harm."""
        if self.is_yes_or_no:
            return -self.values * self.counts * (sign < 0)
        away = self.target - self.values
        return (np.minimum(away, 0.0) if self.fewer_is_better else np.maximum(away, 0.0)) * self.counts


def needed(columns: int) -> int:
    """How many rows a model of so many columns takes."""
    return max(LEAST_ROWS, ROWS_A_COLUMN * columns)


def fit(table: Table, definition: DriverDefinition, *, seed: int = 0) -> Findings:
    """The figures of a model. Raises Refused where there is too little to go by."""
    rows = len(table.outcome)
    used, left_out = _usable(table.columns)
    binary = definition.outcome.kind != "answer"
    if not used:
        raise Refused(
            _("There are no drivers with enough answers yet: each needs %(n)d or more that differ."), n=LEAST_DIFFERENT
        )
    if binary and len(used) > BINARY_UP_TO:
        raise Refused(
            _("A yes-or-no outcome takes at most %(n)d drivers. Choose the most telling ones."), n=BINARY_UP_TO
        )
    keep = np.ones(rows, dtype=bool)
    if definition.missing == "complete":
        for one in used:
            keep &= one.known > 0
        used, more = _usable([_rows_of(one, keep) for one in used])
        left_out += more
    outcome, weights = table.outcome[keep], table.weights[keep] if definition.weighted else None
    sizes = [len(_columns(one)) for one in used]
    if not used or len(outcome) < needed(sum(sizes)):
        raise _too_few(len(outcome), rows, needed(sum(sizes) or len(table.columns)), definition.missing)
    if outcome.min() == outcome.max():
        raise Refused(_("The outcome is the same for everybody, so nothing can explain a difference."))
    design = np.column_stack([column for one in used for column in one.columns])
    found = importance(design, outcome, groups=sizes, weights=weights, binary=binary, seed=seed)
    points = _in_points(outcome)
    in_points = definition.outcome.metric == "nps" and not binary and points.min() < points.max()
    felt = points if in_points else outcome
    model = slopes(design, felt, weights=weights, binary=binary)
    own = slopes(design, outcome, weights=weights, binary=binary)
    n, k = design.shape
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    wished = -1.0 if definition.outcome.kind == "left" else 1.0
    said = [
        _found(one, found, place, int(starts[place]), model, own, design, weights, wished)
        for place, one in enumerate(used)
    ]  # fmt: skip
    r2 = found.r2.value or 0.0
    return Findings(
        rows=rows, n=n, unit="percent" if binary else "points" if in_points else "score",
        mean=float(np.average(felt, weights=weights)), r2=numbers(found.r2),
        adjusted_r2=None if binary else 1 - (1 - r2) * (n - 1) / (n - k - 1), error=found.error,
        condition=found.condition, average=found.average, found=said, left_out=left_out, asked=table.asked,
        capped=rows >= MOST_UNITS,
    )  # fmt: skip


def _usable(columns: Sequence[Column]) -> tuple[list[_Used], list[LeftOut]]:
    used, left_out = [], []
    for one in columns:
        known = np.isfinite(one.values)
        values = one.values[known] if one.mentioned is None else one.mentioned[known]
        n = int(np.count_nonzero(known))
        if n < LEAST_DIFFERENT:
            left_out.append(LeftOut(one.driver, "empty", n))
            continue
        _kinds, counts = np.unique(values, return_counts=True)
        if n - counts.max() < LEAST_DIFFERENT:
            left_out.append(LeftOut(one.driver, "constant", n))
            continue
        filled = np.where(known, one.values, np.mean(one.values[known]))
        if one.driver.key in SKEWED and one.driver.kind == "fact":
            filled = np.minimum(filled, np.quantile(filled[known], 0.99))
        used.append(_Used(
            one.driver, filled, known.astype(np.float64), one.low, one.high, one.mentioned, len(known) - n,
        ))  # fmt: skip
    return used, left_out


def _rows_of(one: _Used, keep: Floats) -> Column:
    """The driver in some of the rows, as a column again."""
    mentioned = None if one.mentioned is None else one.mentioned[keep]
    return Column(one.driver, one.values[keep], one.low, one.high, mentioned)


def _columns(one: _Used) -> list[Floats]:
    """Of a topic that is always felt alike, or never missing, fewer columns say the same."""
    one.columns = [one.values] if one.mentioned is None else [one.mentioned, one.values]
    if one.mentioned is not None and np.ptp(one.values) == 0:
        one.columns = [one.mentioned]
    if not one.known.all():
        one.columns = [*one.columns, 1 - one.known]
    return one.columns


def _in_points(score: Floats) -> Floats:
    """The contribution of each answer to the Net Promoter Score."""
    return np.where(score >= PROMOTER, 100.0, np.where(score <= DETRACTOR, -100.0, 0.0))


def _found(
    one: _Used, whole: Importance, place: int, start: int, model: Slopes, own: Slopes, design: Floats,
    weights: Floats | None, wished: float,
) -> Found:  # fmt: skip
    """`wished`: 1 where more of the outcome is better, else -1."""
    figures = whole.shares[place]
    column = start + (1 if one.mentioned is not None and len(one.columns) > 1 and np.ptp(one.values) > 0 else 0)
    counts = one.counts > 0
    sign = wished * float(np.sign(model.values[column]))
    to_target, met = one.to_target(sign), _met(one)[counts]

    def effect(change: Floats) -> Estimate:
        moved = np.zeros_like(design)
        moved[:, column] = change
        return what_if(model, design, moved, weights=weights)

    concerned = np.abs(to_target) > 0
    return Found(
        driver=one.driver, share=numbers(figures.share), p_value=figures.p_value, matters=figures.matters,
        first=figures.first, last=figures.last, vif=figures.vif, slope=float(model.values[column]),
        standardised=None if model.binary else float(own.standardised[column]),
        mean=float(one.values[counts].mean()) if counts.any() else 0.0, n=int(counts.sum()), missing=one.missing,
        target=one.target, at_target=numbers(share(int(met.sum()), len(met))),
        concerned=float(np.average(concerned, weights=weights)),
        distance=float(np.abs(to_target[concerned]).mean()) if concerned.any() else 0.0,
        step=numbers(effect(one.step())), gain=numbers(effect(to_target)),
    )  # fmt: skip


def _met(one: _Used) -> Floats:
    if one.is_yes_or_no:
        met = one.values < 0.5
    else:
        met = one.values <= one.target if one.fewer_is_better else one.values >= one.target
    return met.astype(np.float64)


def _too_few(n: int, rows: int, least: int, missing: str) -> Refused:
    if missing == "complete" and rows >= least:
        return Refused(
            _(
                "Only %(n)s of %(rows)s outcomes have an answer to every driver; %(least)s are needed. Leave out a"
                " driver with few answers, or let missing answers count as the mean."
            ),
            n=n, rows=rows, least=least,
        )  # fmt: skip
    return Refused(_("There are %(n)s outcomes yet; a model of these drivers needs %(least)s."), n=n, least=least)


def benefit(found: Numbers, outcome_kind: str) -> Numbers:
    """A change of the outcome as a gain: fewer customers who leave are one."""
    if outcome_kind != "left":
        return found
    return Numbers(-found.value, None if found.high is None else -found.high, None if found.low is None else -found.low)


def to_fix(findings: Findings, outcome_kind: str) -> list[tuple[Found, Numbers]]:
    """The drivers by what reaching the target would bring: the effect of a point × the customers concerned × their
    distance to the target. Only those that matter, and whose interval speaks for a gain."""
    ranked = [(one, benefit(one.gain, outcome_kind)) for one in findings.found if one.matters]
    return sorted(
        [(one, gain) for one, gain in ranked if gain.low is not None and gain.low > 0], key=lambda pair: -pair[1].value
    )  # fmt: skip
