"""The pages of maps: from the first template to a public address, as an analyst, a viewer, a stranger and nobody."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.testing.cast import event, given_events, make_member, make_user, make_workspace
from cxm.understand.journeys.definition import EventRule, Promise
from cxm.understand.journeys.definition import Test as FieldTest
from cxm.understand.journeys.maps.board import board_of, curve_of
from cxm.understand.journeys.maps.drawing import svg_of, wrap
from cxm.understand.journeys.maps.editing import touchpoint_at
from cxm.understand.journeys.maps.queries import definition_of
from cxm.understand.journeys.maps.starter import LANGUAGES, starter_maps
from cxm.understand.journeys.models import JourneyMap, MapShare, Process

pytestmark = [pytest.mark.django_db, pytest.mark.once]
HTMX = {"HX-Request": "true"}


def body(response: Any) -> str:
    data = b"".join(response.streaming_content) if response.streaming else response.content
    return str(data.decode("utf-8-sig"))


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of the form of the chosen part: fields, ticked boxes, chosen options."""
    found: dict[str, Any] = {}
    form = page[page.index('id="map-part-form"') :]
    form = form[: form.index("</form>")]
    for tag in re.findall(r"<input [^>]+>", form):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if said.get("type") != "checkbox" or " checked" in tag:
            found.setdefault(said["name"], said.get("value", ""))
    for name, inner in re.findall(r'<textarea name="([^"]+)"[^>]*>\n?([^<]*)</textarea>', form):
        found[name] = inner.strip()
    for name, inner in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        found[name] = chosen[1] if chosen else ""
    found.pop("csrfmiddlewaretoken", None)
    return found


