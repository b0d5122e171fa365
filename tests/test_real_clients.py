"""The published tracking clients of Segment, RudderStack, PostHog and Jitsu, unmodified, and ours, against `cxm serve`.

Each does the same plan (tests/clients/contract.py) with a workspace of its own; then the server is killed while all of
them send, and started again on the same data. What the log holds in the end is what the tests look at.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cxm.record.eventlog.ids import customer_id_of
from cxm.testing.browser import find_browser
from cxm.testing.recorder import Recorder
from cxm.testing.site import PATIENCE, Site

from .clients import install
from .clients.contract import (
    CLIENTS,
    HEAVY,
    KEPT,
    TEXT,
    Kind,
    Run,
    Step,
    around_a_kill,
    begin,
    everything,
    in_page,
    open_shop,
    run_all,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.once, pytest.mark.slow]
GIVEN = """
import json
from cxm.record.capture.models import Source
from cxm.record.capture.source_actions import create_source
from cxm.testing.cast import make_user, make_workspace
owner, found = make_user(), {}
for name in %r:
    workspace = make_workspace(name, owner=owner)
    _, key = create_source(workspace=workspace, name=name, kind=Source.Kind.SERVER, by=owner)
    found[name] = [workspace.pk, key]
print(json.dumps(found))
"""
DUMP = """
import json
from cxm.record.eventlog.engine import engine
with engine().client() as client:
    events = client.query(
        "SELECT workspace_id, name, type, user_id, anonymous_id, toString(customer_id), toString(event_id),"
        " if(length(properties) > 9000, '{}', properties), length(properties) FROM events WHERE type != ''"
    ).result_rows
    refused = client.query("SELECT workspace_id, reason, name, sum(n) FROM rejections GROUP BY ALL").result_rows
from cxm.record.customers.models import Identity
from cxm.web.flow import FlowThread
flow = FlowThread("test", alone=True)
while flow.handle_waiting():
    pass
people = [
    [one.workspace_id, one.kind, one.value, str(one.customer.canonical_id or one.customer_id)]
    for one in Identity.objects.select_related("customer")
]
print(json.dumps({"events": events, "refused": refused, "people": people}))
"""
# What clients send again because of the kill, and what the plan sends twice.
REPEATED = {("repeat", name) for name in ("Twice", "First", "Kept", "customer_identified")}


@dataclass(frozen=True)
class Stored:
    name: str
    type: str
    user_id: str
    anonymous_id: str
    customer_id: str
    event_id: str
    properties: dict[str, Any]
    size: int


@dataclass
class Found:
    """What one client did, and what the log holds of it."""

    kind: Kind
    workspace_id: int
    left_out: set[str]
    events: list[Stored] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # by reason and name
    after_kill: dict[str, Any] = field(default_factory=dict)
    people: dict[tuple[str, str], str] = field(default_factory=dict)  # the customer of each name

    def named(self, name: str) -> list[Stored]:
        return [event for event in self.events if event.name == name]

    def only(self, name: str) -> Stored:
        [event] = self.named(name)
        return event

    def identified(self) -> Stored:
        """By the first plan; some clients tell what they know from it again in the second."""
        [event] = [event for event in self.named("customer_identified") if "round" not in event.properties["traits"]]
        return event


def missing(reason: str) -> None:
    """On a machine without network these tests cannot be; where CI says that it is, that is a failure."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def kinds() -> list[Kind]:
    try:
        for name in install.PYTHON:
            install.python_client(name)
        install.node_clients()
    except install.NotInstalled as error:
        missing(str(error))
    if find_browser() is None:
        return [kind for kind in CLIENTS if kind.runs != "browser"]
    return CLIENTS


@pytest.fixture(scope="module")
def pages(kinds: list[Kind], request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[Page, Recorder]]]:
    """A page of another site for each browser client."""
    browser_kinds = [kind for kind in kinds if kind.runs == "browser"]
    if not browser_kinds:
        yield {}
        return
    chromium = request.getfixturevalue("browser")
    with ExitStack() as stack:
        shops = {}
        for kind in browser_kinds:
            theirs = stack.enter_context(Recorder())
            context = chromium.new_context()
            stack.callback(context.close)
            shops[kind.name] = (context.new_page(), theirs)
            open_shop(shops[kind.name][0], theirs, kind)
        yield shops


