"""The figures of a board: each with its change against the period before, judged over the whole page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib import numbers
from cxm.lib.charts import Sparkline, Trend
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.queries import Refused, judge, metric_called

from . import wording
from .address import View, read
from .asking import Asked, ask_later, fitting, sentence
from .models import Tiles
from .names import filter_text
from .pictures import scaled, trend_chart
from .wording import Judged

Now = tuple[Figure, Change | None]


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
        return replace(trend_chart(self.asked, self.points, title=title), size="small")


def tile_view(tile: dict[str, str], view: View) -> View:
    """What a tile shows on a board: its own question, filters and options in the period of the board."""
    own = read(QueryDict(tile["query"])).view
    return replace(
        view, filters=own.filters, options=own.options, weighted=own.weighted,
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
    details = [*questions, *(filter_text(one) for one in shown.filters)]
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
    pending = [
        (ask_later(partial(_now, tile.asked)), ask_later(partial(_points, tile.asked))) if tile.asked else None
        for tile in named
    ]
    return judged([_measured(tile, answers) for tile, answers in zip(named, pending, strict=True)])


def _measured(tile: Tile, answers: tuple[Future[Now | str], Future[list[Figure] | str]] | None) -> Tile:
    if answers is None:
        return tile
    now, points = answers[0].result(), answers[1].result()
    if isinstance(now, str):
        return replace(tile, problem=now)
    # A metric without a trend (a prediction for all customers) still has its figure.
    return replace(tile, figure=now[0], change=now[1], points=[] if isinstance(points, str) else points)


def _now(asked: Asked) -> Now:
    change = asked.change()
    return (change.after, change) if change else (asked.figure(), None)


def _points(asked: Asked) -> list[Figure]:
    return asked.measured(asked.grain)


def judged(tiles: list[Tile]) -> list[Tile]:
    compared = [tile for tile in tiles if tile.change is not None and not tile.empty]
    verdicts = iter(judge([tile.change for tile in compared if tile.change]))
    marked = []
    for tile in tiles:
        if tile.change is not None and not tile.empty and tile.asked:
            direction = tile.asked.metric.direction
            marked.append(replace(tile, judged=Judged(tile.change, next(verdicts), direction)))
        else:
            marked.append(tile)
    return marked


def today_in(workspace: Workspace, now: datetime) -> date:
    return now.astimezone(ZoneInfo(workspace.time_zone)).date()
