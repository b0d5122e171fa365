"""What people do with responses: each change, what it does to the numbers, and who may not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.listen.surveys import handling
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.respond.telling import ids_in_log, state_again
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace
from cxm.understand.metrics.queries import measure

from .given import client_of, owner_of
from .given_surveys import NPS, PLAN, USES, WHY

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return make_survey(workspace, NPS, WHY, PLAN, USES)


@pytest.fixture
def agent(workspace: Workspace) -> User:
    return make_member(workspace, Role.AGENT, "agent@example.com")


THIRD = 100 * (1 - 2) / 3  # one promoter and two detractors of three


def nps(workspace: Workspace, survey: Survey) -> tuple[float | None, int]:
    """From the answers themselves, and the same from the roll-up."""
    (raw,) = measure("nps", Scope(workspace.pk, filters=(Filter("survey", "is", (survey.key,)),)))
    (rolled,) = measure("nps", Scope(workspace.pk))
    assert (raw.value, raw.n) == (rolled.value, rolled.n)
    return raw.value, raw.n


def events(workspace: Workspace) -> int:
    from cxm.record.eventlog.transfer import count_events

    return count_events(workspace_id=workspace.pk)


def test_archiving_takes_a_response_out_of_the_numbers_and_restoring_puts_it_back(
    workspace: Workspace, survey: Survey, agent: User
) -> None:
    ada = make_customer(workspace)
    answered(survey, {"nps": 10, "why": "good", "plan": "paid", "uses": ["mail"]}, "2026-03-01 12:00")
    bad = answered(survey, {"nps": 2, "why": "bad", "plan": "free"}, "2026-03-01 12:05", customer=ada)
    answered(survey, {"nps": 3}, "2026-03-01 12:01")  # in the same quarter of an hour: counted anew with it
    # 1 promoter, 2 detractors of 3
    assert nps(workspace, survey) == (THIRD, 3)
    before = events(workspace)

    handling.archive(response=bad, by=agent)
    handling.forget_archived.call(str(bad.pk))
    assert nps(workspace, survey) == (0.0, 2)
    assert events(workspace) == before - 3  # two answers, and that the survey was completed
    handling.forget_archived.call(str(bad.pk))  # safe to repeat
    assert nps(workspace, survey) == (0.0, 2)

    bad.refresh_from_db()
    handling.restore(response=bad, by=agent)
    move_outbox()
    assert nps(workspace, survey) == (THIRD, 3)
    assert events(workspace) == before
    handling.forget_archived.call(str(bad.pk))  # a late job finds it restored
    assert events(workspace) == before
    verbs = list(AuditEntry.objects.filter(subject="response").order_by("id").values_list("verb", flat=True))
    assert verbs == ["archived", "restored"]


def test_archiving_takes_waiting_facts_from_the_outbox(workspace: Workspace, survey: Survey, agent: User) -> None:
    from django.db import transaction

    response = answered(survey, {"nps": 10}, log=False)
    with transaction.atomic():
        state_again(response)
    assert sorted(OutboxFact.objects.values_list("name", flat=True)) == ["answer_given", "survey_completed"]
    handling.archive(response=response, by=agent)
    assert OutboxFact.objects.count() == 0


def test_deleting_is_for_good_and_not_for_agents(workspace: Workspace, survey: Survey, agent: User) -> None:
    answered(survey, {"nps": 10})
    gone = answered(survey, {"nps": 0})
    with pytest.raises(PermissionDenied):
        handling.delete(response=gone, by=agent)
    assert nps(workspace, survey) == (0.0, 2)
    ids = [str(one) for one in ids_in_log(gone)]
    handling.delete(response=gone, by=owner_of(workspace))
    handling.forget_deleted.call(workspace.pk, ids)
    assert nps(workspace, survey) == (100.0, 1)
    assert Response.objects.count() == 1


def test_a_response_is_assigned_to_members_only(workspace: Workspace, survey: Survey, agent: User) -> None:
    response = answered(survey, {"nps": 1})
    handling.assign(response=response, to=agent, by=agent)
    response.refresh_from_db()
    assert response.assigned_to == agent
    with pytest.raises(ValidationError):
        handling.assign(response=response, to=make_user("eve@example.com"), by=agent)
    response.refresh_from_db()
    assert response.assigned_to == agent


def test_a_stranger_and_a_viewer_change_nothing(workspace: Workspace, survey: Survey) -> None:
    response = answered(survey, {"nps": 1})
    viewer = make_member(workspace, Role.VIEWER, "viewer@example.com")
    for person, refusal in ((make_user("eve@example.com"), Http404), (viewer, PermissionDenied)):
        changes: list[Callable[..., None]] = [
            handling.archive, handling.delete, partial(handling.set_tags, tags=["x"]),
            partial(handling.mark_handled, handled=True), partial(handling.assign, to=None),
        ]  # fmt: skip
        for change in changes:
            with pytest.raises(refusal):
                change(response=response, by=person)
    response.refresh_from_db()
    assert (response.archived_at, response.tags, response.handled_at) == (None, [], None)
    assert AuditEntry.objects.filter(subject="response").count() == 0


def test_the_page_does_what_its_buttons_say(workspace: Workspace, survey: Survey, agent: User) -> None:
    response = answered(survey, {"nps": 1, "plan": "free"})
    newer = answered(survey, {"nps": 2}, "2026-03-02 12:00")
    client = client_of(agent)
    base = f"/w/{workspace.slug}/surveys/{survey.pk}/results/responses/"
    deal = f"{base}{response.pk}/deal/"
    for form in ({"do": "tags", "tags": " late ,, angry customer,late,Київ"}, {"do": "assign_me"}, {"do": "handled"}):
        assert client.post(deal, {**form, "query": "period=all"}).headers["Location"].endswith("?period=all")
    response.refresh_from_db()
    assert response.tags == ["late", "angry customer", "Київ"]
    assert response.assigned_to == agent and response.handled_at is not None
    for query in (
        "tag=late",
        "tag=Київ",
        "assigned=me",
        "assigned=" + str(agent.pk),
        "handled=yes",
        "state=completed&handled=yes",
    ):
        assert "1 response" in client.get(f"{base}?period=all&{query}").content.decode(), query
    assert "There is no response" in client.get(f"{base}?period=all&tag=lat").content.decode()
    shown = client.get(f"{base}{response.pk}/?period=all").content.decode()
    assert "Free" in shown and "1 of 10" in shown and f"{base}{newer.pk}/?period=all" in shown  # the one before it
    client.post(deal, {"do": "archive"})
    assert "1 response<" in client.get(f"{base}?period=all").content.decode()
    assert "1 response<" in client.get(f"{base}?period=all&archived=1").content.decode()
    assert "is archived" in client.get(f"{base}{response.pk}/?period=all").content.decode()
    client.post(deal, {"do": "restore"})
    assert "2 responses" in client.get(f"{base}?period=all").content.decode()
    assert client.post(deal, {"do": "delete"}).status_code == 403
    assert client.post(deal, {"do": "nonsense"}).status_code == 302
    assert Response.objects.count() == 2


def test_answers_are_shown_under_the_wording_that_was_asked(workspace: Workspace, survey: Survey) -> None:
    from cxm.listen.surveys.definition import Choice, Question
    from cxm.testing.answered import publish

    old = answered(survey, {"plan": "free"})
    renamed = [Choice(id="free", label={"en": "Starter"}), Choice(id="paid", label={"en": "Business"})]
    publish(survey, NPS, Question(id="plan", kind="single", title={"en": "Your tariff?"}, choices=renamed))
    new = answered(survey, {"plan": "free"})
    client = client_of(owner_of(workspace))
    base = f"/w/{workspace.slug}/surveys/{survey.pk}/results/responses/"
    first = client.get(f"{base}{old.pk}/?period=all").content.decode()
    second = client.get(f"{base}{new.pk}/?period=all").content.decode()
    assert "Which plan?" in first and ">Free<" in first and "Starter" not in first
    assert "Your tariff?" in second and "Starter" in second
