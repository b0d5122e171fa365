"""Paths by any property of the events, and groups of journeys down to their customers: page, REST and CSV."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.testing.cast import at, event, given_events, make_customer, make_user, make_workspace
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.journeys.steps.funnels import funnel
from cxm.understand.journeys.steps.queries import transitions

pytestmark = pytest.mark.django_db
SEARCH, LOOK, BUY = "search", "look", "buy"


def a_shop(workspace: Workspace) -> tuple[Process, list[uuid.UUID]]:
    """Five customers: on the phone two look and one of them buys; at the desk one buys; one says nothing of it, and of
    one an import put the device one level down."""
    people = [uuid.uuid4() for _ in range(5)]
    said: list[dict[str, Any]] = [
        {"device": "phone", "price": 5}, {"device": "phone", "price": 20}, {"device": "desk"}, {},
        {"properties": {"device": "desk", "$scope": "a"}},
    ]  # fmt: skip
    buys = (0, 2, 4)
    given_events([
        *(event(workspace, LOOK, "2026-03-01 10:00", customer_id=who, **what)
          for who, what in zip(people, said, strict=True)),
        *(event(workspace, BUY, "2026-03-02 10:00", customer_id=people[number], device="till") for number in buys),
    ])  # fmt: skip
    process = create_process(
        workspace=workspace, name="Shop", definition=ProcessDefinition(events=(LOOK, BUY)), by=None
    )  # fmt: skip
    build_steps(process)
    return process, people


def test_a_funnel_is_split_and_filtered_by_a_property_of_its_events() -> None:
    workspace = make_workspace()
    process, _people = a_shop(workspace)
    scope = Scope(workspace.pk)

    def levels(where: Scope, by: str | None) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row in funnel(process, where, (LOOK, BUY), by=by).rows:
            found.setdefault(row.by, []).append(row.n)
        return found

    # The group is that of the first step: the till, where all of them pay, is no group.
    assert levels(scope, "property.device") == {"phone": [2, 1], "desk": [2, 2], "": [1, 0]}
    march = scope.during(at("2026-03-01"), at("2026-03-02"))
    assert levels(march, "property.device") == {"phone": [2, 0], "desk": [2, 0], "": [1, 0]}
    # A number is compared as one, and text of any shape is a name.
    assert levels(scope, "property.price") == {"5": [1, 1], "20": [1, 0], "": [3, 2]}
    assert levels(scope, "property.$scope") == {"a": [1, 1], "": [4, 2]}
    assert levels(scope, "property.it's \\ {x:UInt8}") == {"": [5, 3]}

    def looks(*filters: Filter) -> int:
        rows = transitions(process, scope.where(*filters)).rows
        return sum(row.n for row in rows if row.label == LOOK)

    assert looks(Filter("property.device", "is", ("phone", "desk"))) == 4
    assert looks(Filter("property.device", "is_not", ("phone",))) == 3
    assert looks(Filter("property.device", "is_not_set")) == 1
    assert looks(Filter("property.device", "contains", ("ESK",))) == 2
    assert looks(Filter("property.price", "at_least", ("6",))) == 1
    assert looks(Filter("property.price", "at_most", ("6",)), Filter("property.device", "is", ("phone",))) == 1
    assert looks(Filter("property.$scope", "is", ("a",))) == 1
    with pytest.raises(UnknownField):
        looks(Filter("property.", "is", ("a",)))
    # Steps are filtered one by one: what is said at the looking does not choose the buying.
    phones = scope.where(Filter("property.device", "is", ("phone",)))
    assert levels(phones, "property.price") == {"5": [1, 0], "20": [1, 0]}


@pytest.mark.once
def test_pages_rest_and_files_take_properties_too() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    process, _people = a_shop(workspace)
    client, page = Client(), f"/w/{workspace.slug}/journeys/paths/{process.pk}/"
    client.force_login(owner)
    query = "funnel=look&funnel=buy&by=property.device"
    shown = client.get(f"{page}funnel/?{query}").content.decode()
    assert '<option value="property.device" selected>device</option>' in shown
    assert '<option value="property.price">price</option>' in shown
    assert "<bdi>desk</bdi>" in shown and "<bdi>Not known</bdi>" in shown
    # What no event says yet can be asked for, and keeps its place in the form.
    assert '<option value="property.new" selected>new</option>' in client.get(
        f"{page}funnel/?funnel=look&funnel=buy&by=property.new"
    ).content.decode()  # fmt: skip

    def table(name: str, query: str) -> list[dict[str, str]]:
        said = client.get(f"{page}{name}.csv?{query}")
        assert said.status_code == 200
        text = b"".join(said.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]  # a streaming answer
        return list(csv.DictReader(io.StringIO(text)))

    rows = table("funnel", query)
    assert [(row["group"], row["step"], row["journeys"], row["dropped"]) for row in rows] == [
        ("desk", "look", "2", "0"), ("desk", "buy", "2", "0"), ("phone", "look", "2", "1"), ("phone", "buy", "1", "0"),
        ("", "look", "1", "1"), ("", "buy", "0", "0"),
    ]  # fmt: skip
    assert float(rows[3]["of_first"]) == 0.5
    assert client.get(f"{page}funnel.csv?funnel=look").status_code == 404
    filtered = client.get(f"{page}journeys/?f=property.device:is:phone").content.decode()
    assert "device is phone" in filtered and "2 journeys" in filtered
    assert "There is no field" in client.get(f"{page}journeys/?f=secret.device:is:phone").content.decode()

    key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", by=None, role=Role.VIEWER)[1]
    rest = Client(headers={"authorization": f"Bearer {key}"})
    base = f"/api/v1/journeys/processes/{process.pk}"
    found = rest.get(f"{base}/funnel?step=look&step=buy&by=property.device&filter=property.price:at_most:6").json()
    assert [(one["by"], [level["n"] for level in one["levels"]]) for one in found] == [("phone", [1, 0])]
    assert rest.get(f"{base}/funnel?step=look&step=buy&by=property.").status_code == 422


@pytest.mark.once
def test_a_group_has_its_size_its_path_its_outcome_and_its_customers() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    buyers = [make_customer(workspace, f"Buyer {number}") for number in range(6)]
    days = [f"2026-03-0{number + 1}" for number in range(6)]
    given_events([
        # Five look and buy, one of whom searches first; a sixth, whom nobody knows, only searches, three times over.
        *(event(workspace, LOOK, f"{day} 10:00", customer_id=one.pk)
          for one, day in zip(buyers[:5], days[:5], strict=True)),
        *(event(workspace, BUY, f"{day} 11:00", customer_id=one.pk)
          for one, day in zip(buyers[:5], days[:5], strict=True)),
        event(workspace, SEARCH, f"{days[0]} 09:00", customer_id=buyers[0].pk),
        *(event(workspace, SEARCH, f"{days[5]} {hour}:00", customer_id=buyers[5].pk) for hour in (10, 11, 12)),
        event(workspace, SEARCH, f"{days[5]} 10:00", customer_id=NOBODY),
    ])  # fmt: skip
    process = create_process(
        workspace=workspace, name="Shop", definition=ProcessDefinition(events=(SEARCH, LOOK, BUY)), by=None
    )  # fmt: skip
    build_steps(process)
    key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", by=None, role=Role.VIEWER)[1]
    rest = Client(headers={"authorization": f"Bearer {key}"})
    found = rest.get(f"/api/v1/journeys/processes/{process.pk}/groups?groups=2").json()
    assert [(one["n"], one["customers"], one["path"]) for one in found["groups"]] == [
        (5, 5, ["look", "buy"]), (1, 1, ["search", "search", "search"]),
    ]  # fmt: skip
    assert [one["path_share"]["value"] for one in found["groups"]] == [0.8, 1.0]
    client, page = Client(), f"/w/{workspace.slug}/journeys/paths/{process.pk}/"
    client.force_login(owner)
    assert b"The path that most of them take" in client.get(f"{page}groups/?groups=2").content
    listed = client.get(f"{page}journeys/?group=1&groups=2").content.decode()
    assert "5 journeys" in listed and "5 customers" in listed and ">Buyer 4</bdi>" in listed
    rows = b"".join(client.get(f"{page}groups.csv?groups=2").streaming_content).decode()  # type: ignore[attr-defined]  # a streaming answer
    assert "look > buy" in rows and len(rows.splitlines()) == 3
