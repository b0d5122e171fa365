"""kill -9 while answers become cases: every acknowledged answer that meets a rule has one alert and one case.

Each round sends batches until the server is killed at a random moment, starts it again, and sends those that were not
acknowledged once more under the same message ids, as a tracking client does.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from cxm.record.eventlog.ids import event_id_of
from cxm.testing.effort import full_or
from cxm.testing.site import PATIENCE, Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
ROUNDS = full_or(20, 1)
GIVEN = """
import json
from cxm.act.cases.alerts.tests.given import make_rules
from cxm.testing.cast import make_user, make_workspace, make_write_key
workspace = make_workspace("Kills", owner=make_user())
make_rules(workspace, 50)
print(json.dumps([workspace.pk, make_write_key(workspace)]))
"""
STATE = """
import json
from collections import Counter
from cxm.act.cases.models import Alert, AlertHit, AlertNotice, Case
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.models import DeadLetter, OutboxFact
from cxm.record.eventlog.outbox import move_outbox
move_outbox()
with engine().client() as client:
    rows = client.query("SELECT name, JSONExtractString(properties, 'case_id'), count() FROM events"
                        " WHERE name IN ('case_opened', 'alert_raised') GROUP BY 1, 2").result_rows
    events = client.query("SELECT uniqExact(event_id) FROM events WHERE name = 'answer_given'").result_rows[0][0]
print(json.dumps({
    "cases": sorted(Case.objects.values_list("opened_by", flat=True)), "events": events,
    "numbers": sorted(Case.objects.values_list("number", flat=True)),
    "alerts": sorted(Alert.objects.values_list("cause", flat=True)), "without": Alert.objects.filter(case=None).count(),
    "hits": AlertHit.objects.count(), "notices": AlertNotice.objects.count(), "dead": DeadLetter.objects.count(),
    "facts": Counter(f"{name} {n}" for name, _case, n in rows)}))
"""


class Load:
    def __init__(self, site: Site, key: str) -> None:
        self.site, self.key, self.chance = site, key, random.Random(5)
        self.sad: set[str] = set()  # message ids of acknowledged answers that meet the rule
        self.sent = 0
        self.unsure: list[bytes] = []
        self._stop = threading.Event()

    def batch(self) -> bytes:
        some = []
        for _ in range(50):
            sad = self.chance.random() < 0.04
            said = {"metric": "nps", "question": "nps", "scale": "0-10", "score": 0 if sad else 9, "channel": "web"}
            some.append({
                "type": "track", "event": "answer_given", "userId": f"user-{self.chance.randrange(5000)}",
                "messageId": str(uuid.UUID(int=self.chance.getrandbits(128))), "properties": said,
            })  # fmt: skip
        return json.dumps({"batch": some, "writeKey": self.key}).encode()

    def post(self, body: bytes) -> bool:
        request = urllib.request.Request(self.site.url("/v1/batch"), body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                good = bool(reply.status == 200)
        except OSError:
            good = False
        if good:
            batch: list[dict[str, Any]] = json.loads(body)["batch"]
            self.sent += len(batch)
            self.sad.update(one["messageId"] for one in batch if one["properties"]["score"] == 0)
        return good

    def _send(self) -> None:
        while not self._stop.is_set():
            body = self.batch()
            if not self.post(body):
                self.unsure.append(body)
                return
            time.sleep(0.02)

    def run_until_killed(self, seconds: float) -> None:
        self._stop.clear()
        sender = threading.Thread(target=self._send, daemon=True)
        sender.start()
        time.sleep(seconds)
        self.site.kill()
        self._stop.set()
        sender.join(PATIENCE)

    def send_again(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.unsure and time.monotonic() < deadline:
            self.unsure = [body for body in self.unsure if not self.post(body)]
        assert not self.unsure, "the server does not take answers again"


def test_no_case_is_lost_or_opened_twice_when_the_server_is_killed(tmp_path: Path) -> None:
    site = Site(tmp_path, servers=False)
    site.install()
    workspace, key = site.ask(GIVEN)
    load = Load(site, key)
    chance = random.Random(7)
    try:
        for _round in range(ROUNDS):
            site.start()
            load.send_again()
            load.run_until_killed(chance.uniform(0.2, 3.0))
        site.start()
        load.send_again()
        wanted = sorted(f"answer:{event_id_of(workspace, one)}" for one in load.sad)
        _wait_for(site, len(wanted))
        site.stop()
        state = site.ask(STATE)
    finally:
        site.kill()
    assert load.sent >= 50 * ROUNDS
    assert wanted, "no answer met the rule"
    assert state["events"] == load.sent
    assert state["cases"] == wanted
    assert state["numbers"] == list(range(1, len(wanted) + 1))
    assert [one.replace("event:", "answer:") for one in state["alerts"]] == wanted
    assert (state["without"], state["dead"]) == (0, 0)
    assert (state["hits"], state["notices"]) == (len(wanted), len(wanted))
    # Each fact is in the log once, by its case.
    assert state["facts"] == {"case_opened 1": len(wanted), "alert_raised 1": len(wanted)}


def _wait_for(site: Site, cases: int) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        with sqlite3.connect(f"file:{site.directory / 'cxm.sqlite3'}?mode=ro", uri=True) as connection:
            if connection.execute("SELECT count(*) FROM cases_alert WHERE case_id IS NOT NULL").fetchone()[0] >= cases:
                return
        time.sleep(0.2)
