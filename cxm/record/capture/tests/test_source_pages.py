"""The pages of sources: from the first key to the first event, volumes, and who may do what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.access import hash_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.record.capture import arrivals, sources
from cxm.record.capture.models import Source, SourceKey
from cxm.record.capture.reasons import Reason
from cxm.testing.cast import make_member, make_workspace

from .given import given_captured, given_refused, make_source, owner_of

pytestmark = pytest.mark.django_db
LIST = "/w/kyiv-kettles/sources/"


def logged_in(workspace: Workspace, role: Role | None = None) -> Client:
    client = Client()
    client.force_login(make_member(workspace, role, f"{role}@example.com") if role else owner_of(workspace))
    return client


def address(source: Source, rest: str = "") -> str:
    return f"{LIST}{source.uuid}/{rest}"


def watch(client: Client, url: str) -> str:
    return client.get(url, headers={"HX-Request": "true"}).content.decode()


def test_from_the_first_key_to_the_first_event(settings: object) -> None:
    settings.BASE_URL = "https://cxm.example.com"  # type: ignore[attr-defined]  # the fixture of pytest-django
    workspace = make_workspace()
    client = logged_in(workspace)
    assert "No sources yet" in client.get(LIST).content.decode()
    made = client.post(f"{LIST}new/", {"name": "Web shop", "kind": "website", "origins": "shop.example"})
    secret = made.context["secret"]
    page = made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert hash_key(secret) in sources.sources_by_key_hash()
    # The key stands in the field and in each of the eleven snippets; HTML escapes quotes only.
    assert page.count(secret) == 1 + len(made.context["snippets"]) == 12
    assert "https://cxm.example.com/v1/track" in page
    assert "Waiting for your first event…" in page
    source = Source.objects.get()
    assert source.origins == ["https://shop.example"]
    shown = client.get(address(source)).content.decode()
    assert secret not in shown
    assert "YOUR_WRITE_KEY" in shown
    assert 'hx-trigger="every 2s"' in watch(client, address(source))
    assert "Waiting for the first event" in client.get(LIST).content.decode()
    given_captured(source, "Song Played")
    green = watch(client, address(source))
    assert "The first event has arrived: Song Played" in green
    assert "every 2s" not in green
    later = client.get(address(source)).content.decode()
    assert "Waiting" not in later
    assert "Events of the last 24 hours" in later
    assert "Receiving" in client.get(LIST).content.decode()


def test_a_key_is_rotated_and_the_old_one_disabled() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    source = make_source(workspace)
    old = SourceKey.objects.get()
    secret = client.post(address(source, "keys/"), {"name": "Web shop 2"}).context["secret"]
    assert len(sources.sources_by_key_hash()) == 2
    assert client.post(address(source, f"keys/{old.key.uuid}/disable/")).status_code == 302
    assert set(sources.sources_by_key_hash()) == {hash_key(secret)}
    page = client.get(address(source)).content.decode()
    assert "Disabled" in page
    assert client.post(address(source, "keys/"), {"name": ""}).status_code == 422
    assert SourceKey.objects.count() == 2


def test_a_source_is_changed_and_switched_off_and_on() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    source = make_source(workspace)
    bad = client.post(address(source, "change/"), {"name": "Shop", "kind": "server", "origins": "ftp://x"})
    assert bad.status_code == 422
    assert "is not the address of a site" in bad.content.decode()
    source.refresh_from_db()
    assert source.name == "Web shop"
    client.post(address(source, "change/"), {"name": "Shop", "kind": "server", "origins": "a.example\nb.example"})
    client.post(address(source, "switch/"), {"enabled": "no"})
    source.refresh_from_db()
    assert (source.name, source.kind, source.enabled) == ("Shop", "server", False)
    assert source.origins == ["https://a.example", "https://b.example"]
    assert "This source is switched off" in client.get(address(source)).content.decode()
    assert "Switched off" in client.get(LIST).content.decode()
    client.post(address(source, "switch/"), {"enabled": "yes"})
    source.refresh_from_db()
    assert source.enabled


def test_viewers_look_and_change_nothing() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    viewer, analyst = logged_in(workspace, Role.VIEWER), logged_in(workspace, Role.ANALYST)
    for page in ("", "debugger/", "schema/"):
        assert viewer.get(address(source, page)).status_code == 200
    assert viewer.get(LIST).status_code == viewer.get(f"{LIST}plan/").status_code == 200
    key = ApiKey.objects.get()
    for client in (viewer, analyst):
        assert client.get(f"{LIST}new/").status_code == 403
        assert client.post(f"{LIST}new/", {"name": "x", "kind": "server"}).status_code == 403
        for rest in ("change/", "switch/", "keys/", f"keys/{key.uuid}/disable/"):
            assert client.post(address(source, rest), {"name": "x", "enabled": "no"}).status_code == 403
    assert viewer.post(address(source, "plan-mode/"), {"plan_mode": "block"}).status_code == 403
    assert viewer.post(f"{LIST}plan/", {"yaml": "events: {}", "save": "1"}).status_code == 403
    assert analyst.post(address(source, "plan-mode/"), {"plan_mode": "block"}).status_code == 302
    source.refresh_from_db()
    assert (source.name, source.enabled, source.plan_mode, SourceKey.objects.count()) == ("Web shop", True, "block", 1)


def test_a_key_of_another_source_is_not_found() -> None:
    workspace = make_workspace()
    one, other = make_source(workspace), make_source(workspace, "App")
    key = other.keys.get().key
    assert logged_in(workspace).post(address(one, f"keys/{key.uuid}/disable/")).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_what_came_and_what_was_refused_is_counted() -> None:
    workspace = make_workspace()
    source, other = make_source(workspace), make_source(workspace, "App")
    now = timezone.now()
    yesterday = arrivals.start_of_day(workspace) - timedelta(hours=1)
    given_captured(source, n=3)
    given_captured(source, n=2, received=yesterday)
    given_captured(other, n=7)
    given_refused(source, Reason.NO_EVENT_NAME, n=4)
    given_refused(source, Reason.NO_EVENT_NAME, received=yesterday)
    given_refused(source, Reason.REPEAT, n=100)  # left out on purpose: no error
    for _twice in range(2):
        given_refused(source, Reason.NOT_IN_PLAN, n=0)  # warned of, and stored
    rows = {one.source.name: one for one in arrivals.overviews(workspace, [source, other])}
    assert [(one.today, one.refused, one.state) for one in (rows["Web shop"], rows["App"])] == [
        (3, 4, "receiving"), (7, 0, "receiving")
    ]  # fmt: skip
    days = arrivals.daily(source)
    assert len(days) == 30
    assert [(one.accepted, one.refused, one.warned) for one in days[-3:]] == [(0, 0, 0), (2, 1, 0), (3, 4, 2)]
    hours = arrivals.hourly(source)
    assert len(hours) == 24
    assert (hours[-1].accepted, hours[-1].refused) == (3, 4)
    found = [(one.reason, one.n, one.warned) for one in arrivals.reasons(source, now - timedelta(days=7))]
    assert found == [("repeat", 100, 0), ("no_event_name", 5, 0), ("not_in_plan", 0, 2)]  # 4 + 1
    page = logged_in(workspace).get(address(source)).content.decode()
    assert "2 warnings" in page
    assert "Stored with a warning" in page
    assert "A track call needs the name of the event in “event”." in page


def test_hours_and_days_are_those_of_the_workspace() -> None:
    workspace = make_workspace("Nepal", time_zone="Asia/Kathmandu")  # UTC+5:45
    source = make_source(workspace)
    given_captured(source, received=arrivals.start_of_day(workspace))
    given_captured(source, received=arrivals.start_of_day(workspace) - timedelta(minutes=1))
    assert [one.accepted for one in arrivals.daily(source)[-2:]] == [1, 1]
    given_captured(source, n=5)
    last = arrivals.hourly(source)[-1]
    assert last.accepted >= 5
    assert (last.start.minute, str(last.start.utcoffset())) == (0, "5:45:00")  # type: ignore[attr-defined]  # hours are datetimes


def test_a_quiet_source_and_one_that_was_silent_for_long() -> None:
    workspace = make_workspace()
    long_ago = timezone.now() - timedelta(days=90)
    source = make_source(workspace, created_at=long_ago)
    given_captured(source, received=timezone.now() - timedelta(days=40))
    (row,) = arrivals.overviews(workspace, [source])
    assert (row.state, row.last_at, row.ever) == ("quiet", None, True)
    assert "more than 30 days ago" in logged_in(workspace).get(LIST).content.decode()
    given_captured(source, received=timezone.now() - timedelta(days=2))
    (row,) = arrivals.overviews(workspace, [source])
    assert row.state == "quiet"
    assert row.last_at is not None
