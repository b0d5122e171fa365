"""kill -9 while surveys are answered: no acknowledged answer is lost, and none counts twice.

Each round sends whole forms until the server is killed, starts it again, and sends those that were not acknowledged
once more, as a browser that had no answer does.
"""

from __future__ import annotations

import random
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from cxm.testing.effort import full_or
from cxm.testing.site import PATIENCE, Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
ROUNDS = full_or(10, 1)
SENDERS = 4
GIVEN = """
import json
from cxm.testing.cast import make_user, make_workspace
from cxm.listen.surveys.respond.tests.given import make_survey
print(json.dumps(make_survey(make_workspace("Kills", owner=make_user())).public_id))
"""
STATE = """
import json
from cxm.listen.surveys.models import Response
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.outbox import move_outbox
move_outbox()
with engine().client() as client:
    facts = client.query("SELECT count(), uniqExact(event_id) FROM events WHERE name = 'answer_given'").result_rows[0]
    scores = client.query("SELECT count() FROM feedback WHERE metric = 'nps'").result_rows[0][0]
done = Response.objects.filter(state="completed")
print(json.dumps({"ids": [str(one) for one in done.values_list("pk", flat=True)], "facts": facts, "scores": scores,
                  "words": list(done.values_list("answers__why", flat=True))}))
"""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


class Load:
    def __init__(self, site: Site, public_id: str) -> None:
        self.site, self.public_id = site, public_id
        self.open = urllib.request.build_opener(NoRedirect)
        self.acknowledged: set[str] = set()
        self.unsure: list[tuple[str, str, bytes]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._n = 0

    def form(self) -> tuple[str, str, bytes] | None:
        """A page loaded and filled in: a word that nobody else says, the address, the body."""
        try:
            with self.open.open(self.site.url(f"/s/{self.public_id}"), timeout=20) as reply:
                page = reply.read().decode()
        except (OSError, urllib.error.HTTPError):
            return None
        with self._lock:
            self._n += 1
            word = f"word-{self._n}"
        action = re.search(r'action="([^"]+)"', page)
        assert action is not None
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
        answers = [("a.nps", "9"), ("a.why", word), ("a.speed", "4"), ("a.again", "yes"), ("step", "next")]
        return word, action[1], urlencode([*fields, *answers]).encode()

    def post(self, form: tuple[str, str, bytes]) -> bool:
        request = urllib.request.Request(self.site.url(form[1]), form[2])
        try:
            self.open.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            good = error.code == 303
        except OSError:
            good = False
        else:
            good = False
        if good:
            with self._lock:
                self.acknowledged.add(form[0])
        return good

    def _send(self) -> None:
        while not self._stop.is_set():
            form = self.form()
            if form is None:
                time.sleep(0.05)
            elif not self.post(form):
                with self._lock:
                    self.unsure.append(form)

    def run_until_killed(self, seconds: float) -> None:
        self._stop.clear()
        self.form()  # the first page of a process takes its time
        threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.site.kill()
        self._stop.set()
        for thread in threads:
            thread.join(PATIENCE)

    def send_again(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.unsure and time.monotonic() < deadline:
            self.unsure = [form for form in self.unsure if not self.post(form)]
        assert not self.unsure, "the server does not take answers again"


def test_no_acknowledged_answer_is_lost_and_none_counts_twice(tmp_path: Path) -> None:
    site = Site(tmp_path / "data")
    site.install()
    chance = random.Random(4)
    load = Load(site, site.ask(GIVEN))
    try:
        for _ in range(ROUNDS):
            site.start()
            load.run_until_killed(chance.uniform(0.5, 3.0))
        site.start()
        load.send_again()
        assert load.acknowledged
    finally:
        if site.process is not None and site.process.poll() is None:
            site.stop()
    state = site.ask(STATE)
    assert sorted(state["words"]) == sorted(load.acknowledged)  # each once, and no other
    n = len(load.acknowledged)
    assert state["facts"] == [3 * n, 3 * n]  # the word is the comment of the score
    assert state["scores"] == n