def test_an_analyst_draws_a_map_from_a_template_and_shares_it(client: Client) -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    given_events([event(workspace, "car_configured", "2026-03-01 12:00", model="Kettle 9")])
    client.force_login(owner)
    home = f"/w/{workspace.slug}/journeys/"
    assert "Draw the first map" in body(client.get(home))
    page = body(client.get(f"{home}new/"))
    assert all(one.name in page for one in starter_maps().values())
    assert client.post(f"{home}new/", {"template": "car_credit", "name": "x" * 201}).status_code == 422
    answer = client.post(f"{home}new/", {"template": "car_credit"})
    drawn = JourneyMap.objects.get(workspace=workspace)
    edit = f"{home}{drawn.pk}/edit/"
    assert (answer.headers["Location"], drawn.name) == (edit, "Buying a car on credit")

    def part(key: str) -> Any:
        drawn.refresh_from_db()
        return touchpoint_at(definition_of(drawn), key)[1]

    # The editor suggests what the log holds, and saves a form by itself without touching what is typed.
    assert 'value="car_configured"' in body(client.get(f"{home}suggestions/"))
    at = f"{edit}?at=touchpoint:car_configured"
    sent = form_of(body(client.get(at)))
    assert (sent["events_0_event"], sent["lane_2"], sent["feedback_0_0_field"]) == ("car_configured", "1", "touchpoint")
    sent |= {
        "name": "Configures a car", "owner": str(owner.pk), "cost": "1.5", "moment_of_truth": "on",
        "events_0_0_field": "property.model", "events_0_0_operator": "is", "events_0_0_value": "Kettle 9; Kettle 10",
        "events_1_event": "car_saved", "promise_0_text": "We call you", "promise_0_time": "2", "promise_0_unit": "3600",
    }  # fmt: skip
    saved = client.post(edit, {**sent, "do": "save", "auto": "1"}, headers=HTMX)
    assert 'hx-swap-oob="true"' in body(saved)
    one = part("car_configured")
    assert (one.name, one.owner, one.cost, one.moment_of_truth) == ("Configures a car", owner.pk, 1.5, True)
    assert one.binding.events == (
        EventRule("car_configured", (FieldTest("property.model", "is", ("Kettle 9", "Kettle 10")),)),
        EventRule("car_saved"),
    )
    assert one.promises == (Promise("We call you", 7200),)
    assert drawn.process.definition["labels"][0]["events"][1] == {"event": "car_saved"}  # its steps follow
    # The same form again is from before: somebody else could have been there, so nothing is lost silently.
    late = client.post(edit, {**sent, "name": "Mine", "do": "save", "auto": "1"}, headers=HTMX)
    assert "Somebody else has changed this part" in body(late)
    wrong = form_of(body(client.get(at))) | {"cost": "much", "name": ""}
    refused = client.post(edit, {**wrong, "do": "save"})
    assert refused.status_code == 422
    assert "Not saved yet" in body(refused) and 'value="much"' in body(refused)
    assert part("car_configured").name == "Configures a car"

    # Buttons and dragging do the same verbs; undo goes back.
    client.post(edit, {"do": "down", "at": "touchpoint:car_configured"})
    client.post(edit, {"do": "drop:touchpoint:service_visited", "to": "touchpoint:dealer_visited", "at": ""})
    client.post(edit, {"do": "drop:touchpoint:instalment_paid", "to": "stage:choosing", "at": ""})
    client.post(edit, {"do": "drop:touchpoint:car_insured", "to": "end:choosing", "at": ""})
    client.post(edit, {"do": "drop:stage:driving", "to": "stage:choosing", "at": ""})
    added = client.post(edit, {"do": "touchpoint:driving", "at": "stage:driving"}, headers=HTMX)
    assert added.headers["HX-Push-Url"].endswith("?at=touchpoint:new_touchpoint") and 'data-focus="name"' in body(added)
    drawn.refresh_from_db()
    assert [[one.key for one in stage.touchpoints] for stage in definition_of(drawn).stages[:2]] == [
        ["new_touchpoint"],
        ["instalment_paid", "dealer_visited", "service_visited", "car_configured", "test_drive_taken", "car_insured"],
    ]
    client.post(edit, {"do": "undo", "at": ""})
    assert client.post(edit, {"do": "fly", "at": ""}).status_code == 422
    assert "not there any more" in body(client.post(edit, {"do": "remove", "at": "touchpoint:new_touchpoint"}))
    # The map itself: a lane by its label, and one of our own.
    sent = form_of(body(client.get(f"{edit}?at=map")))
    client.post(edit, {**sent, "lanes": "What they think\nBackstage", "gap": "30", "name": "Cars", "do": "save"})
    drawn.refresh_from_db()
    assert (drawn.name, definition_of(drawn).lanes, definition_of(drawn).gap_s) == (
        "Cars", ("thoughts", "Backstage"), 2_592_000
    )  # fmt: skip

    # A version, what is different since, the pair.
    change, versions = f"{home}{drawn.pk}/change/", f"{home}{drawn.pk}/versions/"
    client.post(change, {"do": "keep", "note": "Workshop"})
    client.post(edit, {"do": "remove", "at": "touchpoint:car_insured"})
    page = body(client.get(versions))
    assert "Workshop" in page and "Insures the car" in page and "Removed" in page
    assert client.get(versions, {"before": "7"}).status_code == 404
    client.post(change, {"do": "to_be"})
    wished = JourneyMap.objects.get(kind="to_be")
    client.post(f"{home}{wished.pk}/edit/", {"do": "copy", "at": "touchpoint:car_handed_over"})
    assert "Is handed the keys (copy)" in body(client.get(f"{home}{drawn.pk}/pair/"))
    client.post(change, {"do": "restore", "number": "1"})
    assert part("car_insured").partner == "Insurer"

    # Comments, files, the public address.
    comments = f"{home}{drawn.pk}/comments/"
    client.post(comments, {"text": "Who <b>calls</b>?", "touchpoint": "car_insured"})
    page = body(client.get(comments))
    assert "Who &lt;b&gt;calls&lt;/b&gt;?" in page
    settled = {"do": "settle", "comment": str(drawn.comments.get().pk)}
    assert client.post(comments, settled).status_code == 302
    assert "No open comments" in body(client.get(comments))
    assert client.post(comments, {"text": ""}).status_code == 422
    rows = list(csv.reader(io.StringIO(body(client.get(f"{home}{drawn.pk}/map.csv")))))
    assert (len(rows), rows[0][:2]) == (12, ["Stage", "Touchpoint"])  # the heading and 11 touchpoints
    picture = client.get(f"{home}{drawn.pk}/map.svg")
    assert picture.headers["Content-Disposition"] == 'attachment; filename="cars.svg"'
    assert "Insures the car" in body(picture)
    share = f"{home}{drawn.pk}/share/"
    assert client.post(share, {"until": "2026-13-41"}).status_code == 422
    client.post(share, {"note": "The board", "until": "2099-12-31"})
    public = f"/j/{MapShare.objects.get().token}"
    assert public in body(client.get(share))
    nobody = Client()
    seen = nobody.get(public)
    assert seen.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Is handed the keys" in body(seen) and "Olena" not in body(seen)
    client.post(share, {"do": "stop", "share": str(MapShare.objects.get().pk)})
    assert nobody.get(public).status_code == 404

    # A viewer reads; a stranger finds nothing.
    client.force_login(make_member(workspace, Role.VIEWER, "vera@example.com"))
    assert client.get(edit).headers["Location"] == f"{home}{drawn.pk}/drawing/"
    assert "Is handed the keys" in body(client.get(f"{home}{drawn.pk}/drawing/"))
    before = drawn.revision
    for address in (edit, change, share, comments, f"{home}new/"):
        assert client.post(address, {"do": "remove", "at": "touchpoint:car_insured"}).status_code == 403
    client.force_login(make_user("eve@example.com", "Eve"))
    for address in (home, edit, versions, comments, share, f"{home}{drawn.pk}/map.svg", f"{home}suggestions/"):
        assert client.get(address).status_code == 404
    drawn.refresh_from_db()
    assert drawn.revision == before
    # Out of the archive nothing is drawn, and from there it goes for good.
    client.force_login(owner)
    client.post(change, {"do": "archive"})
    assert body(client.get(home)).count("list-group-item") == 1  # the other of the pair
    assert "Cars" in body(client.get(home, {"archived": ""}))
    # Its living page leads to the drawing, and nobody keeps its steps.
    assert client.get(f"{home}{drawn.pk}/")["Location"] == f"{home}{drawn.pk}/drawing/"
    assert not Process.objects.filter(map=drawn).exists()
    client.post(change, {"do": "remove"})
    assert not JourneyMap.objects.filter(pk=drawn.pk).exists()


