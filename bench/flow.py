"""From an acknowledged answer to its case, at 2 000 answers a second and 50 active rules.

Answers come over the tracking API in small batches, at a steady rate. The clock of an answer starts when the batch with
it is acknowledged, and ends when its case can be read from the database by another process, which looks every 20 ms.
Then the server is killed with SIGKILL again and again under load: each answer that was acknowledged and meets a rule
has exactly one alert and one case. The baseline is the same answers without any rule: what alerts cost the intake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.capture import Answers, connected, request
from bench.report import Report, arguments
from cxm.testing.site import Site

RATE, BATCH = 2_000, 50  # answers a second; of one request
SAD = 0.006  # of the answers meet a rule that opens a case: 12 cases a second are more than any desk takes
RULES = 50
GIVEN = """
import json
from cxm.act.cases.alerts.tests.given import make_rules
from cxm.testing.cast import make_user, make_workspace, make_write_key
workspace = make_workspace("Load", owner=make_user())
make_rules(workspace, {rules})
print(json.dumps(make_write_key(workspace)))
"""
STATE = """
import json
from cxm.act.cases.models import Alert, AlertHit, Case
from cxm.record.eventlog.engine import engine
with engine().client() as client:
    events = client.query("SELECT count() FROM events WHERE name = 'answer_given'").result_rows[0][0]
print(json.dumps({"cases": list(Case.objects.values_list("opened_by", flat=True)), "events": events,
                  "alerts": list(Alert.objects.values_list("cause", flat=True)), "hits": AlertHit.objects.count()}))
"""


def answer(chance: random.Random, message_id: str) -> dict[str, object]:
    sad = chance.random() < SAD
    return {
        "type": "track", "event": "answer_given", "userId": f"user-{chance.randrange(200_000)}",
        "messageId": message_id, "timestamp": datetime.now(UTC).isoformat(), "context": {},
        "properties": {
            "metric": "nps", "question": "nps", "scale": "0-10", "score": 0 if sad else chance.randrange(7, 11),
            "survey": "load", "channel": chance.choice(["web", "app", "email"]), "touchpoint": "checkout",
            "comment": chance.choice(["", "Fine, thank you", "Quick and friendly, I will come again next month"]),
        },
    }  # fmt: skip


def event_id_of(key_workspace: int, message_id: str) -> str:
    from cxm.record.eventlog.ids import event_id_of as made

    return str(made(key_workspace, message_id))


class Load:
    """Answers at a steady rate; remembers when each sad one was acknowledged."""

    def __init__(self, site: Site, key: str, seed: int) -> None:
        self.site, self.key, self.chance = site, key, random.Random(seed)
        self.acknowledged: dict[str, float] = {}  # message ids of sad answers -> when
        self.sent = 0
        self.waits: list[float] = []

    def batch(self) -> tuple[bytes, list[str]]:
        some = [answer(self.chance, str(uuid.UUID(int=self.chance.getrandbits(128)))) for _ in range(BATCH)]
        sad = [str(one["messageId"]) for one in some if one["properties"]["score"] == 0]  # type: ignore[index]  # made above
        body = json.dumps({"batch": some, "writeKey": self.key}).encode()
        return request("/v1/batch", body), sad

    async def run(self, seconds: float, rate: int = RATE) -> None:
        free: asyncio.LifoQueue[Answers] = asyncio.LifoQueue()
        for connection in await connected(self.site.port, 16):
            free.put_nowait(connection)

        async def one(due: float) -> None:
            body, sad = self.batch()
            line = await free.get()
            status = await line.send(body)
            now = time.time()
            if status != 200:
                raise RuntimeError(f"answered {status}")
            self.sent += BATCH
            self.waits.append(time.perf_counter() - due)
            self.acknowledged.update(dict.fromkeys(sad, now))
            free.put_nowait(line)

        started, tasks = time.perf_counter(), []
        for number in range(int(seconds * rate / BATCH)):
            due = started + number * BATCH / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(one(due)))
        await asyncio.gather(*tasks)


class Watcher(threading.Thread):
    """Reads the cases from the database as another process does, and remembers when each was first there."""

    def __init__(self, database: Path) -> None:
        super().__init__(daemon=True)
        self.database, self.stopping = database, threading.Event()
        self.seen: dict[str, float] = {}

    def run(self) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as connection:
            last = 0
            while not self.stopping.is_set():
                rows = connection.execute(
                    "SELECT rowid, opened_by FROM cases_case WHERE rowid > ? ORDER BY rowid", [last]
                ).fetchall()
                now = time.time()
                for number, opened_by in rows:
                    last = number
                    self.seen.setdefault(opened_by.removeprefix("answer:"), now)
                self.stopping.wait(0.02)


@contextlib.contextmanager
def watched(site: Site) -> Iterator[Watcher]:
    watcher = Watcher(site.directory / "cxm.sqlite3")
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stopping.set()
        watcher.join()


def latencies(load: Load, watcher: Watcher, workspace: int) -> list[float]:
    """Seconds from the acknowledgement to the case, waiting until all are there."""
    wanted = {event_id_of(workspace, one): at for one, at in load.acknowledged.items()}
    deadline = time.monotonic() + 60
    while wanted.keys() - watcher.seen.keys() and time.monotonic() < deadline:
        time.sleep(0.1)
    missing = wanted.keys() - watcher.seen.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(wanted)} answers have no case after a minute.")
    return sorted(watcher.seen[one] - at for one, at in wanted.items())


def of(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


def processor_seconds(pid: int) -> float:
    """What the server has used of all cores so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """`cases`: seconds to each case; `waits`: for each acknowledgement; `rate`: answers a second; `cores` in use."""

    cases: list[float]
    waits: list[float]
    rate: float
    cores: float


