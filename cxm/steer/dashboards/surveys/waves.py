"""Waves, versions and groups side by side: each figure of each question, and whether it changed.

Each group is compared with the one before it (periods and wordings, which have an order), or with the largest group
(all else). The verdicts hold over all comparisons of the page (false-discovery rate 5 %). Where the scale of a question
changed between two groups nothing is compared: the break is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.listen.surveys.wordings import Asked
from cxm.record.eventlog.scope import Grain
from cxm.stats.comparison import Difference, Verdict, verdicts
from cxm.understand.metrics.comparison import difference
from cxm.understand.metrics.metric import Cell

from ..names import field_name
from .asking import ALL_TIME, Counted, Key, count
from .figures import Key as Figure
from .figures import keys_of
from .results import Results, tally_of

GRAINS: Final[tuple[Grain, ...]] = ("week", "month", "quarter", "year")
VERSION: Final = "question_version"
MOST_WAVES: Final = 12
HIGHER_IS_WORSE: Final = frozenset({"place"})  # the first place is the best
NEUTRAL: Final = frozenset({"share", "amount", "net", "median"})


@dataclass(slots=True)
class Wave:
    """A column of the table."""

    key: Key
    label: str


@dataclass(slots=True)
class WaveCell:
    """A figure in a wave; `broken`: the scale changed against the one that it would be compared with."""

    figure: Figure | None
    versions: set[int] = field(default_factory=set)
    broken: bool = False
    mixed: bool = False  # answers on two scales lie in this one wave
    change: Difference | None = None
    verdict: Verdict | None = None

    @property
    def difference(self) -> str:
        if self.change is None or self.change.value is None or self.figure is None:
            return ""
        unit = self.figure.unit
        if unit == "percent":
            return _("%(change)s percentage points") % {"change": numbers.signed(100 * self.change.value, "points")}
        return numbers.signed(self.change.value, unit)

    @property
    def icon(self) -> str:
        return {"up": "trending-up", "down": "trending-down"}.get(self.verdict or "", "equal")

    @property
    def tone(self) -> str:
        if self.verdict in {None, "no_evidence"} or self.figure is None:
            return "quiet"
        if self.figure.code in NEUTRAL:
            return "neutral"
        return "good" if (self.verdict == "up") != (self.figure.code in HIGHER_IS_WORSE) else "bad"

    @property
    def word(self) -> str:
        return {"up": _("Up"), "down": _("Down")}.get(self.verdict or "", _("No evidence of change"))


@dataclass(slots=True)
class WaveRow:
    """One figure of a question over the waves. `first`: the first row of its question."""

    asked: Asked
    title: str
    name: str
    cells: list[WaveCell]
    first: bool = False


@dataclass(slots=True)
class Comparison:
    waves: list[Wave]
    rows: list[WaveRow]
    by: str
    more: int = 0  # waves that are not shown
    comparisons: int = 0
    breaks: bool = False


def compared(results: Results, by: str) -> Comparison:
    """`by` is a grain, VERSION, a column or a trait. Raises what asking the log raises."""
    grain: Grain = next((one for one in GRAINS if one == by), "all")
    counted = count(results.asking, grain=grain, by=by if grain == "all" else None, maxdiff=results.maxdiff)
    waves, more = _waves(counted, by, grain)
    ordered = grain != "all" or by == VERSION
    found = Comparison(waves, [], by, more)
    for asked in results.questions:
        found.rows += _rows(results, asked, counted, waves, ordered)
    cells = [cell for row in found.rows for cell in row.cells if cell.change is not None]
    judged = verdicts([cell.change for cell in cells if cell.change is not None])
    for cell, verdict in zip(cells, judged, strict=True):
        cell.verdict = verdict
    found.comparisons = sum(1 for cell in cells if cell.change is not None and cell.change.p_value is not None)
    found.breaks = any(cell.broken or cell.mixed for row in found.rows for cell in row.cells)
    return found


def _waves(counted: Counted, by: str, grain: Grain) -> tuple[list[Wave], int]:
    keys = counted.groups()
    if grain != "all":
        waves = [Wave(key, numbers.period(key[0], grain)) for key in keys]
        return waves[-MOST_WAVES:], max(len(waves) - MOST_WAVES, 0)
    if by == VERSION:
        keys = sorted(keys, key=lambda key: int(key[1] or 0))
        waves = [
            Wave(key, _("Wording %(number)s") % {"number": key[1]} if key[1] not in {"", "0"} else _("Not known"))
            for key in keys
        ]
        return waves[-MOST_WAVES:], max(len(waves) - MOST_WAVES, 0)
    sizes = {key: max((row.n for row in counted.scores if (row.period, row.by) == key), default=0) for key in keys}
    largest = sorted(keys, key=lambda key: (-sizes[key], key))
    waves = [Wave(key, key[1] or _("(empty)")) for key in largest]
    return waves[:MOST_WAVES], max(len(waves) - MOST_WAVES, 0)


def _rows(results: Results, asked: Asked, counted: Counted, waves: list[Wave], ordered: bool) -> list[WaveRow]:
    """The figures of a question, each over all waves. A period with two scales has no figure; of groups without an
    order only the answers under the present scale are compared.
    """
    series = asked.series()
    figures: list[dict[tuple[str, str], Figure]] = []
    scales: list[set[int]] = []  # which series the answers of a wave belong to
    versions: list[set[int]] = []
    for wave in waves:
        rows_ = (row for row in counted.scores if (row.period, row.by) == wave.key)
        present = {row.version for row in rows_ if _about(row.question, asked)}
        held = {place for place, numbers_ in enumerate(series) if present & set(numbers_)}
        if 0 in present:  # wordings that nobody knows go with the first scale
            held.add(0)
        kept = {*series[-1], 0} if len(series) == 1 else set(series[-1])
        if not ordered and present & kept:
            held = {len(series) - 1}
        versions.append(present)
        scales.append(held)
        if len(held) != 1:
            figures.append({})
            continue
        number = max(present & set(series[next(iter(held))]), default=max(asked.wordings))
        keys = keys_of(asked, tally_of(counted, None if ordered else kept, wave.key), results.language, number)
        figures.append({(one.code, one.of): one for one in keys if one.estimate.n})
    names = dict.fromkeys(name for one in figures for name in one)
    rows: list[WaveRow] = []
    for name in names:
        cells = [
            WaveCell(one.get(name), versions[place], mixed=len(scales[place]) > 1) for place, one in enumerate(figures)
        ]
        _compare(cells, scales, ordered)
        label = next(one[name].name for one in figures if name in one)
        rows.append(WaveRow(asked, asked.title(results.language), label, cells, first=not rows))
    return rows


def _about(question: str, asked: Asked) -> bool:
    return question == asked.id or (
        asked.kind in {"matrix", "constant_sum"} and question.startswith(f"{asked.id}.")
    )  # fmt: skip


def _compare(cells: list[WaveCell], scales: list[set[int]], ordered: bool) -> None:
    """Each with the last one before it that has a figure; groups without an order with the first, the largest."""
    base: int | None = None
    for place, cell in enumerate(cells):
        if cell.figure is None:
            continue
        if base is not None and scales[base] != scales[place]:
            cell.broken = True
        elif base is not None and (before := cells[base].figure) is not None:
            cell.change = difference(_cell(before), _cell(cell.figure))
        if ordered or base is None:
            base = place


def _cell(figure: Figure) -> Cell:
    return Cell(ALL_TIME, "", figure.estimate, figure.sample)


def by_name(by: str) -> str:
    if by == VERSION:
        return _("Wording of the question")
    return field_name(by)
