"""The widget and apps answer by JSON: the same pages, the same store."""

from __future__ import annotations

import pytest

from cxm.accounts.models import Role, Workspace
from cxm.listen.surveys.identity import identity_hash
from cxm.listen.surveys.models import Response
from cxm.listen.surveys.respond.tests.given import TWO_PAGES, Respondent, make_survey, respondents
from cxm.listen.surveys.widget.actions import make_identity_key
from cxm.record.customers.models import Identity
from cxm.record.eventlog.ids import customer_id_of
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def test_an_app_answers_page_by_page(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    app = Respondent()
    first = app.call(f"/s/w/{survey.public_id}/view", channel="widget", url="https://shop.example/cart")
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.json["view"]["page"]["id"] == "first"
    token = first.json["token"]
    wrong = app.call(f"/s/w/{survey.public_id}/answers", token=token, page="first", answers={})
    assert wrong.status == 422
    assert wrong.json["problems"]["csat"][0] == {"code": "required", "message": "Please answer this question."}
    second = app.call(f"/s/w/{survey.public_id}/answers", token=token, page="first", answers={"csat": 4})
    assert second.json["view"]["page"]["sections"][0]["questions"][0]["title"] == "You chose 4. Why?"
    for _ in range(2):  # an offline queue sends again what it is not sure of
        done = app.call(f"/s/w/{survey.public_id}/answers", token=token, page="second", answers={"word": "Nice"})
        assert (done.status, done.json["done"]) == (200, True)
    response = Response.objects.get()
    assert (response.answers, response.channel) == ({"csat": 4, "word": "Nice"}, "widget")
    names = sorted(OutboxFact.objects.values_list("name", flat=True))
    assert names == ["answer_given", "answer_given", "survey_completed"]  # of nobody we know


def test_a_whole_response_in_one_call_counts_once_for_its_key(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    app = Respondent()
    for score in (5, 1):
        done = app.call(f"/s/w/{survey.public_id}/answers", key="order-17", answers={"csat": score, "word": "Ok"})
        assert done.json["done"] is True
    assert Response.objects.get().answers == {"csat": 5, "word": "Ok"}
    short = app.call(f"/s/w/{survey.public_id}/answers", key="order-18", answers={"word": "Ok"})
    assert (short.status, short.json["view"]["page"]["id"]) == (422, "first")


def test_each_change_is_kept_from_the_first_click(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    app = Respondent()
    token = app.call(f"/s/w/{survey.public_id}/view").json["token"]
    app.call(f"/s/w/{survey.public_id}/answers", token=token, page="first", step="save", answers={"csat": 2})
    assert (Response.objects.get().state, Response.objects.get().answers) == ("started", {"csat": 2})
    back = app.call(f"/s/w/{survey.public_id}/view", token=token)
    assert back.json["view"]["page"]["sections"][0]["questions"][0]["value"] == 2


def test_a_known_visitor_is_the_customer_and_an_unknown_one_keeps_the_identity(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    ada = make_customer(workspace)
    Identity.objects.create(workspace=workspace, customer=ada, kind="user_id", value="u1")
    secret = make_identity_key(workspace=workspace, by=workspace.memberships.get(role=Role.OWNER).user).secret
    app = Respondent()
    for user in ("u1", "u2"):
        app.call(
            f"/s/w/{survey.public_id}/answers", key=user, user_id=user, hash=identity_hash(secret, user),
            answers={"csat": 5},
        )  # fmt: skip
    by_person = {one.person: one.customer for one in Response.objects.all()}
    known, unknown = (customer_id_of(workspace.pk, "user_id", user) for user in ("u1", "u2"))
    assert by_person == {known: ada, unknown: None}
    assert set(OutboxFact.objects.filter(name="survey_completed").values_list("customer_id", flat=True)) == {
        known,
        unknown,
    }


def test_any_site_may_ask_and_errors_are_sentences(workspace: Workspace) -> None:
    app = Respondent(language="en")
    preflight = app.ask("OPTIONS", "/s/w/any/answers")
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET, POST, OPTIONS")
    missing = app.call("/s/w/nowhere/view")
    assert (missing.status, missing.json["error"], missing.json["title"]) == (404, "unknown", "There is no survey here")
    survey = make_survey(workspace, state="paused")
    shut = app.call(f"/s/w/{survey.public_id}/view")
    assert (shut.status, shut.json["error"]) == (403, "paused")
    assert app.ask("POST", f"/s/w/{survey.public_id}/view", b"{").status == 400
    assert app.call(f"/s/w/{survey.public_id}/view", channel="kiosk").status == 400
