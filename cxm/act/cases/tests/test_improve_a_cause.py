"""The outer loop: a cause becomes a measure with owner, due date and expected effect, and its effect is measured."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases.actions import open_case
from cxm.act.cases.errors import Refused
from cxm.act.cases.improving import drop_measure, improvement_of, save_measure, take_effect
from cxm.act.cases.models import Case, Cause, Measure
from cxm.testing.cast import answer, given_events, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def analyst(workspace: Workspace) -> User:
    return make_member(workspace, Role.ANALYST, "ana@example.com")


def test_cases_of_a_cause_and_all_below_it_are_counted_by_weeks(workspace: Workspace, analyst: User) -> None:
    cause = Cause.objects.create(workspace=workspace, name="Delivery")
    below = Cause.objects.create(workspace=workspace, name="Courier", parent=cause)
    other = Cause.objects.create(workspace=workspace, name="Price")
    now = timezone.now()
    start = now - timedelta(days=56, hours=1)
    # Weeks before: 3, 4, 5, 4, 3, 5, 4, 4 cases; after: 1, 2, 1, 0, 1, 2, 1, 0; 32 against 8.
    weeks = [3, 4, 5, 4, 3, 5, 4, 4, 1, 2, 1, 0, 1, 2, 1, 0]
    number = 0
    for week, n in enumerate(weeks):
        for place in range(n + 1):
            number += 1
            case = open_case(workspace=workspace, subject="Late", opened_by=f"person:{number}", by=None)
            opened = start + timedelta(days=7 * (week - 8), hours=5)
            Case.objects.filter(pk=case.pk).update(
                opened_at=opened, cause=other if place == n else [cause, below][n % 2]
            )
    undecided = open_case(workspace=workspace, subject="?", opened_by="person:x", by=None)
    Case.objects.filter(pk=undecided.pk).update(opened_at=start + timedelta(days=1))
    measure = save_measure(
        workspace=workspace, by=analyst, name="New courier", cause=cause, owner=analyst, due_on=date(2026, 12, 1),
        expected=-2.5, weeks=8,
    )  # fmt: skip
    assert improvement_of(measure) is None
    take_effect(measure=measure, by=analyst, at=start)
    found = improvement_of(measure)
    assert found is not None
    assert (found.before, found.after, found.difference.value, found.weeks) == (4, 1, -3, 8)
    assert found.difference.low is not None and found.difference.high is not None
    # Eight weeks a side are fewer than a test needs (10): the interval is told, a verdict is not.
    assert found.difference.high < 0 and found.difference.p_value is None and found.result == "no_evidence"
    assert (found.undecided, found.as_expected) == (1, True)
    early = improvement_of(measure, start + timedelta(days=15))
    assert early is not None and (early.weeks, early.result, early.after) == (2, "too_early", 1.5)
    verbs = AuditEntry.objects.filter(subject="measure").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "took effect"]


def test_a_metric_is_compared_before_and_after(workspace: Workspace, analyst: User) -> None:
    now = timezone.now()
    start = now - timedelta(days=57)
    measure = save_measure(
        workspace=workspace,
        by=analyst,
        name="Better box",
        metric="nps",
        filters=["touchpoint:is:delivery"],
        expected=5,
        weeks=8,
    )
    take_effect(measure=measure, by=analyst, at=start)
    given_events(
        answer(workspace, score, (start + timedelta(days=when)).strftime("%Y-%m-%d %H:%M"), touchpoint=touchpoint)
        for score, when, touchpoint, n in ((2, -20, "delivery", 30), (10, 20, "delivery", 30), (0, 20, "shop", 50))
        for _one in range(n)
    )
    found = improvement_of(measure)
    assert found is not None
    # Thirty detractors before, thirty promoters after: from −100 to 100.
    assert (found.before, found.after, found.difference.value, found.unit) == (-100, 100, 200, "points")
    assert (found.result, found.as_expected) == ("better", False)


def test_what_cannot_be_is_refused_and_changes_nothing(workspace: Workspace, analyst: User) -> None:
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    stranger = make_user("stranger@example.com")
    foreign = Cause.objects.create(workspace=make_workspace("Other", stranger), name="x")
    with pytest.raises(PermissionDenied):
        save_measure(workspace=workspace, by=agent, name="No")
    for wrong in ({"name": " "}, {"cause": foreign}, {"owner": stranger}, {"weeks": 0}, {"metric": "nonsense"},
                  {"metric": "nps", "filters": ["nonsense"]}):  # fmt: skip
        with pytest.raises(Refused):
            save_measure(workspace=workspace, by=analyst, **{"name": "No", **wrong})  # type: ignore[arg-type]  # wrong on purpose
    assert not Measure.objects.exists()
    measure = save_measure(workspace=workspace, by=analyst, name="Yes")
    with pytest.raises(Refused):
        take_effect(measure=measure, by=analyst, at=timezone.now() + timedelta(days=1))
    drop_measure(measure=measure, by=analyst)
    with pytest.raises(Refused):
        take_effect(measure=measure, by=analyst)
    assert Measure.objects.get().state == "dropped"
