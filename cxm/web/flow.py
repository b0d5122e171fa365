"""What follows every captured event and every fact: two lists of steps, in order, and the threads that walk them.

STEPS bring the records up to date; while events are taken they give way. URGENT is what somebody waits for, a case or
an alert: it follows on its own, within a second, and reads only events by the names that it waits for.

Each step gets a batch of events, makes its changes in one transaction of its own, and is safe to repeat: a batch comes
again after a crash. What cannot be reached just now (the database, the log) is waited for. An event that a step cannot
handle is found by halving the batch, put aside as a dead letter, and the flow goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import (
    Error,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
    transaction,
)
from django.db.models import F
from django.utils import timezone

from cxm.act.automations.steps import run_automations
from cxm.act.cases.steps import names_waited_for, open_cases, wanted
from cxm.listen.channels.webhooks.steps import tell_webhooks
from cxm.record.capture.steps import learn_schema
from cxm.record.customers.steps import count_answers, update_customers
from cxm.record.eventlog import follow
from cxm.record.eventlog.engine import EventlogError, engine
from cxm.record.eventlog.follow import CAPTURED, Batch, Follower, LeaseLost, LogEvent, Pace
from cxm.record.eventlog.models import DeadLetter
from cxm.record.eventlog.twins import drop_twins

logger = logging.getLogger(__name__)

NAME = "flow"
URGENT_NAME = "flow.urgent"
LOOK_EVERY = 0.5  # seconds between two looks for events of other processes
GATHER = 0.2  # seconds to wait behind a small batch, so that a trickle of events is handled in few transactions
GATHER_URGENT = 0.05  # where somebody waits
SMALL = 1000
AT_ONCE = 500  # events in one transaction of a step: others write to the same database
AT_ONCE_BESIDE = 100  # while this process takes events: whoever sends them waits no longer than this takes
AT_ONCE_URGENT = 5000  # an urgent step needs few of them, and has a transaction for each of these
LONGEST_PAUSE = 30.0
NEWS = timedelta(days=7)  # what was older when it came is history: it raises no alarm and starts no rule
MINUTES = 60  # of which the number of handled events is remembered


@dataclass(frozen=True)
class Step:
    """`do` is named by what it produces; it may see events again, in other batches and in any order."""

    name: str
    do: Callable[[Sequence[LogEvent]], object]
    facts: bool = False  # gets what we state ourselves, too, and of all only what is news
    at_once: int = 0  # events of a call, where it asks much and writes little; else as few as AT_ONCE and its like say


STEPS: list[Step] = [
    Step("repeats.drop", drop_twins),
    Step("customers.update", update_customers),
    Step("answers.count", count_answers, at_once=1000),
    Step("schema.learn", learn_schema),
    Step("automations.run", run_automations, facts=True),
    Step("webhooks.tell", tell_webhooks, facts=True),
]


def open_cases_at_once(events: Sequence[LogEvent]) -> None:
    """Alerts and cases of the few events that need them; who sent these is made known first, as no step before did."""
    if some := wanted(events):
        captured = [event for event in some if event.source == CAPTURED]
        update_customers(captured)
        count_answers(captured)
        open_cases(some)


URGENT: list[Step] = [
    Step("cases.open", open_cases_at_once, facts=True),
]
urgent_names: Callable[[], Collection[str]] = names_waited_for


class Stopped(Exception):
    """The process ends, or another one follows now; the batch comes again."""


class Health:
    """How each step does, for the page; written with the cursor."""

    def __init__(self, before: dict[str, Any]) -> None:
        self.steps: dict[str, dict[str, Any]] = dict(before.get("steps", {}))
        self.minutes: list[list[int]] = [list(pair) for pair in before.get("minutes", [])]
        self.trouble = ""  # what is waited for just now

    def of(self, step: str) -> dict[str, Any]:
        empty = {"events": 0, "seconds": 0.0, "retries": 0, "errors": 0, "last_error": "", "last_error_at": ""}
        return self.steps.setdefault(step, empty)

    def failed(self, step: str, kind: str, error: Exception) -> None:
        entry = self.of(step)
        entry[kind] += 1
        entry["last_error"], entry["last_error_at"] = said(error), timezone.now().isoformat()

    def handled(self, n: int) -> None:
        minute = int(time.time() // 60)
        if not self.minutes or self.minutes[-1][0] != minute:
            self.minutes.append([minute, 0])
        self.minutes[-1][1] += n
        self.minutes = [pair for pair in self.minutes if pair[0] > minute - MINUTES]

    def as_json(self) -> dict[str, Any]:
        return {"steps": self.steps, "minutes": self.minutes, "trouble": self.trouble}


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later: something that the step needs is away or locked."""
    if isinstance(error, EventlogError):
        return error.retry or not _log_answers()
    return isinstance(error, (OperationalError, InterfaceError, ConnectionError))


