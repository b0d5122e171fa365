"""The ways into a survey: personal links, PIN, kiosk, preview, what an address fills in, and doors that are shut."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Invitation, Response, Survey
from cxm.listen.surveys.respond.directory import directory
from cxm.listen.surveys.respond.tests.given import FIVE, Respondent, heading, make_survey, respondents
from cxm.listen.surveys.respond.tokens import preview_token
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def invite(survey: Survey, **fields: Any) -> Invitation:
    return Invitation.objects.create(
        workspace=survey.workspace, survey=survey, token=f"token-of-a-personal-link-{Invitation.objects.count()}",
        channel=Response.Channel.EMAIL, **fields,
    )  # fmt: skip


def test_a_personal_link_belongs_to_its_customer_and_counts_once(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    ada = make_customer(workspace)
    invitation = invite(survey, customer=ada, language="uk", hidden={"plan": "gold"})
    one, other = Respondent(), Respondent("198.51.100.9")
    assert heading(one.get(f"/s/i/{invitation.token}")) == "Як воно було?"
    other.get(f"/s/i/{invitation.token}")  # the same link in another browser, before the first one answers
    assert heading(one.send(nps=9)) == "Щиро дякуємо"
    assert heading(other.send(nps=0)) == "Щиро дякуємо"
    response = Response.objects.get()
    assert (response.answers["nps"], response.customer, response.channel) == (9, ada, "email")
    assert response.hidden == {"plan": "gold"}
    assert heading(other.get(f"/s/i/{invitation.token}")) == "Щиро дякуємо"
    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.ANSWERED
    facts = list(OutboxFact.objects.values_list("name", "customer_id"))
    assert facts == [("answer_given", ada.pk), ("survey_completed", ada.pk)]


def test_opening_a_personal_link_changes_nothing(workspace: Workspace) -> None:
    invitation = invite(make_survey(workspace), customer=make_customer(workspace))
    page = Respondent().get(f"/s/i/{invitation.token}?q=nps&v=9")
    assert 'value="9" checked' in page.text
    assert "data-one-click" in page.text
    assert (Response.objects.count(), OutboxFact.objects.count()) == (0, 0)
    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.CREATED


def test_the_answer_of_a_mail_is_stored_by_the_script_and_then_completed(workspace: Workspace) -> None:
    invitation = invite(make_survey(workspace), customer=make_customer(workspace))
    ada = Respondent()
    ada.get(f"/s/i/{invitation.token}?q=nps&v=9")
    form = ada.form()
    saved = ada.post(form.action, [*form.fields, ("step", "save")], accept="application/json")
    assert saved.json == {"saved": True}
    assert Response.objects.get().answers == {"nps": 9}
    page = ada.get(f"/s/i/{invitation.token}?q=nps&v=7")  # another number of the same mail
    assert 'value="7" checked' in page.text
    ada.send()
    assert Response.objects.get().answers == {"nps": 7}


def test_a_link_that_has_run_out_opens_nothing(workspace: Workspace) -> None:
    invitation = invite(make_survey(workspace), expires_at=timezone.now() - timedelta(days=1))
    assert Respondent().get(f"/s/i/{invitation.token}").status == 404
    assert Respondent().get("/s/i/" + "x" * 43).status == 404


def test_a_pin_opens_the_survey_and_ten_wrong_ones_shut_it(workspace: Workspace) -> None:
    survey = make_survey(workspace, pin="4711")
    ada = Respondent()
    page = ada.get(f"/s/{survey.public_id}?plan=gold")
    assert "PIN" in page.text
    assert "recommend" not in page.text
    address = f"/s/{survey.public_id}?plan=gold"
    page = ada.post(address, {"pin": " 4711 "})
    assert "recommend" in page.text
    ada.send(nps=9)
    assert Response.objects.get().hidden == {"plan": "gold"}
    thief = Respondent("198.51.100.66")
    for _ in range(9):
        assert thief.post(address, {"pin": "0000"}).status == 422
    for _ in range(3):
        assert "recommend" in thief.post(address, {"pin": "4711"}).text  # a right one takes no try away
    assert thief.post(address, {"pin": "0000"}).status == 422
    assert thief.post(address, {"pin": "4711"}).status == 429
    assert Response.objects.count() == 1


def test_a_kiosk_starts_anew_for_the_next_person(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    kiosk = Respondent()
    for score in (9, 3):
        page = kiosk.get(f"/s/{survey.public_id}?kiosk=Hall+2")
        assert f'data-kiosk="/s/{survey.public_id}?kiosk=Hall+2"' in page.text
        page = kiosk.send(nps=score)
        assert f'content="12;url=/s/{survey.public_id}?kiosk=Hall+2"' in page.text
    responses = Response.objects.order_by("started_at")
    assert [(one.channel, one.origin, one.answers["nps"], one.flags) for one in responses] == [
        ("kiosk", "Hall 2", 9, []), ("kiosk", "Hall 2", 3, []),
    ]  # fmt: skip


def test_an_address_fills_in_answers_but_agrees_to_nothing(workspace: Workspace) -> None:
    body = {**FIVE, "pages": [{"id": "p", "sections": [{"id": "s", "questions": [
        {"id": "ok", "kind": "consent", "title": {"en": "Agree?"}},
        *FIVE["pages"][0]["sections"][0]["questions"]]}]}]}  # fmt: skip
    survey = make_survey(workspace, body)
    page = Respondent().get(
        f"/s/{survey.public_id}?answer.why=Hello&answer.ok=yes&answer.reason=tip,price&answer.nps=99"
    )
    assert "Hello</textarea>" in page.text
    assert page.text.count(" checked") == 2  # the two reasons; 99 is not on the scale


@pytest.mark.parametrize(
    ("fields", "said", "status"),
    [
        ({"state": Survey.State.DRAFT}, "There is no survey here", 404),
        ({"state": Survey.State.PAUSED}, "This survey is paused", 200),
        ({"state": Survey.State.CLOSED}, "This survey is closed", 200),
        ({"opens_at": timezone.now() + timedelta(days=1)}, "This survey has not begun yet", 200),
        ({"closes_at": timezone.now() - timedelta(days=1)}, "This survey is over", 200),
        ({"archived_at": timezone.now()}, "There is no survey here", 404),
        ({"most_responses": 0}, "There are enough answers", 200),
    ],
)
def test_a_survey_that_takes_no_answers_says_why(
    workspace: Workspace, fields: dict[str, Any], said: str, status: int
) -> None:
    survey = make_survey(workspace, **fields)
    if "most_responses" in fields:
        survey.quota_counts.create(quota="", n=0)
    page = Respondent().get(f"/s/{survey.public_id}")
    assert (page.status, heading(page)) == (status, said)


def test_a_preview_shows_the_draft_and_its_answers_never_count(workspace: Workspace) -> None:
    survey = make_survey(workspace, state=Survey.State.DRAFT, version=0)
    Survey.objects.filter(pk=survey.pk).update(draft={**FIVE, "title": {"en": "Draft title"}}, version=0)
    staff = Respondent()
    page = staff.get(f"/s/{survey.public_id}?preview={preview_token(survey.pk)}")
    assert heading(page) == "Draft title"
    assert "This is a test." in page.text
    assert heading(staff.send(nps=9)) == "Thanks a lot"
    assert Response.objects.get().test is True
    assert OutboxFact.objects.count() == 0
    other = make_survey(workspace)
    assert staff.get(f"/s/{survey.public_id}?preview={preview_token(other.pk)}").status == 404


def test_a_survey_has_a_pretty_address_too(workspace: Workspace) -> None:
    make_survey(workspace, address="delivery")
    assert heading(Respondent().get("/s/delivery")) == "How was it?"


def test_who_began_under_a_version_ends_under_it(workspace: Workspace) -> None:
    from cxm.listen.surveys.respond.tests.given import publish

    survey = make_survey(workspace)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    changed = {**FIVE, "endings": [{"id": "bye", "title": {"en": "Another end"}}]}
    publish(survey, changed, 2)
    directory().stop()
    assert heading(ada.send(nps=9)) == "Thanks a lot"
    assert Response.objects.get().version == 1
    assert heading(Respondent().get(f"/s/{survey.public_id}")) == "How was it?"