@pytest.fixture(scope="module")
def found(
    kinds: list[Kind], pages: dict[str, tuple[Page, Recorder]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Found]]:
    site = Site(tmp_path_factory.mktemp("real") / "data")
    try:
        yield tell(site, kinds, pages)
    finally:
        site.kill()


def tell(site: Site, kinds: list[Kind], pages: dict[str, tuple[Page, Recorder]]) -> dict[str, Found]:
    site.install()
    given = site.ask(GIVEN % [kind.name for kind in kinds])
    keys = {name: key for name, (_, key) in given.items()}
    host = site.url("")
    site.start()
    processes = [kind for kind in kinds if kind.runs != "browser"]
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(run_all, processes, host, keys, at_once=2)
        begin_in_pages(kinds, pages, host, keys, everything)
        reports = {name: page.evaluate("done") for name, (page, _) in pages.items()}
        reports |= {name: run.report for name, run in others.result().items()}
    found = {
        kind.name: Found(kind, given[kind.name][0], {one["step"] for one in reports[kind.name]["left_out"]})
        for kind in kinds
    }
    time.sleep(1.5)  # what was refused is written once a second
    for name, report in killed_in_the_middle(site, kinds, pages, keys).items():
        found[name].after_kill = report
    time.sleep(1.5)
    code, said = site.stop()
    assert code == 0, said
    by_workspace = {one.workspace_id: one for one in found.values()}
    dumped = site.ask(DUMP)
    for workspace_id, *event in dumped["events"]:
        event[-2] = json.loads(event[-2])
        by_workspace[workspace_id].events.append(Stored(*event))
    for workspace_id, reason, name, n in dumped["refused"]:
        by_workspace[workspace_id].refused[reason, name] += n
    for workspace_id, kind, value, customer in dumped["people"]:
        by_workspace[workspace_id].people[kind, value] = customer
    return found


def begin_in_pages(
    kinds: list[Kind],
    pages: dict[str, tuple[Page, Recorder]],
    host: str,
    keys: dict[str, str],
    plan_of: Callable[[str], list[Step]],
) -> None:
    for kind in kinds:
        if kind.name in pages:
            plan = in_page(kind, host, keys[kind.name], plan_of(kind.name))
            pages[kind.name][0].evaluate("plan => { window.done = drive(plan); return null }", plan)


def killed_in_the_middle(
    site: Site, kinds: list[Kind], pages: dict[str, tuple[Page, Recorder]], keys: dict[str, str]
) -> dict[str, dict[str, Any]]:
    host = site.url("")
    for page, _ in pages.values():
        page.reload()
    begin_in_pages(kinds, pages, host, keys, around_a_kill)
    runs: list[Run] = [
        begin(kind, host, keys[kind.name], around_a_kill(kind.name)) for kind in kinds if kind.runs != "browser"
    ]
    with ThreadPoolExecutor(len(runs)) as pool:
        ended = [pool.submit(run.finish) for run in runs]
        for run in runs:
            assert run.gone.wait(PATIENCE), run.kind.name
        for page, _ in pages.values():
            page.wait_for_function("said.includes('go')")
        time.sleep(0.5)
        assert site.process is not None
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        site.start()
        reports = {name: page.evaluate("done") for name, (page, _) in pages.items()}
        for one in ended:
            one.result()
    return reports | {run.kind.name: run.report for run in runs}


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.name)
def one(request: pytest.FixtureRequest, found: dict[str, Found]) -> Found:
    if request.param.name not in found:
        missing("needs Chromium: run `sh bin/system-packages`, or set CHROME to the path of a browser")
    return found[request.param.name]


