"""Two web processes and one worker on PostgreSQL and a sharded ClickHouse: the same rules as for one process, and what
becomes of them when a process, a node or the database is killed under load.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cxm.testing.effort import full_or
from cxm.testing.engines import ClickHouse, Postgres, clickhouse, postgres
from cxm.testing.site import Site

from .test_chaos import GIVEN, Load, check, settled

pytestmark = [pytest.mark.once, pytest.mark.slow]
SHARES = """
import json
from cxm.record.eventlog.engine import engine
counts = []
for address in engine().addresses:
    with engine().client(address) as client:
        counts.append(client.query("SELECT count() FROM events_local WHERE type != ''").result_rows[0][0])
print(json.dumps(counts))
"""
PEOPLE = """
import json
from cxm.record.customers.models import Customer
from cxm.record.customers.queries import person_of
found = {}
for customer in Customer.objects.filter(canonical=None):
    person = person_of(customer)
    found[customer.email] = sorted(str(one) for one in person.identities)
print(json.dumps(found))
"""


@dataclass
class Cluster:
    database: Postgres
    log: ClickHouse
    web: list[Site]
    worker: Site

    def start(self) -> None:
        for site in self.web:
            site.start("web")
        self.worker.start("work")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name in ("CXM_DATABASE_URL", "CXM_EVENTLOG_URL"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:
        # pytest's own directories are closed to the user as whom PostgreSQL runs.
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cxm-cluster-")))
        database = stack.enter_context(postgres(place))
        log = stack.enter_context(clickhouse(place, 2))
        one = Site(tmp_path / "data", servers=False)
        one.environment |= {"CXM_DATABASE_URL": database.url, "CXM_EVENTLOG_URL": log.url}
        done = one.run("migrate", "--verbosity", "0")
        assert done.returncode == 0, done.stderr
        made = Cluster(database, log, [one, one.beside()], one.beside())
        try:
            yield made
        finally:
            for site in (*made.web, made.worker):
                site.kill()


def test_events_are_stored_once_and_kills_lose_and_double_nothing(cluster: Cluster) -> None:
    """One story, because a cluster takes long to start: twice the same, then trouble, then people by three names."""
    one, two = cluster.web
    key = one.ask(GIVEN)
    cluster.start()
    loads = [Load(one, key, 11), Load(two, key, 12)]

    batches = [loads[0].batch() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: job[0].post(job[1]), [(load, b) for b in batches for load in loads]))
    assert all(answers)
    assert loads[0].acknowledged == loads[1].acknowledged
    settled(cluster.worker)  # what both stored at once is there once from then on
    shares = one.ask(SHARES)
    assert sum(shares) == len(loads[0].acknowledged)
    assert min(shares) > 0.2 * sum(shares)  # both shards have their part

    chance = random.Random(5)
    troubles = (a_node, a_web_process, the_database, the_worker)
    for trouble in troubles[: full_or(4, 1)]:
        for load in loads:
            load.begin()
        time.sleep(chance.uniform(0.3, 1.0))
        trouble(cluster, chance)
        time.sleep(0.3)
        for load in loads:
            load.end()
            load.send_again()
    settled(cluster.worker)
    everything = Load(one, key, 0)
    everything.acknowledged = loads[0].acknowledged | loads[1].acknowledged
    assert min(len(load.acknowledged) for load in loads) > sum(shares) + 100
    check(one, everything)

    people = [
        {"type": "page", "anonymousId": "device-1", "messageId": "p1"},
        {"type": "identify", "anonymousId": "device-1", "userId": "olena", "messageId": "i1",
         "traits": {"email": "olena@example.com"}},
        {"type": "alias", "previousId": "old-olena", "userId": "olena", "messageId": "a1"},
    ]  # fmt: skip
    for number, call in enumerate(people):
        assert loads[number % 2].post({"batch": [call], "writeKey": key})
    settled(cluster.worker)
    found = one.ask(PEOPLE)
    assert found["olena@example.com"] == [
        "anonymous_id: device-1", "anonymous_id: old-olena", "email: olena@example.com", "user_id: olena",
    ]  # fmt: skip


def a_node(cluster: Cluster, chance: random.Random) -> None:
    k = chance.randrange(2)
    cluster.log.kill(k)
    time.sleep(chance.uniform(0.2, 1.0))
    cluster.log.start(k)
    cluster.log.wait()


def a_web_process(cluster: Cluster, _chance: random.Random) -> None:
    cluster.web[1].kill()
    cluster.web[1].start("web")


def the_database(cluster: Cluster, chance: random.Random) -> None:
    cluster.database.stop()
    time.sleep(chance.uniform(0.2, 1.0))
    cluster.database.start()


def the_worker(cluster: Cluster, _chance: random.Random) -> None:
    cluster.worker.kill()
    cluster.worker.start("work")
