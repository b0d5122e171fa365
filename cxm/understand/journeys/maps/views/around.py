"""Around a map: its drawing with the files that can be saved of it, comments, public addresses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.models import Role, Workspace
from cxm.lib.csv import stream
from cxm.understand.journeys.maps import talking
from cxm.understand.journeys.maps.board import board_of
from cxm.understand.journeys.maps.drawing import svg_of
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.maps.queries import (
    comments_of,
    definition_of,
    open_comments,
    shares_of,
)
from cxm.understand.journeys.maps.tabulating import rows_of
from cxm.understand.journeys.models import JourneyMap

from . import context_of, map_at, person

T = TypeVar("T", HttpResponse, StreamingHttpResponse)


@require_safe
def drawing(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    """The map as it was drawn, to read, print and save."""
    membership, drawn = map_at(request, slug, map_id)
    board = board_of(definition_of(drawn), drawn.workspace, comments=open_comments(drawn))
    return render(request, "journeys/maps/drawing.html", context_of(membership, map=drawn, page="drawing", board=board))


@require_safe
def svg(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    _membership, drawn = map_at(request, slug, map_id)
    picture = svg_of(board_of(definition_of(drawn), drawn.workspace), drawn.name)
    return _file(HttpResponse(picture, content_type="image/svg+xml; charset=utf-8"), drawn, "svg")


@require_safe
def csv(request: HttpRequest, slug: str, map_id: UUID) -> StreamingHttpResponse:
    _membership, drawn = map_at(request, slug, map_id)
    rows = rows_of(board_of(definition_of(drawn), drawn.workspace))
    return _file(StreamingHttpResponse(stream(rows), content_type="text/csv; charset=utf-8"), drawn, "csv")


def _file(response: T, drawn: JourneyMap, ending: str) -> T:
    response["Content-Disposition"] = f'attachment; filename="{slugify(drawn.name) or "map"}.{ending}"'
    return response


# Comments


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    membership, drawn = map_at(request, slug, map_id, Role.AGENT if request.method == "POST" else Role.VIEWER)
    given = {"text": "", "touchpoint": request.GET.get("touchpoint", "")}
    problem = ""
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in given}
        try:
            _talk(request, membership.workspace, drawn, person(membership))
            return redirect(
                f"{reverse('journeys:comments', args=[slug, map_id])}{'?settled' if 'settled' in request.GET else ''}"
            )
        except Refused as refused:
            problem = str(refused)
    settled = "settled" in request.GET
    definition = definition_of(drawn)
    names = {one.key: one.name for one in definition.touchpoints()}
    rows = [(one, names.get(one.touchpoint, "")) for one in comments_of(drawn, resolved=settled)]
    context = context_of(
        membership, map=drawn, page="comments", rows=rows, settled=settled, given=given, problem=problem,
        touchpoints=list(names.items()), may_clear=Role(membership.role).includes(Role.ADMIN),
        may_talk=Role(membership.role).includes(Role.AGENT),
    )  # fmt: skip
    return render(request, "journeys/maps/comments.html", context, status=422 if problem else 200)


def _talk(request: HttpRequest, workspace: Workspace, drawn: JourneyMap, by: Any) -> None:
    deed, given = request.POST.get("do", "add"), request.POST
    if deed == "add":
        talking.add_comment(
            journey_map=drawn, text=given.get("text", ""), by=by, touchpoint=given.get("touchpoint", "")
        )
        return
    try:
        comment = get_object_or_404(drawn.comments.select_related("map__workspace"), pk=UUID(given.get("comment", "")))
    except ValueError:
        raise Http404 from None
    if deed == "remove":
        talking.remove_comment(comment=comment, by=by)
    else:
        talking.resolve_comment(comment=comment, by=by, resolved=deed != "reopen")


# Public addresses


@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    membership, drawn = map_at(request, slug, map_id, Role.ANALYST)
    given = {"note": "", "until": ""}
    problem = ""
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in given}
        try:
            if request.POST.get("do") == "stop":
                found = get_object_or_404(shares_of(drawn).select_related("map__workspace"), pk=_id(request))
                talking.revoke_share(share=found, by=person(membership))
                messages.success(request, _("The address does not work any more."))
            else:
                until = _end_of_day(given["until"], drawn.workspace)
                talking.share_map(journey_map=drawn, by=person(membership), note=given["note"], expires_at=until)
            return redirect("journeys:share", slug, map_id)
        except Refused as refused:
            problem = str(refused)
    now = timezone.now()
    rows = [
        (
            one,
            f"{settings.BASE_URL}{reverse('shared_map', args=[one.token])}",
            bool(one.expires_at and one.expires_at <= now),
        )
        for one in shares_of(drawn)
    ]
    context = context_of(membership, map=drawn, page="share", rows=rows, given=given, problem=problem)
    return render(request, "journeys/maps/share.html", context, status=422 if problem else 200)


def _id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("share", ""))
    except ValueError:
        raise Http404 from None


def _end_of_day(text: str, workspace: Workspace) -> datetime | None:
    """The end of that day where the workspace is; None for an empty text."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(workspace.time_zone))
        return day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Refused(_("The day is not one of the calendar. Write it as 2026-12-31.")) from None
