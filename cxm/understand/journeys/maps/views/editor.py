"""The editor: the stages with their touchpoints, and the form of the part that is chosen. Every change saves itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django import forms as django_forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.maps import actions, editing
from cxm.understand.journeys.maps.board import board_of
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.maps.forms import RULES, MapForm, StageForm, TouchpointForm, channel_choices
from cxm.understand.journeys.maps.matching import matching
from cxm.understand.journeys.maps.queries import can_step, definition_of, open_comments
from cxm.understand.journeys.maps.suggesting import known
from cxm.understand.journeys.models import JourneyMap

from . import context_of, map_at, person

KINDS = ("map", "stage", "touchpoint")


@dataclass
class Work:
    """One request to the editor: what it looks at, and what came of it. `at`: ("map", ""), ("stage", key) …"""

    request: HttpRequest
    membership: Membership
    map: JourneyMap
    definition: MapDefinition
    at: tuple[str, str]
    form: django_forms.Form | None = None
    refused: str = ""
    focus: str = ""

    @property
    def automatic(self) -> bool:
        return self.request.POST.get("auto") == "1"

    @property
    def htmx(self) -> bool:
        return bool(self.request.htmx)  # type: ignore[attr-defined]  # set by django_htmx


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    membership, drawn = map_at(request, slug, map_id, Role.ANALYST if request.method == "POST" else Role.VIEWER)
    if drawn.archived_at or not Role(membership.role).includes(Role.ANALYST):
        return redirect("journeys:drawing", slug, map_id)
    definition = definition_of(drawn)
    work = Work(request, membership, drawn, definition, place(request.POST.get("at") or request.GET.get("at") or ""))
    if request.method == "POST":
        _do(work)
        if not work.htmx and not work.refused:
            return redirect(editor_url(work.map, work.at))
    return _shown(work)


def place(text: str) -> tuple[str, str]:
    kind, _colon, key = text.partition(":")
    return (kind, key) if kind in KINDS else ("map", "")


def editor_url(drawn: JourneyMap, at: tuple[str, str]) -> str:
    address = reverse("journeys:edit", args=[drawn.workspace.slug, drawn.pk])
    return f"{address}?{urlencode({'at': ':'.join(at)}, safe=':')}" if at[1] else address


def mark_of(drawn: JourneyMap, definition: MapDefinition, at: tuple[str, str]) -> str:
    """A fingerprint of a part: whoever saves it later than somebody else is told so."""
    try:
        match at[0]:
            case "touchpoint":
                part: object = editing.touchpoint_at(definition, at[1])[1]
            case "stage":
                part = editing.stage_at(definition, at[1]).name
            case _:
                part = (drawn.name, msgspec.structs.replace(definition, stages=()))
    except Refused:
        part = None
    return hashlib.sha256(msgspec.json.encode(part)).hexdigest()[:16]


# What can be done


def _do(work: Work) -> None:
    """Do what the button says; what was refused stands in `work`, and nothing has happened then."""
    deed, _colon, rest = work.request.POST.get("do", "save").partition(":")
    by = person(work.membership)
    try:
        if deed == "save":
            _save(work)
        elif deed in ("undo", "redo"):
            work.map = (actions.undo_edit if deed == "undo" else actions.redo_edit)(journey_map=work.map, by=by)
        else:
            work.map = actions.change_map(journey_map=work.map, change=_change(work, deed, rest), by=by)
    except Refused as refused:
        work.refused = str(refused)
        return
    before, work.definition = work.definition, definition_of(work.map)
    if deed == "save":
        work.focus = _new_row(work, rest)
    elif deed in ("stage", "touchpoint", "copy"):
        work.at, work.focus = _made(before, work.definition) or work.at, "name"
    elif deed in ("up", "down", "left", "right"):
        work.focus = deed


def _new_row(work: Work, kind: str) -> str:
    """The first field of the empty row that a button asked for: the last of its kind."""
    form = part_form(work) if kind else None
    if not isinstance(form, TouchpointForm):
        return ""
    if kind == "promise":
        return f"promise_{form.n_promises - 1}_text"
    rows = form.rule_rows(kind) if kind in RULES else []
    return f"{kind}_{len(rows) - 1}_{'event' if kind == 'events' else '0_field'}" if rows else ""


def _change(work: Work, deed: str, rest: str) -> editing.Edit:
    """An edit of the outline. Raises Refused where the page asks for what there is not."""
    kind, key = work.at
    direction = next((one for one in editing.DIRECTIONS if one == deed), None)
    if direction and kind in ("stage", "touchpoint"):
        return (editing.step_stage if kind == "stage" else editing.step_touchpoint)(key, direction)
    match deed:
        case "stage":
            return editing.add_stage(_("New stage"), key if kind == "stage" else "")
        case "touchpoint":
            after = key if kind == "touchpoint" else ""
            return editing.add_touchpoint(_("New touchpoint"), rest, after)
        case "copy" if kind == "touchpoint":
            return editing.copy_touchpoint(key)
        case "remove" if kind == "touchpoint":
            return editing.remove_touchpoint(key)
        case "remove" if kind == "stage":
            return editing.remove_stage(key)
        case "drop":
            return _drop(rest, work.request.POST.get("to", ""), work.definition)
    raise Refused(_("The page did not say what to change. Load it again."))


def _drop(what: str, to: str, definition: MapDefinition) -> editing.Edit:
    """What was dragged, and where it was let go: `touchpoint:KEY` on a touchpoint (behind it) or on a stage (first)."""
    kind, _colon, key = what.partition(":")
    onto, _colon, target = to.partition(":")
    if kind == "stage" and onto == "stage":
        return editing.move_stage(
            key, [one.key for one in definition.stages].index(editing.stage_at(definition, target).key)
        )
    if kind == "touchpoint" and onto == "touchpoint":
        return editing.move_touchpoint(key, editing.touchpoint_at(definition, target)[0].key, target)
    if kind == "touchpoint" and onto == "stage":
        return editing.move_touchpoint(key, target, first=True)
    if kind == "touchpoint" and onto == "end":
        return editing.move_touchpoint(key, target)
    raise Refused(_("The page did not say what to change. Load it again."))


def _made(before: MapDefinition, after: MapDefinition) -> tuple[str, str] | None:
    """The part that was not there before."""
    if new := {one.key for one in after.touchpoints()} - {one.key for one in before.touchpoints()}:
        return "touchpoint", new.pop()
    if new := {one.key for one in after.stages} - {one.key for one in before.stages}:
        return "stage", new.pop()
    return None


def _save(work: Work) -> None:
    """Store the form of the chosen part; its faults stay in the form, with what was typed."""
    form = work.form = part_form(work, work.request.POST)
    if form is None:
        raise editing.gone()
    if work.request.POST.get("mark") not in (None, "", mark_of(work.map, work.definition, work.at)):
        raise Refused(_("Somebody else has changed this part meanwhile. Load the page again to see it as it is now."))
    if not form.is_valid():
        raise Refused(_("Not saved yet: %(reasons)s") % {"reasons": " ".join(_faults(form))})
    by, key = person(work.membership), work.at[1]
    if isinstance(form, TouchpointForm):
        change = editing.change_touchpoint(key, **form.values())
    elif isinstance(form, StageForm):
        change = editing.rename_stage(key, form.cleaned_data["name"])
    elif isinstance(form, MapForm):
        fields, lanes = editing.change_map(**form.values()), editing.put_lanes(form.lane_names())
        work.map = actions.change_map(journey_map=work.map, change=lambda one: lanes(fields(one)), by=by)
        if form.cleaned_data["name"] != work.map.name:
            work.map = actions.rename_map(journey_map=work.map, name=form.cleaned_data["name"], by=by)
        work.form = None
        return
    work.map = actions.change_map(journey_map=work.map, change=change, by=by)
    work.form = None  # shown as it was stored, with an empty row at the end


def _faults(form: django_forms.Form) -> list[str]:
    return [f"{form[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]


# What is shown


def part_form(work: Work, data: Any = None) -> django_forms.Form | None:
    """The form of the part at `at`; None where it is gone."""
    kind, key = work.at
    try:
        if kind == "touchpoint":
            one = editing.touchpoint_at(work.definition, key)[1]
            return TouchpointForm(work.membership.workspace, work.definition, one, data)
        if kind == "stage":
            return StageForm(editing.stage_at(work.definition, key), data)
    except Refused:
        return None
    return MapForm(work.membership.workspace, work.map.name, work.definition, data)


def _shown(work: Work) -> HttpResponse:
    template = "journeys/maps/edit.html"
    if work.htmx:
        template = "journeys/maps/_saved.html" if work.automatic else "journeys/maps/_editor.html"
    response = render(work.request, template, _context(work))
    if work.request.method == "POST" and not work.automatic:
        response["HX-Push-Url"] = editor_url(work.map, work.at)
    if work.refused and not work.htmx:
        response.status_code = 422
    return response


def _context(work: Work) -> dict[str, Any]:
    form = work.form or part_form(work)
    if form is None:
        work.at = ("map", "")
        form = part_form(work)
    undo, redo = can_step(work.map)
    kind, key = work.at
    part = stage = None
    if kind == "touchpoint":
        stage, part = editing.touchpoint_at(work.definition, key)
    elif kind == "stage":
        stage = editing.stage_at(work.definition, key)
    return context_of(
        work.membership, map=work.map, definition=work.definition, page="edit", at=":".join(work.at), kind=kind,
        key=key, part=part, stage=stage, form=form, refused=work.refused, focus=work.focus, can_undo=undo,
        can_redo=redo, mark=mark_of(work.map, work.definition, work.at), channels=channel_choices(),
        board=board_of(work.definition, work.map.workspace, comments=open_comments(work.map)),
        saved=work.request.method == "POST" and not work.refused,
    )  # fmt: skip


@require_safe
def suggestions(request: HttpRequest, slug: str) -> HttpResponse:
    """Lists of what the log holds, for the fields of the forms; asked for after the page is there."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    context = context_of(membership, known=known(membership.workspace))
    return render(request, "journeys/maps/_suggestions.html", context)


@require_safe
def show_matching(request: HttpRequest, slug: str, map_id: UUID, key: str) -> HttpResponse:
    """The events that the rules of a touchpoint fit, as it is stored: every change has been saved by then."""
    membership, drawn = map_at(request, slug, map_id, Role.ANALYST)
    definition = definition_of(drawn)
    try:
        part = editing.touchpoint_at(definition, key)[1]
    except Refused:
        raise Http404 from None
    found, problem = None, ""
    try:
        found = matching(membership.workspace, definition, key)
    except UnknownField as unknown:
        problem = _("There is no field “%(name)s” here.") % {"name": unknown.field}
    except EventlogError:
        problem = _("The event log does not answer just now. Try again in a moment.")
    context = context_of(
        membership, map=drawn, page="edit", part=part, found=found, problem=problem,
        back=editor_url(drawn, ("touchpoint", key)),
    )  # fmt: skip
    fragment = request.htmx  # type: ignore[attr-defined]  # set by django_htmx
    return render(request, f"journeys/maps/{'_matching' if fragment else 'matching'}.html", context)
