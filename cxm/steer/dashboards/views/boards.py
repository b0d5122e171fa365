"""The home board, its arrangement, and the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.lib.csv import stream
from cxm.record.eventlog.scope import SEGMENT
from cxm.steer.dashboards import actions, tiles
from cxm.steer.dashboards.address import Reading, View, read
from cxm.steer.dashboards.asking import ask_later
from cxm.steer.dashboards.names import COMPARISONS
from cxm.steer.dashboards.queries import days_with_data, first_day_before, tiles_of
from cxm.understand.metrics.queries import METRICS, Refused, metric_called

from . import address, page_context, person, plain_address, pushed


def _board(request: HttpRequest, membership: Membership, reading: Reading) -> dict[str, Any]:
    """The figures of the board in the period that the address says."""
    now, workspace = timezone.now(), membership.workspace
    # A board compares periods: its tiles have filters of their own, and share nothing but a segment of customers.
    shared = tuple(one for one in reading.view.filters if one.field == SEGMENT)
    view = replace(reading.view, filters=shared, other=(), by="", options=(), weighted=False)
    if view.comparison == "segment":
        view = replace(view, comparison="previous")
    today = tiles.today_in(workspace, now)
    chosen, board = tiles_of(workspace)
    days, compared = view.days(today), view.compared_days(today)
    begins = ask_later(lambda: first_day_before(workspace, days)) if compared else None
    shown = tiles.figures(workspace, chosen, view, now)
    context = page_context(membership, view, days, compared)
    context["comparison_names"] = [(key, name) for key, name in COMPARISONS.items() if key != "segment"]
    context |= {
        "tiles": shown,
        "arranged": board is not None and board.tiles is not None,
        "nothing": bool(shown) and all(tile.empty and not tile.problem for tile in shown),
        "compared_tiles": sum(tile.judged is not None for tile in shown),
        "problems": reading.problems,
    }
    first = begins.result() if begins else None
    if compared and compared.first and isinstance(first, date) and first > compared.first:
        context["begins"] = first
    if context["nothing"]:
        context |= with_data(request, membership, view)
    return context


def with_data(request: HttpRequest, membership: Membership, view: View) -> dict[str, Any]:
    """Where a period is empty: the days that have data, and the address that shows them."""
    days = days_with_data(membership.workspace)
    if days is None:
        return {}
    found = replace(view, period="", first=days.first, last=days.last, grain=None)
    return {"with_data": str(days), "with_data_url": address(request.path, found)}


@require_safe
def home(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    reading = read(request.GET)
    if short := plain_address(request, reading):
        return short
    context = _board(request, membership, reading)
    page = "dashboards/_home.html" if request.headers.get("HX-Request") else "dashboards/home.html"
    return pushed(request, render(request, page, context), context["view"])


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    reading = read(request.GET)
    if short := plain_address(request, reading):
        return short
    context = _board(request, membership, reading)
    used = {tile.asked.metric.key: tile.asked.metric for tile in context["tiles"] if tile.asked}
    return render(request, "dashboards/report.html", context | {"definitions": list(used.values())})


@require_safe
def board_csv(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    membership = membership_for(request.user, slug)
    context = _board(request, membership, read(request.GET))
    response = StreamingHttpResponse(stream(_rows(context["tiles"])), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-board.csv"'
    return response


def _rows(shown: list[tiles.Tile]) -> Iterator[list[object]]:
    yield [
        "figure", "detail", "metric", "unit", "value", "low", "high", "n", "since", "until", "before", "n_before",
        "difference", "difference_low", "difference_high", "p_value", "verdict",
    ]  # fmt: skip
    for tile in shown:
        if tile.figure is None:
            continue
        figure, change = tile.figure, tile.change
        row: list[object] = [
            tile.title, tile.detail, figure.metric, figure.currency or figure.unit, figure.value, figure.low,
            figure.high, figure.n, figure.since, figure.until,
        ]  # fmt: skip
        if change is not None and tile.judged is not None:
            row += [
                change.before.value, change.n_before, change.difference, change.low, change.high, change.p_value,
                tile.judged.verdict,
            ]  # fmt: skip
        yield row


@require_http_methods(["GET", "HEAD", "POST"])
def arrange(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    refused = ""
    if request.method == "POST":
        try:
            _change(request, membership)
        except (actions.BoardRefused, Refused) as error:
            refused = str(error)
        else:
            if not request.headers.get("HX-Request"):
                return redirect("dashboards:arrange", slug=slug)
    chosen, board = tiles_of(membership.workspace)
    context = {
        "membership": membership,
        "workspace": membership.workspace,
        "board": board,
        "arranged": board is not None and board.tiles is not None,
        "tiles": tiles.named_tiles(membership.workspace, chosen, View(), timezone.now()),
        "metrics": METRICS,
        "refused": refused,
    }
    page = "dashboards/_arrange.html" if request.headers.get("HX-Request") else "dashboards/arrange.html"
    return render(request, page, context, status=422 if refused and not request.headers.get("HX-Request") else 200)


def _change(request: HttpRequest, membership: Membership) -> None:
    """Do what the button says; BoardRefused or Refused with a sentence."""
    workspace, by = membership.workspace, person(request)
    version, number = _whole(request.POST.get("version")), _whole(request.POST.get("number"))
    present = tiles_of(workspace)[0]
    match request.POST.get("do"):
        case "up" | "down" as direction:
            places = -1 if direction == "up" else 1
            actions.move_tile(
                workspace=workspace, number=number, by_places=places, version=version, present=present, by=by
            )
        case "remove":
            actions.remove_tile(workspace=workspace, number=number, version=version, present=present, by=by)
        case "automatic":
            actions.choose_automatically(workspace=workspace, version=version, by=by)
        case "undo":
            actions.undo_change(workspace=workspace, version=version, by=by)
        case "add":
            metric = metric_called(request.POST.get("metric", ""))
            shown = read(QueryDict(request.POST.get("query", "")[:4000])).view
            tile = View(filters=shown.filters, options=shown.options, weighted=shown.weighted)
            actions.add_tile(
                workspace=workspace, metric=metric.key, query=tile.query, title=request.POST.get("title", ""),
                present=present, by=by,
            )  # fmt: skip
        case _:
            raise actions.BoardRefused(_("The page did not say what to change. Look at the board again."))


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else -1
