"""The pages of results: numbers worked out by hand, each kind of question, and who may see them."""

from __future__ import annotations

import msgspec
import pytest
from django.test import Client

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Question
from cxm.listen.surveys.models import Response, Survey
from cxm.testing.answered import answered, answered_many, make_survey, publish
from cxm.testing.cast import make_user, make_workspace

from .given import client_of, owner_of, viewer_of
from .given_surveys import EVERY_KIND, FULL, NPS, PLAN, choices, given_two_waves

pytestmark = pytest.mark.django_db
PAGES = ("", "drop-off/", "texts/", "two-questions/", "compare/", "responses/", "export/")


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def url(survey: Survey, page: str = "", query: str = "period=all") -> str:
    return f"/w/{survey.workspace.slug}/surveys/{survey.pk}/results/{page}?{query}"


def page(survey: Survey, path: str = "", query: str = "period=all") -> str:
    answer = client_of(owner_of(survey.workspace)).get(url(survey, path, query))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_every_kind_of_question_has_its_figures_and_the_pages_open(workspace: Workspace) -> None:
    survey = make_survey(workspace, *EVERY_KIND, languages=("en", "uk"))
    assert "There are no results" not in page(survey)
    answered(survey, FULL)
    for path in PAGES:
        page(survey, path)
    text = page(survey)
    for title in (one.title["en"] for one in EVERY_KIND if one.kind != "statement"):
        assert title in text
    assert "ada@example.com" not in text and "+380" not in text  # counted, not shown
    assert "Fast &amp; friendly" in text


