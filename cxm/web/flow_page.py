"""The page and the REST interface of the flow: how far behind, how fast, and what could not be handled."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from ninja import Router, Schema, Status
from pydantic import Field

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.accounts.rest import Problem, require_key
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.follow import event_by_id
from cxm.record.eventlog.models import DeadLetter

from .flow_health import MOST_AT_ONCE, Flow, dead_letters, dismiss, flow_health, handle_again, letter_for

SHOWN = 100
router = Router(tags=["flow"])


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    flow, letters = flow_health(workspace), dead_letters(workspace)
    context = {
        "membership": membership, "workspace": workspace, "flow": flow, "tab": "flow",
        "steps": list(zip(flow.steps, _labels(flow), strict=True)),
        "letters": letters[:SHOWN], "n_letters": letters.count(),
    }  # fmt: skip
    with timezone.override(workspace.time_zone):
        fragment = getattr(request, "htmx", False) and not getattr(request.htmx, "boosted", False)  # type: ignore[attr-defined]  # django-htmx
        return render(request, "web/_flow.html" if fragment else "web/flow.html", context)


def _labels(flow: Flow) -> list[str]:
    """What each step does, in their order."""
    known = {
        "repeats.drop": _("Drop events that came twice"),
        "customers.update": _("Update customers"),
        "answers.count": _("Answers"),
        "schema.learn": _("Learn names and types"),
        "webhooks.tell": _("Tell other systems"),
    }
    return [known.get(step.name, step.name) for step in flow.steps]


@require_safe
def show_event(request: HttpRequest, slug: str, letter_id: UUID) -> HttpResponse:
    """The event behind a dead letter, as it is in the log."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    letter = letter_for(workspace, letter_id)
    try:
        event = event_by_id(workspace.pk, letter.event_id)
    except EventlogError:
        messages.error(request, _("The event log does not answer just now. Try again in a moment."))
        return redirect("flow", slug)
    context = {
        "membership": membership, "workspace": workspace, "letter": letter, "event": event,
        "properties": _pretty(event.properties) if event else "",
        "context_text": _pretty(event.context) if event else "",
    }  # fmt: skip
    with timezone.override(workspace.time_zone):
        return render(request, "web/flow_event.html", context)


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2) if text else ""
    except ValueError:
        return text


@require_POST
def deal(request: HttpRequest, slug: str) -> HttpResponse:
    """Handle again or dismiss one letter, or all that wait."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    chosen = request.POST.get("letter", "")
    letters = [letter_for(workspace, chosen)] if chosen else list(dead_letters(workspace)[:MOST_AT_ONCE])
    if request.POST.get("do") == "dismiss":
        n = dismiss(workspace=workspace, letters=letters, by=membership.user)
        said = ngettext("%(n)d event was dismissed.", "%(n)d events were dismissed.", n)
        messages.success(request, said % {"n": n})
        return redirect("flow", slug)
    try:
        handled, failed = handle_again(workspace=workspace, letters=letters, by=membership.user)
    except (Error, EventlogError):
        messages.error(request, _("The database or the event log does not answer just now. Try again in a moment."))
        return redirect("flow", slug)
    if handled:
        said = ngettext("%(n)d event was handled.", "%(n)d events were handled.", handled)
        messages.success(request, said % {"n": handled})
    if failed:
        said = ngettext("%(n)d event failed again.", "%(n)d events failed again.", failed)
        messages.error(request, said % {"n": failed})
    return redirect("flow", slug)


class StepOut(Schema):
    name: str
    events: int
    ms_per_event: float | None
    retries: int
    errors: int = Field(description="Events put aside, of all workspaces")
    last_error_at: datetime | None
    waiting: int = Field(description="Dead letters of this workspace")


class FlowOut(Schema):
    state: str = Field(description="fine, late, silent or no_log")
    behind: int | None = Field(description="Events of all workspaces that are not handled yet")
    behind_s: float | None = Field(description="How long the oldest of them has waited")
    per_second: float = Field(description="Events handled, over the last five minutes")
    handled: int
    last_event_at: datetime | None
    steps: list[StepOut]


class LetterOut(Schema):
    id: UUID
    step: str
    event_id: UUID
    name: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime


@router.get("/flow", response=FlowOut, summary="How the flow does")
def get_flow(request: HttpRequest) -> Flow:
    return flow_health(require_key(request, Role.ADMIN).workspace)


@router.get("/flow/dead-letters", response=list[LetterOut], summary="Events that a step could not handle")
def get_letters(request: HttpRequest) -> list[DeadLetter]:
    return list(dead_letters(require_key(request, Role.ADMIN).workspace)[:MOST_AT_ONCE])


@router.post("/flow/dead-letters/{uuid:letter_id}/retry", response={204: None}, summary="Handle an event again")
def retry(request: HttpRequest, letter_id: UUID) -> Status[None]:
    key = require_key(request, Role.ADMIN)
    letter = letter_for(key.workspace, letter_id)
    try:
        _handled, failed = handle_again(workspace=key.workspace, letters=[letter], by=key)
    except EventlogError as error:
        raise Problem(503, "log_unavailable", _("The event log does not answer just now.")) from error
    if failed:
        raise Problem(422, "failed_again", letter.error)
    return Status(204, None)


@router.post("/flow/dead-letters/{uuid:letter_id}/dismiss", response={204: None}, summary="Leave an event unhandled")
def dismiss_one(request: HttpRequest, letter_id: UUID) -> Status[None]:
    key = require_key(request, Role.ADMIN)
    dismiss(workspace=key.workspace, letters=[letter_for(key.workspace, letter_id)], by=key)
    return Status(204, None)
