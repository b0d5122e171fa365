"""The part of a living map that says how journeys keep to it; it loads by itself, and is a page of its own without."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused

from ..definition import MapDefinition
from ..maps.queries import definition_of, map_for
from ..models import JourneyMap
from ..steps.actions import process_for_map
from .conformance import PATIENCE_S, Conformance, conformance, expected_path
from .keeping import filters_of, scope_of
from .period import told


@require_safe
def show(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    journey_map = map_for(membership, map_id)
    definition, filters = definition_of(journey_map), filters_of(request.GET)
    context: dict[str, Any] = {
        "membership": membership, "workspace": membership.workspace, "tab": "maps", "map": journey_map,
        "filters": filters, "loaded": True,
    }  # fmt: skip
    try:
        if len(expected_path(definition).keys) > 1:
            context |= said(judged(journey_map, definition, filters), definition)
    except (Refused, UnknownField) as refused:
        context["problem"] = told(refused)
    except EventlogError:
        context["problem"] = _("The event log does not answer at the moment. Please try again in a minute.")
    template = "journeys/_conformance.html" if request.htmx else "journeys/conformance.html"  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, context)


def judged(journey_map: JourneyMap, definition: MapDefinition, filters: str) -> Conformance:
    """Raises Refused of metrics, EventlogError, UnknownField."""
    scope = scope_of(journey_map, definition, filters)
    return conformance(definition, process_for_map(journey_map).pk, scope, timezone.now())


def said(found: Conformance, definition: MapDefinition) -> dict[str, Any]:
    names = {one.key: one.name for one in definition.touchpoints()}
    return {
        "found": found, "days": round((definition.gap_s or PATIENCE_S) / 86_400, 1),
        "deviations": [(kind_name(one.kind), names[one.key], one) for one in found.deviations],
        "ways": [
            ([names.get(label, label) for label in way.labels], way,
             [(kind_name(kind), names[key]) for kind, key in way.alignment.deviations])
            for way in found.ways
        ],
    }  # fmt: skip


def kind_name(kind: str) -> str:
    return {
        "skipped": pgettext("deviation from the path", "Skipped"),
        "not_reached": pgettext("deviation from the path", "Not reached"),
        "out_of_order": pgettext("deviation from the path", "Out of order"),
        "repeated": pgettext("deviation from the path", "Repeated"),
        "beyond": pgettext("deviation from the path", "Behind the end"),
    }[kind]