def test_the_summary_says_what_was_worked_out_by_hand(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    answered_many(survey, [{}, {"nps": 5}], "2026-05-11 12:00", state=Response.State.STARTED)
    answered_many(survey, [{"nps": 2}], "2026-05-11 12:00", state=Response.State.PARTIAL, test=True)
    text = page(survey)
    # 14 promoters, 8 passives, 18 detractors of 40: 100 × (14 − 18) / 40 = −10
    assert "\N{MINUS SIGN}10.0" in text
    # 40 completed of 42 that were started: 95.2 %
    assert "95.2%" in text
    # plan: 12 of 36 are paid
    assert "33.3%" in text and "66.7%" in text
    # half took one minute, half two: the median lies between, at 90 seconds
    assert ">2m<" in text


def test_the_numbers_are_those_of_the_metrics(workspace: Workspace) -> None:
    from cxm.record.eventlog.scope import Filter, Scope
    from cxm.steer.dashboards.address import View
    from cxm.steer.dashboards.surveys.results import results_of, shown_questions
    from cxm.testing.cast import at
    from cxm.understand.metrics.queries import measure

    survey = given_two_waves(workspace)
    shown = shown_questions(results_of(survey, View(period="all"), at("2026-06-01")))
    (figure,) = measure("nps", Scope(workspace.pk, filters=(Filter("survey", "is", (survey.key,)),)))
    assert shown[0].main is not None
    ours = shown[0].main.estimate
    assert (ours.value, ours.low, ours.high, ours.n) == (figure.value, figure.low, figure.high, figure.n)


def test_filters_mean_the_same_for_numbers_and_for_people(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    # who pays: 12 promoters of 12
    paid = page(survey, "", "period=all&f=answer.plan:is:paid")
    assert "100.0" in paid and "n = 12" in paid
    table = page(survey, "responses/", "period=all&f=answer.plan:is:paid")
    assert "12 responses" in table
    assert "10 responses" in page(survey, "responses/", "period=all&f=answer.plan:is:paid&f=channel:is:link")
    # 6 people use chat, of them 2 promoters and 4 detractors: 100 × (2 − 4) / 6 = −33.3
    assert "\N{MINUS SIGN}33.3" in page(survey, "", "period=all&f=answer.uses:is:chat")
    assert "6 responses" in page(survey, "responses/", "period=all&f=answer.uses:is:chat")
    assert "34 responses" in page(survey, "responses/", "period=all&f=answer.uses:is_not:chat")
    assert "14 responses" in page(survey, "responses/", "period=all&f=answer.nps:at_least:9")
    assert "20 responses" in page(survey, "responses/", "from=2026-03-01&to=2026-03-31")
    assert "4 responses" in page(survey, "responses/", "period=all&f=answer.plan:is_not_set")
    # Touchpoints belong to questions: a response counts where it answered one of them.
    there = make_survey(workspace, msgspec.structs.replace(NPS, touchpoint="checkout"), PLAN, key="there")
    answered_many(there, [{"nps": 9, "plan": "paid"}, {"nps": 2}, {"plan": "free"}])
    summary = page(there, "", "period=all&f=touchpoint:is:checkout")
    assert "There is no field" not in summary and "n = 2" in summary
    for said, n in (("is:checkout", "2 responses"), ("is_not:checkout", "1 response"), ("is:shop", "0 responses")):
        assert n in page(there, "responses/", f"period=all&f=touchpoint:{said}"), said
    problem = page(survey, "responses/", "period=all&f=property.nonsense:is:1")
    assert "There is no field" in problem


def test_places_and_hidden_fields_tell_answers_apart(workspace: Workspace) -> None:
    """A kiosk in Lviv: 10 and 9, so 100; one in Kyiv: 0, so −100; a link that says the plan: 10, 10 and 3, so 33.3."""
    survey = make_survey(workspace, NPS, key="places")
    version = survey.versions.get()
    version.definition["hidden"] = ["plan"]
    version.save()
    answered_many(survey, [{"nps": 10}, {"nps": 9}], channel="kiosk", origin="Lviv, Rynok 1")
    answered_many(survey, [{"nps": 0}], channel="kiosk", origin="Kyiv")
    answered_many(survey, [{"nps": 10}, {"nps": 10}, {"nps": 3}], hidden={"plan": "gold"})
    for said, n, score in (
        ("property.origin:is:Lviv%2C Rynok 1", 2, "100.0"), ("property.origin:contains:lviv", 2, "100.0"),
        ("property.origin:is:Kyiv", 1, "\N{MINUS SIGN}100.0"), ("property.origin:is_not_set", 3, "33.3"),
        ("property.origin:is_not:Kyiv", 5, "60.0"), ("property.plan:is:gold", 3, "33.3"),
        ("property.plan:is_not:gold", 3, "33.3"),
    ):  # fmt: skip
        summary = page(survey, "", f"period=all&f={said}")
        assert f"n = {n}" in summary and score in summary, said
        assert f"{n} response" in page(survey, "responses/", f"period=all&f={said}"), said
    for name in ("Origin", "plan"):
        assert f">{name}</option>" in page(survey, "", "period=all")


def test_shares_are_said_to_add_up_to_more_only_where_several_can_be_chosen(workspace: Workspace) -> None:
    pictures = [Question("one", "picture", {"en": "One"}, choices=choices("cat", "dog")),
                Question("some", "picture", {"en": "Some"}, choices=choices("cat", "dog"), several=True)]  # fmt: skip
    survey = make_survey(workspace, *pictures)
    answered_many(survey, [{"one": "cat", "some": ["cat", "dog"]}])
    assert page(survey, "", "period=all").count("People could choose several answers") == 1


def test_drop_off_counts_who_saw_answered_and_left(workspace: Workspace) -> None:
    survey = make_survey(workspace, NPS, PLAN)
    answered_many(survey, [{"nps": 9, "plan": "paid"}] * 6)
    answered_many(survey, [{"nps": 9}] * 3, state=Response.State.PARTIAL, seen={"nps": 5, "plan": 2})
    answered_many(survey, [{}], state=Response.State.PARTIAL, seen={"nps": 1})
    from cxm.listen.surveys.wordings import asked_questions
    from cxm.record.eventlog.scope import Scope
    from cxm.steer.dashboards.surveys import people

    found = people.funnel(people.responses_of(survey, Scope(workspace.pk)), asked_questions(survey))
    first, second = found.steps
    assert (first.seen, first.answered, first.lost) == (10, 9, 1)
    assert (second.seen, second.answered, second.lost) == (9, 6, 3)
    assert second.loss.value == pytest.approx(1 / 3)
    page(survey, "drop-off/")


def test_two_questions_are_crossed_and_tested(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    text = page(survey, "two-questions/", "period=all&a=nps&b=plan")
    assert "36 people answered both" in text
    assert "Kruskal–Wallis" in text and "The two answers go together." in text
    several = page(survey, "two-questions/", "period=all&a=uses&b=plan")
    assert "People could choose several answers" in several
    assert "Choose two different questions" in page(survey, "two-questions/", "period=all&a=nps&b=nps")


def test_waves_are_compared_and_the_change_is_found(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    text = page(survey, "compare/", "period=all&by=month")
    # March: 100 × (12 − 4) / 20 = 40; May: 100 × (2 − 14) / 20 = −60
    assert "40.0" in text and "\N{MINUS SIGN}60.0" in text and "\N{MINUS SIGN}100.0" in text
    assert "Down" in text
    page(survey, "compare/", "period=all&by=channel")
    assert "Choose of the list" in page(survey, "compare/", "period=all&by=nonsense")


def test_a_changed_scale_breaks_the_comparison(workspace: Workspace) -> None:
    from cxm.listen.surveys.definition import Question, Scale

    five = Question(id="csat", kind="csat", title={"en": "Satisfied?"})
    seven = Question(id="csat", kind="csat", title={"en": "Satisfied?"}, scale=Scale(lowest=1, highest=7))
    survey = make_survey(workspace, five)
    answered_many(survey, [{"csat": 4}] * 12, "2026-03-10 12:00")
    publish(survey, seven, changed_scale=("csat",))
    answered_many(survey, [{"csat": 4}] * 12, "2026-05-10 12:00")
    text = page(survey)
    assert "had another scale" in text  # the old answers stand apart
    assert "0.0%" in text and "100.0%" in text  # 4 is in the top two of five, not of seven
    compared = page(survey, "compare/", "period=all&by=month")
    assert "Scale changed" in compared and "verdict-good" not in compared and "verdict-bad" not in compared
    assert "Scale changed" in page(survey, "compare/", "period=all&by=question_version")
    assert "n = 12" in page(survey, "compare/", "period=all&by=channel")  # of 24: those on the present scale


def test_texts_are_found_by_a_search(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    answered(survey, {"nps": 3, "why": "The KETTLE leaks"})
    answered(survey, {"nps": 9, "why": "<script>alert(1)</script>"})
    text = page(survey, "texts/", "period=all&search=kettle")
    assert "The KETTLE leaks" in text and "script>alert" not in text
    everything = page(survey, "texts/")
    assert "&lt;script&gt;alert(1)" in everything and "<script>alert" not in everything


def test_strangers_find_nothing_and_viewers_change_nothing(workspace: Workspace) -> None:
    survey = given_two_waves(workspace)
    response = survey.responses.first()
    assert response is not None
    stranger, viewer = client_of(make_user("eve@example.com")), client_of(viewer_of(workspace))
    for path in (*PAGES, "share/", f"responses/{response.pk}/"):
        assert stranger.get(url(survey, path)).status_code == 404
        assert Client().get(url(survey, path)).status_code == 302
    for path in PAGES:
        assert viewer.get(url(survey, path)).status_code == 200
    assert viewer.get(url(survey, "share/")).status_code == 403
    for path in (f"responses/{response.pk}/deal/", "export/", "share/"):
        assert viewer.post(url(survey, path), {"do": "archive", "form": "csv", "language": "en"}).status_code == 403
    response.refresh_from_db()
    assert response.archived_at is None
    other = make_survey(make_workspace("Other", owner=make_user("zoe@example.com")), NPS)
    assert client_of(owner_of(workspace)).get(
        f"/w/{workspace.slug}/surveys/{other.pk}/results/"
    ).status_code == 404  # fmt: skip
