"""Load with ends at any moment: what was acknowledged is there once, and all that follows from it agrees with it.

Each round sends batches until the process (or the server behind it) is killed, starts it again, and sends the batches
that were not acknowledged once more, as real clients do.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cxm.testing.effort import full_or
from cxm.testing.site import PATIENCE, Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
ROUNDS = full_or(20, 1)
SENDERS = 3
GIVEN = """
import json
from cxm.testing.cast import make_user, make_workspace, make_write_key
print(json.dumps(make_write_key(make_workspace("Chaos", owner=make_user()))))
"""
# What the log, the derived tables and the flow have come to, as one JSON object.
STATE = """
import json
from cxm.record.customers.models import Customer
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.models import DeadLetter
def one(sql):
    with engine().client() as client:
        return client.query(sql).result_rows[0][0]
print(json.dumps({
    "events": one("SELECT count() FROM events WHERE type != ''"),
    "distinct": one("SELECT uniqExact(event_id) FROM events WHERE type != ''"),
    "ids": one("SELECT groupArray(toString(event_id)) FROM events WHERE type != ''"),
    "answers": one("SELECT count() FROM events WHERE name = 'answer_given'"),
    "feedback": one("SELECT count() FROM feedback"),
    "feedback_ids": one(
        "SELECT uniqExact(event_id) FROM feedback WHERE event_id GLOBAL IN (SELECT event_id FROM events)"
    ),
    "rollup": one("SELECT sum(n) FROM feedback_rollup"),
    "orders": one("SELECT count() FROM events WHERE name = 'order_placed'"),
    "milestones": one("SELECT count() FROM order_milestones"),
    "users": one("SELECT uniqExact(user_id) FROM events WHERE type != '' AND user_id != ''"),
    "customers": Customer.objects.count(),
    "dead_letters": list(DeadLetter.objects.values_list("step", "error")),
}))
"""
WAITING = """
import json
from cxm.record.eventlog.follow import Follower
print(json.dumps(Follower("flow", "test").lag().events))
"""
# The same, once nothing waits or after a minute: asking anew starts a process each time.
AT_REST = """
import json, time
from cxm.record.eventlog.follow import Follower
until = time.monotonic() + 60
while (waiting := Follower("flow", "test").lag().events) and time.monotonic() < until:
    time.sleep(0.5)
print(json.dumps(waiting))
"""
# What the clock does every five minutes, without waiting for inserts to settle: nobody writes any more.
MEND = """
from datetime import timedelta
from cxm.record.eventlog.repair import repair
repair(timedelta(0))
"""
# One thread takes all that is free and gives it back, many times a second, while another appends events.
RACE = """
import json, os, random, shutil, threading, time, uuid
from datetime import UTC, datetime
from pathlib import Path
from cxm.record.eventlog.append import NOBODY, Event, append
from cxm.record.eventlog.disk import failed_writes
from cxm.record.eventlog.engine import EventlogError, engine
ballast, seconds, chance, stop = Path(%r), %d, random.Random(3), threading.Event()
def race():
    while not stop.is_set():
        with ballast.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(ballast.parent).free)
            except OSError:
                pass
        time.sleep(chance.uniform(0, 0.01))
        ballast.unlink()
        time.sleep(chance.uniform(0, 0.03))
def event():
    return Event(workspace_id=1, event_id=uuid.uuid4(), name="kettle_boiled", customer_id=NOBODY,
                 occurred_at=datetime.now(UTC), source="capture", properties=json.dumps({"text": chance.random()}))
opened, said, refused = engine(), set(), 0
filler = threading.Thread(target=race, daemon=True)
filler.start()
until = time.monotonic() + seconds
while time.monotonic() < until:
    events = [event() for _ in range(chance.randrange(1, 60))]
    try:
        append(events, known_new=True)
        said |= {str(one.event_id) for one in events}
    except EventlogError as error:
        assert error.retry, error
        refused += 1
stop.set()
filler.join()
opened.disk.look(opened)
with opened.client() as client:
    failed = failed_writes(client)
    stored = {row[0] for row in client.query("SELECT toString(event_id) FROM events").result_rows}
