"""How runs go on: step after step, as far as they come without waiting.

A step is made in a savepoint together with the row that says so, and all that a run does between two waits in one
transaction; what leaves the house is queued in it, and leaves after the commit. So after a kill a step has been made
with everything that belongs to it, or not at all. `due_at` of the run is the timer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone, translation

from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.outbox import caused_by, emit

from .asking import Asked
from .definition import Node, Program, Step, program_called, way_of
from .effects import EFFECTS, Doing, Skip
from .models import Run, RunStep, Workflow

logger = logging.getLogger(__name__)

State, Outcome = Run.State, RunStep.Outcome
AT_ONCE = 25  # runs in one transaction, and not longer than AT_MOST: others write to the same database
AT_MOST = 0.3  # seconds
PAUSES = [timedelta(minutes=m) for m in (1, 5, 30, 120, 720)]  # after a step that broke; then the run has failed
AWAY = timedelta(seconds=30)  # something that a step needs is away: that is no attempt
LOOK_AGAIN = timedelta(minutes=30)  # for a condition that comes true without an event, such as days since last seen
HOUR = timedelta(hours=1)


def run_due(stopping: Callable[[], bool] = lambda: False) -> int:
    """Carry on every run that is due, until none is; returns how many were looked at."""
    looked = 0
    while not stopping():
        now = timezone.now()
        due = Run.objects.filter(state=State.ACTIVE, due_at__lte=now, workspace__deleted_at=None)
        ids = list(due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            return looked
        until = time.monotonic() + AT_MOST
        with transaction.atomic():
            for pk in ids:
                advance(pk)
                looked += 1
                if time.monotonic() > until:
                    break
    return looked


def advance(run_id: UUID, now: datetime | None = None) -> None:
    """Carry one run on, if it is due and nobody else does it just now; in the caller's transaction."""
    now = now or timezone.now()
    rows = Run.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        pk=run_id, state=State.ACTIVE, due_at__lte=now
    )
    run = rows.select_related("workflow", "workspace", "customer").first()
    if run is None:
        return
    program = program_called(run.workflow_id, run.version, run.workflow.key)
    if program is None or run.workflow.archived_at is not None:
        run.state, run.due_at, run.ended_at = State.STOPPED, None, now
        run.save(update_fields=["state", "due_at", "ended_at"])
        return
    language = run.customer.language if run.customer else ""
    with caused_by(run.cause, run.depth), translation.override(language or "en"):
        Walk(run, program, now).go()