def measured(directory: Path, rules: int, seconds: float, seed: int) -> Measured:
    site = Site(directory)
    site.install()
    key = site.ask(GIVEN.format(rules=rules))
    site.start()
    try:
        workspace = (
            sqlite3.connect(directory / "cxm.sqlite3").execute("SELECT id FROM accounts_workspace").fetchone()[0]
        )
        asyncio.run(Load(site, key, seed + 1).run(min(2.0, seconds)))  # the first requests of a process take their time
        load = Load(site, key, seed)
        assert site.process is not None
        started, used = time.perf_counter(), processor_seconds(site.process.pid)
        with watched(site) as watcher:
            asyncio.run(load.run(seconds))
            taken = time.perf_counter() - started
            cores = (processor_seconds(site.process.pid) - used) / taken
            found = latencies(load, watcher, workspace) if rules else []
    finally:
        site.stop()
    return Measured(found, sorted(load.waits), load.sent / taken, cores)


def main() -> int:
    options = arguments(__doc__)
    report = Report("flow", small=options.small)
    seconds = 6 if options.small else 60
    with tempfile.TemporaryDirectory() as name:
        bare = measured(Path(name) / "bare", 0, seconds, options.seed)
        full = measured(Path(name) / "rules", RULES, seconds, options.seed)
    print(f"flow: {len(full.cases)} cases of {full.rate * seconds:.0f} answers;"
          f" median {statistics.median(full.cases):.2f} s,"
          f" longest {full.cases[-1]:.2f} s", flush=True)  # fmt: skip
    report.line("answers taken with 50 rules", full.rate, bound=RATE * 0.98, at_least=True, unit="/s")
    report.line("p99 to the case", of(full.cases, 0.99), bound=2.0)
    report.line("processors used", full.cores, bare.cores, bound=1.5, unit=" cores")
    report.line("p99 of the acknowledgement", of(full.waits, 0.99) * 1000, of(bare.waits, 0.99) * 1000, bound=3.0,
                unit="ms")  # fmt: skip
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