def _log_answers() -> bool:
    try:
        opened = engine()
        for address in opened.addresses:
            with opened.client(address) as client:
                client.command("SELECT 1")
    except (EventlogError, OSError):
        return False
    return True


def apply(step: Step, events: Sequence[LogEvent], health: Health) -> None:
    """Run a step over a batch; events that it cannot handle become dead letters. Raises what may pass."""
    try:
        step.do(events)
    except Exception as error:
        if may_pass(error):
            raise
        if len(events) == 1:
            health.failed(step.name, "errors", error)
            logger.exception("The step %s cannot handle the event %s", step.name, events[0].event_id)
            put_aside(step.name, events[0], error)
            return
    else:
        return
    middle = len(events) // 2
    apply(step, events[:middle], health)
    apply(step, events[middle:], health)


@transaction.atomic
def put_aside(step: str, event: LogEvent, error: Exception) -> None:
    letter, is_new = DeadLetter.objects.get_or_create(
        step=step,
        event_id=event.event_id,
        defaults={
            "workspace_id": event.workspace_id,
            "customer_id": event.customer_id,
            "name": event.name[:300],
            "error": said(error),
        },
    )
    if not is_new:
        DeadLetter.objects.filter(pk=letter.pk).update(
            attempts=F("attempts") + 1, error=said(error), last_at=timezone.now()
        )


class FlowThread(threading.Thread):
    """Follows the log as long as the process lives. One process of an installation does; the others stand by."""

    def __init__(self, process: str, *, alone: bool, name: str = NAME) -> None:
        super().__init__(name=name, daemon=True)
        self._stopping = threading.Event()
        self._urgent = name == URGENT_NAME
        self._follower = Follower(name, process, alone=alone, names=urgent_names if self._urgent else None)
        self._health: Health | None = None
        self._pace = Pace()

    def stop(self) -> None:
        self._stopping.set()
        follow.arrivals.wake()

    def run(self) -> None:
        pause = LOOK_EVERY
        while not self._stopping.is_set():
            close_old_connections()
            try:
                handled = self.handle_waiting()
                pause = LOOK_EVERY
            except (Stopped, LeaseLost):
                handled = 0
            except (Error, EventlogError, OSError) as error:
                logger.warning("The flow waits: %s", error)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except Exception:
                logger.exception("The flow failed and begins again")
                self._health = None
                self._stopping.wait(LONGEST_PAUSE)
                continue
            if handled >= SMALL:
                continue
            if handled:
                self._stopping.wait(GATHER_URGENT if self._urgent else GATHER)
            elif self._urgent:
                follow.arrivals.wait_for(self._follower.wanted, LOOK_EVERY)
            else:
                follow.arrivals.wait(LOOK_EVERY)
        try:
            self._follower.release()
        except Error as error:
            logger.warning("The flow could not say goodbye: %s", error)
        connections.close_all()

    def handle_waiting(self) -> int:
        """Handle the next batch of each node; returns how many events. A node that is away holds up no other."""
        if not self._follower.take():
            self._health = None
            return 0
        if self._health is None:
            self._health = Health(self._follower.health)
        handled, trouble = 0, None
        for node in range(len(engine().addresses)):
            try:
                batch = self._follower.next(node)
                while batch and not batch.events:  # blocks that the flow has nothing to do with
                    self._follower.advance(batch)
                    batch = self._follower.next(node) if batch.more else None
            except EventlogError as error:
                trouble = error
                continue
            if batch:
                self._handle(batch)
                handled += len(batch.events)
        if trouble and not handled:
            raise trouble
        return handled

    def _handle(self, batch: Batch) -> None:
        assert self._health is not None
        captured = [event for event in batch.events if event.source == CAPTURED]
        news = [event for event in batch.events if event.occurred_at > event.received_at - NEWS]
        for step in URGENT if self._urgent else STEPS:
            events, done = news if step.facts else captured, 0
            while done < len(events):
                some = events[done : done + (step.at_once or self._at_once())]
                self._run(step, some, self._health)
                done += len(some)
        self._health.handled(len(batch.events))
        self._follower.advance(batch, self._health.as_json())

    def _at_once(self) -> int:
        if self._urgent:
            return AT_ONCE_URGENT
        return AT_ONCE_BESIDE if self._pace.beside else AT_ONCE

    def _run(self, step: Step, events: Sequence[LogEvent], health: Health) -> None:
        """One step until it is done. Raises Stopped."""
        pause = LOOK_EVERY
        started = time.monotonic()
        while True:
            if self._stopping.is_set() or not self._follower.take():
                raise Stopped
            try:
                apply(step, events, health)
                break
            except Exception as error:
                if not may_pass(error):
                    raise
                logger.warning("The step %s waits: %s", step.name, error)
                health.failed(step.name, "retries", error)
                close_old_connections()
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        took = time.monotonic() - started
        entry = health.of(step.name)
        entry["events"] += len(events)
        entry["seconds"] = round(entry["seconds"] + took, 3)
        if not self._urgent:
            self._stopping.wait(self._pace.rest_after(took))
