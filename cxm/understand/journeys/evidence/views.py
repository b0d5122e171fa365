"""The living map: a map with what the log says about it, and the customers behind each figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for, sees_personal
from cxm.accounts.models import Membership, Role
from cxm.lib.csv import stream
from cxm.lib.personal import mask
from cxm.record.customers.errors import Refused as CustomersRefused
from cxm.record.customers.models import Customer, Segment
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused

from ..definition import MapDefinition, Touchpoint
from ..maps.board import board_of
from ..maps.queries import definition_of, map_for, shared_map
from ..models import JourneyMap
from . import keeping, queries, segmenting, wording
from .behind import SWITCH, WAY, Journeys, is_list, journeys_behind, needs_figures, promise
from .conformance import KINDS
from .conformance_page import kind_name
from .curve import curve_of
from .figures import Evidence, Figures
from .keeping import Shown
from .period import told

PAGE = 50
MOST_ROWS = 100_000  # in a file


@dataclass(frozen=True, slots=True)
class Quote:
    text: str
    sentiment: str
    language: str
    event_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """What the map shows at a touchpoint: its figures in words, and its findings."""

    touchpoint: Touchpoint
    stage: str
    figures: Figures
    lines: list[wording.Line]
    findings: list[wording.Told]
    quotes: list[Quote]

    @property
    def score(self) -> str:
        return wording.score_statement(self.figures)

    @property
    def cases(self) -> str:
        """The query string of the list of cases at this touchpoint."""
        return urlencode({"queue": "all", "touchpoint": wording.touchpoint_of(self.touchpoint)})

    @property
    def mood(self) -> str:
        return wording.statement(self.figures.mood)


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "tab": "maps",
        "may_change": Role(membership.role).includes(Role.ANALYST),
        "may_act": Role(membership.role).includes(Role.AGENT), **more,
    }  # fmt: skip


@require_safe
def show(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponseBase:
    membership = membership_for(request.user, slug)
    journey_map = map_for(membership, map_id)
    if journey_map.archived_at:  # whose steps are not kept any more
        return redirect("journeys:drawing", slug, journey_map.pk)
    definition = definition_of(journey_map)
    shown, problem = _shown(request, journey_map, definition)
    if request.GET.get("format") == "csv" and shown and shown.evidence:
        return _file(wording.table(shown.evidence, definition), f"map-{journey_map.pk}")
    context = context_of(
        membership, map=journey_map, page="living", definition=definition, shown=shown, problem=problem,
        board=board_of(definition, membership.workspace), filters=keeping.filters_of(request.GET),
        **asked(request, membership),
        **(said(shown.evidence, definition, membership) if shown and shown.evidence else {}),
    )  # fmt: skip
    return render(request, "journeys/_living.html" if request.htmx else "journeys/living.html", context)  # type: ignore[attr-defined]  # django-htmx


@login_not_required
@never_cache
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The map at its public address, for everybody who has it: figures and findings, but no owners, nobody's words and
    no customers."""
    journey_map = shared_map(token)
    if journey_map is None:
        raise Http404
    definition = definition_of(journey_map)
    shown, _problem = _shown(request, journey_map, definition, public=True)
    with timezone.override(ZoneInfo(journey_map.workspace.time_zone)):  # nobody of the workspace looks
        response = render(
            request, "journeys/maps/shared.html",
            {
                "map": journey_map, "definition": definition, "shown": shown, "public": True,
                "board": board_of(definition, journey_map.workspace, named=False),
                **(said(shown.evidence, definition, None) if shown and shown.evidence else {}),
            },
        )  # fmt: skip
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _shown(
    request: HttpRequest, journey_map: JourneyMap, definition: MapDefinition, public: bool = False
) -> tuple[Shown | None, str]:
    """Or why there is nothing to show."""
    try:
        query = request.GET.copy()
        if public:
            query.clear()
        shown = keeping.evidence_of(journey_map, query, definition)
        return shown, shown.problem
    except (Refused, UnknownField) as refusal:
        return None, told(refusal)
    except EventlogError:
        return None, _("The event log does not answer at the moment. The map itself can still be read and changed.")


