"""Reading the audit trail: filtered, in pages, as CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import change_workspace
from cxm.accounts.audit import audit
from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.testing.cast import at, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

TRAIL = "/w/kyiv-kettles/settings/audit"


def entry(workspace: Workspace, by: User | None, verb: str, when: str, name: str = "Ada") -> None:
    made = audit(verb, workspace, workspace=workspace, by=by, name=name, changes={"plan": ["tin", "gold"]})
    AuditEntry.objects.filter(pk=made.pk).update(at=at(when), subject="customer")


def verbs(client: Client, query: str) -> list[str]:
    response = client.get(f"{TRAIL}/?{query}")
    assert response.status_code == 200
    return [row["entry"].verb for row in response.context["rows"]]


@pytest.fixture
def trail(client: Client) -> Workspace:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    owner = workspace.memberships.get().user
    petro = make_member(workspace, Role.ANALYST, "petro@example.com")
    AuditEntry.objects.all().delete()
    entry(workspace, owner, "merged", "2026-03-01 21:59")  # 23:59 in Kyiv
    entry(workspace, petro, "tagged", "2026-03-01 22:00")  # midnight in Kyiv: the 2nd
    entry(workspace, None, "erased", "2026-03-05 12:00", name='=HYPERLINK("x")')
    other = make_workspace("Other", owner=make_user("stranger@example.com"))
    entry(other, None, "created", "2026-03-02 12:00")
    client.force_login(owner)
    return workspace


def test_entries_are_filtered_by_person_verb_subject_and_days(client: Client, trail: Workspace) -> None:
    petro = User.objects.get(email="petro@example.com")
    assert verbs(client, "") == ["erased", "tagged", "merged"]
    assert verbs(client, f"person={petro.uuid}") == ["tagged"]
    assert verbs(client, "verb=merged") == ["merged"]
    assert verbs(client, "subject=customer") == ["erased", "tagged", "merged"]
    assert verbs(client, "since=2026-03-02") == ["erased", "tagged"]
    assert verbs(client, "until=2026-03-01") == ["merged"]
    assert verbs(client, "since=2026-03-02&until=2026-03-02") == ["tagged"]


@pytest.mark.parametrize(
    "query", ["person=%00", "since=0001-01-01", "until=9999-12-31", "verb=x", "page=zz", "page=-1"]
)
def test_filters_that_make_no_sense_are_left_out(client: Client, trail: Workspace, query: str) -> None:
    assert verbs(client, query) == ["erased", "tagged", "merged"]


def test_a_trail_without_hits_says_what_to_do(client: Client, trail: Workspace) -> None:
    page = client.get(f"{TRAIL}/?since=2030-01-01").content.decode()
    assert "No change fits these filters" in page


def test_the_csv_holds_what_the_filters_choose_and_no_formula(client: Client, trail: Workspace) -> None:
    response: Any = client.get(f"{TRAIL}.csv?since=2026-03-02")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["time", "person", "action", "kind", "name", "id", "changes"]
    assert [row[:5] for row in rows[1:]] == [
        ["2026-03-05T14:00:00+02:00", "OpenCXM", "erased", "Customer", '\'=HYPERLINK("x")'],
        ["2026-03-02T00:00:00+02:00", "Petro", "tagged", "Customer", "Ada"],
    ]
    assert rows[1][6] == "plan: tin → gold"


def test_pages_hold_fifty_entries_and_keep_the_filters(client: Client, trail: Workspace) -> None:
    for n in range(60):
        entry(trail, None, "tagged", "2026-04-01 12:00", name=f"Customer {n}")
    assert len(verbs(client, "verb=tagged")) == 50
    assert len(verbs(client, "verb=tagged&page=2")) == 11  # 60 and Petro's one
    assert "verb=tagged" in client.get(f"{TRAIL}/?verb=tagged").content.decode()


def test_only_administrators_read_the_trail(client: Client, trail: Workspace) -> None:
    client.force_login(User.objects.get(email="petro@example.com"))
    assert client.get(f"{TRAIL}/").status_code == 403
    assert client.get(f"{TRAIL}.csv").status_code == 403


def test_changing_the_settings_says_what_changed(client: Client, trail: Workspace) -> None:
    url = "/w/kyiv-kettles/settings/"
    form = {"name": "Kettles", "time_zone": "Europe/Kyiv", "currency": "UAH"}
    assert client.post(url, form)["Location"] == url
    trail.refresh_from_db()
    assert (trail.name, trail.slug, trail.currency) == ("Kettles", "kyiv-kettles", "UAH")
    newest = AuditEntry.objects.filter(workspace=trail).latest("id")
    assert newest.changes == {"name": ["Kyiv Kettles", "Kettles"], "currency": ["EUR", "UAH"]}
    change_workspace(workspace=trail, by=None, **form)
    assert AuditEntry.objects.filter(workspace=trail).latest("id") == newest  # nothing changed, nothing to say
    assert client.post(url, {**form, "time_zone": "Mars"}).status_code == 422
    client.force_login(User.objects.get(email="petro@example.com"))
    assert "Administrators and owners change" in client.get(url).content.decode()
    assert client.post(url, {**form, "name": "Mine"}).status_code == 403
    trail.refresh_from_db()
    assert trail.name == "Kettles"
    assert newest.at > at("2026-04-01 12:00") - timedelta(days=1)
