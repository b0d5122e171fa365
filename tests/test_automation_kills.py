"""kill -9 in the middle of workflows: every step of every run is made once, with all that belongs to it.

Facts go the whole way: outbox, log, flow, runs, effects. Twenty kills over two thousand customers with CXM_TEST_FULL=1,
else a few over some dozens.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path

import pytest

from cxm.testing.effort import full_or
from cxm.testing.site import Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
PEOPLE, KILLS = full_or(2_000, 30), full_or(20, 1)
STEPS = 6
GIVEN = f"""
import json
from django.db import transaction
from cxm.act.automations import actions
from cxm.act.automations.definition import Definition, Path, Step, Trigger
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer
from cxm.record.eventlog.outbox import emit
from cxm.testing.cast import make_user, make_workspace
owner = make_user()
workspace = make_workspace(owner=owner)
Customer.objects.bulk_create(
    [Customer(workspace=workspace, name=f"P{{n}}", email=f"p{{n}}@example.com") for n in range({PEOPLE})]
)
tag = [Step(id="tag", kind="tag", name="seen")]
workflow = actions.create_workflow(workspace=workspace, name="W", by=owner, definition=Definition(
    trigger=Trigger(kind="event", event="tea_brewed"), most_per_hour=100_000,
    steps=[
        Step(id="case", kind="case", subject={{"en": "{{name}}"}}, text={{"en": "A note"}}),
        Step(id="split", kind="split", paths=[Path(share=50, steps=tag), Path(share=50)]),
        Step(id="trait", kind="trait", name="brewed", value="true"),
        Step(id="mail", kind="mail", subject={{"en": "Tea"}}, text={{"en": "Your tea"}}),
        Step(id="ad", kind="mail", subject={{"en": "Sale"}}, text={{"en": "Buy"}}, marketing=True),
        Step(id="raise", kind="change_case", priority=4, text={{"en": "Raised"}}),
    ],
))
actions.publish(workflow=workflow, by=owner)
actions.turn_on(workflow=workflow, by=owner)
with transaction.atomic():
    for customer in Customer.objects.all():
        emit("tea_brewed", workspace_id=workspace.pk, customer_id=customer.pk, pot="big")
print(json.dumps(0))
"""
STATE = """
import json
from collections import Counter
from cxm.accounts.models import Workspace
from cxm.act.automations.models import Run, RunStep
from cxm.act.cases.models import Case, CaseEntry
from cxm.listen.channels.models import Delivery, Message
from cxm.record.customers.models import Customer, Tag
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.scope import Scope
from dataclasses import dataclass
move_outbox()
@dataclass
class Row:
    name: str
    n: int
    people: int
rows = ask(
    "SELECT toString(name) AS name, count() AS n, uniqExact(customer_id) AS people FROM events WHERE $scope"
    " GROUP BY name", Scope(Workspace.objects.get().pk), row=Row, name="test", table="events",
).rows
print(json.dumps({
    "runs": Counter(Run.objects.values_list("state", flat=True)),
    "steps": Counter(f"{step} {outcome}" for step, outcome in RunStep.objects.values_list("step", "outcome")),
    "cases": Case.objects.count(), "urgent": Case.objects.filter(priority=4).count(),
    "notes": CaseEntry.objects.filter(kind="note").count(),
    "messages": Message.objects.count(), "tagged": Tag.customers.through.objects.count(),
    "advertisements": Delivery.objects.filter(cause__startswith="automation:").count(),
    "brewed": Customer.objects.filter(traits__brewed=True).count(),
    "facts": {row.name: [row.n, row.people] for row in rows},
}))
"""


def test_every_step_is_made_once(tmp_path: Path) -> None:
    chance = random.Random(5)
    site = Site(tmp_path, servers=False)
    site.install()
    site.ask(GIVEN)
    for kill in range(KILLS):
        site.start()
        wait_for_steps(tmp_path, (kill + chance.random()) * PEOPLE * STEPS / KILLS)
        time.sleep(chance.random() / 5)
        site.kill()
    site.start()
    wait_for_steps(tmp_path, PEOPLE * (STEPS - 1), done=PEOPLE)
    assert site.stop()[0] == 0
    state = site.ask(STATE)
    print(json.dumps(state))
    assert state["runs"] == {"done": PEOPLE}
    tagged = state["tagged"]
    assert state["steps"] == {
        **{f"{one} done": PEOPLE for one in ("case", "split", "trait", "mail", "ad", "raise")}, "tag done": tagged
    }  # fmt: skip
    assert PEOPLE * 0.3 < tagged < PEOPLE * 0.7
    assert (state["cases"], state["urgent"], state["notes"], state["brewed"]) == (PEOPLE, PEOPLE, 2 * PEOPLE, PEOPLE)
    assert (state["messages"], state["advertisements"]) == (PEOPLE, PEOPLE)
    for fact in ("case_opened", "message_sent", "profile_changed", "rule_ran"):
        assert state["facts"][fact] == [PEOPLE, PEOPLE], fact
    assert state["facts"]["customer_tagged"] == [tagged, tagged]


def wait_for_steps(directory: Path, wanted: float, done: int = 0, seconds: float = 300) -> None:
    """Until so many steps have been made, and so many runs are over; or all are."""
    deadline = time.monotonic() + seconds
    while True:
        with sqlite3.connect(f"file:{directory / 'cxm.sqlite3'}?mode=ro", uri=True) as database:
            steps = database.execute("SELECT count(*) FROM automations_runstep").fetchone()[0]
            over = database.execute("SELECT count(*) FROM automations_run WHERE state = 'done'").fetchone()[0]
        if over >= PEOPLE or (steps >= wanted and over >= done):
            return
        assert time.monotonic() < deadline, f"it stands still at {steps} steps and {over} runs"
        time.sleep(0.02)
