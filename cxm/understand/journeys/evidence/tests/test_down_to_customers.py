"""From broken promises and deviations from the path down to the customers: as many as the map says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Segment
from cxm.record.customers.segment_actions import create_segment
from cxm.record.customers.segments import condition_of, members
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import event, given_events, make_customer, make_user, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Promise, Stage, Touchpoint
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.models import JourneyMap
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps

pytestmark = pytest.mark.django_db
START = timezone.now().replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=90)


def point(key: str, **more: object) -> Touchpoint:
    return Touchpoint(key, key.title(), binding=Binding(events=(EventRule(key),)), **more)  # type: ignore[arg-type]  # fields of a touchpoint


PROMISES = (Promise("Soon", 3600), Promise("By the day we said", until="promised_at"), Promise("Home", 7200, "arrive"))
MAP = MapDefinition(stages=(
    Stage("buy", "Buy", (point("order", promises=PROMISES), point("pack"), point("help", optional=True))),
    Stage("use", "Use", (point("arrive"),)),
))  # fmt: skip


def when(hours: float) -> str:
    return f"{START + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def workspace() -> Workspace:
    """60 orders: 40 are packed after half an hour and arrive after an hour and a half; of the others, 12 are packed
    after two hours and arrive after five, and 8 are never packed but arrive after three. All were promised for the
    fourth hour. The last three of the good ones ask for help before they are packed, twice."""
    made = make_workspace()
    events = []
    for number in range(60):
        who = make_customer(made, f"Customer {number}", pk=UUID(int=(made.pk << 32) + number)).pk
        begin = number / 60
        said = {"promised_at": (START + timedelta(hours=begin + 4)).isoformat()}
        steps = [("pack", 0.5), ("arrive", 1.5)] if number < 40 else [("pack", 2), ("arrive", 5)]
        steps = [("arrive", 3)] if number >= 52 else steps
        steps += [("help", 0.1), ("help", 0.2)] if 37 <= number < 40 else []
        events.append(event(made, "order", when(begin), customer_id=who, **said))
        events += [event(made, name, when(begin + hours), customer_id=who) for name, hours in steps]
    given_events(events)
    return made


@pytest.fixture
def journey_map(workspace: Workspace) -> JourneyMap:
    owner = workspace.memberships.get(role=Role.OWNER).user
    made = create_map(workspace=workspace, name="Kettle", definition=MAP, by=owner)
    build_steps(process_for_map(made))
    return made


def names(numbers: range) -> set[str]:
    return {f"Customer {number}" for number in numbers}


def test_each_broken_promise_leads_to_whom_it_was_broken_to(
    client: Client, workspace: Workspace, journey_map: JourneyMap, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(workspace.memberships.get(role=Role.OWNER).user)
    living = client.get(reverse("evidence:show", args=[workspace.slug, journey_map.pk]))
    figures = living.context["evidence"].of("order")
    # Packed or later within the hour: not by the 12 after two hours, nor by the 8 who arrive after three. By the day
    # that was said: not by the 12, who arrive after five hours — but they were packed before, which is what follows the
    # order; so nobody. Home within two hours: not by all 20.
    assert [(one.text, one.number, one.n, one.late) for one in figures.promises] == [
        ("Soon", 0, 60, 20), ("By the day we said", 1, 60, 0), ("Home", 2, 60, 20),
    ]  # fmt: skip
    told = {one.who: one for one in living.context["findings"] if one.kind == "broken_promise"}
    assert set(told) == {"late-0", "late-2"}
    for who in told:
        address = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "order", who])
        assert f'href="{address}"' in living.content.decode()
        listed = client.get(address)
        assert listed.context["n"] == len(listed.context["rows"]) == 20
        assert {one.customer.name for one in listed.context["rows"]} == names(range(40, 60))
        csv = b"".join(client.get(address, {"format": "csv"}).streaming_content)  # type: ignore[attr-defined]  # a stream
        assert len(csv.decode().splitlines()) == 21
    reached = {one.customer.name: one.reach_h for one in listed.context["rows"]}
    assert (reached["Customer 40"], reached["Customer 59"]) == (5, 3)

    with django_capture_on_commit_callbacks(execute=True):  # the log learns of the tags
        made = client.post(reverse("evidence:segment", args=[workspace.slug, journey_map.pk, "order", "late-0"]))
    assert made.status_code == 302
    segment = Segment.objects.get()
    assert len(list(members(workspace, condition_of(segment)))) == 20
    for number in (3, "x", "-1"):
        gone = f"/w/{workspace.slug}/journeys/{journey_map.pk}/at/order/late-{number}/"
        assert client.get(gone).status_code == 404, gone
    client.force_login(make_user("eve@example.com"))
    assert client.get(address).status_code == 404


def test_a_promise_with_a_moment_of_its_own_leads_to_whom_it_was_broken_to(
    client: Client, workspace: Workspace
) -> None:
    owner = workspace.memberships.get(role=Role.OWNER).user
    day = Promise("By the day we said", until="promised_at", reaches="arrive")
    stages = (Stage("buy", "Buy", (point("order", promises=(day,)), point("pack"), point("arrive"))),)
    made = create_map(workspace=workspace, name="Day", definition=MapDefinition(stages=stages), by=owner)
    build_steps(process_for_map(made))
    client.force_login(owner)
    living = client.get(reverse("evidence:show", args=[workspace.slug, made.pk]))
    assert [(one.n, one.late) for one in living.context["evidence"].of("order").promises] == [(60, 12)]
    listed = client.get(reverse("evidence:customers", args=[workspace.slug, made.pk, "order", "late-0"]))
    assert listed.context["n"] == 12
    assert {(one.customer.name, one.times, one.reach_h) for one in listed.context["rows"]} == {
        (name, 1, 5) for name in names(range(40, 52))
    }  # fmt: skip


def test_each_deviation_leads_to_the_journeys_that_deviate(
    client: Client, workspace: Workspace, journey_map: JourneyMap
) -> None:
    client.force_login(workspace.memberships.get(role=Role.OWNER).user)
    page = client.get(reverse("evidence:conformance", args=[workspace.slug, journey_map.pk]))
    rows = {(one.kind, one.key): one.n for _kind, _name, one in page.context["deviations"]}
    # Help is asked for before the packing, where the map has it behind: out of its place, and each time.
    assert rows == {("skipped", "pack"): 8, ("out_of_order", "help"): 3}
    for (kind, key), n in rows.items():
        address = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, key, kind])
        assert f'href="{address}"' in page.content.decode()
        listed = client.get(address)
        assert listed.context["n"] == len(listed.context["rows"]) == n
    skipped = client.get(reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "pack", "skipped"]))
    assert {one.customer.name for one in skipped.context["rows"]} == names(range(52, 60))
    astray = client.get(reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "help", "out_of_order"]))
    assert {(one.customer.name, one.times) for one in astray.context["rows"]} == {
        (name, 2) for name in names(range(37, 40))
    }  # fmt: skip
    # The same filters: no journey had begun by then.
    until = {"until": f"{START + timedelta(days=-1):%Y-%m-%d}"}
    nobody = client.get(reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "pack", "skipped"]), until)
    assert nobody.context["n"] == 0
    client.force_login(make_user("eve@example.com"))
    assert client.get(skipped.request["PATH_INFO"]).status_code == 404


def test_each_way_leads_to_the_journeys_that_take_it(
    client: Client, workspace: Workspace, journey_map: JourneyMap
) -> None:
    client.force_login(workspace.memberships.get(role=Role.OWNER).user)
    page = client.get(reverse("evidence:conformance", args=[workspace.slug, journey_map.pk]))
    ways = {way.labels: (way.n, way.id) for _names, way, _deviations in page.context["ways"]}
    # The quick and the slow ones go the same way, all but the three who ask for help.
    assert {labels: n for labels, (n, _id) in ways.items()} == {
        ("order", "pack", "arrive"): 49, ("order", "arrive"): 8, ("order", "help", "help", "pack", "arrive"): 3,
    }  # fmt: skip
    for n, way in ways.values():
        address = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, way, "way"])
        assert f'href="{address}">{n}</a>' in page.content.decode()
        listed = client.get(address)
        assert listed.context["n"] == len(listed.context["rows"]) == n
    _n, short = ways["order", "arrive"]
    address = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, short, "way"])
    listed = client.get(address)
    assert {one.customer.name for one in listed.context["rows"]} == names(range(52, 60))
    assert "<bdi>Order → Arrive</bdi>" in listed.content.decode()
    assert "(Skipped: <bdi>Pack</bdi>)" in page.content.decode()
    assert "stood still for 30 days" in page.content.decode()
    client.post(reverse("evidence:segment", args=[workspace.slug, journey_map.pk, short, "way"]))
    assert Segment.objects.get().name.startswith("Order → Arrive: Journeys that take one path")
    # What is no way is nobody's, and until a day on which nothing had begun it is nobody's either.
    other = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "order", "way"])
    until = {"until": f"{START + timedelta(days=-1):%Y-%m-%d}"}
    assert client.get(other).context["n"] == client.get(address, until).context["n"] == 0
    client.force_login(make_user("eve@example.com"))
    assert client.get(address).status_code == 404


def test_rest_lists_the_journeys_behind_promises_deviations_and_ways(
    client: Client, workspace: Workspace, journey_map: JourneyMap
) -> None:
    owner = workspace.memberships.get(role=Role.OWNER).user
    client.force_login(owner)
    client.get(reverse("evidence:show", args=[workspace.slug, journey_map.pk]))  # computes the map
    client.logout()

    def key(of: Workspace) -> dict[str, Any]:
        _row, secret = create_api_key(
            workspace=of, kind=ApiKey.Kind.SECRET, name="k", role=Role.VIEWER,
            by=of.memberships.get(role=Role.OWNER).user,
        )  # fmt: skip
        return {"headers": {"Authorization": f"Bearer {secret}"}}

    rest, place = key(workspace), f"/api/v1/journeys/maps/{journey_map.pk}"

    def people(path: str, **query: Any) -> tuple[int, set[int]]:
        """How many, and the numbers of those customers."""
        said = client.get(f"{place}/evidence/{path}", query, **rest).json()
        return said["n"], {UUID(one["customer_id"]).int % 2**32 for one in said["items"]}

    findings = client.get(f"{place}/evidence", **rest).json()["findings"]
    assert {one["who"] for one in findings if one["kind"] == "broken_promise"} == {"late-0", "late-2"}
    assert people("order/late-0") == people("order/late-2") == (20, {*range(40, 60)})
    assert people("order/late-1") == (0, set())
    said = client.get(f"{place}/conformance", **rest).json()
    assert [(one["touchpoint"], one["kind"], one["journeys"]) for one in said["deviations"]] == [
        ("pack", "skipped", 8), ("help", "out_of_order", 3),
    ]  # fmt: skip
    assert people("pack/skipped") == (8, {*range(52, 60)})
    assert people("help/out_of_order") == (3, {*range(37, 40)})
    assert [(one["touchpoints"], one["journeys"]) for one in said["ways"]] == [
        (["order", "pack", "arrive"], 49), (["order", "arrive"], 8), (["order", "help", "help", "pack", "arrive"], 3),
    ]  # fmt: skip
    assert people(f"{said['ways'][1]['id']}/way") == (8, {*range(52, 60)})
    assert people(f"{said['ways'][0]['id']}/way", limit=5, offset=47) == (49, {0, 1})  # the newest first
    for path, status in (("order/late-3", 404), ("nowhere/skipped", 404), ("order/other", 422)):
        assert client.get(f"{place}/evidence/{path}", **rest).status_code == status, path
    stranger = key(make_workspace("Other", make_user("bob@example.com")))
    assert client.get(f"{place}/evidence/pack/skipped", **stranger).status_code == 404


def test_a_map_of_a_segment_narrowed_to_another_is_of_those_in_both(client: Client, workspace: Workspace) -> None:
    """The first thirty have the plan, and numbers 20 to 39 live in Lviv."""
    put_customers([
        customer_row(workspace.pk, UUID(int=(workspace.pk << 32) + number), {
            "plan": "plus" if number < 30 else "free", "city": "Lviv" if 20 <= number < 40 else "Kyiv",
        })
        for number in range(60)
    ])  # fmt: skip
    plus, lviv = (
        create_segment(workspace=workspace, name=value, condition=Condition(field=field, values=(value,)), by=None)
        for field, value in (("trait.plan", "plus"), ("trait.city", "Lviv"))
    )
    owner = workspace.memberships.get(role=Role.OWNER).user
    stages = (Stage("buy", "Buy", (point("order"), point("arrive"))),)
    definition = MapDefinition(segment=str(plus.pk), stages=stages)
    made = create_map(workspace=workspace, name="Of the plan", definition=definition, by=owner)
    build_steps(process_for_map(made))
    client.force_login(owner)
    address = reverse("evidence:show", args=[workspace.slug, made.pk])
    assert client.get(address).context["evidence"].journeys == 30
    chosen = {"filter": f"segment:is:{lviv.pk}"}
    assert client.get(address, chosen).context["evidence"].journeys == 10
    listed = client.get(reverse("evidence:customers", args=[workspace.slug, made.pk, "order", "passed"]), chosen)
    assert {one.customer.name for one in listed.context["rows"]} == names(range(20, 30))
    # A segment that is gone is said, wherever it was asked for.
    for gone, query, which in ((lviv, chosen, "a filter"), (plus, {}, "this map")):
        gone.delete()
        for view in ("show", "conformance", "compare"):
            page = client.get(reverse(f"evidence:{view}", args=[workspace.slug, made.pk]), query or {"since": ""})
            assert page.context["problem"].startswith(f"The segment of {which} does not exist any more"), view
    for view in ("moments", "channels"):
        page = client.get(reverse(f"evidence:{view}", args=[workspace.slug]), chosen)
        assert page.context["problem"].startswith("The segment of a filter does not exist any more"), view
    unknown = client.get(reverse("evidence:show", args=[workspace.slug, made.pk]), {"filter": "colour:is:red"})
    assert unknown.context["problem"] == "The segment of this map does not exist any more. Choose another one."


def test_who_changed_the_channel_is_listed(client: Client) -> None:
    """Thirty order on the web. Twelve of them call at once; three of these order and call again. All are packed, the
    last one at the moment of the order."""
    workspace = make_workspace()
    events = []
    for number in range(30):
        who = make_customer(workspace, f"Customer {number}").pk
        steps = [("order", 0.0), ("pack", 2.0 if number < 29 else 0.0)]
        steps += [("call", 0.25)] if number < 12 else []
        steps += [("order", 1.0), ("call", 1.5)] if number < 3 else []
        events += [event(workspace, name, when(number / 60 + hours), customer_id=who) for name, hours in steps]
    given_events(events)
    owner = workspace.memberships.get(role=Role.OWNER).user
    stages = (Stage("buy", "Buy", (
        point("order", channel="web"), point("call", channel="phone", optional=True), point("pack", channel="web"),
    )),)  # fmt: skip
    made = create_map(workspace=workspace, name="Kettle", definition=MapDefinition(stages=stages), by=owner)
    build_steps(process_for_map(made))
    client.force_login(owner)
    living = client.get(reverse("evidence:show", args=[workspace.slug, made.pk]))
    [told] = [one for one in living.context["findings"] if one.kind == "detour"]
    assert (told.key, told.who) == ("order", "switch")
    assert "After 15 of 33 visits" in told.text
    listed = client.get(reverse("evidence:customers", args=[workspace.slug, made.pk, "order", "switch"]))
    assert listed.context["n"] == 12
    # The first to begin is the last of the list; who called twice did so after a quarter and after half an hour.
    assert [(one.customer.name, one.times, one.reach_h) for one in listed.context["rows"]][::-1] == [
        (f"Customer {number}", 2 if number < 3 else 1, 0.25) for number in range(12)
    ]  # fmt: skip
    on = client.get(reverse("evidence:customers", args=[workspace.slug, made.pk, "order", "on"])).context["rows"]
    assert {one.customer.name: one.reach_h for one in on}["Customer 29"] == 0  # at once is not never
    nowhere = reverse("evidence:customers", args=[workspace.slug, made.pk, "pack", "switch"])
    assert client.get(nowhere).context["n"] == 0
