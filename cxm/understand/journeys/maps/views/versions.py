"""Versions of a map, what is different between two, the pair of what is and what should be, and the archive."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.models import Role
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.maps import actions
from cxm.understand.journeys.maps.board import owner_names
from cxm.understand.journeys.maps.differing import differences
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.maps.queries import definition_of, partner_map, version_of
from cxm.understand.journeys.models import JourneyMap

from . import address_of, context_of, map_at, person

NOW = "now"


@require_safe
def show(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    """The versions; with `before` and `after` (numbers, or now) what is different between the two."""
    membership, drawn = map_at(request, slug, map_id)
    versions = list(drawn.versions.select_related("created_by").order_by("-number"))
    newest = str(versions[0].number) if versions else NOW
    asked = {"before": request.GET.get("before", newest), "after": request.GET.get("after", NOW)}
    found = None
    if versions:
        found = _differences(_as_of(drawn, asked["before"]), _as_of(drawn, asked["after"]))
    context = context_of(membership, map=drawn, page="versions", versions=versions, found=found, **asked)
    return render(request, "journeys/maps/versions.html", context)


def _as_of(drawn: JourneyMap, which: str) -> MapDefinition:
    if which == NOW:
        return definition_of(drawn)
    version = version_of(drawn, int(which)) if which.isdecimal() and len(which) < 6 else None
    if version is None:
        raise Http404
    return definition_of(version)


def _differences(before: MapDefinition, after: MapDefinition) -> list[Any]:
    return differences(before, after, owner_names(before) | owner_names(after))


@require_safe
def pair(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    """What is, and what should be: what is different."""
    membership, drawn = map_at(request, slug, map_id)
    other = partner_map(drawn)
    context = context_of(membership, map=drawn, page="pair", other=other)
    if other is not None:
        is_now, wished = (other, drawn) if drawn.as_is_id == other.pk else (drawn, other)
        context |= {
            "is_now": is_now, "wished": wished, "found": _differences(definition_of(is_now), definition_of(wished)),
            "is_now_address": address_of(is_now), "wished_address": address_of(wished),
        }  # fmt: skip
    return render(request, "journeys/maps/pair.html", context)


@require_POST
def change(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    """What is done with a whole map, by `do`: keep, restore, copy, to_be, archive, unarchive, remove."""
    membership, drawn = map_at(request, slug, map_id, Role.ANALYST)
    by, deed, given = person(membership), request.POST.get("do", ""), request.POST
    try:
        match deed:
            case "keep":
                kept = actions.keep_version(journey_map=drawn, by=by, note=given.get("note", ""))
                messages.success(request, _("Version %(n)s was kept.") % {"n": kept.number})
                return redirect("journeys:versions", slug, map_id)
            case "restore":
                number = given.get("number", "")
                number_or_none = int(number) if number.isdecimal() and len(number) < 6 else 0
                actions.restore_version(journey_map=drawn, number=number_or_none, by=by)
                messages.success(request, _("The map is as it was in version %(n)s.") % {"n": number})
                return redirect("journeys:edit", slug, map_id)
            case "copy":
                name = _("%(name)s (copy)") % {"name": drawn.name[:150]}
                return redirect("journeys:edit", slug, actions.copy_map(journey_map=drawn, name=name, by=by).pk)
            case "to_be":
                return redirect("journeys:edit", slug, actions.copy_as_to_be(journey_map=drawn, by=by).pk)
            case "archive":
                actions.archive_map(journey_map=drawn, by=by)
                messages.success(request, _("The map is in the archive. Its public addresses are shut."))
                return redirect("journeys:list", slug)
            case "unarchive":
                actions.unarchive_map(journey_map=drawn, by=by)
                return redirect("journeys:edit", slug, map_id)
            case "remove":
                actions.remove_map(journey_map=drawn, by=by)
                messages.success(request, _("The map was removed."))
                return redirect("journeys:list", slug)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("journeys:versions", slug, map_id)
    raise Http404
