"""The list of processes; the editor of one, with a preview; and a map of a path in one click."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.discovery.drawing_maps import map_of_path
from cxm.understand.journeys.discovery.forms import OPERATORS, ProcessForm, can_show
from cxm.understand.journeys.discovery.labels import label_names, process_name
from cxm.understand.journeys.discovery.reading import texts, whole
from cxm.understand.journeys.discovery.suggesting import event_names, preview, property_names
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.models import JourneyMap, Process
from cxm.understand.journeys.steps.actions import change_process, create_process, remove_process
from cxm.understand.journeys.steps.building import steps_state, want_steps
from cxm.understand.journeys.steps.queries import Behind, journeys_of, labels_of

from . import Page, answering, context_of, process_for

MORE_ROWS = 3


@require_safe
@answering
def show_list(request: HttpRequest, slug: str) -> HttpResponseBase:
    membership = membership_for(request.user, slug)
    processes = Process.objects.filter(workspace=membership.workspace).select_related("map").order_by("name")
    own = [(one, steps_state(one)) for one in processes if one.map is None]
    drawn = [(one, process_name(one), steps_state(one)) for one in processes if one.map and not one.map.archived_at]
    return render(request, "journeys/paths/list.html", context_of(membership, own=own, drawn=drawn))


@require_http_methods(["GET", "HEAD", "POST"])
@answering
def new(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _edit(request, membership_for(request.user, slug, Role.ANALYST), None)


@require_http_methods(["GET", "HEAD", "POST"])
@answering
def edit(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    membership = membership_for(request.user, slug, Role.ANALYST)
    process = process_for(membership, process_id)
    if process.map is not None:
        raise Http404  # its steps are changed in the map
    return _edit(request, membership, process)


def _edit(request: HttpRequest, membership: Membership, process: Process | None) -> HttpResponse:
    workspace, by = membership.workspace, membership.user
    definition = msgspec.convert(process.definition, ProcessDefinition) if process else ProcessDefinition()
    if process and not can_show(definition):
        messages.error(request, _("This process has conditions that the form cannot show. Change it by REST."))
        return redirect("paths:graph", workspace.slug, process.pk)
    names = event_names(workspace)
    sent = request.method == "POST"
    form = ProcessForm(names, process, definition, request.POST if sent else None)
    do, shown, status = request.POST.get("do", ""), None, 200
    if sent and do != "more":
        read = form.read()
        if read is not None and do == "preview":
            shown = _preview(membership, form, read)
        elif read is not None:
            name = form.cleaned_data["name"]
            try:
                saved = (
                    change_process(process=process, name=name, definition=read, by=by) if process
                    else create_process(workspace=workspace, name=name, definition=read, by=by)
                )  # fmt: skip
                messages.success(request, _("Saved. The steps are being built in the background."))
                return redirect("paths:graph", workspace.slug, saved.pk)
            except ValidationError as refused:
                form.problems += refused.messages
        status = 200 if shown is not None else 422
    empty = {"name": "", "event": "", "field": "", "operator": "is", "value": ""}
    context = context_of(
        membership, process=process, form=form, names=names, properties=property_names(workspace), operators=OPERATORS,
        rows=[*form.rows, *([empty] * (MORE_ROWS if do == "more" or not form.rows else 1))], preview=shown,
    )  # fmt: skip
    return render(request, "journeys/paths/edit.html", context, status=status)


def _preview(membership: Membership, form: ProcessForm, read: ProcessDefinition) -> Any:
    try:
        return preview(membership.workspace, read)
    except UnknownField as unknown:
        form.problems.append(_("There is no field “%(name)s” here.") % {"name": unknown.field})
        return None


@require_POST
def remove(request: HttpRequest, slug: str, process_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    process = process_for(membership, process_id)
    try:
        remove_process(process=process, by=membership.user)
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
        return redirect("paths:graph", slug, process_id)
    messages.success(request, _("“%(name)s” was removed. All events stay.") % {"name": process.name})
    return redirect("paths:list", slug)


@require_POST
def build(request: HttpRequest, slug: str, process_id: int) -> HttpResponse:
    """Build the steps anew, for who does not trust them."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    want_steps(process_for(membership, process_id))
    messages.success(request, _("The steps are being built anew in the background."))
    return redirect("paths:graph", slug, process_id)


@require_POST
@answering
def make_map(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    """Draw a map of a path: of the one that is sent as steps, or of the one whose number is sent."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    process = process_for(membership, process_id)
    page = Page(request, slug, process_id)
    path = texts(request.POST, "step")
    if not path and (key := request.POST.get("path", "")).isdigit() and int(key) < 2**64:
        found = journeys_of(process, page.scope, Behind(path=int(key)), limit=1).rows
        path = list(labels_of(process, page.scope, [found[0].journey])[found[0].journey]) if found else []
    if not path:
        messages.error(request, _("No journey takes this path any more."))
        return redirect("paths:variants", slug, process_id)
    names = label_names(process)
    place = whole(request.POST, "place")
    name = _("%(process)s, path %(number)s") % {"process": process_name(process)[:150], "number": place or 1}
    try:
        made = create_map(
            workspace=membership.workspace, name=name, definition=map_of_path(process, path, names),
            by=membership.user, kind=JourneyMap.Kind.AS_IS,
        )  # fmt: skip
    except (Refused, ValidationError) as refused:
        messages.error(request, str(refused))
        return redirect("paths:variants", slug, process_id)
    messages.success(request, _("The map is drawn. Its touchpoints are the steps of the path."))
    return redirect("journeys:edit", slug, made.pk)