def test_a_picture_is_drawn_of_every_template_in_every_language_the_same_each_time() -> None:
    workspace = make_workspace()
    for language in LANGUAGES:
        with translation.override(language):
            for starter in starter_maps().values():
                board = board_of(starter.definition, workspace)
                picture = svg_of(board, starter.name)
                assert picture == svg_of(board, starter.name)
                root = ElementTree.fromstring(picture)
                assert float(root.get("width", "0")) > 1000
                texts = "".join(root.itertext()).replace(" ", "")
                assert all(card.touchpoint.name.replace(" ", "") in texts for card in board.cards)
    # 60 px hold 60 / (12 × 0.56) = 8.9 letters, or 4 ideographs of 1.8 letters each.
    assert wrap("Takes a test drive", 60, 12) == ["Takes a", "test", "drive"]
    assert wrap("Konstantinopel", 60, 12) == ["Konstant", "inopel"]
    assert wrap("在熟悉的道路上試開", 60, 12) == ["在熟悉的", "道路上試", "開"]
    # Feelings 2, 0, none, -2: heights 6, 30, –, 54; a piece ends halfway to its neighbour, and where one is missing.
    assert curve_of([2, 0, None, -2]) == {0: ("50,6 100,18", 6), 1: ("0,18 50,30", 30), 3: ("50,54", 54)}


