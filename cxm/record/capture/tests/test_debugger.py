"""The live debugger: what came, what was refused and why, filters, and one event as it came."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role
from cxm.record.capture import debugger
from cxm.record.capture import source_actions as actions
from cxm.record.capture.debugger import Refused, Stored, Wanted
from cxm.record.capture.models import Source
from cxm.record.capture.reasons import Reason
from cxm.record.customers.models import Identity
from cxm.testing.cast import make_customer, make_workspace

from .given import given_captured, given_refused, make_source, owner_of
from .test_source_pages import address, logged_in

pytestmark = pytest.mark.django_db


def names(source: Source, **wanted: str) -> list[str]:
    return [one.name for one in debugger.latest(source, Wanted(**wanted))]


def test_the_newest_comes_first_stored_or_refused() -> None:
    workspace = make_workspace()
    source, other = make_source(workspace), make_source(workspace, "App")
    now = timezone.now()
    given_captured(source, "A", received=now - timedelta(days=20))
    given_captured(source, "B", received=now - timedelta(minutes=3), type="page")
    given_refused(source, Reason.NOT_IN_PLAN, name="C", detail="event 'C'", received=now - timedelta(minutes=2))
    given_captured(source, "D", received=now - timedelta(minutes=1), user_id="", anonymous_id="a1")
    given_captured(other, "not ours")
    rows = debugger.latest(source, Wanted())
    assert [(one.name, type(one)) for one in rows] == [("D", Stored), ("C", Refused), ("B", Stored), ("A", Stored)]


def test_filters_narrow_it_down() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    given_captured(source, "Order Completed", {"total": 12.5, "note": "Смачно"}, user_id="u1")
    given_captured(
        source, "page_viewed", type="page", user_id="", anonymous_id="a1", context={"page": {"path": "/cart"}}
    )
    given_refused(source, Reason.NO_EVENT_NAME, body='{"type":"track","userId":"u9"}')
    given_refused(source, Reason.NOT_IN_PLAN, name="Ordr", detail="event 'Ordr'")
    assert sorted(names(source)) == ["", "Order Completed", "Ordr", "page_viewed"]
    assert sorted(names(source, show="stored")) == ["Order Completed", "page_viewed"]
    assert sorted(names(source, show="refused")) == ["", "Ordr"]
    assert names(source, type="page") == ["page_viewed"]
    assert sorted(names(source, name="ord")) == ["Order Completed", "Ordr"]
    assert names(source, reason="not_in_plan") == ["Ordr"]
    assert names(source, text="смачно") == ["Order Completed"]
    assert names(source, text="/cart") == ["page_viewed"]
    assert names(source, text="u1") == ["Order Completed"]  # a whole user id
    assert names(source, text="a1") == ["page_viewed"]
    assert names(source, text="u9") == [""]
    assert names(source, text="' OR 1=1") == []


def test_a_watching_page_hears_only_of_news() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    client = logged_in(workspace)
    url = address(source, "debugger/")
    assert "Nothing has come yet" in client.get(url).content.decode()

    def again(page: Client = client) -> tuple[int, str]:
        query = parse_qs(page.get(url).context["again"])
        answer = page.get(url, {"mark": query["mark"][0]}, headers={"HX-Request": "true"})
        return answer.status_code, answer.content.decode()

    assert again() == (204, "")
    given_captured(source, "A")
    mark = parse_qs(client.get(url).context["again"])["mark"][0]
    assert again() == (204, "")
    given_captured(source, "B", received=timezone.now() - timedelta(seconds=5))  # it took a while to be seen
    answer = client.get(url, {"mark": mark}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert ">B</a>" in page
    assert "<html" not in page
    for nonsense in ("x", "1-", "-1", "99999999999999999-1", ""):
        assert client.get(url, {"mark": nonsense}, headers={"HX-Request": "true"}).status_code == 200
    assert "every 2s" not in client.get(url, {"paused": "1"}).content.decode()
    assert "every 2s" in client.get(url).content.decode()


def test_an_event_is_shown_as_it_came_with_its_customer() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    customer = make_customer(workspace, "Ada")
    Identity.objects.create(workspace=workspace, customer=customer, kind="user_id", value="u1")
    client = logged_in(workspace)
    event_id = given_captured(source, "Song <Played>", {"a": {"b": 1}}, context={"ip": "8.8.8.8"}, remark="future")
    url = address(source, f"debugger/event/{event_id}/")
    page = client.get(url).content.decode()
    for text in ("Song &lt;Played&gt;", f"/customers/{customer.pk}/", "8.8.8.8", "&quot;b&quot;: 1", "from the future"):
        assert text in page, text
    assert "<html" not in client.get(url, headers={"HX-Request": "true"}).content.decode()
    stranger = given_captured(source, "Song Played", user_id="", anonymous_id="a7")
    page = client.get(address(source, f"debugger/event/{stranger}/")).content.decode()
    assert "nobody we know yet" in page
    assert client.get(address(source, "debugger/event/00000000-0000-0000-0000-000000000001/")).status_code == 404
    other = make_source(workspace, "App")
    assert client.get(address(other, f"debugger/event/{event_id}/")).status_code == 404


def test_an_event_of_a_merged_profile_leads_to_the_person() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    root = make_customer(workspace, "Ada")
    member = make_customer(workspace, "A. L.", merged_into=root, canonical=root)
    Identity.objects.create(workspace=workspace, customer=member, kind="user_id", value="u1")
    event_id = given_captured(source, "Song Played")
    found = debugger.stored(source, event_id)
    assert found is not None
    assert debugger.customer_of(source, found) == root


def test_a_refusal_says_why_and_what_came() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    client = logged_in(workspace)
    given_refused(
        source, Reason.PROPERTY_INVALID, name="Order", detail="total: expected number", body='{"total":"x"}', n=3
    )
    listed = client.get(address(source, "debugger/"))
    assert "total: expected number" in listed.content.decode()
    (row,) = listed.context["rows"]
    url = address(source, f"debugger/refused/{row['ms']}/{row['digest']}/")
    page = client.get(url).content.decode()
    assert "another type or value than the tracking plan says" in page
    assert "&quot;total&quot;: &quot;x&quot;" in page
    assert client.get(address(source, f"debugger/refused/{row['ms']}/1/")).status_code == 404
    assert client.get(address(source, f"debugger/refused/{10**18}/{2**70}/")).status_code == 404


def test_viewers_see_what_came_without_who_it_was() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    owner, viewer = logged_in(workspace), logged_in(workspace, Role.VIEWER)
    stored = given_captured(
        source, "customer_identified", {"traits": {"firstName": "Zoe", "plan": "pro"}}, user_id="zoe@example.com",
        context={"traits": {"name": "Zoe"}, "app": {"name": "Shop"}},
    )  # fmt: skip
    given_refused(source, Reason.INVALID_FIELD, body='{"traits":{"name":"Zoe","plan":"pro"}}')
    given_refused(source, Reason.NO_EVENT_NAME, body='{"plan":"pro","traits":{"name":"Zoe')  # cut off
    listed = owner.get(address(source, "debugger/"))
    refused = {row["reason"]: f"debugger/refused/{row['ms']}/{row['digest']}/"
               for row in listed.context["rows"] if "ms" in row}  # fmt: skip
    pages = [("debugger/", ()), (f"debugger/event/{stored}/", ("firstName", "pro", "Shop")),
             (refused["invalid_field"], ("plan", "pro")), (refused["no_event_name"], ())]  # fmt: skip
    for page, kept in pages:
        assert "zoe" in owner.get(address(source, page)).content.decode().lower(), page
        hidden = viewer.get(address(source, page)).content.decode()
        assert "zoe" not in hidden.lower() and "•••" in hidden, page
        assert all(word in hidden for word in kept), page


def test_an_event_against_the_plan_says_so_where_the_plan_warns() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    owner = owner_of(workspace)
    actions.save_plan(workspace=workspace, yaml="events: {Order Completed: {properties: {total: number}}}", by=owner)
    # As the log keeps it: under the name it understands, with what came below `properties`.
    event_id = given_captured(source, "order_placed", {"order_id": "1", "properties": {"total": "12"}})
    url = address(source, f"debugger/event/{event_id}/")
    client = logged_in(workspace)
    assert "Against the tracking plan" not in client.get(url).content.decode()
    actions.set_plan_mode(source=source, mode=Source.PlanMode.WARN, by=owner)
    assert "Against the tracking plan: total: expected number, got string" in client.get(url).content.decode()


def test_a_warning_says_that_the_event_is_stored() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    client = logged_in(workspace)
    given_refused(source, Reason.NOT_IN_PLAN, name="Ordr", detail="event 'Ordr'", n=0)
    listed = client.get(address(source, "debugger/"))
    assert "Stored with a warning" in listed.content.decode()
    (row,) = listed.context["rows"]
    page = client.get(address(source, f"debugger/refused/{row['ms']}/{row['digest']}/")).content.decode()
    assert "The plan only warns: the event is stored" in page
