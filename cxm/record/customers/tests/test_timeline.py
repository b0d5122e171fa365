"""The timeline: every event as a sentence, newest first, page by page, filtered and searched."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from functools import partial
from typing import Any

import msgspec
import pytest

from cxm.record.customers import queries
from cxm.record.customers.models import Customer
from cxm.record.customers.queries import (
    MOST_PLACES,
    PAGE,
    Cursor,
    EventRow,
    Wanted,
    customers,
    kinds_of_events,
    scores,
    timeline,
)
from cxm.record.customers.snapshot import refresh_activity
from cxm.record.customers.timeline import Moment, moment
from cxm.record.eventlog.append import encode_properties
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.forget import forget_customer, forget_events
from cxm.testing.cast import answer, at, event, given_events, make_customer

from .cast import Firm


def told(name: str, **properties: Any) -> Moment:
    row = EventRow(uuid.uuid4(), name, at("2026-03-01 12:00"), uuid.uuid4(), "api", encode_properties(properties))
    return moment(row)


@pytest.mark.parametrize(
    ("name", "properties", "sentence"),
    [
        ("answer_given", {"metric": "nps", "score": 9}, "Would recommend us: 9 of 10 (promoter)."),
        ("answer_given", {"metric": "nps", "score": 7}, "Is undecided about recommending us: 7 of 10 (passive)."),
        ("answer_given", {"metric": "nps", "score": 6}, "Would not recommend us: 6 of 10 (detractor)."),
        ("answer_given", {"metric": "csat", "score": 4, "scale": "1-5"}, "Rated their satisfaction 4 of 5."),
        ("answer_given", {"metric": "ces", "score": 6.5, "scale": "1-7"}, "Rated how easy it was 6.50 of 7."),
        ("answer_given", {"metric": "rating", "score": 3}, "Gave a rating of 3."),
        ("answer_given", {"metric": "text", "comment": "hi"}, "Wrote a comment."),
        ("answer_given", {"metric": "nps"}, "Left a question open."),
        ("ticket_updated", {"ticket_id": "T-1", "state": "new"}, "Opened ticket T-1."),
        ("ticket_updated", {"ticket_id": "T-1", "state": "On_Hold"}, "Ticket T-1 changed to “on hold”."),
        ("ticket_updated", {"ticket_id": "T-1", "state": "open", "reopened": 1}, "Ticket T-1 was reopened 1 time."),
        ("ticket_updated", {"ticket_id": "T-1", "state": "open", "reopened": 2}, "Ticket T-1 was reopened 2 times."),
        ("ticket_updated", {"ticket_id": "T-1", "resolved_at": "2026-03-01T12:00:00Z"}, "Ticket T-1 was resolved."),
        ("ticket_updated", {"ticket_id": "T-1", "closed_at": "2026-03-01T12:00:00Z"}, "Ticket T-1 was closed."),
        ("order_placed", {"order_id": "7", "amount": 1234.5, "currency": "EUR"}, "Placed order 7 for 1,234.50 EUR."),
        ("order_placed", {"order_id": "7"}, "Placed order 7."),
        ("order_approved", {"order_id": "7"}, "Order 7 was approved."),
        ("order_shipped", {"order_id": "7"}, "Order 7 was shipped."),
        ("order_delivered", {"order_id": "7"}, "Order 7 was delivered."),
        ("order_cancelled", {"order_id": "7"}, "Order 7 was cancelled."),
        ("subscription_updated", {"plan": "Gold", "status": "active", "amount": 9, "currency": "PLN"},
         "The subscription “Gold” is active for 9.00 PLN a month."),
        ("subscription_updated", {"plan": "Gold", "status": "ended"}, "The subscription “Gold” ended."),
        ("purchase_history_reported", {"repeat_purchases": 1},
         "A purchase history with 1 repeat purchase was reported."),
        ("purchase_history_reported", {"repeat_purchases": 1200},
         "A purchase history with 1,200 repeat purchases was reported."),
        ("customer_identified", {"traits": {"plan": "gold", "x": 1}}, "A source told us 2 traits."),
        ("customer_identified", {}, "A source told us who this is."),
        ("customer_created", {"by": "Ivan"}, "Ivan created this profile."),
        ("profile_changed", {"by": "Ivan", "fields": ["email", "trait.plan"]}, "Ivan changed: e-mail, plan."),
        ("identity_added", {"by": "Ivan", "kind": "email", "value": "a@b.c"},
         "Ivan added the identity “email: a@b.c”."),
        ("customers_merged", {"by": "Ivan", "profile": "A."}, "Ivan merged the profile “A.” into this customer."),
        ("customers_unmerged", {"by": "Ivan", "profile": "A."}, "Ivan separated the profile “A.” from this customer."),
        ("consent_given", {"by": "Ivan", "purpose": "surveys"}, "Ivan recorded consent to “surveys”."),
        ("consent_withdrawn", {"purpose": "surveys"}, "Somebody recorded that consent to “surveys” was withdrawn."),
        ("note_added", {"by": "Ivan"}, "Ivan wrote a note."),
        ("customer_tagged", {"by": "100%s", "tag": "%(x)s"}, "100%s added the tag “%(x)s”."),
        ("page_viewed", {"url": "/"}, "Viewed the page “/”."),
        ("tea_poured", {}, "Tea poured"),
        ("Checkout.step-2", {}, "Checkout step 2"),
    ],
)  # fmt: skip
def test_each_event_is_a_sentence(name: str, properties: dict[str, Any], sentence: str) -> None:
    assert told(name, **properties).title == sentence


@pytest.mark.parametrize("properties", ["[]", "null", "{", '{"score": {"a": 1}}', '{"score": "x", "metric": 5}'])
def test_properties_that_nobody_expected_are_no_error(properties: str) -> None:
    for name in ("answer_given", "ticket_updated", "order_placed", "subscription_updated", "profile_changed", "x"):
        row = EventRow(uuid.uuid4(), name, at("2026-03-01 12:00"), uuid.uuid4(), "api", properties)
        assert isinstance(moment(row), Moment)


def test_the_details_hold_what_the_sentence_leaves_out() -> None:
    shown = told(
        "answer_given", metric="nps", score=9, channel="email", comment="Great!", language="",
        properties={"store_number": 12, "ok": True},
    )  # fmt: skip
    assert shown.words == "Great!"
    assert shown.details == [("Metric", "nps"), ("Channel", "email"), ("Store number", "12"), ("Ok", "yes")]
    changed = told("profile_changed", by="Ivan", fields=["name"], changes={"name": ["Ada", "Ada L"]})
    assert changed.details == [("Name", "Ada → Ada L")]


pytestmark = pytest.mark.django_db


def given_week(firm: Firm) -> Customer:
    ada = make_customer(firm.workspace, "Ada")
    given_events(
        [
            answer(firm.workspace, 9, "2026-03-01 12:00", customer_id=ada.pk, comment="Чудово"),
            event(firm.workspace, "order_placed", "2026-03-02 12:00", customer_id=ada.pk, order_id="77"),
            event(firm.workspace, "page_viewed", "2026-03-03 12:00", customer_id=ada.pk, url="/tea"),
            event(firm.workspace, "page_viewed", "2026-03-03 12:00", customer_id=ada.pk, url="/coffee"),
            event(firm.workspace, "page_viewed", "2026-03-04 12:00", customer_id=uuid.uuid4(), url="/tea"),
        ]
    )
    return ada


def test_pages_of_the_timeline_hold_every_event_once() -> None:
    firm = Firm()
    ada = given_week(firm)
    whole = [row.event_id for row in timeline(firm.workspace, [ada.pk]).events]
    assert len(whole) == 4
    before: Cursor | None = None
    paged = []
    for _page in range(4):
        page = timeline(firm.workspace, [ada.pk], before=before, limit=1)
        paged += [row.event_id for row in page.events]
        before = Cursor.parse(str(page.next)) if page.next else None
    assert paged == whole  # two events share a time, and neither is lost
    assert before is None
    assert Cursor.parse("nonsense") is None


def test_known_kinds_say_where_the_first_page_is() -> None:
    """The same page as without them: also of many events at one time, of other people's and of hidden ones there."""
    firm = Firm()
    ada, other = make_customer(firm.workspace, "Ada"), make_customer(firm.workspace, "Bo")
    names = ["page_viewed", "it's", "order_placed"]
    hidden = event(firm.workspace, "ticket_updated", "2026-03-04 12:00", customer_id=ada.pk)
    given_events(
        [
            event(firm.workspace, names[n % 3], f"2026-03-{1 + n // 30:02} 12:00", customer_id=one.pk, n=n)
            for n in range(120)
            for one in (ada, other)
        ]
        + [msgspec.structs.replace(hidden, source="fact")]
    )
    kinds = kinds_of_events(firm.workspace, [ada.pk])
    assert [(one.name, one.n, len(one.newest)) for one in kinds] == [(name, 40, 40) for name in sorted(names)]
    whole = timeline(firm.workspace, [ada.pk])
    assert len(whole.events) == PAGE
    assert timeline(firm.workspace, [ada.pk], kinds=kinds) == whole
    assert timeline(firm.workspace, [ada.pk], kinds=[]).events == []
    for narrowed in ({"names": ["it's"]}, {"text": "7"}, {"before": whole.next}):
        assert timeline(firm.workspace, [ada.pk], kinds=kinds, **narrowed) == timeline(
            firm.workspace, [ada.pk], **narrowed
        )


