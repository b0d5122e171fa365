"""How the flow does, and what to do about events that a step could not handle."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.follow import Follower, event_by_id
from cxm.record.eventlog.models import DeadLetter, FollowCursor

from . import flow
from .flow import NAME, URGENT_NAME, may_pass, said

SILENT_AFTER = timedelta(seconds=60)  # without a sign of the follower
LATE_AFTER = timedelta(seconds=60)
MOST_AT_ONCE = 200  # dead letters handled again by one click


@dataclass(frozen=True, slots=True)
class StepHealth:
    name: str
    events: int
    seconds: float  # spent, over all batches
    retries: int  # attempts that failed because something was away
    errors: int  # events put aside
    last_error_at: datetime | None
    waiting: int  # dead letters of this workspace

    @property
    def ms_per_event(self) -> float | None:
        return 1000 * self.seconds / self.events if self.events else None


@dataclass(frozen=True, slots=True)
class Flow:
    """`state`: fine · late (events wait long) · silent (no process follows) · no_log (the log does not answer)."""

    state: str
    behind: int | None  # events in the log that are not handled yet; None: the log does not answer
    behind_s: float | None  # how long the oldest of them has waited
    per_second: float  # handled, over the last five minutes
    handled: int  # ever
    last_event_at: datetime | None
    steps: list[StepHealth]
    minutes: list[tuple[datetime, int]]  # of the last hour, every minute


def flow_health(workspace: Workspace) -> Flow:
    """The flow is one for the installation; only dead letters belong to a workspace."""
    now = timezone.now()
    cursor = FollowCursor.objects.filter(name=NAME).first()
    health = cursor.health if cursor else {}
    counts: dict[int, int] = dict(health.get("minutes", []))
    this_minute = int(time.time() // 60)
    minutes = [
        (datetime.fromtimestamp(minute * 60, now.tzinfo), counts.get(minute, 0))
        for minute in range(this_minute - 59, this_minute + 1)
    ]
    behind: int | None = None
    behind_s: float | None = None
    try:
        lag = Follower(NAME, "").lag()
        behind, behind_s = lag.events, (now - lag.oldest_at).total_seconds() if lag.oldest_at else 0.0
    except EventlogError:
        pass  # said by the state
    state = "fine"
    if cursor is None or cursor.held_until < now - SILENT_AFTER:
        state = "silent"
    if behind_s is None:
        state = "no_log"
    elif state == "fine" and behind_s > LATE_AFTER.total_seconds():
        state = "late"
    return Flow(
        state=state, behind=behind, behind_s=behind_s, per_second=sum(n for _at, n in minutes[-5:]) / 300,
        handled=cursor.handled if cursor else 0, last_event_at=cursor.last_event_at if cursor else None,
        steps=_steps({**_urgent_steps(), **health.get("steps", {})}, workspace), minutes=minutes,
    )  # fmt: skip


def _urgent_steps() -> dict[str, dict[str, object]]:
    cursor = FollowCursor.objects.filter(name=URGENT_NAME).first()
    found: dict[str, dict[str, object]] = cursor.health.get("steps", {}) if cursor else {}
    return found


def _steps(entries: dict[str, dict[str, object]], workspace: Workspace) -> list[StepHealth]:
    waiting: dict[str, int] = {}
    for name in dead_letters(workspace).values_list("step", flat=True):
        waiting[name] = waiting.get(name, 0) + 1
    found = []
    for step in (*flow.STEPS, *flow.URGENT):
        entry = entries.get(step.name, {})
        found.append(
            StepHealth(
                name=step.name, events=int(str(entry.get("events", 0))), seconds=float(str(entry.get("seconds", 0))),
                retries=int(str(entry.get("retries", 0))), errors=int(str(entry.get("errors", 0))),
                last_error_at=parse_datetime(str(entry.get("last_error_at") or "")),
                waiting=waiting.get(step.name, 0),
            )
        )  # fmt: skip
    return found


def dead_letters(workspace: Workspace) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(workspace_id=workspace.pk, state=DeadLetter.State.WAITING)


def letter_for(workspace: Workspace, letter_id: UUID | str) -> DeadLetter:
    """Raises Http404 for one of another workspace, and for one that was handled or dismissed."""
    try:
        found = dead_letters(workspace).filter(pk=UUID(str(letter_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


def handle_again(*, workspace: Workspace, letters: Sequence[DeadLetter], by: Actor) -> tuple[int, int]:
    """Give events to their step once more; returns how many it handled and how many failed again.

    Raises what may pass (the log or the database is away); letters handled before that are done.
    """
    require_role(workspace, by, Role.ADMIN)
    steps = {step.name: step for step in (*flow.STEPS, *flow.URGENT)}
    handled = failed = 0
    for letter in letters:
        event = event_by_id(letter.workspace_id, letter.event_id)
        step = steps.get(letter.step)
        try:
            if event is not None and step is not None:  # an event that was erased meanwhile needs nothing
                step.do([event])
        except Exception as error:
            if may_pass(error):
                raise
            failed += 1
            letter.attempts, letter.error, letter.last_at = letter.attempts + 1, said(error), timezone.now()
            letter.save(update_fields=["attempts", "error", "last_at"])
            continue
        handled += 1
        with transaction.atomic():
            audit("handled again", letter, workspace=workspace, by=by)
            letter.delete()
    return handled, failed


@transaction.atomic
def dismiss(*, workspace: Workspace, letters: Sequence[DeadLetter], by: Actor) -> int:
    """Leave events unhandled for good; they stay in the log."""
    require_role(workspace, by, Role.ADMIN)
    for letter in letters:
        audit("dismissed", letter, workspace=workspace, by=by)
    chosen = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters], workspace_id=workspace.pk)
    return chosen.update(state=DeadLetter.State.DISMISSED)
