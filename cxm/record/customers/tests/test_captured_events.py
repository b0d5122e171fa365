"""Captured events reach the customer: in the timeline, in numbers, on the page, and are erased with the person."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from cxm.accounts.models import Workspace
from cxm.record.capture.running import _still_seen
from cxm.record.customers.bulk import Person, put_customers
from cxm.record.customers.consent import set_consent
from cxm.record.customers.directory import granted_analytics, refused_analytics
from cxm.record.customers.linking import log_id
from cxm.record.customers.models import Customer, Identity, IdentityLink
from cxm.record.customers.queries import Wanted, complete, customers, kinds_of_events, person_of, timeline
from cxm.record.customers.snapshot import refresh_activity
from cxm.record.customers.steps import count_answers, update_customers
from cxm.record.customers.timeline import SENTENCES, moment
from cxm.record.customers.versions import directory_version
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import follow
from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.captured import Captured, alias, captured, given_captured, identify
from cxm.testing.cast import at

from .cast import Firm, person, state
from .test_identity_by_events import batches, clear, happened, picture

pytestmark = pytest.mark.django_db


@dataclass
class Row:
    customer_id: UUID
    canonical_id: UUID


def snapshot(workspace: Workspace) -> dict[UUID, UUID]:
    rows = ask(
        "SELECT customer_id, canonical_id FROM customers FINAL WHERE $scope",
        Scope(workspace.pk), row=Row, name="test", table="events",
    ).rows  # fmt: skip
    return {row.customer_id: row.canonical_id for row in rows}


def arrive(workspace: Workspace, *calls: Captured) -> None:
    """As in life: into the log, and from there through the step."""
    given_captured(workspace, *calls)

    def step(events: Any) -> None:
        own = [one for one in events if one.workspace_id == workspace.pk]
        update_customers(own)
        count_answers(own)

    follow("test", step, holder="test")


ANSWER = {"metric": "nps", "question": "nps", "scale": "0-10", "score": 9}


def ids(workspace: Workspace, *names: tuple[str, str]) -> list[UUID]:
    return [log_id(workspace.pk, name) for name in names]


def test_anonymous_events_appear_in_timeline_and_numbers_of_the_user() -> None:
    workspace = Firm().workspace
    u1, a1 = ids(workspace, ("user_id", "u1"), ("anonymous_id", "a1"))
    arrive(
        workspace,
        Captured("page", "", "a1", "2026-03-01 12:00", properties={"title": "Kettles"}),
        Captured("track", "", "a1", "2026-03-01 12:01", "answer_given", properties=ANSWER),
    )
    assert snapshot(workspace) == {}
    arrive(workspace, identify("u1", "a1", "2026-03-01 12:05", name="Ada", plan="gold"))
    assert snapshot(workspace) == {u1: u1, a1: u1}
    ada = Customer.objects.get(pk=u1)
    whole = person_of(ada)
    assert [moment(row).title for row in timeline(workspace, whole.log_ids).events] == [
        "A source told us 2 traits.", "Would recommend us: 9 of 10 (promoter).", "Viewed the page “Kettles”.",
    ]  # fmt: skip
    assert {one.name: one.n for one in kinds_of_events(workspace, whole.log_ids)} == {
        "customer_identified": 1, "answer_given": 1, "page_viewed": 1
    }  # fmt: skip
    assert (ada.answers, ada.last_seen_at) == (1, at("2026-03-01 12:05"))
    gold = Scope(workspace.pk).where(Filter("trait.plan", "is", ("gold",)))
    found = ask("SELECT customer_id, customer_id AS canonical_id FROM feedback $join WHERE $scope", gold, row=Row,
                name="test")  # fmt: skip
    assert [row.customer_id for row in found.rows] == [a1]
    refresh_activity(workspace.pk)
    ada.refresh_from_db()
    assert (ada.answers, ada.last_seen_at) == (1, at("2026-03-01 12:05"))


def test_a_device_that_turns_out_to_be_shared_is_taken_from_the_snapshot() -> None:
    workspace = Firm().workspace
    u1, u2, a1 = ids(workspace, ("user_id", "u1"), ("user_id", "u2"), ("anonymous_id", "a1"))
    arrive(workspace, identify("u1", "a1"))
    arrive(workspace, identify("u2", "a1"))
    assert snapshot(workspace) == {u1: u1, u2: u2}
    arrive(workspace, alias("u1", "u2"))
    # Nobody said whether the former name was that of a user or of a device, so it counts as both.
    [device] = ids(workspace, ("anonymous_id", "u1"))
    assert snapshot(workspace) == {u1: u2, u2: u2, a1: u2, device: u2}


def test_a_batch_that_comes_again_tells_the_log_again() -> None:
    workspace = Firm().workspace
    events = [captured(workspace, identify("u1", "a1", plan="gold"))]
    update_customers(events)
    from cxm.record.eventlog.forget import forget_workspace

    forget_workspace(workspace.pk)  # as if the process had ended before it told the log
    update_customers(events)
    assert set(snapshot(workspace)) == set(ids(workspace, ("user_id", "u1"), ("anonymous_id", "a1")))


def test_erasing_a_person_takes_the_events_of_all_their_names(client: Client) -> None:
    firm = Firm()
    arrive(firm.workspace, Captured("page", "", "a1"), identify("u1", "a1"), Captured(user_id="u2"))
    [u1] = ids(firm.workspace, ("user_id", "u1"))
    client.force_login(firm.agent)
    client.post(reverse("customers:remove", args=[firm.workspace.slug, u1]), {"sure": "yes"})
    rows = ask("SELECT DISTINCT customer_id, customer_id AS canonical_id FROM events WHERE $scope AND source != 'fact'",
               Scope(firm.workspace.pk), row=Row, name="test", table="events").rows  # fmt: skip
    assert [row.customer_id for row in rows] == ids(firm.workspace, ("user_id", "u2"))
    assert not IdentityLink.objects.exists()


def test_refusing_analytics_reaches_every_name_of_the_person(django_capture_on_commit_callbacks: Any) -> None:
    firm = Firm()
    workspace = firm.workspace
    arrive(workspace, identify("u1", "a1"), Captured(user_id="u2"))
    u1, a1, u2 = ids(workspace, ("user_id", "u1"), ("anonymous_id", "a1"), ("user_id", "u2"))
    before = directory_version()
    set_consent(customer=Customer.objects.get(pk=u1), purpose="analytics", granted=False, by=firm.agent)
    assert directory_version() == before + 1
    assert set(refused_analytics()) == {(workspace.pk, u1), (workspace.pk, a1)}
    arrive(workspace, identify("u1", "a2"))  # one more device: the intake must hear of it
    assert directory_version() == before + 2
    assert len(set(refused_analytics())) == 3
    arrive(workspace, identify("u2", "", "2026-03-02 12:00", consent={"analytics": True, "marketing": False}))
    assert set(granted_analytics()) == {(workspace.pk, u2)}
    later = {"consent": {"categoryPreferences": {"Analytics": True}}}
    arrive(workspace, Captured("track", "u1", "", "2099-01-01 00:00", "Consent Updated", context=later))
    assert set(refused_analytics()) == set()
    arrive(workspace, Captured("track", "u2", "", "2026-03-03 12:00", "email_unsubscribed"))
    assert [(one.purpose, one.granted) for one in person_of(Customer.objects.get(pk=u2)).decisions] == [
        ("analytics", True), ("marketing", False),
    ]  # fmt: skip


def test_the_page_shows_groups_and_the_shared_device_and_lets_people_decide(client: Client) -> None:
    firm = Firm()
    workspace = firm.workspace
    arrive(
        workspace,
        identify("u1", "kiosk", name="Ada"),
        identify("u2", "kiosk", name="Bob"),
        Captured("group", "u1", "", properties={"group_id": "g1", "traits": {"name": "Initech"}}),
    )
    u1, u2, kiosk = ids(workspace, ("user_id", "u1"), ("user_id", "u2"), ("anonymous_id", "kiosk"))
    address = reverse("customers:show", args=[workspace.slug, u1])
    link = IdentityLink.objects.get(to_value="u2", from_value="kiosk")
    undo = reverse("customers:link_undo", args=[workspace.slug, u2, link.pk])
    before = state(), list(IdentityLink.objects.values_list())
    for user, status in ((firm.stranger, 404), (firm.viewer, 403)):
        client.force_login(user)
        assert client.post(undo).status_code == status
        assert (state(), list(IdentityLink.objects.values_list())) == before
    client.force_login(firm.agent)
    text = client.get(address).content.decode()
    assert "Shared device" in text and "Bob" in text and "Initech" in text
    client.post(reverse("customers:identity", args=[workspace.slug, u1]), {"kind": "anonymous_id", "value": "kiosk"})
    assert "Shared device" not in client.get(address).content.decode()
    identity = Identity.objects.get(kind="anonymous_id", value="kiosk")
    assert (identity.customer_id, identity.from_links) == (u1, False)
    client.post(undo)
    link.refresh_from_db()
    assert link.undone_at
    del kiosk
    other = person("Another")
    client.force_login(other)
    assert client.get(address).status_code == 404


def test_a_customer_of_an_import_who_sent_events_outlives_its_undoing() -> None:
    workspace, batch = Firm().workspace, UUID(int=7)
    people = [Person([("user_id", name)]) for name in ("u1", "u2")]
    first, _second = put_customers(workspace=workspace, people=people, import_id=batch).ids
    arrive(workspace, Captured(user_id="u1"))
    assert _still_seen(workspace.pk, batch) == {first}


def test_lists_and_pages_show_the_name_that_another_profile_has(client: Client) -> None:
    firm = Firm()
    arrive(firm.workspace, identify("", "a1", name="Ada", email="ada@example.com"), identify("u1", "a1"))
    [row] = complete(list(customers(firm.workspace, Wanted())))
    assert (row.name, row.email) == ("Ada", "ada@example.com")
    client.force_login(firm.viewer)
    assert "Ada" in client.get(reverse("customers:list", args=[firm.workspace.slug])).content.decode()
    assert Customer.objects.get(pk=row.pk).name == ""


@pytest.mark.parametrize(
    ("name", "properties", "title"),
    [
        ("page_viewed", {"url": "https://x.example/"}, "Viewed the page “https://x.example/”."),
        ("screen_viewed", {}, "Viewed a screen."),
        ("group_joined", {"group_id": "g1", "traits": {}}, "Belongs to the group “g1”."),
        ("customer_aliased", {"previous_id": "old"}, "A source told us that “old” is the same person."),
        ("email_opened", {"email_subject": "Hi"}, "Opened the e-mail “Hi”."),
        ("email_unsubscribed", {}, "Unsubscribed from e-mails."),
        ("chat_started", {"agent_name": "Ivan"}, "Began to chat with Ivan."),
        ("chat_message_sent", {"message_body": "help"}, "Wrote in the chat."),
        ("order_refunded", {"order_id": "7"}, "Order 7 was refunded."),
    ],
)
def test_captured_events_are_told_in_sentences(name: str, properties: dict[str, Any], title: str) -> None:
    assert SENTENCES[name][1](name, properties) == title


@pytest.mark.django_db(transaction=True)
def test_concurrent_senders_and_followers_leave_the_same_profiles() -> None:
    """Three processes handle overlapping batches at once, as after a lost lease; the result is that of one."""
    workspace = Firm().workspace
    draw = Random(5)
    calls = [
        *(
            identify(f"u{n % 5}", f"a{n % 7}", f"2026-03-{n % 28 + 1:02} 12:00", plan=n, **{f"t{n % 3}": n})
            for n in range(40)
        ),
        *(alias(f"u{n}", f"u{n + 1}") for n in (0, 2)),
        *(identify("", f"a{n}", seats=n) for n in range(7)),
    ]
    events = [captured(workspace, one) for one in calls]
    update_customers(events)
    expected = picture(workspace)
    clear(workspace)
    plans = [batches(events, draw) for _thread in range(3)]
    errors: list[BaseException] = []

    def handle(plan: list[Any]) -> None:
        try:
            for batch in plan:
                update_customers(batch)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=handle, args=[plan]) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert picture(workspace) == expected
    assert happened(workspace, calls[0])
