"""A person answers: by a public link, page by page, without JavaScript."""

from __future__ import annotations

import copy

import pytest

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Response
from cxm.listen.surveys.respond.tests.given import TWO_PAGES, Respondent, heading, make_survey, respondents
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def test_a_whole_form_is_stored_with_its_facts(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    ada = Respondent()
    page = ada.get(f"/s/{survey.public_id}?plan=gold&utm_source=newsletter&secret=1")
    assert (page.status, heading(page)) == (200, "How was it?")
    assert Response.objects.count() == 0  # looking is not answering

    page = ada.send(nps=9, why="Fast\r\nand kind", reason=["tip", "else"], reason__other="A sign", again="yes")
    assert (page.status, heading(page)) == (200, "Thanks a lot")
    response = Response.objects.get()
    assert response.state == Response.State.COMPLETED
    assert response.answers == {
        "nps": 9, "why": "Fast\nand kind", "reason": ["tip", "else"], "reason.other": "A sign", "again": True,
    }  # fmt: skip
    assert (response.hidden, response.origin, response.channel) == ({"plan": "gold"}, "newsletter", "link")
    assert (response.language, response.ending, response.version) == ("en", "bye", 1)
    facts = {fact.properties["question"]: fact for fact in OutboxFact.objects.filter(name="answer_given")}
    assert set(facts) == {"nps", "reason", "again"}  # the text is the comment of the score that it explains
    nps = facts["nps"].properties
    assert (nps["metric"], nps["scale"], nps["score"], nps["comment"]) == ("nps", "0-10", 9, "Fast\nand kind")
    assert (nps["survey"], nps["channel"], nps["touchpoint"], nps["language"]) == (survey.key, "link", "delivery", "en")
    assert nps["properties"] == {"plan": "gold", "origin": "newsletter", "role": "nps"}
    assert facts["reason"].properties["properties"]["choices"] == ["tip", "else"]
    assert facts["reason"].properties["comment"] == "A sign"
    assert facts["again"].properties["properties"]["choices"] == ["yes"]


def test_the_same_form_sent_twice_counts_once(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    form = ada.form()
    fields = [*form.fields, ("a.nps", "9"), ("step", "next")]
    for score in ("9", "9", "2"):
        page = ada.post(form.action, [*form.fields, ("a.nps", score), ("step", "next")])
        assert heading(page) == "Thanks a lot"
    assert len(fields) > 3
    assert Response.objects.get().answers == {"nps": 9}
    assert sorted(OutboxFact.objects.values_list("name", flat=True)) == ["answer_given", "survey_completed"]


def test_what_is_wrong_is_said_and_nothing_is_lost(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    page = ada.send(why="Because of <b>you</b> & me")
    assert page.status == 422
    assert "Please answer this question." in page.text
    assert "Because of &lt;b&gt;you&lt;/b&gt; &amp; me</textarea>" in page.text
    assert Response.objects.get().state == Response.State.STARTED
    assert OutboxFact.objects.count() == 0
    assert heading(ada.send(nps=3)) == "Thanks a lot"
    assert Response.objects.get().answers == {"nps": 3, "why": "Because of <b>you</b> & me"}


def test_pages_follow_each_other_and_back(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    page = ada.send(csat=4)
    assert page.status == 200
    assert "You chose 4. Why?" in page.text
    page = ada.send("back", word="Nice")
    assert 'value="4" checked' in page.text
    page = ada.send(csat=5)
    assert "You chose 5. Why?" in page.text
    assert 'value="Nice"' in page.text
    assert heading(ada.send()) == "Thank you!"
    assert Response.objects.get().answers == {"csat": 5, "word": "Nice"}


def test_a_response_resumes_at_its_address_on_another_device(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    ada.send(csat=4)
    address = ada.form().action
    page = Respondent("198.51.100.7").get(address)
    assert "You chose 4. Why?" in page.text


def test_the_browser_chooses_the_language_and_the_person_another(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    olena = Respondent(language="uk-UA,uk;q=0.9,en;q=0.5")
    page = olena.get(f"/s/{survey.public_id}")
    assert '<html lang="uk"' in page.text
    assert heading(page) == "Як воно було?"
    page = olena.get(f"/s/{survey.public_id}?lang=en")
    assert heading(page) == "How was it?"
    olena.get(f"/s/{survey.public_id}")
    assert heading(olena.send(nps=10)) == "Щиро дякуємо"
    assert Response.objects.get().language == "uk"


def test_pages_have_a_policy_and_leave_no_trace(workspace: Workspace) -> None:
    page = Respondent().get(f"/s/{make_survey(workspace).public_id}")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


def test_a_statement_leads_on_beside_the_survey(workspace: Workspace) -> None:
    definition = copy.deepcopy(TWO_PAGES)
    told = {"id": "told", "kind": "statement", "title": {"en": "Tell others."}, "link_label": {"en": "Write & shine"},
            "link": "https://example.com/review?score={answer.csat}&by={hidden.who|<b>}"}  # fmt: skip
    bad = {"id": "bad", "kind": "statement", "title": {"en": "Not here."}, "link": "javascript:alert(1)//{answer.csat}"}
    definition["pages"][1]["sections"][0]["questions"] += [told, bad]
    survey = make_survey(workspace, definition)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    page = ada.send(csat=4).text
    assert (
        '<a class="button" href="https://example.com/review?score=4&amp;by=%3Cb%3E" target="_blank" rel="noopener">'
        "Write &amp; shine</a>" in page
    )
    assert "javascript" not in page
    assert page.count('class="button"') == 1
    assert heading(ada.send()) == "Thank you!"