def test_each_call_is_one_event_of_its_name(one: Found) -> None:
    names = {
        "identify": "customer_identified", "page": "page_viewed", "screen": "screen_viewed", "group": "group_joined",
        "alias": "customer_aliased",
    }  # fmt: skip
    for call, name in names.items():
        stored = [event for event in one.named(name) if "round" not in event.properties.get("traits", {})]
        assert len(stored) == (1 if call in one.kind.calls else 0), call
        assert all(event.type == call for event in stored)
    assert one.only("order_placed").properties["amount"] == 12.5
    assert one.only("order_placed").properties["order_id"] == "A1"
    if "group" in one.kind.calls:
        assert one.only("group_joined").properties["group_id"] == "company 7"
        assert one.only("group_joined").properties["traits"] == {"plan": "pro"}
    if "alias" in one.kind.calls:
        assert one.only("customer_aliased").properties["previous_id"] == f"{one.kind.name} old"
    assert one.only("page_viewed").properties["plan"] == "pro"


def test_every_event_is_on_the_right_customer(one: Found) -> None:
    user, device = f"{one.kind.name} user", f"{one.kind.name} device"
    for event in one.events:
        kind, value = ("user_id", event.user_id) if event.user_id else ("anonymous_id", event.anonymous_id)
        assert event.customer_id == str(customer_id_of(one.workspace_id, kind, value)), event.name
        if event.name != "Before":
            assert event.user_id == user, event.name
    before = one.only("Before")
    assert (before.user_id, before.anonymous_id != "") == ("", True)
    if one.kind.anonymous:
        assert before.anonymous_id == device
    person = one.people["user_id", user]
    assert one.people["anonymous_id", before.anonymous_id] == person
    if "alias" in one.kind.calls:  # nobody said what kind of id the old one was
        old = f"{one.kind.name} old"
        assert {one.people[kind, value] for kind, value in one.people if value == old} == {person}


def test_texts_of_every_script_arrive_and_nul_does_no_harm(one: Found) -> None:
    assert one.only(f"Чайник {TEXT}".strip()).properties["text"] == TEXT + "nul:."
    assert one.identified().properties["traits"] == {"email": "olena@example.com", "name": TEXT.strip(), "odd": "nul:."}


@pytest.mark.parametrize(("name", "count"), [("One", 1), ("Hundred", 100), ("Many", 2501), ("Heavy", HEAVY)])
def test_every_event_is_stored_once(one: Found, name: str, count: int) -> None:
    if name == "Heavy":  # 520 KB; each of them is too large to look at
        assert [event.size > 26_000 for event in one.named(name)] == [True] * count
        return
    assert sorted(event.properties["n"] for event in one.named(name)) == list(range(count))


def test_an_event_above_32_kb_is_refused_alone(one: Found) -> None:
    assert one.named("Large") == []
    by_the_client = "Large" in one.left_out or one.kind.name == "cx"  # cx.js says so on the console
    too_large = {reason: n for (reason, _), n in one.refused.items() if reason.endswith("too_large")}
    # A call of its own is a request of its own; in a batch the others are taken.
    reason = "payload_too_large" if one.kind.name == "jitsu" else "event_too_large"
    assert too_large == ({} if by_the_client else {reason: 1})


def test_the_same_event_twice_is_stored_once(one: Found) -> None:
    calls = 2 if one.kind.name in {"jitsu", "cx"} else 1  # these take no id: two events, the request of each sent twice
    assert len(one.named("Twice")) == calls
    assert one.refused["repeat", "Twice"] == calls


def test_nothing_else_was_refused(one: Found) -> None:
    assert {key for key in one.refused if not key[0].endswith("too_large")} <= REPEATED


def test_a_kill_in_the_middle_of_it_loses_and_doubles_nothing(one: Found) -> None:
    stored = Counter(event.properties["part"] + event.properties["n"] for event in one.named("Kept"))
    assert set(stored.values()) <= {1}
    first = len(one.named("First"))
    if one.kind.retries:
        assert (first, sorted(stored)) == (100, list(range(KEPT)))
    else:  # it does not try again: what was acknowledged is there, and perhaps what was under way (64 at a time)
        assert one.after_kill["taken"] <= 1 + first + len(stored) <= one.after_kill["taken"] + 64
    assert len({event.event_id for event in one.events}) == len(one.events)
