"""The pages of paths: making a process, looking at it from all sides, and down to the customers."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.journeys.models import JourneyMap, Process
from cxm.understand.journeys.steps.building import build_steps

from .shop import four_visits, visit

PAGES = ("", "variants/", "step-by-step/", "streams/", "funnel/", "times/", "returning/", "groups/", "journeys/")


@pytest.mark.once
@pytest.mark.django_db
def test_a_process_is_made_looked_at_and_removed() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    viewer = make_member(workspace, Role.VIEWER, "vera@example.com")
    ada = make_customer(workspace, "Ada")
    customers = four_visits(workspace)
    visit(workspace, "2026-01-20 10:00", [("look", 0), ("buy", 3)], ada.pk, channel="web")
    given_events([answer(workspace, 10, "2026-02-01 12:00", customer_id=customers[0])])
    client, base = Client(), f"/w/{workspace.slug}/journeys/paths/"
    client.force_login(owner)
    assert b"No process yet" in client.get(base).content
    assert b'value="look"' in client.get(f"{base}new/").content  # the events of the log are offered

    sent = {"name": "Shop", "whose": "customer", "events": ["look", "buy"], "unit": "60"}
    previewed = client.post(f"{base}new/", sent | {"do": "preview"}).content.decode()
    assert "13 events would be steps." in previewed  # 4 + 3 + 2 + 2 + 2
    assert not Process.objects.exists()
    refused = client.post(f"{base}new/", sent | {"do": "save", "whose": "property"})
    assert refused.status_code == 422
    assert b"Name the property" in refused.content
    rows = {"step_name": ["Looks", "Buys", ""], "step_event": ["look", "", ""], "step_field": ["", "", ""],
            "step_operator": ["is"] * 3, "step_value": ["", "", ""]}  # fmt: skip
    assert b"Step 2 needs a name and an event." in client.post(f"{base}new/", sent | rows | {"do": "save"}).content
    assert not Process.objects.exists()
    assert client.post(f"{base}new/", sent | {"do": "save"}).status_code == 302
    process = Process.objects.get()
    assert b"about to be built" in client.get(f"{base}{process.pk}/").content
    build_steps(process)

    page = f"{base}{process.pk}/"
    shown = {name: client.get(page + name) for name in PAGES}
    assert {name: answer.status_code for name, answer in shown.items()} == dict.fromkeys(PAGES, 200)
    graph = shown[""].content.decode()
    assert "look" in graph
    assert "3 journeys begin with" not in graph  # four do: two of the web, one of the app, Ada
    assert "4 journeys begin with “Look”" in graph
    assert "5 journeys" in shown["journeys/"].content.decode()
    assert 'href="/w/' in shown["journeys/"].content.decode()
    assert ">Ada</bdi>" in shown["journeys/"].content.decode()
    assert "Nobody was asked" in shown["variants/"].content.decode()
    for address in ("?show=time&detail=100", "step-by-step/?side=last", "streams/?side=last&steps=3",
                    "funnel/?funnel=look&funnel=buy&within=1h&by=channel", "funnel/?funnel=look&funnel=buy&any=1",
                    "times/?first=look&then=buy&gap=30", "returning/?unit=month&first=look",
                    "groups/?groups=2", "variants/?period=30d", "?from=2026-01-06&to=2026-01-12"):  # fmt: skip
        assert client.get(page + address).status_code == 200, address

    # look → buy: begun by all five, and not by two of the app: one never bought, the other had bought before
    funnel = client.get(f"{page}funnel/?funnel=look&funnel=buy").content.decode()
    assert re.search(r"level=1[^>]*>5<", funnel)
    assert re.search(r"level=1&amp;dropped=1[^>]*>2<", funnel)
    dropped = client.get(f"{page}journeys/?funnel=look&funnel=buy&level=1&dropped=1").content.decode()
    assert "2 journeys" in dropped
    csv = b"".join(client.get(f"{page}journeys.csv?step=look&next=buy").streaming_content).decode()  # type: ignore[attr-defined]  # a streaming answer
    assert csv.splitlines()[0].endswith("journey,customer_id,started_at,duration_s,steps,path")
    assert len(csv.splitlines()) == 4  # the heading and three journeys
    assert str(ada.pk) in csv
    for table in ("transitions", "matrix", "variants"):
        assert client.get(f"{page}{table}.csv").status_code == 200
    assert client.get(f"{page}nothing.csv").status_code == 404
    never = client.get(f"{page}journeys/?first=look&then=buy&reached=0").content.decode()
    assert "Journeys that never come from “Look” to “Buy”" in never
    assert "2 journeys" in never
    for query, title in (("first=look&then=buy", "3 journeys"), ("step=look&number=1", "4 journeys"),
                         ("step=buy&ends=1", "3 journeys"), ("group=1&groups=2", "Journeys of group 1")):  # fmt: skip
        assert title in client.get(f"{page}journeys/?{query}").content.decode(), query
    by_app = client.get(f"{page}journeys/?field=channel&value=app").content.decode()
    assert "2 journeys" in by_app
    assert "Channel is app" in by_app
    bad = client.get(f"{page}?period=7y&from=x&segment=1&f=nonsense")
    assert bad.status_code == 200
    assert b"There is no period" in bad.content

    # in one click from a path to a map
    [path] = re.findall(r'name="path" value="(\d+)"', shown["variants/"].content.decode())[:1]
    assert client.post(f"{page}map/", {"path": path, "place": "2"}).status_code == 302
    assert JourneyMap.objects.get().name == "Shop, path 2"
    assert client.post(f"{page}map/", {"step": ["look", "buy"], "place": "1"}).status_code == 302
    drawn = JourneyMap.objects.get(name="Shop, path 1")
    touchpoints = drawn.definition["stages"][0]["touchpoints"]
    assert [(one["name"], one["binding"]["events"][0]["event"]) for one in touchpoints] == [
        ("Look", "look"), ("Buy", "buy"),
    ]  # fmt: skip
    assert touchpoints[1]["ends"]

    # a viewer looks and changes nothing; a stranger sees nothing
    client.force_login(viewer)
    assert client.get(page).status_code == 200
    assert b"Make a map of this path" not in client.get(f"{page}variants/").content
    for address in ("edit/", "remove/", "build/", "map/"):
        assert client.post(page + address, {"step": "look"}).status_code == 403
    assert client.get(f"{base}new/").status_code == 403
    client.force_login(make_user("eve@example.com"))
    for name in PAGES:
        assert client.get(page + name).status_code == 404
    assert client.get(f"{page}journeys.csv").status_code == 404
    assert (Process.objects.filter(map=None).count(), JourneyMap.objects.count()) == (1, 2)

    client.force_login(owner)
    changed = sent | {"do": "save", "name": "Buying", "events": [], "step_name": ["Look", "Buy"],
                      "step_event": ["look", "buy"], "step_field": ["channel", ""], "step_operator": ["is", "is"],
                      "step_value": ["web", ""], "gap": "30"}  # fmt: skip
    assert client.post(f"{page}edit/", changed).status_code == 302
    process.refresh_from_db()
    assert (process.name, process.definition["gap_s"]) == ("Buying", 1800)
    assert [label["key"] for label in process.definition["labels"]] == ["Look", "Buy"]
    build_steps(process)
    assert b"Look" in client.get(page).content
    assert client.post(f"{page}remove/").status_code == 302
    assert not Process.objects.filter(map=None).exists()


@pytest.mark.django_db
def test_paths_answer_by_rest() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    four_visits(workspace)
    keys = {
        role: create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", by=None, role=role)[1]
        for role in (Role.ANALYST, Role.VIEWER)
    }
    foreign = make_workspace("Other", make_user("eve@example.com"))
    strange = create_api_key(workspace=foreign, kind=ApiKey.Kind.SECRET, name="k", by=None, role=Role.ANALYST)[1]
    base = "/api/v1/journeys/processes"

    def client(key: str) -> Client:
        return Client(headers={"authorization": f"Bearer {key}"})

    analyst, viewer = client(keys[Role.ANALYST]), client(keys[Role.VIEWER])
    given = {"name": "Shop", "definition": {"events": ["look", "buy"]}}
    assert viewer.post(base, given, content_type="application/json").status_code == 403
    assert (
        analyst.post(base, {"name": "x", "definition": {"evnts": []}}, content_type="application/json").status_code
        == 422
    )
    assert analyst.post(base, given, content_type="application/json").status_code == 201
    assert analyst.post(base, given, content_type="application/json").status_code == 422  # of the same name
    process = Process.objects.get()
    build_steps(process)
    [listed] = viewer.get(base).json()
    assert (listed["name"], listed["journeys"], listed["steps"], listed["building"]) == ("Shop", 4, 11, False)
    one = f"{base}/{process.pk}"

    graph = viewer.get(f"{one}/transitions").json()
    assert {(edge["label"], edge["next"]): edge["n"] for edge in graph["transitions"]} == {
        ("look", "buy"): 3, ("buy", "look"): 2, ("look", "look"): 2, ("buy", ""): 2, ("look", ""): 2,
    }  # fmt: skip
    matrix = viewer.get(f"{one}/matrix?first=1").json()
    assert {cell["label"]: cell["share"] for cell in matrix} == {"look": 0.75, "buy": 0.25}
    assert len(viewer.get(f"{one}/streams?last=3").json()) > 0
    paths = viewer.get(f"{one}/paths").json()
    assert (paths["journeys"], paths["variants"]) == (4, 4)
    # the second step of the funnel within a quarter of an hour: only the one who took ten minutes
    [group] = viewer.get(f"{one}/funnel?step=look&step=buy&within=15m").json()
    assert [level["n"] for level in group["levels"]] == [4, 1]
    assert viewer.get(f"{one}/funnel?step=look&step=look").status_code == 422
    assert viewer.get(f"{one}/between?first=look&then=buy").json()["reached"]["value"] == 0.5
    assert viewer.get(f"{one}/sessions?gap_s=1800").json()["sessions"] == 6
    assert viewer.get(f"{one}/retention?unit=day&then=buy").json()["all"][0]["n"] == 4
    assert sum(group["n"] for group in viewer.get(f"{one}/groups?groups=2").json()["groups"]) == 4
    journeys = viewer.get(f"{one}/journeys?step=look&next=buy&filter=channel:is:web").json()
    assert journeys["journeys"] == 2
    assert sorted(len(item["steps"]) for item in journeys["items"]) == [3, 4]
    assert viewer.get(f"{one}/transitions?filter=nonsense:is:1").status_code == 422
    assert client(strange).get(one).status_code == 404
    assert client(strange).get(f"{one}/journeys").status_code == 404
    assert viewer.delete(one).status_code == 403
    assert analyst.delete(one).status_code == 204
    assert not Process.objects.exists()
