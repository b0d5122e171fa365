"""The steps of every process, kept as the log says: built when a process is made or changed, and as events arrive.

One process of an installation keeps them, the one that holds the lease. New events are found by the numbers of their
blocks, whatever their time; the journeys that they belong to are made anew. So are those of which something was
removed, and those of customers who were merged or separated (see `cxm.record.eventlog.steps`).
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from cxm.record.eventlog import steps as log
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import LeaseLost
from cxm.record.eventlog.scope import UnknownField

from ..definition import ProcessDefinition
from ..models import Process
from .compiling import compile_process

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks for new events
REST = 4.0  # after work that took long, so many times as long is rested
LONGEST_REST = 30.0  # seconds
TIDY_EVERY = 3600.0  # seconds between two looks for steps of processes that are gone
waiting = threading.Event()  # set when steps are wanted
_working = threading.Lock()  # of two who make the same journeys at once, each would write them
Stop = Callable[[], bool]
Progress = Callable[[int, int], None]  # events, of how many


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class StepsState:
    """What there is of a process: steps and journeys, and up to when the log is in them.

    `up_to` is a time of receipt; `waiting` counts the events behind it and the journeys that are to be made anew.
    While it is being built, `done` of `total` events are (0 of 0: it waits for its turn).
    """

    rows: int
    journeys: int
    built_at: datetime | None
    up_to: datetime
    waiting: int
    building: bool
    done: int
    total: int


def definition_of(process: Process) -> ProcessDefinition:
    return msgspec.convert(process.definition, ProcessDefinition)


def source_of(process: Process) -> log.StepSource:
    """Raises UnknownField."""
    source = compile_process(process.workspace_id, process.pk, process.generation, definition_of(process))
    return replace(source, built_to=process.built_to)


def want_steps(process: Process) -> None:
    """Have all steps of the process built anew, soon, in the background."""
    process.wanted_at = timezone.now()
    Process.objects.filter(pk=process.pk).update(wanted_at=process.wanted_at, progress={})
    transaction.on_commit(waiting.set)


def rebuild_steps() -> None:
    """Build the steps of all processes anew, now. Raises EventlogError."""
    log.empty_steps()
    for process in Process.objects.filter(workspace__deleted_at=None).order_by("pk"):
        try:
            build_steps(process)
        except UnknownField as error:
            logger.warning("The process %s cannot be read: %s", process.pk, error)


def due() -> QuerySet[Process]:
    """The processes whose steps are wanted and not built, the oldest wish first."""
    late = Q(built_at=None) | Q(built_at__lt=F("wanted_at"))
    return Process.objects.filter(late, workspace__deleted_at=None).order_by("wanted_at", "pk")


def build_steps(process: Process, say: Progress = lambda done, of: None) -> None:
    """Build all steps of the process now.

    Where another process keeps the steps, it is asked to, and waited for. Raises EventlogError, UnknownField.
    """
    if engine().in_process:
        with _working:
            _build(process, say, never)
    else:
        cursor = log.StepCursor(f"build/{uuid.uuid4()}")
        if not cursor.take():
            want_steps(process)
        while not cursor.take():  # or until whoever has the lease is gone
            if not due().filter(pk=process.pk).exists():
                break
            time.sleep(0.2)
        else:
            try:
                _build(process, say, never, cursor.take)
            finally:
                cursor.release()
    process.refresh_from_db()


def _build(process: Process, say: Progress, stopping: Stop, keep: Callable[[], object] = never) -> bool:
    """False if it was stopped in between. `keep` is called now and then, to keep the lease."""
    started = timezone.now()
    rows = Process.objects.filter(pk=process.pk)
    # Before the first look at the log: who follows it puts what comes in from now on under this generation too.
    if not rows.update(
        generation=F("generation") + 1, progress={"done": 0, "total": 0}, wanted_at=started, built_to={}
    ):
        return True
    current, built_to = rows.get(), log.tops()

    def tell(done: int, total: int) -> None:
        keep()
        rows.update(progress={"done": done, "total": total})
        say(done, total)

    if not log.build(source_of(current), tell, stopping):
        return False
    rows.update(built_at=started, built_to=built_to, progress={})
    return True


def steps_state(process: Process) -> StepsState:
    """How fresh the steps are."""
    process.refresh_from_db()
    now = datetime.now(UTC)
    rows, journeys, stale = log.count_steps(process.workspace_id, process.pk)
    cursor = log.StepCursor("")
    cursor.look()
    events, oldest = cursor.waiting(process.workspace_id)
    return StepsState(
        rows, journeys, process.built_at, min(oldest or now, now), events + stale,
        building=process.built_at is None or process.built_at < process.wanted_at,
        done=process.progress.get("done", 0), total=process.progress.get("total", 0),
    )  # fmt: skip


class StepKeeper:
    """Keeps the steps as long as the process lives; of several processes, the one that holds the lease does."""

    def __init__(self, holder: str, *, alone: bool = False) -> None:
        self._events = log.StepCursor(holder, alone=alone)
        self._customers = log.StepCursor(holder, alone=alone, table="customers")
        self._rest_until = self._tidy_at = 0.0

    def keep_up(self, stopping: Stop = never) -> bool:
        """A turn of the loop of a process: `catch_up`, with rests in between; never anything more to do at once."""
        if waiting.is_set() or time.monotonic() >= self._rest_until:
            began = time.monotonic()
            self.catch_up(stopping)
            took = time.monotonic() - began
            self._rest_until = time.monotonic() + min(took * REST, LONGEST_REST)
        return False

    def catch_up(self, stopping: Stop = never) -> bool:
        """Build what is wanted and take in what is new; False while another process does. Raises EventlogError."""
        if not (self._events.take() and self._customers.take()):
            return False
        try:
            with _working:
                while not stopping() and self._build_one(stopping):
                    self._hold()
                self._take_in(stopping)
                self._mend(stopping)
                self._tidy()
        except LeaseLost:
            return False
        return True

    def end(self) -> None:
        self._events.release()
        self._customers.release()

    def _hold(self) -> bool:
        """Keep the lease through long work; False, to be asked in one breath with `stopping`. Raises LeaseLost."""
        if not (self._events.take() and self._customers.take()):
            raise LeaseLost(log.NAME)
        return False

    def _build_one(self, stopping: Stop) -> bool:
        process = next(iter(due()), None)
        if process is None:
            return False
        try:
            return _build(process, lambda done, of: None, stopping, self._hold)
        except UnknownField as error:
            logger.warning("The process %s cannot be read: %s", process.pk, error)
            Process.objects.filter(pk=process.pk).update(built_at=timezone.now(), progress={"problem": str(error)})
            return True

    def _take_in(self, stopping: Stop) -> None:
        """What is new in the log becomes events of steps, and marks the journeys that it belongs to.

        What comes meanwhile gathers for the next turn: a look costs much the same for few events.
        """
        for node in range(len(engine().addresses)):
            if (new := self._events.next(node)) and not stopping():
                # Only now: of a process that is not in this list, all of these events are still to be built.
                sources = _sources(Process.objects.filter(workspace__in=list(new.names)).exclude(generation=0))
                done = [
                    log.add_new(source, new) for source in sources
                    if not source.names or new.names[source.workspace_id] & set(source.names)
                ]  # fmt: skip
                if all(done):
                    self._events.advance(new)
            if (new := self._customers.next(node)) and not stopping():
                for workspace_id in new.names:
                    processes = _sources(Process.objects.filter(workspace=workspace_id))
                    if of_customers := [one.process for one in processes if one.of_customers]:
                        log.mark_moved(new, workspace_id, of_customers)
                self._customers.advance(new)

    def _mend(self, stopping: Stop) -> None:
        now = datetime.now(UTC)
        numbers = log.stale_processes(now)
        if numbers:  # of a process that is gone, nothing is made and the marks go
            log.mend(_sources(Process.objects.filter(pk__in=numbers)), now, lambda: self._hold() or stopping())

    def _tidy(self) -> None:
        """Remove what a process left that was removed while its steps were being written."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_EVERY
        known = set(Process.objects.values_list("workspace_id", "pk"))
        for workspace_id, process in log.processes_with_steps() - known:
            log.forget_process(workspace_id, process)


def _sources(processes: Iterable[Process]) -> list[log.StepSource]:
    found = []
    for process in processes:
        try:
            found.append(source_of(process))
        except UnknownField:
            continue  # said when it was to be built
    return found