class Walk:
    """One run on its way from where it stands to the next wait."""

    def __init__(self, run: Run, program: Program, now: datetime) -> None:
        self.run, self.program, self.now = run, program, now

    def go(self) -> None:
        run = self.run
        if run.began_at is None and not self._begin():
            return
        while run.position:
            node = self.program.nodes[run.position]
            try:
                with transaction.atomic():
                    going = self._make(node)
            except (OperationalError, InterfaceError):
                raise  # of the database itself: the whole transaction comes again
            except EventlogError as error:
                logger.warning("The run %s waits for the log: %s", run.pk, error)
                self._later(AWAY)
                return
            except Exception as error:
                logger.exception("The step %s of the run %s broke", run.position, run.pk)
                self._broke(error)
                return
            if not going:
                self._keep()
                return
            run.attempts, run.error = 0, ""
        self._end(State.DONE)

    def _begin(self) -> bool:
        """Within the limit of an hour; what is beyond it begins later, in the order in which it came."""
        limit = self.program.definition.most_per_hour
        lately = Run.objects.filter(workflow=self.run.workflow_id, began_at__gt=self.now - HOUR)
        if (n := lately.count()) >= limit:
            frees = lately.order_by("began_at").values_list("began_at", flat=True)[n - limit]
            assert frees is not None
            self._later(max(frees + HOUR - self.now, timedelta(seconds=1)))
            return False
        self.run.began_at = self.now
        return True

    def _make(self, node: Node) -> bool:
        """One step; False when the run waits in it."""
        step, run = node.step, self.run
        detail: dict[str, Any] = {}
        outcome, after = Outcome.DONE, node.after
        match step.kind:
            case "wait" | "wait_until":
                decided = self._wait(step)
                if decided is None:
                    return False
                run.wait_until, run.waits_for = None, ""
                if step.kind == "wait_until" and step.until == "condition":
                    detail, after = {"held": decided}, node.ways["then" if decided else "otherwise"]
            case "branch":
                held = self.asked().holds(step.condition)
                detail, after = {"held": held}, node.ways["then" if held else "otherwise"]
            case "split":
                way = way_of(step, run.workflow_id, run.customer_id or run.pk)
                detail, after = {"way": int(way), "name": step.paths[int(way)].name}, node.ways[way]
            case "stop":
                after = ""
            case _:
                try:
                    with transaction.atomic():
                        detail = dict(EFFECTS[step.kind](Doing(run, step, self.program.definition, self.now)))
                except Skip as skipped:
                    outcome, detail = Outcome.SKIPPED, {"reason": skipped.reason, "text": str(skipped)[:500]}
        RunStep.objects.create(run=run, step=step.id, kind=step.kind, outcome=outcome, detail=detail, at=self.now)
        run.position, run.due_at = after, self.now
        return True

    def _wait(self, step: Step) -> bool | None:
        """None: it waits on; else whether what it waited for came."""
        run = self.run
        if run.wait_until is None:
            run.wait_until = end_of_wait(step, self.now, ZoneInfo(run.workspace.time_zone))
        if step.kind == "wait_until" and step.until == "condition":
            if self.asked().holds(step.condition):
                return True
            run.waits_for = "condition"
            run.due_at = min(run.wait_until, self.now + LOOK_AGAIN)
        else:
            run.due_at = run.wait_until
        return False if self.now >= run.wait_until else None

    def asked(self) -> Asked:
        run = self.run
        return Asked(run.workspace_id, run.context.get("properties", {}), run.customer, self.now)

    def _later(self, pause: timedelta) -> None:
        self.run.due_at = self.now + pause
        self._keep()

    def _broke(self, error: Exception) -> None:
        run = self.run
        run.error = f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
        if run.attempts >= len(PAUSES):
            step = self.program.nodes[run.position].step
            RunStep.objects.create(
                run=run, step=step.id, kind=step.kind, outcome=Outcome.FAILED, detail={"text": run.error}, at=self.now
            )
            self._end(State.FAILED)
            return
        run.attempts += 1
        self._later(PAUSES[run.attempts - 1])

    def _keep(self) -> None:
        self.run.save(
            update_fields=[
                "state", "position", "due_at", "waits_for", "wait_until", "attempts", "error", "began_at", "ended_at",
                "context",
            ]
        )  # fmt: skip

    def _end(self, state: Run.State) -> None:
        run = self.run
        run.state, run.due_at, run.ended_at = state, None, self.now
        run.waits_for, run.wait_until = "", None
        self._keep()
        if run.customer_id:
            made = run.steps.filter(outcome=Outcome.DONE, kind__in=list(EFFECTS)).order_by("pk")
            emit(
                "rule_ran", workspace_id=run.workspace_id, customer_id=run.customer_id, rule_id=run.workflow_id,
                rule=run.workflow.name, version=run.version, run_id=str(run.pk), state=str(state),
                effects=list(made.values_list("kind", flat=True)),
            )  # fmt: skip


def end_of_wait(step: Step, now: datetime, zone: ZoneInfo) -> datetime:
    """When a step that waits is over at the latest. A day later it is the same time on the wall, whatever clocks do."""
    if step.kind == "wait_until" and step.until == "time":
        return next_time(now, step.hour, step.weekdays, zone)
    local = now.astimezone(zone)
    later = local.replace(tzinfo=None) + timedelta(days=step.days)
    return later.replace(tzinfo=zone).astimezone(now.tzinfo) + timedelta(hours=step.hours, minutes=step.minutes)


def next_time(now: datetime, hour: int, weekdays: list[int], zone: ZoneInfo) -> datetime:
    """The next full hour so named on one of these days; now, if it is that hour."""
    local = now.astimezone(zone)
    for days in range(9):
        day = (local + timedelta(days=days)).date()
        start = datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(now.tzinfo)
        if weekdays and day.isoweekday() not in weekdays:
            continue
        if start <= now < start + HOUR:
            return now
        if start > now:
            return start
    raise ValueError("no such time within a week")


def stop_runs(workflow: Workflow, now: datetime) -> int:
    """End every run that goes on; what it has queued already leaves."""
    return Run.objects.filter(workflow=workflow, state=State.ACTIVE).update(
        state=State.STOPPED, due_at=None, ended_at=now, waits_for="", wait_until=None
    )
