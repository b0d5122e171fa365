"""What the clock sees: a metric that changes or crosses a limit, silence, deliveries that do not come; and previews."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cxm.accounts.models import Workspace
from cxm.act.cases.alerts.actions import create_rule, draft
from cxm.act.cases.alerts.preview import preview
from cxm.act.cases.alerts.rules import CaseOf, What
from cxm.act.cases.alerts.watching import look, watch
from cxm.act.cases.alerts.wording import about
from cxm.act.cases.models import Alert, AlertRule, Case
from cxm.lib.conditions import Condition
from cxm.record.customers.snapshot import put_snapshot
from cxm.testing.cast import answer, event, given_events, make_customer, make_workspace

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def given_days(workspace: Workspace, first: int, last: int, scores: tuple[int, ...]) -> None:
    """The same scores on each day; day 0 is the first of March."""
    days = [(FIRST + timedelta(n)).strftime("%Y-%m-%d 12:00") for n in range(first, last)]
    given_events([answer(workspace, score, day) for day in days for score in scores])


def switched_on(rule: AlertRule, day: int) -> AlertRule:
    AlertRule.objects.filter(pk=rule.pk).update(on_since=FIRST + timedelta(day))
    return AlertRule.objects.select_related("workspace").get(pk=rule.pk)


def looked(rule: AlertRule, first: int, last: int) -> list[int]:
    """The days on which a look at noon raised an alert."""
    found = []
    for day in range(first, last):
        rule = AlertRule.objects.select_related("workspace").get(pk=rule.pk)
        if look(rule, FIRST + timedelta(day, hours=13)):
            found.append(day)
        assert not look(AlertRule.objects.select_related("workspace").get(pk=rule.pk), FIRST + timedelta(day, hours=14))
    return found


def test_a_score_that_falls_is_told_once_and_becomes_the_new_before(workspace: Workspace) -> None:
    good, bad = (10, 10, 9, 9, 9, 8, 8, 7, 6, 3), (10, 9, 8, 7, 6, 6, 5, 3, 2, 0)  # NPS +30 and -40
    given_days(workspace, 0, 40, good)
    given_days(workspace, 40, 60, bad)
    what = What(metric="nps", mode="changed", side="below", days=30)
    rule = switched_on(create_rule(workspace=workspace, name="NPS", kind="metric", what=what, by=None), 30)
    days = looked(rule, 30, 60)
    assert len(days) == 1
    assert 40 < days[0] <= 48
    alert = Alert.objects.get()
    # The watch says since which day the evidence is strongest; before it were 30 days of ten answers each.
    assert (alert.data["before"], alert.data["n_before"]) == (30.0, 300)
    assert -40 <= alert.data["now"] <= -20
    assert about(alert).startswith("Net Promoter Score is -")
    # Preview: as if it had been switched on 30 days before, and looked at once a day.
    tried = preview(
        draft(workspace=workspace, name="NPS", kind="metric", what=what), now=FIRST + timedelta(59, hours=13)
    )
    assert tried.times == 1
    assert 41 <= (next(day for day, n in tried.by_day if n) - FIRST.date()).days <= 48


def test_a_share_that_falls_is_told(workspace: Workspace) -> None:
    for first, last, scores in (
        (0, 30, (5, 5, 5, 4, 4, 4, 4, 3)),
        (30, 45, (4, 3, 3, 2, 2, 2, 1, 1)),
    ):  # 7 of 8, 1 of 8
        noons = [(FIRST + timedelta(n)).strftime("%Y-%m-%d 12:00") for n in range(first, last)]
        given_events([answer(workspace, one, day, metric="csat", question="csat", scale="1-5")
                      for day in noons for one in scores])  # fmt: skip
    what = What(metric="csat", mode="changed", side="both", days=30)
    rule = switched_on(create_rule(workspace=workspace, name="CSAT", kind="metric", what=what, by=None), 30)
    days = looked(rule, 30, 45)
    assert len(days) == 1 and days[0] <= 35
    alert = Alert.objects.get()
    assert (alert.data["before"], alert.data["n_before"], alert.data["now"]) == (87.5, 240, 12.5)


def test_a_limit_that_is_crossed_is_told_again_only_after_the_way_back(workspace: Workspace) -> None:
    good, bad = (5, 5, 5, 4, 4, 4, 4, 3), (4, 3, 3, 2, 2, 2, 1, 1)  # CSAT: 7 of 8, 1 of 8
    for first, last, scores in ((0, 10, good), (10, 25, bad), (25, 45, good), (45, 60, bad)):
        noons = [(FIRST + timedelta(n)).strftime("%Y-%m-%d 12:00") for n in range(first, last)]
        given_events([answer(workspace, one, day, metric="csat", question="csat", scale="1-5")
                      for day in noons for one in scores])  # fmt: skip
    what = What(metric="csat", mode="beyond", side="below", target=60)
    rule = switched_on(
        create_rule(workspace=workspace, name="CSAT", kind="metric", what=what, by=None, opens_case=True,
                    case=CaseOf(category="quality")), 0,
    )  # fmt: skip
    days = looked(rule, 0, 60)
    assert len(days) == 2
    assert 10 < days[0] <= 18
    assert 45 < days[1] <= 55
    assert Case.objects.filter(category="quality").count() == 2


def test_a_metric_that_cannot_be_asked_says_so_and_stops_no_other(workspace: Workspace) -> None:
    what = What(metric="nps", filters=("nonsense:is:1",))
    rule = create_rule(workspace=workspace, name="NPS", kind="metric", what=what, by=None)
    assert watch() == 0
    rule.refresh_from_db()
    assert "nonsense" in rule.state["problem"]


def test_silence_and_overdue_orders_are_told_when_they_begin(workspace: Workspace) -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    keys = [make_customer(workspace, name, traits={"value": "high"}) for name in ("Silent", "Long silent", "Here")]
    for one, when in zip(keys, ("2026-02-28 12:00", "2026-01-01 12:00", "2026-03-30 12:00"), strict=True):
        given_events([event(workspace, "tea_brewed", when, customer_id=one.pk)])
        one.last_seen_at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        one.save()
    put_snapshot(workspace.pk, [one.pk for one in keys])
    condition = Condition(all=(Condition(field="trait.value", values=("high",)),))
    rule = create_rule(
        workspace=workspace, name="Silence", kind="silence", what=What(days=30), condition=condition, by=None,
        opens_case=True,
    )  # fmt: skip
    tried = preview(rule, now=now)
    assert tried.now_silent == 2
    rule.on_since = now - timedelta(days=5)  # "Long silent" was silent before: no news
    [alert] = look(rule, now)
    assert (alert.customer, about(alert)) == (keys[0], "Not seen for 30 days")
    assert look(rule, now) == []

    rule = create_rule(workspace=workspace, name="Late", kind="late", what=What(hours=24), by=None)
    given_events(
        [event(workspace, "order_placed", "2026-03-20 12:00", order_id=order, promised_at=promised,
               customer_id=keys[2].pk)
         for order, promised in (("A1", "2026-03-29T12:00:00Z"), ("A2", "2026-03-30T18:00:00Z"),
                                 ("A3", "2026-03-01T12:00:00Z"), ("A4", "2026-03-29T12:00:00Z"))]
        + [event(workspace, "order_delivered", "2026-03-29 12:00", order_id="A4", customer_id=keys[2].pk)]
    )  # fmt: skip
    rule.on_since = now - timedelta(days=5)
    [alert] = look(rule, now)  # A2 has a day still, A3 was late before, A4 came
    assert (alert.cause, alert.customer, about(alert)) == (
        "order:A1",
        keys[2],
        "The order A1 is 2 days late and has not come",
    )
    assert look(rule, now) == []


def test_a_preview_says_how_often_an_answer_would_have_rung(workspace: Workspace) -> None:
    ada = make_customer(workspace)
    put_snapshot(workspace.pk, [ada.pk])
    given_events(
        [
            answer(workspace, 2, f"2026-03-{day:02} 12:00", customer_id=ada.pk, comment=f"Day {day}")
            for day in (3, 10, 20)
        ]
        + [answer(workspace, 1, "2026-03-20 15:00", customer_id=ada.pk)]  # within a day of the one before
        + [answer(workspace, 9, "2026-03-21 12:00", customer_id=ada.pk), answer(workspace, 1, "2026-01-21 12:00")]
    )
    condition = Condition(all=(Condition(field="answer.score", operator="at_most", values=(6.0,)),))
    fields = {"name": "Detractor", "kind": "answer", "condition": condition}
    tried = preview(draft(workspace=workspace, **fields), now=datetime(2026, 3, 25, tzinfo=UTC))  # type: ignore[arg-type]  # names of fields
    assert (tried.times, tried.partly) == (3, False)
    assert [one.said for one in tried.examples] == ["NPS 2: Day 20", "NPS 2: Day 10", "NPS 2: Day 3"]
    assert [(day.day, n) for day, n in tried.by_day if n] == [(3, 1), (10, 1), (20, 1)]
