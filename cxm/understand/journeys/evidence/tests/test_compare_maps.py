"""Two maps side by side: what differs by more than chance."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from cxm.accounts.models import User, Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference
from cxm.stats.estimate import Estimate
from cxm.testing.cast import answer, at, event, given_events, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, FeedbackRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.definition import Test as Check
from cxm.understand.journeys.evidence.comparing import Compared, Side, compare
from cxm.understand.journeys.evidence.comparing_page import cell_of
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps

MAP = MapDefinition(
    metric="csat",
    stages=(
        Stage("buy", "Buy", (
            Touchpoint("order", "Order", binding=Binding(
                events=(EventRule("order"),),
                feedback=(FeedbackRule((Check("touchpoint", "is", ("checkout",)),)),),
                tickets=(FeedbackRule((Check("touchpoint", "is", ("checkout",)),)),),
            )),
        )),
        Stage("get", "Get", (
            Touchpoint("fast", "Courier", partner="Fast", optional=True, binding=Binding(events=(EventRule("fast"),))),
            Touchpoint("slow", "Post", partner="Slow", optional=True, binding=Binding(events=(EventRule("slow"),))),
            Touchpoint("arrive", "Arrives", binding=Binding(events=(EventRule("arrive"),))),
        )),
    ),
)  # fmt: skip


def lives(workspace: Workspace) -> Iterator[Event]:
    """In January 40 customers order in the app and all are content; in March 40 by phone: half of them never get it."""
    for number in range(80):
        who, early = uuid.UUID(int=number + 1), number < 40
        month, channel = ("01", "app") if early else ("03", "phone")
        yield event(workspace, "order", f"2026-{month}-01 12:00", customer_id=who, channel=channel)
        yield event(workspace, "fast" if number % 2 else "slow", f"2026-{month}-02 12:00", customer_id=who)
        if early or number < 60:
            day = "03" if early else "05"
            yield event(workspace, "arrive", f"2026-{month}-{day} 12:00", customer_id=who)
        yield answer(workspace, 5 if early else 4 if number < 50 else 2, f"2026-{month}-06 12:00", metric="csat",
                     question="csat", scale="1-5", customer_id=who, touchpoint="checkout")  # fmt: skip
        if not early and number % 4 == 0:
            yield event(workspace, "ticket_updated", f"2026-{month}-07 12:00", customer_id=who, version=1,
                        ticket_id=str(number), touchpoint="checkout",
                        opened_at=f"2026-{month}-07T12:00:00Z")  # fmt: skip


@pytest.mark.django_db
def test_two_periods_differ_where_the_tests_say_so() -> None:
    workspace = make_workspace()
    owner = User.objects.get(email="olena@example.com")
    given_events(lives(workspace))
    process = process_for_map(create_map(workspace=workspace, name="Kettle", definition=MAP, by=owner))
    build_steps(process)
    scope, now = Scope(workspace.pk), at("2026-08-01 00:00")
    january = Side(MAP, process.pk, scope.during(at("2026-01-01 00:00"), at("2026-02-01 00:00")))
    march = Side(MAP, process.pk, scope.during(at("2026-03-01 00:00"), at("2026-04-01 00:00")))

    found = compare(january, march, now)
    assert (found.journeys, found.customers) == ((40, 40), (40, 40))
    order = {row.key: row for row in found.rows}["order"]
    on, time, score, tickets = (order.numbers[name] for name in ("on", "time", "score", "tickets"))
    assert (on.first.value, on.second.value, on.difference.value, on.better) == (1, 0.5, -0.5, "worse")
    # Two days, then four: twice as long, without any scatter to judge by.
    assert (round(time.first.value or 0), round(time.second.value or 0)) == (2 * 86400, 4 * 86400)
    assert time.difference.value == pytest.approx(1)
    # All of 40, then 10 of 40 among the two highest scores.
    assert (score.metric, score.first.value, score.second.value, score.better) == ("csat", 1, 0.25, "worse")
    # 10 tickets for 40 orders.
    assert (tickets.first.value, tickets.second.value, tickets.better) == (0, 0.25, "worse")
    assert found.found == 5  # the Post and the courier each hand on fewer: 20 of 20, then 10 of 20

    # The same on both sides: nothing differs.
    same = compare(march, march, now)
    assert same.found == 0 and same.rows[0].numbers["on"].difference.value == 0

    # The channel on which the journey was made, and the partner that it went through.
    channels = compare(Side(MAP, process.pk, scope, channel="app"), Side(MAP, process.pk, scope, channel="phone"), now)
    assert [(row.key, row.journeys) for row in channels.rows] == [
        ("order", (40, 40)), ("fast", (20, 20)), ("slow", (20, 20)), ("arrive", (40, 20)),
    ]  # fmt: skip
    assert channels.rows[0].numbers["score"].second.value == 0.25
    partners = compare(Side(MAP, process.pk, scope, partner="Fast"), Side(MAP, process.pk, scope, partner="Slow"), now)
    assert [row.journeys for row in partners.rows] == [(40, 40), (40, 0), (0, 40), (30, 30)]
    # All who wrote tickets went by the post: each fourth customer.
    assert [(row.key, name) for row in partners.rows for name, one in row.numbers.items() if one.better == "worse"] == [
        ("order", "tickets"),
    ]  # fmt: skip

    # Another map: what only one of them has stands alone.
    other = MapDefinition(metric="csat", stages=(Stage("s", "S", (MAP.touchpoints()[0], Touchpoint("new", "New"))),))
    two = compare(january, Side(other, process.pk, scope), now)
    assert [(row.key, row.on_first, row.on_second) for row in two.rows] == [
        ("order", True, True), ("fast", True, False), ("slow", True, False),
        ("arrive", True, False), ("new", False, True),
    ]  # fmt: skip


def test_times_are_said_with_their_interval() -> None:
    first, second = Estimate(3600, 1800, 7200, 12, "t"), Estimate(7200, None, None, 1, "none")
    cell = cell_of(Compared("time", "seconds", first, second, Difference(1.0, None, None, None, 12, 1)))
    assert cell is not None
    assert (cell.first, cell.second) == ("1h (30m to 2h), n = 12", "2h, n = 1")
