"""kill -9 in the middle of a mailing: nobody is written to twice, and nobody is forgotten.

Ten thousand invitations with CXM_TEST_FULL=1, else some hundreds.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from cxm.testing.effort import full_or
from cxm.testing.mailbox import Mailbox, smtp_server
from cxm.testing.site import Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
PEOPLE, KILLS = full_or(10_000, 300), full_or(6, 1)
GIVEN = f"""
import json, msgspec
from cxm.accounts.models import Role
from cxm.listen.surveys.distribution import actions
from cxm.listen.surveys.tests.test_mailings import make_live
from cxm.record.customers.models import Customer
from cxm.testing.cast import make_user, make_workspace
owner = make_user()
workspace = make_workspace(owner=owner)
people = [Customer(workspace=workspace, name=f"P{{n}}", email=f"p{{n}}@example.com") for n in range({PEOPLE})]
Customer.objects.bulk_create(people, batch_size=500)
actions.save_rule(workspace=workspace, name="Once", most=1, days=30, by=owner)
mailing = actions.create_mailing(
    survey=make_live(workspace), name="May", by=owner, customers=[str(one.pk) for one in people]
)
actions.start_mailing(mailing=mailing, by=owner)
print(json.dumps(mailing.pk))
"""
STATE = """
import json
from collections import Counter
from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.models import Contact, Invitation, Mailing
print(json.dumps({
    "mailing": Mailing.objects.get().state,
    "invitations": Counter(Invitation.objects.values_list("state", flat=True)),
    "deliveries": Counter(Delivery.objects.values_list("state", flat=True)),
    "uncertain": list(Delivery.objects.filter(state="uncertain").values_list("to", flat=True)),
    "contacts": Contact.objects.count(),
}))
"""


def test_nobody_is_invited_twice_and_nobody_is_forgotten(tmp_path: Path) -> None:
    chance = random.Random(11)
    with smtp_server() as box:
        site = Site(tmp_path, servers=False)
        site.environment["CXM_EMAIL_URL"] = f"smtp://127.0.0.1:{box.port}"
        site.install()
        site.ask(GIVEN)
        for _kill in range(KILLS):
            wanted = len(box.arrived) + chance.randint(PEOPLE // 50, PEOPLE // 7)
            site.start()
            wait_for(box, min(wanted, PEOPLE - KILLS * 2))
            time.sleep(chance.random() / 10)
            site.kill()
        site.start()
        last = -1
        while len(box.arrived) != last or len(box.arrived) < PEOPLE - KILLS * 2:
            last = len(box.arrived)
            time.sleep(6)
        assert site.stop()[0] == 0
        state = site.ask(STATE)
        arrived = Counter(one.to for one in box.arrived)
        print(json.dumps(state)[:500])
        assert [to for to, times in arrived.items() if times > 1] == []
        everybody = {f"p{n}@example.com" for n in range(PEOPLE)}
        # Of each kill at most one message for each connection is uncertain: it arrived, or it did not.
        assert everybody - set(arrived) <= set(state["uncertain"])
        assert len(state["uncertain"]) <= KILLS * 2
        assert state["invitations"].get("sent", 0) + len(state["uncertain"]) == PEOPLE
        assert state["contacts"] == PEOPLE
        assert state["mailing"] == "sent"


def wait_for(box: Mailbox, wanted: int, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while len(box.arrived) < wanted:
        assert time.monotonic() < deadline, "it stands still"
        time.sleep(0.02)
