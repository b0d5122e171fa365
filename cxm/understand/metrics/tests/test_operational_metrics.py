"""Tickets, orders, subscriptions, customers: every number against one worked out by hand."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Filter, Scope
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, event, given_events, make_workspace
from cxm.understand.metrics.queries import Figure, measure, why
from cxm.understand.metrics.refusals import BadOption, MixedCurrencies

pytestmark = pytest.mark.django_db
ADA, BOB, EVE = (uuid.UUID(int=number) for number in (1, 2, 3))


def near(number: Any, abs: float | None = None) -> Any:  # noqa: A002  # as pytest calls it
    return pytest.approx(number, abs=abs)


def one(metric: str, scope: Scope, **more: object) -> Figure:
    (figure,) = measure(metric, scope, **more)  # type: ignore[arg-type]  # options pass through
    return figure


def ticket(workspace: Workspace, number: str, version: int, opened: str = "2026-03-01 00:00", **more: Any) -> Event:
    return event(
        workspace, "ticket_updated", "2026-04-01 00:00", ticket_id=number, version=version,
        opened_at=at(opened).isoformat(), **more,
    )  # fmt: skip


def order(
    workspace: Workspace, who: uuid.UUID, number: str, when: str, milestone: str = "placed", **more: Any
) -> Event:
    return event(workspace, f"order_{milestone}", when, customer_id=who, order_id=number, **more)


def subscription(workspace: Workspace, who: uuid.UUID, number: str, status: str, **more: Any) -> Event:
    return event(
        workspace, "subscription_updated", "2026-03-01", customer_id=who, subscription_id=number, status=status,
        **{"version": 1, **more},
    )  # fmt: skip


def test_a_ticket_counts_once_in_its_present_state() -> None:
    workspace = make_workspace()
    given_events(
        [
            ticket(workspace, "a", 1, priority="low", state="new"),
            ticket(workspace, "a", 3, priority="high", state="closed", reopened=1, sla_met=False, complaint=True),
            ticket(workspace, "a", 2, priority="low", state="open", sla_met=True),
            ticket(workspace, "b", 1, priority="high", state="closed", reassigned=2, sla_met=True, complaint=False),
            ticket(workspace, "c", 1, priority="low", state="new"),
            # One that was merged into another is no second ticket, complaint or quick resolution.
            ticket(workspace, "d", 1, priority="low", state="new", complaint=True),
            ticket(workspace, "d", 2, state="merged", complaint=True, resolved_at="2026-03-01T00:01:00Z"),
        ]
    )
    scope = Scope(workspace.pk)
    assert one("tickets", scope).value == 3
    assert one("resolution", scope).n == 0
    assert one("reopening", scope).value == near(100 / 3)
    assert one("first_contact", scope).value == near(100 / 3)  # only c: a was reopened, b reassigned
    assert (one("sla", scope).value, one("sla", scope).n) == (50, 2)  # c does not say
    assert (one("complaint_rate", scope).value, one("complaint_rate", scope).n) == (50, 2)
    assert [(figure.by, figure.n) for figure in measure("reopening", scope, by="priority")] == [("high", 2), ("low", 1)]
    assert one("tickets", scope.where(Filter("state", "is", ("new",)))).value == 1  # a was new once, but is closed


def test_a_ticket_counts_at_its_opening() -> None:
    workspace = make_workspace()
    given_events([ticket(workspace, "a", 1, "2026-01-31 23:59"), ticket(workspace, "b", 1, "2026-02-01 00:00")])
    assert [
        (str(figure.period), figure.value) for figure in measure("tickets", Scope(workspace.pk), grain="month")
    ] == [
        ("2026-01-01", 1),
        ("2026-02-01", 1),
    ]


def test_resolution_time_in_calendar_hours() -> None:
    workspace = make_workspace()
    hours = [1, 2, 3, 4, 10, 40]
    given_events(
        [
            *(
                ticket(workspace, f"t{hour}", 1, resolved_at=(at("2026-03-01") + timedelta(hours=hour)).isoformat(),
                       first_responded_at=(at("2026-03-01") + timedelta(minutes=hour)).isoformat())
                for hour in hours
            ),
            ticket(workspace, "open", 1),
            ticket(workspace, "wrong", 1, resolved_at=(at("2026-02-01")).isoformat()),
        ]
    )  # fmt: skip
    scope = Scope(workspace.pk)
    mean = one("resolution", scope, statistic="mean")
    assert (mean.value, mean.n, mean.unit) == (10, 6, "hours")  # 60 / 6
    # s² = (81 + 64 + 49 + 36 + 0 + 900) / 5 = 226; t(5) = 2.570582; half = 2.570582 × √(226 / 6) = 15.776
    assert mean.high == near(25.776, abs=0.001)
    median = one("resolution", scope)
    assert (median.value, median.low, median.high) == (3.5, 1, 40)  # of six values, the ends are the 97 % interval
    # type 7: position 1 + 5 × 0.9 = 5.5, between 10 and 40
    assert one("resolution", scope, statistic="p90").value == near(25)
    assert one("first_response", scope).value == near(3.5 / 60)
    assert why(median).excluded == {"waiting": 1, "negative": 1}


@pytest.mark.parametrize("seed", range(2))
def test_quantiles_agree_with_numpy_in_every_group(seed: int) -> None:
    chance = random.Random(seed)
    workspace = make_workspace()
    values: dict[str, list[int]] = {"high": [], "low": []}
    events = []
    for number in range(120):
        priority, minutes = chance.choice(["high", "low"]), chance.randint(0, 5000)
        values[priority].append(minutes)
        resolved = (at("2026-03-01") + timedelta(minutes=minutes)).isoformat()
        events.append(ticket(workspace, str(number), 1, priority=priority, resolved_at=resolved))
    given_events(events)
    for statistic, level in (("median", 0.5), ("p90", 0.9)):
        for figure in measure("resolution", Scope(workspace.pk), by="priority", statistic=statistic):
            expected = np.quantile(np.array(values[figure.by]) / 60, level)
            assert figure.value == near(expected)
            assert figure.low is not None and figure.low <= expected


def test_delivery_time_and_late_share() -> None:
    workspace = make_workspace()
    promise = at("2026-03-05 00:00").isoformat()
    given_events(
        [
            order(workspace, ADA, "in time", "2026-03-01", promised_at=promise, channel="web"),
            order(workspace, ADA, "in time", "2026-03-05 00:00", "delivered"),  # exactly then is not late
            order(workspace, BOB, "late", "2026-03-01", promised_at=promise, channel="store"),
            order(workspace, BOB, "late", "2026-03-07 00:00", "delivered"),
            order(workspace, BOB, "under way", "2026-03-01", promised_at=promise),
            order(workspace, BOB, "no promise", "2026-03-01"),
            order(workspace, BOB, "no promise", "2026-03-02", "delivered"),
        ]
    )
    scope = Scope(workspace.pk)
    assert (one("delivery", scope, statistic="mean").value, one("delivery", scope).value) == (near(11 / 3), 4)
    assert (one("late", scope).value, one("late", scope).n) == (near(100 / 3), 3)
    assert why(one("late", scope)).excluded == {"not_delivered": 1, "negative": 0, "without_promise": 1}
    assert [(figure.by, figure.value) for figure in measure("late", scope, by="channel")] == [
        ("", 0), ("store", 100), ("web", 0),
    ]  # fmt: skip
    assert one("orders", scope).value == 4
    assert one("orders", scope, milestone="delivered").value == 3
    given_events(
        [
            answer(workspace, score, metric="csat", properties={"order_id": number})
            for number, score in (("late", 1), ("in time", 5), ("under way", 2), ("no promise", 3), ("unheard of", 4))
        ]
    )
    assert [(figure.by, figure.value) for figure in measure("csat_mean", scope, by="order.delivery")] == [
        ("", 4), ("delivered", 3), ("late", 1), ("not delivered", 2), ("on time", 5),
    ]  # fmt: skip


def test_merged_customers_count_once() -> None:
    workspace = make_workspace()
    given_events(
        [order(workspace, ADA, "1", "2026-03-01"), order(workspace, BOB, "2", "2026-03-02"), answer(workspace, 9)]
    )
    scope = Scope(workspace.pk)
    assert (one("repeat", scope).value, one("repeat", scope).n, one("customers", scope).value) == (0, 2, 2)
    put_customers([customer_row(workspace.pk, BOB, {}, canonical_id=ADA), customer_row(workspace.pk, ADA, {})])
    assert (one("repeat", scope).value, one("repeat", scope).n, one("customers", scope).value) == (100, 1, 1)
    put_customers([customer_row(workspace.pk, BOB, {"plan": "tin"})])  # taken apart again
    assert (one("repeat", scope).value, one("customers", scope).value) == (0, 2)
    assert len(measure("repeat", scope, by="trait.plan")) == 2


def test_churn_by_status_of_customers_and_of_money() -> None:
    workspace = make_workspace()
    given_events(
        [
            subscription(workspace, ADA, "a1", "ended", amount=30, currency="EUR"),
            subscription(workspace, ADA, "a2", "active", amount=10, currency="EUR"),  # she stays with this one
            subscription(workspace, BOB, "b", "active", amount=20, currency="EUR"),
            subscription(workspace, BOB, "b", "ended", amount=20, currency="EUR", version=2),
            subscription(workspace, EVE, "e", "active", amount=40, currency="EUR"),
        ]
    )
    scope = Scope(workspace.pk)
    assert (one("churn", scope).value, one("churn", scope).n) == (near(100 / 3), 3)
    money = one("revenue_churn", scope)
    assert (money.value, money.parts["lost"], money.parts["revenue"]) == (50, 50, 100)
    given_events([subscription(workspace, uuid.uuid4(), "x", "active", amount=1, currency="USD")])
    with pytest.raises(MixedCurrencies, match="EUR, USD"):
        measure("revenue_churn", scope)


def test_churn_by_dates_looks_at_the_start_and_the_end_of_each_period() -> None:
    workspace = make_workspace()

    def dated(who: uuid.UUID, start: str, end: str | None, amount: int) -> Event:
        return subscription(
            workspace, who, str(who), "ended" if end else "active", amount=amount, currency="EUR",
            started_at=at(start).isoformat(), ended_at=at(end).isoformat() if end else None,
        )  # fmt: skip

    given_events(
        [
            dated(ADA, "2026-01-10", "2026-02-15", 30),
            dated(BOB, "2026-01-20", None, 70),
            dated(EVE, "2026-02-02", "2026-02-20", 5),
        ]
    )
    scope = Scope(workspace.pk, since=at("2026-02-01"), until=at("2026-04-01"))
    months = measure("churn", scope, grain="month", basis="dates", now=at("2026-06-01"))
    # February: Ada and Bob ran at its start, Ada left; Eve came and went within it. March: Bob alone, and he stays.
    assert [(figure.value, figure.n) for figure in months] == [(50, 2), (0, 1)]
    money = measure("revenue_churn", scope, grain="month", basis="dates", now=at("2026-06-01"))
    assert [figure.value for figure in money] == [30, 0]
    # with no period given: from the first start (10 January) to now
    everything = measure("churn", Scope(workspace.pk), grain="month", basis="dates", now=at("2026-06-01"))
    assert [figure.n for figure in everything] == [1, 2, 1, 1, 1]


def test_churn_by_inactivity_with_any_window() -> None:
    workspace = make_workspace()
    given_events(
        [
            order(workspace, ADA, "1", "2026-01-20", amount=10, currency="EUR"),
            order(workspace, BOB, "2", "2026-01-25", amount=30, currency="EUR"),
            order(workspace, BOB, "3", "2026-02-20", amount=99, currency="EUR"),
            order(workspace, EVE, "4", "2026-02-02", amount=5, currency="EUR"),
        ]
    )
    scope = Scope(workspace.pk, since=at("2026-02-01"), until=at("2026-03-01"))
    # In the 20 days before 1 February: Ada and Bob. In the 20 days before 1 March: Bob.
    assert (one("churn", scope, basis="inactivity", window=20).value) == 50
    assert (one("revenue_churn", scope, basis="inactivity", window=20).value) == 25  # 10 of 40
    assert (one("churn", scope, basis="inactivity", window=60).value) == 0
    assert one("churn", scope, basis="inactivity", window=20, activity="events").value == 50
    with pytest.raises(BadOption):
        measure("revenue_churn", scope, basis="inactivity", activity="events")


def test_retention_leaves_out_customers_who_are_too_young() -> None:
    workspace = make_workspace()
    given_events(
        [
            order(workspace, ADA, "1", "2026-01-10"),
            order(workspace, ADA, "2", "2026-02-20"),  # day 41
            order(workspace, BOB, "3", "2026-01-15"),
            order(workspace, BOB, "4", "2026-01-20"),  # day 5: too early to count
            order(workspace, EVE, "5", "2026-03-20"),
        ]
    )
    months = measure("retention", Scope(workspace.pk), grain="month", now=at("2026-05-01"))
    assert [(str(figure.period), figure.value, figure.n) for figure in months] == [("2026-01-01", 50, 2)]
    assert one("retention", Scope(workspace.pk), after=1, length=10, now=at("2026-05-01")).value == near(100 / 3)


def test_survival_by_tenure_and_by_dates() -> None:
    workspace = make_workspace()
    given_events(
        [
            subscription(workspace, uuid.uuid4(), str(number), status, tenure=tenure)
            for number, (tenure, status) in enumerate([(2, "ended"), (4, "active"), (6, "ended"), (8, "active")])
        ]
    )
    scope = Scope(workspace.pk)
    assert one("survival", scope, at=1).value == 100
    assert one("survival", scope, at=2).value == 75  # 1 − 1/4
    assert one("survival", scope, at=6).value == near(37.5)  # × (1 − 1/2): two are left at 6
    assert one("survival", scope, at=9).value is None  # nobody was seen for so long
    start = at("2026-01-01").isoformat()
    given_events(
        [
            subscription(workspace, ADA, "dates", "ended", started_at=start, ended_at=at("2026-02-01").isoformat()),
            subscription(workspace, BOB, "nobody knows when", "ended", started_at=start),
        ]
    )
    figure = one("survival", scope, at=1.1)
    assert (figure.value, figure.n) == (80, 5)  # 31 days are 1.02 months; one of five
    assert why(figure).excluded == {"without_length": 1}


def test_response_rate_by_number_and_by_customer() -> None:
    workspace = make_workspace()

    def invited(when: str, who: uuid.UUID, **more: Any) -> Event:
        return event(workspace, "survey_invited", when, customer_id=who, survey="s", **more)

    given_events(
        [
            invited("2026-03-01", ADA, response_id="r1"),
            invited("2026-03-05", ADA, response_id="r1"),  # a reminder
            invited("2026-03-01", BOB, response_id="r2"),
            invited("2026-03-01", BOB),
            invited("2026-03-01", EVE),
            answer(workspace, 9, "2026-03-06 12:00", response_id="r1", survey="s"),
            answer(workspace, 9, "2026-03-06 12:00", customer_id=BOB, survey="s"),
            answer(workspace, 9, "2026-04-06 12:00", customer_id=EVE, survey="s"),  # after 36 days
            answer(workspace, 9, "2026-03-06 12:00", customer_id=EVE, survey="another"),
        ]
    )
    figure = one("response_rate", Scope(workspace.pk))
    assert (figure.value, figure.n) == (50, 4)
    assert one("response_rate", Scope(workspace.pk), window=60).value == 75


def test_complaints_per_100_customers() -> None:
    workspace = make_workspace()

    def reported(who: uuid.UUID, number: str, version: int, complaint: bool, **more: Any) -> Event:
        return event(
            workspace, "ticket_updated", f"2026-03-0{version}", customer_id=who, ticket_id=number, version=version,
            complaint=complaint, **more,
        )  # fmt: skip

    given_events(
        [
            reported(ADA, "a", 1, True),
            reported(ADA, "b", 1, True),
            reported(BOB, "c", 1, True),
            reported(BOB, "c", 2, False),
            reported(BOB, "d", 1, True),
            reported(BOB, "d", 2, True, state="merged"),  # another one tells of it
            answer(workspace, 9, customer_id=EVE),
            answer(workspace, 9),
        ]
    )  # fmt: skip
    figure = one("complaints_per_100", Scope(workspace.pk))
    assert (figure.value, figure.n) == (near(200 / 3), 3)
    given_events(
        [
            answer(workspace, 5, metric="csat", question="q", touchpoint="resolution"),
            answer(workspace, 1, metric="csat", question="complaint", touchpoint="support"),
        ]
    )
    assert (one("resolution_satisfaction", Scope(workspace.pk)).value) == 100
    assert (one("resolution_satisfaction", Scope(workspace.pk), question="complaint").value) == 0


def test_value_so_far_leaves_out_cancelled_orders() -> None:
    workspace = make_workspace()
    given_events(
        [
            order(workspace, ADA, "1", "2026-03-01", amount=10, currency="EUR"),
            order(workspace, ADA, "2", "2026-03-02", amount=30, currency="EUR"),
            order(workspace, BOB, "3", "2026-03-02", amount=20, currency="EUR"),
            order(workspace, BOB, "4", "2026-03-02", amount=500, currency="EUR"),
            order(workspace, BOB, "4", "2026-03-03", "cancelled"),
        ]
    )
    figure = one("clv", Scope(workspace.pk))
    assert (figure.value, figure.n, figure.unit, figure.currency) == (30, 2, "money", "EUR")


def test_a_prediction_without_repeat_customers_has_no_value() -> None:
    workspace = make_workspace()
    given_events([order(workspace, ADA, "1", "2026-03-01", amount=10, currency="EUR")])
    figure = one("clv_predicted", Scope(workspace.pk), now=at("2026-06-01"))
    assert (figure.value, figure.n) == (None, 1)
    with pytest.raises(BadOption):
        measure("expected_purchases", Scope(workspace.pk), grain="month")


def test_counts_of_nothing_are_zero_and_have_no_interval() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, None, comment="Good"), answer(workspace, 1)])
    figure = one("answers", Scope(workspace.pk))
    assert (figure.value, figure.low, figure.method) == (2, None, "count")
    assert one("answers", Scope(workspace.pk), kind="ces").value == 0
    assert one("commented", Scope(workspace.pk)).value == 50
    assert one("events", Scope(workspace.pk), name="answer_given").value == 2
    assert one("events", Scope(workspace.pk), name="other").value == 0


def test_median_score_of_a_histogram() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, score) for score in (0, 3, 8, 9, 10, 10)])
    assert one("median_score", Scope(workspace.pk)).value == 8.5
    assert one("median_score", Scope(workspace.pk).where(Filter("channel", "is_not", ("x",)))).value == 8.5
