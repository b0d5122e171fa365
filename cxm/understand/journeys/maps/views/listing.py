"""The list of maps, and the page that begins a new one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.understand.journeys.definition import MapDefinition, Stage
from cxm.understand.journeys.maps import actions
from cxm.understand.journeys.maps.editing import free_key
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.maps.queries import definition_of, maps_of
from cxm.understand.journeys.maps.starter import starter_maps
from cxm.understand.journeys.models import JourneyMap

from . import address_of, context_of, person

PAGE = 25


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    archived, search = "archived" in request.GET, request.GET.get("q", "")
    rows = maps_of(membership.workspace, archived=archived, search=search).annotate(
        n_comments=Count("comments", filter=Q(comments__resolved_at=None))
    )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = context_of(
        membership, archived=archived, search=search, page_obj=page, rows=[_row(one) for one in page],
        any_map=JourneyMap.objects.filter(workspace=membership.workspace).exists(), starters=starter_maps().values(),
    )  # fmt: skip
    template = "journeys/maps/_list.html" if request.htmx else "journeys/maps/list.html"  # type: ignore[attr-defined]  # set by django_htmx
    return render(request, template, context)


def _row(one: JourneyMap) -> dict[str, Any]:
    definition = definition_of(one)
    touchpoints = definition.touchpoints()
    return {
        "map": one, "address": address_of(one), "stages": len(definition.stages), "touchpoints": len(touchpoints),
        "partners": sum(bool(each.partner) for each in touchpoints), "persona": definition.persona,
    }  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """From a template, or empty with stages to rename."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    given = request.POST if request.method == "POST" else request.GET
    chosen, name, problem = given.get("template", ""), given.get("name", ""), ""
    if request.method == "POST":
        starter = starter_maps().get(chosen)
        try:
            made = actions.create_map(
                workspace=membership.workspace, name=name or (starter.name if starter else _("New journey")),
                definition=starter.definition if starter else _empty(), by=person(membership),
            )  # fmt: skip
            messages.success(request, _("The map was made. Change it as you like; every change is saved by itself."))
            return redirect("journeys:edit", slug, made.pk)
        except Refused as refused:
            problem = str(refused)
    context = context_of(membership, starters=starter_maps().values(), chosen=chosen, name=name, problem=problem)
    return render(request, "journeys/maps/new.html", context, status=422 if problem else 200)


def _empty() -> MapDefinition:
    names = [_("Getting to know"), _("Buying"), _("Using"), _("Coming back")]
    stages: list[Stage] = []
    for name in names:
        stages.append(Stage(free_key(name, (one.key for one in stages)), name))
    return MapDefinition(stages=tuple(stages))
