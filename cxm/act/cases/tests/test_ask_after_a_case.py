"""After a case: the customer is asked once, within the contact budget, and the answer knows which case it is about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases.actions import open_case, reopen, resolve
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Aftercare, Case, CaseSurvey, Cause, Resolution
from cxm.act.cases.satisfaction import HIDDEN, save_aftercare, send_due
from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.distribution.actions import save_rule
from cxm.listen.surveys.models import Contact, Invitation, Survey
from cxm.listen.surveys.presets import preset
from cxm.record.customers.models import Customer
from cxm.record.eventlog.scope import Scope
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace
from cxm.understand.metrics.queries import measure

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def agent(workspace: Workspace) -> User:
    return make_member(workspace, Role.AGENT, "petro@example.com")


def after_case(workspace: Workspace) -> Survey:
    """The ready-made survey, live."""
    definition = preset("after_case", ["en", "uk"])
    survey = make_survey(workspace, *definition.questions(), key="after", languages=("en", "uk"))
    version = survey.versions.get()
    version.definition["hidden"] = list(definition.hidden)
    version.save()
    return survey


def case_of(workspace: Workspace, customer: Customer | None, number: int = 1) -> Case:
    return open_case(
        workspace=workspace,
        subject="Late",
        opened_by=f"answer:{number}",
        customer=customer,
        category="delivery",
        by=None,
    )


def solve(case: Case, by: User, resolution: str = Resolution.SOLVED) -> None:
    cause = Cause.objects.get_or_create(workspace=case.workspace, name="Courier")[0]
    resolve(case=case, resolution=resolution, cause=cause, by=by)


def state_of(case: Case) -> str:
    return CaseSurvey.objects.get(case=case).state


def test_a_resolved_case_asks_its_customer_once_within_the_budget(workspace: Workspace, agent: User) -> None:
    owner = workspace.memberships.get(role=Role.OWNER).user
    save_rule(workspace=workspace, name="Rarely", most=1, days=30, by=owner)
    ada = make_customer(workspace, "Ada", email="ada@example.com", language="uk")
    early = case_of(workspace, ada, 0)
    solve(early, agent)
    assert not CaseSurvey.objects.exists()  # nobody asks yet
    survey = after_case(workspace)
    case = case_of(workspace, ada)
    solve(case, agent)
    row = CaseSurvey.objects.select_related("invitation").get(case=case)
    assert row.state == "sent" and row.invitation is not None
    assert (row.invitation.survey, row.invitation.customer, row.invitation.language) == (survey, ada, "uk")
    assert row.invitation.hidden == {
        "case": str(case.number), "team": "Customer service", "root_cause": "Courier", "category": "delivery"
    }  # fmt: skip
    assert set(row.invitation.hidden) <= set(HIDDEN) == set(preset("after_case", ["en"]).hidden)
    assert Delivery.objects.get().to == "ada@example.com"
    assert case.entries.filter(kind="survey_sent").count() == 1
    # Reopened and resolved again: not asked twice about one case.
    reopen(case=case, by=agent)
    solve(case, agent)
    assert Invitation.objects.count() == 1
    # Another case in the same month: the budget says no, and the case says why.
    second = case_of(workspace, ada, 2)
    solve(second, agent)
    skipped = CaseSurvey.objects.get(case=second)
    assert skipped.state == "skipped" and "Rarely" in skipped.reason
    assert second.entries.get(kind="survey_skipped").data["reason"] == skipped.reason
    # Nobody to ask, nothing to ask about, no address.
    for number, (customer, resolution) in enumerate(
        [(None, Resolution.SOLVED), (ada, Resolution.DUPLICATE), (make_customer(workspace, "Bo"), Resolution.SOLVED)]
    ):
        other = case_of(workspace, customer, 10 + number)
        solve(other, agent, resolution)
        assert CaseSurvey.objects.filter(case=other, state="sent").count() == 0
    assert (Invitation.objects.count(), Delivery.objects.count(), Contact.objects.count()) == (1, 1, 1)


def test_asking_later_is_taken_back_when_the_case_comes_back(workspace: Workspace, agent: User) -> None:
    analyst = make_member(workspace, Role.ANALYST, "ana@example.com")
    survey = after_case(workspace)
    make_survey(workspace, key="empty")
    with pytest.raises(PermissionDenied):
        save_aftercare(workspace=workspace, by=agent, is_on=True, survey=survey, delay_hours=24)
    with pytest.raises(Refused):
        save_aftercare(workspace=workspace, by=analyst, is_on=True, survey=survey, delay_hours=500)
    foreign = make_survey(make_workspace("Other", make_user("else@example.com")), key="else")
    with pytest.raises(Refused):
        save_aftercare(workspace=workspace, by=analyst, is_on=True, survey=foreign, delay_hours=0)
    assert not Aftercare.objects.exists()
    save_aftercare(workspace=workspace, by=analyst, is_on=True, survey=survey, delay_hours=24)
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    case = case_of(workspace, ada)
    solve(case, agent)
    assert state_of(case) == "planned" and send_due() == 0
    reopen(case=case, by=agent)
    assert not CaseSurvey.objects.filter(case=case).exists()
    solve(case, agent)
    CaseSurvey.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert send_due() == 1 and state_of(case) == "sent" and send_due() == 0
    # Switched off while one waits: it is not sent any more.
    other = case_of(workspace, make_customer(workspace, "Bo", email="bo@example.com"), 2)
    solve(other, agent)
    save_aftercare(workspace=workspace, by=analyst, is_on=False, survey=survey, delay_hours=24)
    CaseSurvey.objects.filter(case=other).update(due_at=timezone.now())
    assert send_due() == 1 and state_of(other) == "skipped"
    assert Invitation.objects.count() == 1


def test_the_answers_are_the_satisfaction_with_the_resolution_by_team_and_cause(workspace: Workspace) -> None:
    survey = after_case(workspace)
    for score, team, cause in ((5, "Billing", "Price"), (2, "Billing", "Courier"), (4, "Service", "Courier")):
        answered(survey, {"resolution": score}, hidden={"team": team, "root_cause": cause})
    (whole,) = measure("resolution_satisfaction", Scope(workspace.pk))
    assert whole.n == 3 and whole.value == pytest.approx(200 / 3)
    by_team = {one.by: one.value for one in measure("resolution_satisfaction", Scope(workspace.pk), by="property.team")}
    assert by_team == {"Billing": 50, "Service": 100}
    by_cause = measure("resolution_satisfaction", Scope(workspace.pk), by="property.root_cause")
    assert {one.by: one.value for one in by_cause} == {"Courier": 50, "Price": 100}
