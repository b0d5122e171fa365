"""The sequence of good, neutral and bad moments of each customer, and what breaks it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Filter, Scope
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, event, given_events, make_user, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, FeedbackRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.definition import Test as Check
from cxm.understand.journeys.evidence.impressions import Row, impressions, judge
from cxm.understand.journeys.evidence.moments import (
    PlaceRow,
    breakers,
    broken,
    everywhere,
    lengths,
    of_map,
    places,
    sequence,
    totals,
)

ADA, BOB, EVE, TOM, ADA_TOO = (uuid.UUID(int=number) for number in range(1, 6))


def life(workspace: Workspace) -> Iterator[Event]:
    """Ada: + + 0 + − +, Bob: + −, Eve: + + −, Tom: + + + and no end. Ada and Bob also recommend us or not."""

    def said(who: uuid.UUID, day: int, score: float, place: str, **more: Any) -> Event:
        when = f"2026-03-{day:02} 12:00"
        return answer(workspace, score, when, metric="csat", question="csat", scale="1-5", customer_id=who,
                      touchpoint=place, **more)  # fmt: skip

    yield said(ADA, 1, 5, "store")
    yield said(ADA_TOO, 2, 4, "checkout")  # a profile that was merged into hers
    yield said(ADA, 3, 3, "store")
    yield said(ADA, 4, 5, "checkout")
    yield from delivered(workspace, ADA, "A1", promised="2026-03-04 18:00", on="2026-03-05 18:00")
    yield said(ADA, 6, 5, "store")
    yield answer(workspace, 3, "2026-03-20 12:00", customer_id=ADA, scale="0-10", touchpoint="mail")
    yield said(BOB, 1, 5, "store")
    yield ticket(workspace, BOB, "T1", "2026-03-02 09:00", complaint=True)
    yield answer(workspace, 9, "2026-03-20 12:00", customer_id=BOB, scale="0-10", touchpoint="mail")
    yield said(EVE, 1, 4, "store")
    # One response with three scores, two of them good.
    yield said(EVE, 2, 5, "checkout", response_id="r1")
    yield said(EVE, 2, 5, "checkout", response_id="r1")
    yield said(EVE, 2, 1, "checkout", response_id="r1")
    yield ticket(workspace, EVE, "T2", "2026-03-03 09:00", complaint=False)
    yield ticket(workspace, EVE, "T2", "2026-03-03 09:00", version=2, complaint=False, reopened=1)
    yield said(TOM, 1, 5, "store")
    yield said(TOM, 2, 5, "store")
    yield said(TOM, 3, 5, "checkout")
    yield from delivered(workspace, TOM, "A2", promised="2026-03-06 18:00", on="2026-03-05 18:00")  # in time: neutral
    # Not moments: nobody known, a score outside its scale, an order without a promise, a text that nobody has read.
    yield said(uuid.UUID(int=0), 1, 1, "store")
    yield said(TOM, 9, 7, "store")
    yield event(workspace, "order_delivered", "2026-03-09 10:00", customer_id=TOM, order_id="A3", touchpoint="delivery")
    yield answer(workspace, None, "2026-03-09 11:00", customer_id=TOM, metric="text", question="t", comment="Hm.")


def ticket(workspace: Workspace, who: uuid.UUID, number: str, when: str, **more: object) -> Event:
    return event(workspace, "ticket_updated", when, customer_id=who, ticket_id=number, touchpoint="support call",
                 opened_at=f"{when.replace(' ', 'T')}:00Z", **{"version": 1, **more})  # fmt: skip


def delivered(workspace: Workspace, who: uuid.UUID, order: str, *, promised: str, on: str) -> Iterator[Event]:
    until = f"{promised.replace(' ', 'T')}:00Z"
    yield event(workspace, "order_placed", "2026-03-01 08:00", customer_id=who, order_id=order, promised_at=until)
    by = "Fast" if order == "A1" else "Post"
    yield event(workspace, "order_delivered", on, customer_id=who, order_id=order, touchpoint="delivery", carrier=by)


@pytest.mark.django_db
def test_good_moments_in_a_row_end_where_a_bad_one_comes() -> None:
    workspace = make_workspace()
    other = make_workspace("Other", owner=make_user("eve@example.com"))
    given_events([*life(workspace), answer(other, 1, customer_id=ADA)])
    put_customers([customer_row(workspace.pk, ADA_TOO, {}, canonical_id=ADA)])
    scope, source = Scope(workspace.pk), everywhere()

    every = totals(scope, source)
    # Ada 7 with her NPS, Bob 3, Eve 3, Tom 4. Good: Ada 4, Bob 2, Eve 2, Tom 3. Bad: Ada 2, Bob 1, Eve 1.
    assert (every.customers, every.n, every.good, every.bad) == (4, 17, 11, 4)

    found, _why = places(scope, source)
    rows = {one.row.place: one.row for one in found}
    # Within runs of two: Ada's store on day 3 (neutral) and checkout on day 4, then her delivery, which breaks it (3);
    # Eve's ticket breaks hers (2); Tom's checkout and delivery. Bob's ticket came after one good moment only.
    assert {place: (row.exposed, row.breaks) for place, row in rows.items()} == {
        "store": (1, 0), "checkout": (2, 0), "delivery": (2, 1), "support call": (1, 1), "mail": (0, 0),
    }  # fmt: skip
    assert (rows["store"].n, rows["store"].good, rows["store"].bad, rows["store"].customers) == (7, 6, 0, 4)
    assert (rows["store"].first, rows["mail"].last, rows["mail"].last_bad) == (4, 2, 1)

    # Ada: three good ones, broken by the delivery; one good one, broken by her NPS of 3. Bob: one, broken; one still
    # going. Eve: two, broken. Tom: three, still going.
    assert [(one.length, one.broken, one.n) for one in lengths(scope, source)] == [
        (1, 0, 1), (1, 1, 2), (2, 1, 1), (3, 0, 1), (3, 1, 1),
    ]  # fmt: skip

    newest, older = broken(scope, source)
    assert (newest.who, newest.place, newest.run, newest.moods) == (ADA, "delivery", 3, [1, 1, 0, 1, -1])
    assert (older.who, older.place, older.run) == (EVE, "support call", 2)
    assert broken(scope, source, place="store") == []
    assert [one.run for one in broken(scope, source, shortest=1)] == [1, 3, 2, 1]

    assert [(one.mood, one.place, one.kind) for one in sequence(Scope(workspace.pk), [BOB])] == [
        (1, "store", "answer"), (-1, "support call", "ticket"), (1, "mail", "answer"),
    ]  # fmt: skip
    assert sequence(scope, []) == []

    # A part of the time, and what has no such field (deliveries have no survey) is left away.
    early = totals(scope.during(at("2026-03-01 00:00"), at("2026-03-03 00:00")), source)
    assert (early.customers, early.n) == (4, 8)
    assert totals(scope.where(Filter("metric", "is", ("csat",))), source).n == 11

    mapped, _why = places(scope, of_map(MapDefinition(stages=(Stage("s", "S", (
        Touchpoint("parcel", "The parcel", binding=Binding(events=(EventRule("order_delivered"),))),
        Touchpoint("buying", "Buying", binding=Binding(
            feedback=(FeedbackRule((Check("touchpoint", "is", ("store", "checkout")),)),),
            tickets=(FeedbackRule((Check("complaint", "is", ("true",)),)),))),
    )),)), workspace.pk))  # fmt: skip
    assert {one.row.place: one.row.n for one in mapped} == {"parcel": 2, "buying": 12, "": 3}

    # Deliveries belong to the touchpoint whose rule their event fits: Ada's parcel came by Fast, Tom's by Post.
    def brought(carrier: str) -> Touchpoint:
        rule = EventRule("order_delivered", (Check("property.carrier", "is", (carrier,)),))
        return Touchpoint(carrier, carrier, binding=Binding(events=(rule,)))

    carriers = MapDefinition(stages=(Stage("s", "S", (brought("Fast"), brought("Post"))),))
    rows = {one.row.place: one.row for one in places(scope, of_map(carriers, workspace.pk))[0]}
    assert {place: (row.n, row.bad) for place, row in rows.items()} == {"Fast": (1, 1), "Post": (1, 0), "": (15, 3)}

    said = impressions(scope, source, "nps", 0)
    assert said.customers == 2
    # Ada had six moments before her 3 and Bob two before his 9: nobody is like the other, so nothing is compared.
    assert {(one.after_bad.value, one.after_others.value) for one in said.rows} == {(None, None)}

    # Months later only Eve has ordered again. She and Bob had three moments each: her last one was bad, his was not.
    given_events([event(workspace, "order_placed", "2026-03-20 12:00", customer_id=EVE, order_id="A4")])
    back = impressions(scope, source, "return", int(at("2026-07-01 00:00").timestamp() * 1000))
    assert back.customers == 4
    assert [(one.after_bad.value, one.after_others.value) for one in back.rows] == [(None, None), (None, None), (1, 0)]
    assert all(one.verdict == "no_evidence" for one in back.rows)


def test_a_busy_touchpoint_is_no_worse_for_being_busy() -> None:
    def row(place: str, exposed: int, breaks: int) -> PlaceRow:
        return PlaceRow(place, exposed, 0, breaks, exposed, exposed, breaks, 0, 0, 0, 0)

    found = breakers([row("app", 9000, 900), row("courier", 500, 150), row("store", 500, 45)])
    # The app breaks most runs (900 of 1095), but one in ten, as all do; the courier breaks three in ten.
    assert [(one.row.place, one.verdict) for one in found] == [
        ("courier", "up"), ("store", "no_evidence"), ("app", "down"),
    ]  # fmt: skip
    courier = found[0]
    assert courier.share.value == 0.3
    # 150/500 less (900 + 45)/9500.
    assert courier.excess.value == pytest.approx(0.3 - 945 / 9500)
    assert (courier.of_breaks, courier.of_exposed) == (150 / 1095, 0.05)
    assert breakers([row("one", 0, 0)])[0].verdict == "no_evidence"


def test_what_the_last_moment_adds_is_told_apart_from_the_first() -> None:
    # The score is 5 + 2 × last + 1 × first, exactly, for each pair of first and last; the worst is the lower one.
    rows = [
        Row(first, min(first, last, worst), last, 5 + 2 * last + first, 20)
        for first in (-1, 0, 1) for last in (-1, 0, 1) for worst in (-1, 1)
    ]  # fmt: skip
    found = {one.which: one for one in judge(rows, "csat").rows}
    assert found["last"].alone is not None and found["first"].alone is not None and found["worst"].alone is not None
    assert found["last"].alone.value == pytest.approx(2)
    assert found["first"].alone.value == pytest.approx(1)
    assert found["worst"].alone.value == pytest.approx(0, abs=1e-9)
    # After a bad last moment 3 + first on average 3, after others (7 + 5) / 2 = 6.
    assert found["last"].difference.value == pytest.approx(-3)
    assert found["last"].verdict == "down"
    # Who has many moments comes back more often, and has more bad ones. Among those with as many nothing differs.
    busy = [Row(1, 1, 1, 0, 80, 1), Row(1, 1, 1, 1, 20, 1), Row(1, -1, 1, 0, 8, 1), Row(1, -1, 1, 1, 2, 1),
            Row(1, 1, 1, 0, 4, 6), Row(1, 1, 1, 1, 6, 6), Row(1, -1, 1, 0, 40, 6), Row(1, -1, 1, 1, 60, 6)]  # fmt: skip
    worst = judge(busy, "return").rows[1]
    # Of 110 for whom it was bad 62 came back; of the others 10 · 0.2 + 100 · 0.6 = 62 in 110 like them.
    assert (worst.after_bad.value, worst.after_bad.n, worst.after_others.n) == (62 / 110, 110, 110)
    assert worst.after_others.value == pytest.approx(62 / 110)
    assert worst.verdict == "no_evidence"
    # Where first, worst and last are always the same, nothing can be told apart.
    assert judge([Row(one, one, one, 5 + one, 50) for one in (-1, 0, 1)], "csat").rows[0].alone is None