lost = len(said - stored)
print(json.dumps({"acknowledged": len(said), "lost": lost, "refused": refused, "failed": failed}))
"""
WORKSPACE = "import json; from cxm.accounts.models import Workspace; print(json.dumps(Workspace.objects.get().pk))"


class Load:
    """Senders that post batches until told to stop, and remember which were acknowledged and which were not."""

    def __init__(self, site: Site, key: str, seed: int) -> None:
        self.site, self.key = site, key
        self.chance = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.unsure: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def batch(self) -> dict[str, Any]:
        with self._lock:
            calls = [self._call() for _ in range(self.chance.randint(1, 40))]
        return {"batch": calls, "writeKey": self.key}

    def _call(self) -> dict[str, Any]:
        message = str(uuid.UUID(int=self.chance.getrandbits(128)))
        user = f"user-{self.chance.randrange(40)}"
        call: dict[str, Any] = {"type": "track", "messageId": message, "userId": user, "event": "Kettle Boiled"}
        match self.chance.randrange(4):
            case 0:
                said = {"metric": "nps", "value": self.chance.randint(0, 10), "survey_id": "s"}
                call |= {"event": "Survey Answered", "properties": said}
            case 1:
                bought = {"order_id": message, "total": 3, "currency": "EUR"}
                call |= {"event": "Order Completed", "properties": bought}
            case 2:
                call |= {"type": "identify", "traits": {"plan": self.chance.choice(["a", "b"])}}
        return call

    def begin(self) -> None:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _send(self) -> None:
        while not self._stop.is_set():
            batch = self.batch()
            if not self.post(batch):
                with self._lock:
                    self.unsure.append(batch)
                time.sleep(0.05)

    def post(self, batch: dict[str, Any]) -> bool:
        request = urllib.request.Request(
            self.site.url("/v1/batch"), json.dumps(batch).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                good = bool(reply.status == 200)
        except (OSError, urllib.error.HTTPError):
            good = False
        if good:
            with self._lock:
                self.acknowledged.update(call["messageId"] for call in batch["batch"])
        return good

    def send_again(self) -> None:
        """What was not acknowledged, until it is."""
        deadline = time.monotonic() + PATIENCE
        while self.unsure and time.monotonic() < deadline:
            self.unsure = [batch for batch in self.unsure if not self.post(batch)]
            if self.unsure:
                time.sleep(0.2)
        assert not self.unsure, "the server does not take events again"


def check(site: Site, load: Load) -> None:
    """Everything acknowledged is there once; what is derived, and what the flow has made, agrees."""
    state = site.ask(STATE)
    stored = set(state["ids"])
    workspace = site.ask(WORKSPACE)
    from cxm.record.eventlog.ids import event_id_of

    lost = [one for one in load.acknowledged if str(event_id_of(workspace, one)) not in stored]
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged events are not in the log"
    assert state["events"] == state["distinct"] == len(load.acknowledged)
    assert state["feedback"] == state["feedback_ids"] == state["answers"] == state["rollup"]
    assert state["milestones"] == state["orders"]
    assert state["customers"] == state["users"]
    assert state["dead_letters"] == []  # what was away came back: nothing is a poisoned event


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data")
    made.install()
    yield made
    made.kill()


def settled(site: Site) -> None:
    """Wait until the flow has handled everything and derived tables were looked at; on servers, beside the worker."""
    waiting = site.ask(AT_REST)
    assert not waiting, f"{waiting} events wait for the flow"
    site.ask(MEND)


def settle(site: Site) -> None:
    """Let the flow of the one process come to its end, and stop it as a service manager does."""
    for _try in range(20):
        time.sleep(4)
        site.stop()
        if site.ask(WAITING) == 0:
            return
        site.start()
    raise AssertionError("the flow does not come to its end")


def test_a_kill_at_any_moment_loses_and_doubles_nothing(site: Site) -> None:
    chance = random.Random(7)
    load = Load(site, site.ask(GIVEN), seed=7)
    for _round in range(ROUNDS):
        site.start()
        load.send_again()
        load.begin()
        time.sleep(chance.uniform(0.2, 1.2))
        site.kill()
        load.end()
    site.start()
    load.send_again()
    settle(site)
    assert len(load.acknowledged) > 100 * ROUNDS / 2
    check(site, load)


class Disk:
    """A small disk of its own, in memory, that can be full."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        self._ballast = place / "ballast"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
        done = subprocess.run(mount if os.geteuid() == 0 else ["sudo", "-n", *mount], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("A disk that can be full needs the right to mount one.")

    def fill(self, leave: int) -> None:
        """Take all but `leave` bytes, however fast others write meanwhile."""
        with self._ballast.open("wb") as file:
            while True:
                try:
                    os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(self.place).free - leave))
                    return
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        self._ballast.unlink()

    def remove(self) -> None:
        umount = ["umount", "-l", str(self.place)]
        subprocess.run(umount if os.geteuid() == 0 else ["sudo", "-n", *umount], check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk", 600)
    yield made
    made.remove()


def test_a_disk_that_is_full_for_moments_loses_nothing(disk: Disk) -> None:
    """The engine in process says nothing when a write fails, of events or of what it merges: see eventlog/disk.py."""
    site = Site(disk.place / "data", servers=False)
    site.install()
    found = site.ask(RACE % (str(disk.place / "ballast"), full_or(60, 8)))
    assert found["failed"] > 0 and found["refused"] > 0 and found["acknowledged"] > 100
    assert found["lost"] == 0


def test_a_full_disk_loses_and_doubles_nothing(disk: Disk) -> None:
    """Everything is on that disk: the log, the database, temporary files. Now and then the process is killed on it."""
    chance = random.Random(3)
    site = Site(disk.place / "data", servers=False)
    site.install()
    load = Load(site, site.ask(GIVEN), seed=3)
    site.start()
    refused = 0
    try:
        for number in range(full_or(6, 2)):
            load.begin()
            time.sleep(chance.uniform(0.2, 0.6))
            disk.fill(leave=chance.randrange(2_000_000))
            until = time.monotonic() + PATIENCE
            before = len(load.unsure)
            while len(load.unsure) < before + 10 and time.monotonic() < until:
                time.sleep(0.1)
            refused += len(load.unsure) - before
            time.sleep(chance.uniform(0, 3))  # the flow and its lease meet the full disk too
            killed = number % 2 == 1
            if killed:
                site.kill()
            load.end()
            disk.empty()
            if killed:
                site.start()
            load.send_again()
        settle(site)
        assert refused >= 10 and len(load.acknowledged) > 100
        check(site, load)
    finally:
        with suppress(AttributeError):
            print(site.said()[-3000:])  # shown where the test fails
        site.kill()
