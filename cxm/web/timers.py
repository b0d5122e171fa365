"""The clocks: what is done every so often, in one list. Each function is safe to run twice and in several processes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache
from django.core.management import call_command
from django.db import close_old_connections, connections

from cxm.act.automations.watching import note_members, watch
from cxm.act.cases import routing, satisfaction, ticking
from cxm.act.cases.alerts import notices, watching
from cxm.act.cases.presence import forget as forget_presence
from cxm.act.cases.waking import close_old, wake_due
from cxm.listen.channels.files import drop_unclaimed
from cxm.listen.channels.jobs import look_for_recordings, resume_reviews
from cxm.listen.channels.sending import give_up_claims
from cxm.listen.channels.webhooks import actions as webhooks
from cxm.listen.channels.webhooks import sending as webhook_sending
from cxm.listen.surveys.distribution.running import remind
from cxm.listen.surveys.distribution.waves import begin_due
from cxm.listen.surveys.respond.giving_up import give_up
from cxm.listen.surveys.respond.telling import tell_outdated
from cxm.listen.surveys.respond.verifying import forget_unconfirmed
from cxm.record.capture.jobs import resume_interrupted, resume_regulations
from cxm.record.eventlog.memory import give_back_memory
from cxm.record.eventlog.repair import repair
from cxm.steer.dashboards.surveys import exporting
from cxm.understand.journeys.evidence.keeping import keep_warm
from cxm.understand.text.experience.jobs import calibrate_due

from . import data_directory, workers
from .workspaces import erase_closed_workspaces

logger = logging.getLogger(__name__)

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


def clear_sessions() -> None:
    call_command("clearsessions")


@dataclass(frozen=True)
class Clock:
    """`do` runs `every` so many seconds by one process of the installation, and once `at_start` of each if told so."""

    do: Callable[[], object]
    every: int
    at_start: bool = False


CLOCKS = [
    Clock(clear_sessions, DAY),
    Clock(workers.prune_finished, DAY),
    Clock(give_back_memory, MINUTE),
    Clock(data_directory.clear_exchange, HOUR, at_start=True),
    Clock(exporting.remove_old, HOUR),
    Clock(resume_interrupted, 5 * MINUTE, at_start=True),
    Clock(repair, 5 * MINUTE),
    Clock(give_up, MINUTE),
    Clock(tell_outdated, MINUTE),
    Clock(resume_regulations, 5 * MINUTE),
    Clock(erase_closed_workspaces, HOUR, at_start=True),
    Clock(lambda: workers.requeue_interrupted(alone=False), MINUTE),
    Clock(lambda: give_up_claims(workers.is_alive), MINUTE),
    Clock(lambda: webhook_sending.give_up_claims(workers.is_alive), MINUTE),
    Clock(webhooks.forget_old, HOUR),
    Clock(remind, 5 * MINUTE),
    Clock(begin_due, MINUTE, at_start=True),
    Clock(forget_unconfirmed, DAY),
    Clock(look_for_recordings, MINUTE),
    Clock(resume_reviews, 5 * MINUTE, at_start=True),
    Clock(drop_unclaimed, HOUR),
    Clock(calibrate_due, HOUR),
    Clock(keep_warm, 5 * MINUTE),
    Clock(ticking.tick, 10, at_start=True),
    Clock(routing.fill, MINUTE),
    Clock(satisfaction.send_due, MINUTE),
    Clock(wake_due, MINUTE),
    Clock(close_old, HOUR),
    Clock(forget_presence, HOUR),
    Clock(notices.send_due, MINUTE),
    Clock(watching.watch, HOUR),
    Clock(watch, 5 * MINUTE),
    Clock(note_members, 10),
]


class ClockThread(threading.Thread):
    """Runs the clocks, and says in between that this process lives."""

    def __init__(self, process: str) -> None:
        super().__init__(name="clocks", daemon=True)
        self._process = process
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        due = {number: 0.0 if clock.at_start else time.monotonic() + MINUTE for number, clock in enumerate(CLOCKS)}
        while not self._stopping.is_set():
            close_old_connections()
            self._guarded("sign of life", lambda: workers.say_alive(self._process))
            for number, clock in enumerate(CLOCKS):
                if time.monotonic() >= due[number] and not self._stopping.is_set():
                    at_start = due[number] == 0.0
                    due[number] = time.monotonic() + clock.every
                    self._guarded(str(number), lambda: self._tick(number, clock, at_start))  # noqa: B023  # runs at once
            self._stopping.wait(10)
        self._guarded("goodbye", lambda: workers.say_goodbye(self._process))
        connections.close_all()

    def _tick(self, number: int, clock: Clock, at_start: bool) -> None:
        # `add` succeeds in one process only, so that several of them do not all do the same.
        if at_start or cache.add(f"clock:{number}", 1, timeout=clock.every * 0.9):
            clock.do()

    def _guarded(self, name: str, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception:
            logger.exception("The clock %r failed; it will be tried again", name)
