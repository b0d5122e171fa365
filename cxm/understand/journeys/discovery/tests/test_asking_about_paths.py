"""Questions to the steps: times between, sessions, retention. All numbers are worked out by hand."""

from __future__ import annotations

import pytest

from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import answer, at, given_events, make_user, make_workspace
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.discovery.between import time_between
from cxm.understand.journeys.discovery.grouping import groups
from cxm.understand.journeys.discovery.outcomes import asked_outcomes
from cxm.understand.journeys.discovery.paths import paths_of
from cxm.understand.journeys.discovery.retention import retention
from cxm.understand.journeys.discovery.sessions import sessions
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps

from .shop import four_visits, visit

EVENTS = ("look", "buy")


@pytest.mark.django_db
def test_times_sessions_and_retention_of_journeys() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    process = create_process(workspace=workspace, name="Shop", definition=ProcessDefinition(events=EVENTS), by=owner)
    stranger = make_workspace("Other", make_user("bob@example.com"))
    visit(stranger, "2026-01-12 11:00", [("look", 0), ("buy", 1)])
    four_visits(workspace)
    build_steps(process)
    scope = Scope(workspace.pk)

    # first look → first buy after it: 30 min, 10 min, never, never (its buy came before)
    found = time_between(process, scope, "look", "buy")
    assert (found.begun, found.reached.n) == (4, 4)
    assert found.reached.value == 0.5
    assert (found.mean.value, found.median.value) == (1200, 1200)
    assert found.p90.value == pytest.approx(600 + 0.9 * 1200)
    assert [n for _low, _high, n in found.columns] == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert time_between(process, scope, "look", "look").median.value == pytest.approx(40 * 60)  # 40, 5, 11520 min
    assert time_between(process, scope.where(Filter("channel", "is", ("app",))), "look", "buy").reached.value == 0
    assert time_between(process, scope, "look", "nothing").columns == []
    assert time_between(process, scope, "nothing", "buy").begun == 0

    # gaps over 30 min (30 itself is none): [look buy look] [buy], [look look buy], [look] [look], [buy look]
    parted = sessions(process, scope, 30 * 60)
    assert (parted.sessions, parted.journeys) == (6, 4)
    assert parted.mean_steps == pytest.approx(11 / 6)
    assert parted.single.value == 0.5
    assert parted.columns == [(1, 1, 3), (2, 2, 1), (3, 3, 2), (4, 5, 0), (6, 10, 0), (11, None, 0)]
    assert parted.median_s == 600  # of 40, 10 and 1 minutes
    assert sessions(process, scope.during(at("2026-02-01 00:00"), None), 60).sessions == 0

    # weeks: cohort of Jan 5 has two customers, nobody back in a later week; of Jan 12 two, one back 8 days later;
    # the third week is over for one of the first cohort only
    weeks = retention(process, scope, at("2026-02-02 12:00"), unit="week")
    assert [day.isoformat() for day in weeks.cohorts] == ["2026-01-05", "2026-01-12"]
    first, second = weeks.cohorts.values()
    assert [(one.value, one.n) if one else None for one in first[:4]] == [
        (0, 2),
        (0, 2),
        (0, 1),
        None,
    ]  # the third is over for one
    assert [(one.value, one.n) if one else None for one in second[:3]] == [(0.5, 2), (0, 2), None]
    assert weeks.all[0] is not None and weeks.all[0].value == 0.25
    # of those who begin with look, who buys a day later: the first of two, then nobody else
    days = retention(process, scope, at("2026-02-02 12:00"), unit="day", first="look", then="buy")
    assert days.all[0] is not None and (days.all[0].value, days.all[0].n) == (0.25, 4)


@pytest.mark.django_db
def test_paths_are_judged_by_the_answers_that_belong_to_them() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    by_customer = create_process(
        workspace=workspace, name="Shop", definition=ProcessDefinition(events=EVENTS), by=owner
    )
    by_order = create_process(
        workspace=workspace, name="Orders", by=owner,
        definition=ProcessDefinition(case="order_id", events=("order_placed", "order_delivered")),
    )  # fmt: skip
    buyers = [visit(workspace, "2026-01-05 10:00", [("look", 0), ("buy", 30)]) for _ in range(3)]
    lookers = [visit(workspace, "2026-01-05 10:00", [("look", 0)]) for _ in range(2)]
    one = visit(workspace, "2026-01-01 10:00", [("order_placed", 0), ("order_delivered", 60)], order_id="A")
    visit(workspace, "2026-01-02 10:00", [("order_placed", 0)], one, order_id="B")
    given_events([
        *(answer(workspace, 9, "2026-01-06 12:00", customer_id=customer) for customer in buyers),
        answer(workspace, 3, "2026-01-05 10:10", customer_id=lookers[0]),
        answer(workspace, 10, "2026-01-04 10:00", customer_id=lookers[1]),  # before the journey: of none
        answer(workspace, 10, "2026-01-03 10:00", customer_id=one, properties={"order_id": "A"}),
        answer(workspace, 0, "2026-01-03 11:00", customer_id=one),  # names no order: of the newest, which is B
    ])  # fmt: skip
    build_steps(by_customer)
    build_steps(by_order)
    scope = Scope(workspace.pk)
    assert asked_outcomes(workspace.pk) == ["nps"]

    found = paths_of(by_customer, scope, "nps")
    assert [(path.path, path.n) for path in found.rows] == [(("look", "buy"), 3), (("look",), 2)]
    assert [path.share.value for path in found.rows] == [0.6, 0.4]
    assert [(path.score.value, path.score.n) for path in found.rows if path.score] == [(100, 3), (-100, 1)]
    # the expected path is the most frequent one; the other skips one of two: fitness 1 − 1 / 3
    assert (found.variants, found.journeys, found.conforming.value) == (2, 5, 0.6)
    assert found.rows[1].fit is not None and found.rows[1].fit.skipped == ("buy",)
    assert found.fitness == pytest.approx((3 * 1 + 2 * 2 / 3) / 5)
    assert paths_of(by_customer, scope, None, ["look"]).conforming.value == 0.4
    assert paths_of(by_customer, scope.during(at("2026-02-01 00:00"), None), "nps").rows == []

    orders = paths_of(by_order, scope, "nps")
    assert {path.path: (path.score.value, path.score.n) for path in orders.rows if path.score} == {
        ("order_placed", "order_delivered"): (100, 1), ("order_placed",): (-100, 1),
    }  # fmt: skip

    two = groups(by_customer, scope, 2, "nps")
    assert [(group.n, group.score.value if group.score else None) for group in two.groups] == [(3, 100), (2, -100)]
    assert two.groups[0].marks[0].label == "buy"
    assert set(two.groups[0].journeys) == set(buyers)
