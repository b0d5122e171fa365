"""The figures of a board: each with its change against the period before, judged over the whole page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib import numbers
from cxm.lib.charts import Sparkline, Trend
from cxm.stats.estimate import nothing
from cxm.understand.metrics.comparison import change_of
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.measuring import ALL_TIME, figure_of
from cxm.understand.metrics.metric import Cell
from cxm.understand.metrics.periods import first_day, starts
from cxm.understand.metrics.queries import Refused, judge, metric_called, question_of

from . import wording
from .address import View, read
from .asking import Asked, ask_later, fitting, sentence
from .models import Tiles
from .names import filter_text, question_names
from .periods import Days
from .pictures import scaled, trend_chart, unit_note
from .sums import ADDITIVE, summed
from .wording import Judged

Answered = tuple[Figure, Change | None, list[Figure]]  # the number, its change, its trend
BEFORE: Final = date.min  # stands for all days of the period compared with


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of a board, ready to show. `problem`: why there is none."""

    title: str
    detail: str
    url: str
    why_url: str
    asked: Asked | None
    figure: Figure | None = None
    change: Change | None = None
    judged: Judged | None = None
    points: Sequence[Figure] = ()
    problem: str = ""

    @property
    def value(self) -> str:
        return wording.amount(self.figure.value, self.figure) if self.figure else ""

    @property
    def interval(self) -> str:
        return wording.interval(self.figure) if self.figure else ""

    @property
    def n(self) -> str:
        return numbers.amount(self.figure.n, "count") if self.figure else ""

    @property
    def before(self) -> str:
        return wording.amount(self.change.before.value, self.change.before) if self.change else ""

    @property
    def empty(self) -> bool:
        return self.figure is None or self.figure.value is None

    @property
    def spark(self) -> Sparkline | None:
        shown = [point for point in self.points if point.value is not None]
        if len(shown) < 2:
            return None
        words = {"first": wording.amount(shown[0].value, shown[0]), "last": wording.amount(shown[-1].value, shown[-1])}
        return Sparkline(
            values=[scaled(point.value, point) for point in self.points],
            low=[scaled(point.low, point) for point in self.points],
            high=[scaled(point.high, point) for point in self.points],
            label=_("Trend from %(first)s to %(last)s") % words,
        )

    @property
    def trend(self) -> Trend | None:
        if self.asked is None or sum(point.value is not None for point in self.points) < 2:
            return None
        title = (
            _("%(title)s (%(detail)s)") % {"title": self.title, "detail": self.detail} if self.detail else self.title
        )
        return replace(
            trend_chart(self.asked, self.points, title=title), size="small", note=unit_note(self.asked.metric.unit)
        )


def tile_view(tile: dict[str, str], view: View) -> View:
    """What a tile shows on a board: its own question, filters and options in the period and segment of the board."""
    own = read(QueryDict(tile["query"])).view
    shared = [one for one in view.filters if one not in own.filters]
    return replace(
        view, filters=(*own.filters, *shared), options=own.options, weighted=own.weighted,
        comparison=view.comparison if view.comparison != "segment" else "none",
    )  # fmt: skip


def named_tiles(workspace: Workspace, tiles: Tiles, view: View, now: datetime) -> list[Tile]:
    """The tiles with titles and addresses, without figures."""
    return [_named(workspace, tile, view, now) for tile in tiles]


def _named(workspace: Workspace, tile: dict[str, str], view: View, now: datetime) -> Tile:
    try:
        metric = metric_called(tile["metric"])
    except Refused as error:
        return Tile(tile["title"] or tile["metric"], "", "", "", None, problem=sentence(error))
    shown, _problems = fitting(tile_view(tile, view), metric)
    questions = [value for key, value in shown.options if key == "question"]
    names = question_names(workspace.pk, questions)
    details = [names.get(one, one) for one in questions]
    details += [filter_text(one, workspace.pk) for one in shown.filters if one not in view.filters]
    if shown.weighted:
        details.append(_("weighted"))
    query = f"?{shown.query}" if shown.query else ""
    return Tile(
        title=tile["title"] or str(metric.name),
        detail=" · ".join(details),
        url=reverse("metrics:metric", args=[workspace.slug, metric.key]) + query,
        why_url=reverse("metrics:why", args=[workspace.slug, metric.key]) + query,
        asked=Asked(workspace, metric, shown, now),
    )