def given_strangers(workspace_id: int) -> None:
    """So many events of others, one each, that the log has several blocks to look into or not."""
    with engine().client() as client:
        client.command(
            "INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, source, properties)"
            " SELECT {workspace:UInt32}, generateUUIDv4(1), 'kind ' || toString(number % 9), generateUUIDv4(2),"
            " toDateTime64('2025-12-01 00:00:00', 3, 'UTC') + number * 90, 'api', '{}' FROM numbers(60000)",
            parameters={"workspace": workspace_id},
        )


def merge_parts() -> None:
    """Merges make the projections of the log, by which the events of a customer are found."""
    engine().everywhere(f"OPTIMIZE TABLE {engine().local('events')} FINAL")


@pytest.mark.parametrize("most", [MOST_PLACES, 10], ids=["by places", "too many places"])
def test_what_is_shown_is_what_the_log_has(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was merged, erased and came since, and however many events are at one time."""
    monkeypatch.setattr(queries, "MOST_PLACES", most)
    firm, draw = Firm(), random.Random(7)
    people = [make_customer(firm.workspace, name) for name in ("Ada", "Bo", "Cy")]
    names = [f"kind {n}" for n in range(7)]
    kept = [event(firm.workspace, "born", "1969-07-20 20:17", customer_id=people[0].pk)]
    given_events(kept)
    given_strangers(firm.workspace.pk)

    def given(n: int) -> None:
        days = [draw.choice(("2025-12", "2026-01")) + f"-{draw.randint(1, 5):02} 12:00" for _n in range(n)]
        new = [event(firm.workspace, draw.choice(names), day, customer_id=draw.choice(people).pk) for day in days]
        given_events(new)
        kept.extend(new)

    def lost(n: int) -> None:
        gone = {one.event_id for one in draw.sample(kept[1:], n)}
        forget_events(firm.workspace.pk, list(gone))
        kept[:] = [one for one in kept if one.event_id not in gone]

    def check(ids: list[uuid.UUID]) -> None:
        mine = [one for one in kept if one.customer_id in ids]
        mine.sort(key=lambda one: (one.occurred_at, str(one.event_id)), reverse=True)
        kinds = kinds_of_events(firm.workspace, ids)
        counts = Counter(one.name for one in mine)
        assert [(one.name, one.n) for one in kinds] == sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        page = timeline(firm.workspace, ids, kinds=kinds)
        shown = list(page.events)
        while page.next:
            page = timeline(firm.workspace, ids, before=page.next)
            shown += page.events
        assert [(row.event_id, row.name, row.occurred_at) for row in shown] == [
            (one.event_id, one.name, one.occurred_at) for one in mine
        ]

    changes = (partial(given, 200), merge_parts, partial(lost, 60), partial(given, 60), merge_parts, partial(lost, 30))
    for change in changes:
        change()
        check([people[0].pk])
        check([one.pk for one in people[1:]])
    forget_customer(firm.workspace.pk, [people[0].pk])
    kept[:] = [one for one in kept if one.customer_id != people[0].pk]
    check([people[0].pk])
    check([one.pk for one in people])


def test_the_timeline_is_filtered_and_searched() -> None:
    firm = Firm()
    ada = given_week(firm)
    assert [row.name for row in timeline(firm.workspace, [ada.pk], names=["order_placed"]).events] == ["order_placed"]
    for text, found in (("TEA", ["page_viewed"]), ("чуд", ["answer_given"]), ("url", []), ("' OR 1 --", [])):
        assert [row.name for row in timeline(firm.workspace, [ada.pk], text=text).events] == found, text
    counts = [(one.name, one.n) for one in kinds_of_events(firm.workspace, [ada.pk])]
    assert counts == [("page_viewed", 2), ("answer_given", 1), ("order_placed", 1)]
    assert [(one.score, one.comment) for one in scores(firm.workspace, [ada.pk])] == [(9.0, "Чудово")]
    assert timeline(firm.workspace, []).events == []


def test_the_list_knows_who_was_seen_last_and_who_answered() -> None:
    firm = Firm()
    ada = given_week(firm)
    bob = make_customer(firm.workspace, "Bob")
    assert refresh_activity(firm.workspace.pk) == 1
    assert refresh_activity(firm.workspace.pk) == 0
    assert [one.name for one in customers(firm.workspace, Wanted())] == ["Ada", "Bob"]
    assert list(customers(firm.workspace, Wanted(feedback="yes"))) == [ada]
    assert list(customers(firm.workspace, Wanted(feedback="no"))) == [bob]
    ada.refresh_from_db()
    assert (ada.answers, ada.last_seen_at) == (1, at("2026-03-03 12:00"))
