"""kill -9 in the middle of sending webhooks: every message arrives, and repetitions can be known by their id."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from cxm.testing.effort import full_or
from cxm.testing.receiver import Answer, Receiver, receiver
from cxm.testing.site import Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
MESSAGES, KILLS = full_or(20_000, 300), full_or(20, 1)
GIVEN = f"""
import json
from django.db import transaction
from django.utils import timezone
from cxm.listen.channels.webhooks import actions
from cxm.record.customers.marks import tag
from cxm.testing.cast import make_customer, make_user, make_workspace
owner = make_user()
workspace = make_workspace(owner=owner)
made = [actions.create_endpoint(workspace=workspace, url=url, by=owner) for url in URLS]
with transaction.atomic():
    for n in range({MESSAGES}):
        actions.tell(workspace=workspace, type="mine.counted", data={{"n": n}}, at=timezone.now())
tag(workspace=workspace, customers=[make_customer(workspace)], name="vip", by=owner)
print(json.dumps(made[0][1].secret))
"""
STATE = """
import json
from collections import Counter
from cxm.listen.channels.webhook_models import WebhookMessage
rows = WebhookMessage.objects.filter(endpoint__url__endswith="/alive")
print(json.dumps(Counter(rows.values_list("state", flat=True))))
"""


def test_every_message_arrives_though_the_server_is_killed_and_another_endpoint_is_dead(tmp_path: Path) -> None:
    chance = random.Random(5)
    with receiver() as box:
        box.answer = lambda one: Answer(wait_s=60) if one.path == "/dead" else None
        site = Site(tmp_path, servers=False)
        site.environment["CXM_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
        site.install()
        secret = site.ask(f"URLS = {[box.url('/alive'), box.url('/dead')]!r}\n" + GIVEN)
        for _kill in range(KILLS):
            wanted = different(box) + chance.randint(1, MESSAGES // (KILLS + 2))
            site.start()
            wait_for(box, wanted)
            site.kill()
        site.start()
        wait_for(box, MESSAGES + 1)
        time.sleep(3)  # what was claimed when it was killed the last time may come once more
        assert site.stop()[0] == 0
        arrived = box.at("/alive")
        for one in arrived[-20:]:
            Webhook(secret).verify(one.body, one.headers)
        times = Counter(one.headers["webhook-id"] for one in arrived)
        told = [json.loads(one.body) for one in arrived]
        numbers = {one["data"]["n"] for one in told if one["type"] == "mine.counted"}
        print(len(arrived), len(times), max(times.values()))
        assert numbers == set(range(MESSAGES))
        # What the flow made of the one fact that was stated: the tag of a customer.
        [tagged] = {json.dumps(one) for one in told if one["type"] != "mine.counted"}
        assert json.loads(tagged)["type"] == "profile.updated" and json.loads(tagged)["data"]["tag"] == "vip"
        assert len(times) == MESSAGES + 1, "a repetition has the id of the first"
        assert len(arrived) - len(times) <= KILLS * 8, "at most what was on its way at a kill comes twice"
        assert site.ask(STATE) == {"delivered": MESSAGES + 1}


def different(box: Receiver) -> int:
    return len({one.headers["webhook-id"] for one in box.at("/alive")})


def wait_for(box: Receiver, wanted: int, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while different(box) < wanted:
        assert time.monotonic() < deadline, f"it stands still at {different(box)}"
        time.sleep(0.05)