def figures(workspace: Workspace, tiles: Tiles, view: View, now: datetime) -> list[Tile]:
    """The tiles with their figures; the verdicts hold the false-discovery rate over all of them."""
    named = named_tiles(workspace, tiles, view, now)
    pending = [ask_later(partial(answered, tile.asked)) if tile.asked else None for tile in named]
    return judged([_measured(tile, answer) for tile, answer in zip(named, pending, strict=True)])


def _measured(tile: Tile, answer: Future[Answered | str] | None) -> Tile:
    if answer is None:
        return tile
    found = answer.result()
    if isinstance(found, str):
        return replace(tile, problem=found)
    return replace(tile, figure=found[0], change=found[1], points=found[2])


def answered(asked: Asked) -> Answered:
    """A tile's number, its change and its trend; by one question where the metric's days add up."""
    if found := _by_days(asked):
        return found
    change = asked.change()
    figure = change.after if change else asked.figure()
    try:
        return figure, change, asked.measured(asked.grain)
    except Refused:  # a prediction for all customers has no trend
        return figure, change, []


def _by_days(asked: Asked) -> Answered | None:
    """All three from the days of both periods; None where the days do not add up, or do not lie side by side."""
    metric, view, now = asked.metric, asked.view, asked.now
    days, before = asked.days, view.compared_days(asked.today)
    if metric.key not in ADDITIVE or view.comparison != "previous" or not before or not before.first or not days.first:
        return None
    options = asked.options
    both = asked.scope_of(Days(before.first, days.last), view.filters)
    measurement = metric.measure(
        question_of(metric, both, grain="day", weighted=view.weighted, now=now, options=options)
    )
    cells: dict[date, list[Cell]] = {}
    for cell in measurement.cells:
        part = first_day(cell.period, asked.grain) if cell.period >= days.first else BEFORE
        cells.setdefault(part, []).append(cell)
    sums = {part: summed(some) for part, some in cells.items()}
    if not all(sums.values()):
        return None
    question = partial(question_of, metric, weighted=view.weighted, now=now, options=options)
    whole = summed([one for part, one in sums.items() if part != BEFORE and one])
    first, second = sums.get(BEFORE) or Cell(ALL_TIME, "", nothing()), whole or Cell(ALL_TIME, "", nothing())
    change = change_of(
        metric,
        first,
        second,
        figure_of(metric, question(asked.scope_of(before, view.filters)), measurement, first),
        figure_of(metric, question(asked.scope), measurement, second),
    )
    steps = question(asked.scope, grain=asked.grain)
    last = days.last or asked.today
    points = [
        figure_of(metric, steps, measurement, replace(sums.get(start) or Cell(start, "", nothing()), period=start))
        for start in starts(days.first, last, asked.grain)
    ]
    return change.after, change, points


def judged(tiles: list[Tile]) -> list[Tile]:
    compared = [tile for tile in tiles if comparable(tile)]
    verdicts = iter(judge([tile.change for tile in compared if tile.change]))
    marked = []
    for tile in tiles:
        if comparable(tile) and tile.change and tile.asked:
            direction = tile.asked.metric.direction
            marked.append(replace(tile, judged=Judged(tile.change, next(verdicts), direction)))
        else:
            marked.append(tile)
    return marked


def comparable(tile: Tile) -> bool:
    return tile.change is not None and tile.change.difference is not None and tile.asked is not None


def today_in(workspace: Workspace, now: datetime) -> date:
    return now.astimezone(ZoneInfo(workspace.time_zone)).date()