def test_programs_make_change_and_share_maps(client: Client) -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    stranger = make_workspace("Other", make_user("eve@example.com", "Eve"))
    key, viewer, other = (
        create_api_key(workspace=of, kind=ApiKey.Kind.SECRET, name="test", by=None, role=role)[1]
        for of, role in ((workspace, Role.ANALYST), (workspace, Role.VIEWER), (stranger, Role.ANALYST))
    )

    def ask(method: str, path: str, said: Any = None, bearer: str = key, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {bearer}"}
        send = getattr(client, method)
        kind = {} if method == "get" else {"content_type": "application/json"}
        return send(f"/api/v1/journeys/{path}", said or {}, headers=headers, **kind, **more)

    assert len(ask("get", "templates").json()) == 6
    made = ask("post", "maps", {"template": "clinic"})
    assert (made.status_code, made.json()["name"]) == (201, "A visit to the clinic")
    one = f"maps/{made.json()['id']}"
    definition = made.json()["definition"]
    definition["stages"][0]["name"] = "First of all"
    changed = ask("patch", one, {"definition": definition, "name": "Clinic", "revision": 1}).json()
    assert (changed["name"], changed["revision"], changed["definition"]["stages"][0]["name"]) == (
        "Clinic", 2, "First of all"
    )  # fmt: skip
    assert ask("patch", one, {"name": "Late", "revision": 1}).status_code == 409
    refused = ask("patch", one, {"definition": {"stages": [{"key": "a"}]}})
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    assert ask("post", "maps", {"template": "nope"}).json()["code"] == "unknown_template"
    assert ask("post", f"{one}/versions", {"note": "Now"}).json()["number"] == 1
    assert ask("get", f"{one}/versions/1").json()["definition"] == definition
    assert ask("post", f"{one}/versions/1/restore").status_code == 200
    assert ask("post", f"{one}/versions/9/restore").status_code == 422
    assert ask("post", f"{one}/to-be").json()["as_is"] == made.json()["id"]
    said = ask("post", f"{one}/comments", {"text": "Slow", "touchpoint": "arrived"}).json()
    assert ask("patch", f"{one}/comments/{said['id']}", {"resolved": True}).json()["resolved_at"] is not None
    assert ask("get", f"{one}/comments", {"resolved": True}).json()["items"][0]["text"] == "Slow"
    share = ask("post", f"{one}/shares", {"expires_at": "2099-01-01T00:00:00"}).json()
    assert client.get(share["address"][share["address"].index("/j/") :]).status_code == 200
    assert ask("delete", f"{one}/shares/{share['id']}").status_code == 204
    assert ask("get", f"{one}/shares").json()["items"] == []
    assert ask("get", f"{one}/drawing").headers["Content-Type"].startswith("image/svg+xml")
    found = ask("get", "maps", {"search": "CLINIC"}, bearer=viewer).json()["items"]
    assert {each["name"] for each in found} == {"Clinic", "Clinic, as it should be"}
    assert ask("delete", one).status_code == 422  # not in the archive
    for method, path in (
        ("patch", one),
        ("post", "maps"),
        ("post", f"{one}/shares"),
        ("post", f"{one}/archive"),
        ("post", f"{one}/comments"),
    ):
        assert ask(method, path, {"name": "Mine", "text": "Hm"}, bearer=viewer).status_code == 403
    for method, path in (("get", one), ("patch", one), ("get", f"{one}/comments"), ("post", f"{one}/archive")):
        assert ask(method, path, bearer=other).status_code == 404
    assert ask("get", "maps", bearer=other).json()["items"] == []
    assert ask("post", f"{one}/archive").json()["archived_at"] is not None
    assert ask("delete", one).status_code == 204
    assert JourneyMap.objects.count() == 1
