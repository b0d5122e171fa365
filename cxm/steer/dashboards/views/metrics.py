"""The list of metrics, the page of one metric, "why this number?", and the CSV of each table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cxm.accounts.access import may_export_personal, membership_for, sees_personal
from cxm.accounts.models import Membership, Workspace
from cxm.lib import numbers
from cxm.lib.csv import stream
from cxm.steer.dashboards import exports, records, wording
from cxm.steer.dashboards.address import Reading, View, read, without, written
from cxm.steer.dashboards.asking import UNANSWERED, Asked, ask_later, fitting, sentence
from cxm.steer.dashboards.choices import option_choices, page_fields
from cxm.steer.dashboards.metric_page import Page, page_of, parts_of, shown
from cxm.steer.dashboards.names import EXCLUDED, GRAINS, METHODS, OPERATORS, filter_text, named
from cxm.steer.dashboards.planning import planning_of
from cxm.steer.dashboards.queries import basis_of, days_with_data
from cxm.steer.dashboards.records import Records, records_of
from cxm.steer.dashboards.shelves import SHELVES, SLOW
from cxm.understand.metrics.figure import Figure
from cxm.understand.metrics.metric import Metric
from cxm.understand.metrics.queries import Refused, Why, metric_called
from cxm.understand.metrics.queries import why as why_of

from . import address, page_context, plain_address, pushed


def _asked(request: HttpRequest, workspace: Workspace, key: str) -> tuple[Asked, Reading]:
    try:
        metric = metric_called(key)
    except Refused as error:
        raise Http404(str(error)) from error
    reading = read(request.GET)
    view, problems = fitting(reading.view, metric)
    return Asked(workspace, metric, view, timezone.now()), Reading(view, [*reading.problems, *problems])


def _context(request: HttpRequest, membership: Membership, asked: Asked, reading: Reading) -> dict[str, Any]:
    view, metric, slug = asked.view, asked.metric, asked.workspace.slug
    context = page_context(membership, view, asked.days, view.compared_days(asked.today))
    metric_url = reverse("metrics:metric", args=[slug, metric.key])
    return context | {
        "metric": metric,
        "problems": reading.problems,
        "metric_url": address(metric_url, view),
        "why_url": address(reverse("metrics:why", args=[slug, metric.key]), view),
        "csv_url": metric_url,
        "filter_chips": _chips(asked, metric_url, "filters"),
        "other_chips": _chips(asked, metric_url, "other"),
    }


def _chips(asked: Asked, path: str, side: str) -> list[dict[str, str]]:
    view = asked.view
    filters = view.filters if side == "filters" else view.other
    return [
        {
            "text": filter_text(one, asked.workspace.pk),
            "written": written(one),
            "without_url": address(
                path,
                replace(view, filters=without(filters, one))
                if side == "filters"
                else replace(view, other=without(filters, one)),
            ),
        }
        for one in filters
    ]


@require_safe
def metric(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    asked, reading = _asked(request, membership.workspace, key)
    if short := plain_address(request, reading):
        return short
    context = _context(request, membership, asked, reading) | _form(membership, asked)
    context["tile_query"] = View(
        filters=asked.view.filters, options=asked.view.options, weighted=asked.view.weighted
    ).query
    page = page_of(asked)
    context |= {"refused": page} if isinstance(page, str) else _shown(request, membership, asked, page)
    template = "dashboards/_metric.html" if request.headers.get("HX-Request") else "dashboards/metric.html"
    return pushed(request, render(request, template, context), asked.view)


def _form(membership: Membership, asked: Asked) -> dict[str, Any]:
    """What the filter bar offers."""
    fields, values, questions = page_fields(asked, personal=sees_personal(membership))
    segments = asked.view.comparison == "segment"
    return {
        "grain_names": list(GRAINS.items()),
        "operator_names": list(OPERATORS.items()),
        "fields": fields,
        "values": values,
        "options": option_choices(asked, questions),
        "filter_legend": _("This segment") if segments else _("Filters"),
        "other_legend": _("Other segment"),
    }


def _shown(request: HttpRequest, membership: Membership, asked: Asked, page: Page) -> dict[str, Any]:
    """The parts of the page that has a number; or where there is data, for one that has none."""
    if not page.figure.n:
        return {"nothing": True, "needs": asked.metric.events} | _with_data(request, asked)
    return {
        "page": page,
        "planning": planning_of(page.figure, request.GET.get("change", "")[:20]),
        "answers": _records(request, membership, asked),
        "htmx_fragment": bool(request.headers.get("HX-Request")),
    }


def _with_data(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    days = days_with_data(asked.workspace, asked.metric)
    if days is None or (asked.days.first is None and asked.days.last is None):
        return {}
    found = replace(asked.view, period="", first=days.first, last=days.last, grain=None)
    return {"with_data": str(days), "with_data_url": address(request.path, found)}


def _records(request: HttpRequest, membership: Membership, asked: Asked) -> Records | None:
    number = request.GET.get("page", "1")
    csv_url = reverse("metrics:csv", args=[asked.workspace.slug, asked.metric.key, "answers"])
    try:
        return records_of(
            asked, int(number) if number.isdigit() and len(number) < 9 else 1, address(csv_url, asked.view),
            personal=sees_personal(membership),
        )  # fmt: skip
    except UNANSWERED:
        return None


@require_safe
def why(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    asked, reading = _asked(request, membership.workspace, key)
    context = _context(request, membership, asked, reading)
    try:
        figure = asked.figure()
        found = why_of(figure)
    except UNANSWERED as error:
        return render(request, "dashboards/why.html", context | {"refused": sentence(error)})
    pinned = address(request.path, asked.view.pinned(asked.today))
    context |= {
        "shown": shown(figure),
        "parts": parts_of(figure),
        "method": named(METHODS, found.method),
        "zone": asked.workspace.time_zone,
        "settings": _settings(asked),
        "excluded": [
            (named(EXCLUDED, reason), numbers.amount(count, "count")) for reason, count in found.excluded.items()
        ],
        "sql": found.sql.strip(),
        "parameters": _parameters(found),
        "address": request.build_absolute_uri(pinned),
        "answers": _records(request, membership, asked),
    }
    return render(request, "dashboards/why.html", context)


def _settings(asked: Asked) -> list[tuple[str, str]]:
    """The options in force, said or usual."""
    rows = []
    for option in asked.metric.options:
        value = option.read(asked.options.get(option.key))
        if value not in (None, ()):
            rows.append((str(option.name), ", ".join(value) if isinstance(value, tuple) else str(value)))
    if asked.metric.weighted:
        rows.append((_("Weights"), _("used") if asked.view.weighted else _("not used")))
    return rows


def _parameters(found: Why) -> list[tuple[str, str]]:
    return [
        (name, value.isoformat() if hasattr(value, "isoformat") else str(value))
        for name, value in found.parameters.items()
    ]


@require_safe
def csv(request: HttpRequest, slug: str, key: str, table: str) -> HttpResponse | StreamingHttpResponse:
    membership = membership_for(request.user, slug)
    asked, _reading = _asked(request, membership.workspace, key)
    if table not in exports.TABLES:
        raise Http404
    personal = request.GET.get("personal") == "1"
    if personal and not may_export_personal(membership):
        raise PermissionDenied
    try:
        rows = records.exported(asked, personal=personal) if table == "answers" else exports.TABLES[table](asked)
    except UNANSWERED as error:
        return HttpResponse(sentence(error), status=422, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(stream(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-{key}-{table}.csv"'
    return response


@dataclass(frozen=True, slots=True)
class Entry:
    metric: Metric
    url: str
    value: str = ""
    more: str = ""
    problem: str = ""


@require_safe
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """All metrics with their values, by what they are about."""
    membership = membership_for(request.user, slug)
    now, view = timezone.now(), replace(read(request.GET).view, filters=(), options=(), weighted=False, by="")
    fitted = basis_of(membership.workspace)
    asked = {
        key: Asked(membership.workspace, metric_called(key), replace(view, options=fitted.get(key, ())), now)
        for keys in SHELVES.values()
        for key in keys
    }
    pending = {key: ask_later(partial(Asked.figure, one)) for key, one in asked.items() if key not in SLOW}
    groups = [
        {
            "name": name,
            "entries": [_entry(asked[key], pending[key].result() if key in pending else None) for key in keys],
        }
        for name, keys in SHELVES.items()
    ]
    first = next(iter(asked.values()))
    context = page_context(membership, view, first.days, None) | {"groups": groups}
    return render(request, "dashboards/index.html", context)


def _entry(asked: Asked, figure: Figure | str | None) -> Entry:
    url = address(reverse("metrics:metric", args=[asked.workspace.slug, asked.metric.key]), asked.view)
    if figure is None:
        return Entry(asked.metric, url, problem=_("Calculated when you open it"))
    if isinstance(figure, str):
        return Entry(asked.metric, url, problem=figure)
    if figure.value is None or not figure.n:
        return Entry(asked.metric, url)
    interval, n = wording.interval(figure), numbers.amount(figure.n, "count")
    more = _("%(interval)s, n = %(n)s") % {"interval": interval, "n": n} if interval else _("n = %(n)s") % {"n": n}
    return Entry(asked.metric, url, wording.amount(figure.value, figure), more)