def asked(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    """What the form of filters shows."""
    chosen = next((one.removeprefix("segment:is:") for one in request.GET.getlist("filter")
                   if one.startswith("segment:is:")), "")  # fmt: skip
    segments = Segment.objects.filter(workspace=membership.workspace).order_by("name")
    return {
        "segments": [(f"segment:is:{one.pk}", one.name, str(one.pk) == chosen) for one in segments],
        "since": request.GET.get("since", ""), "until": request.GET.get("until", ""),
    }  # fmt: skip


def said(evidence: Evidence, definition: MapDefinition, membership: Membership | None) -> dict[str, Any]:
    """The words of a page for an evidence. Without a membership, nobody's own words are in it."""
    told = wording.tell(evidence, definition)
    figures = {one.key: one for one in evidence.figures}
    words = {}
    if membership is not None:
        ids = [one.event_id for each in evidence.figures for one in each.verbatims]
        words = queries.words(membership.workspace.pk, ids)
    points: dict[str, Point] = {}
    for stage in definition.stages:
        for point in stage.touchpoints:
            mine = figures.get(point.key, Figures(point.key))
            points[point.key] = Point(
                point, stage.name, mine, wording.lines(mine, point, definition.currency),
                [one for one in told if one.key == point.key], _quotes(mine, words, membership),
            )  # fmt: skip
    curve = curve_of(definition, figures)
    return {
        "evidence": evidence, "findings": told, "points": points, "curve": None if curve.is_empty else curve,
        "ways": wording.ways(evidence, definition),
        "is_known": any(one.journeys or one.answers or one.tickets for one in evidence.figures),
    }  # fmt: skip


def _quotes(figures: Figures, words: dict[UUID, queries.Words], membership: Membership | None) -> list[Quote]:
    made = []
    for one in figures.verbatims:
        found = words.get(one.event_id)
        if found is not None:
            text = found.comment if sees_personal(membership) else mask(found.comment, found.language)
            made.append(Quote(text, one.sentiment, found.language, one.event_id, found.occurred_at))
    return made


@require_safe
def customers(request: HttpRequest, slug: str, map_id: UUID, key: str, kind: str) -> HttpResponseBase:
    """The customers behind a figure: who passed, who was lost, who came again, who went one way."""
    membership = membership_for(request.user, slug)
    journey_map, definition = _map(membership, map_id, key, kind)
    as_file = request.GET.get("format") == "csv"
    page = min(max(int(text), 1), 10_000) if (text := request.GET.get("page", "")).isdigit() else 1
    found, problem = _behind(
        request, journey_map, definition, key, kind, limit=MOST_ROWS if as_file else PAGE,
        offset=0 if as_file else (page - 1) * PAGE,
    )  # fmt: skip
    listed = people_of(membership, found.rows)
    if as_file:
        return _file(_people_table(listed), f"customers-{key}")
    point = next((one for one in definition.touchpoints() if one.key == key and kind != WAY), None)
    title = who_name(kind)
    context = context_of(
        membership, map=journey_map, key=key, point=point, kind=kind, title=title, rows=listed, n=found.n, page=page,
        more=page * PAGE < found.n, problem=problem, filters=keeping.filters_of(request.GET),
        place=_place(definition, key, found), case=wording.case_query(point, title) if point else "",
        began=not needs_figures(kind),
    )  # fmt: skip
    return render(request, "journeys/customers.html", context)


@require_POST
def segment(request: HttpRequest, slug: str, map_id: UUID, key: str, kind: str) -> HttpResponse:
    """A segment of the customers behind a figure, as they are now."""
    membership = membership_for(request.user, slug, Role.AGENT)
    journey_map, definition = _map(membership, map_id, key, kind)
    found, problem = _behind(request, journey_map, definition, key, kind, limit=segmenting.MOST)
    try:
        if problem or not found.rows:
            raise CustomersRefused(problem or _("No journey fits. Choose a longer period, or everybody."))
        made = segmenting.segment_of(
            workspace=membership.workspace, people=[one.customer_id for one in found.rows],
            name=f"{_place(definition, key, found)}: {who_name(kind)}", by=membership.user,
        )  # fmt: skip
    except CustomersRefused as refused:
        messages.error(request, str(refused))
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return redirect(reverse("evidence:customers", args=[slug, map_id, key, kind]) + query)
    messages.success(request, _("Saved."))
    return redirect("customers:segment", slug, made.pk)


def _map(membership: Membership, map_id: UUID, key: str, kind: str) -> tuple[JourneyMap, MapDefinition]:
    journey_map = map_for(membership, map_id)
    definition = definition_of(journey_map)
    if not is_list(definition, key, kind):
        raise Http404
    return journey_map, definition


def _behind(
    request: HttpRequest, journey_map: JourneyMap, definition: MapDefinition, key: str, kind: str, *, limit: int,
    offset: int = 0,
) -> tuple[Journeys, str]:  # fmt: skip
    """The journeys, and why there are none to show."""
    shown, problem = _shown(request, journey_map, definition)
    if not shown or (not shown.evidence and needs_figures(kind)):
        return Journeys(), problem
    found = journeys_behind(
        journey_map, definition, keeping.filters_of(request.GET), shown.evidence, key=key, kind=kind, limit=limit,
        offset=offset,
    )  # fmt: skip
    return found, problem if needs_figures(kind) else ""


def _place(definition: MapDefinition, key: str, found: Journeys) -> str:
    """The name of the touchpoint, or the steps of the way."""
    names = {one.key: one.name for one in definition.touchpoints()}
    return " → ".join(names.get(label, label) for label in found.labels) or names.get(key, "")


def who_name(kind: str) -> str:
    if kind in KINDS:
        return kind_name(kind)
    if kind == WAY:
        return _("Journeys that take one path")
    if promise(kind) >= 0:
        return wording.kind_name("broken_promise")
    return {
        "passed": _("Customers who came here"),
        "lost": _("Customers who went no further"),
        "on": _("Customers who went on"),
        "again": _("Customers who came more than once"),
        "back": _("Customers who went back"),
        SWITCH: _("Went on elsewhere"),
    }[kind]


@dataclass(frozen=True, slots=True)
class Listed:
    """`customer` is None where nobody is known by that id."""

    customer: Customer | None
    at: datetime
    times: int
    reach_h: float | None


def people_of(membership: Membership, rows: Sequence[queries.Behind]) -> list[Listed]:
    """The journeys with the people whose they are; a merged profile is shown as the one that it belongs to."""
    found = {one.pk: one for one in Customer.objects.filter(
        workspace=membership.workspace, pk__in={row.customer_id for row in rows}
    ).select_related("canonical")}  # fmt: skip
    made = []
    for row in rows:
        person = found.get(row.customer_id)
        at = wording.moment(row.at) or timezone.now()
        reach = None if row.reach is None else row.reach / 3_600_000
        made.append(Listed((person.canonical or person) if person else None, at, row.times, reach))
    return made


def _people_table(rows: Sequence[Listed]) -> tuple[list[str], list[Sequence[object]]]:
    heads = [_("Customer"), _("Name"), _("First visit"), _("Visits"), _("Hours until the next touchpoint")]
    return heads, [
        (str(one.customer.pk) if one.customer else "", one.customer.name if one.customer else "", one.at, one.times,
         one.reach_h)
        for one in rows
    ]  # fmt: skip


def _file(table: tuple[list[str], list[Sequence[object]]], name: str) -> StreamingHttpResponse:
    heads, rows = table

    def lines() -> Iterator[Sequence[object]]:
        yield heads
        yield from rows

    reply = StreamingHttpResponse(stream(lines()), content_type="text/csv; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return reply
