"""Quotas take exactly as many as they say, whoever comes at the same moment; and unfinished responses are given up."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import QuotaCount, Response, Survey
from cxm.listen.surveys.respond.deciding import Outcome, Submission
from cxm.listen.surveys.respond.directory import directory
from cxm.listen.surveys.respond.giving_up import give_up
from cxm.listen.surveys.respond.store import Store
from cxm.listen.surveys.respond.tests.given import (
    FIVE,
    TWO_PAGES,
    Respondent,
    heading,
    make_survey,
    respondents,
    run_apart,
)
from cxm.listen.surveys.respond.tokens import Start
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]
UNHAPPY = {"field": "answer.nps", "operator": "at_most", "values": [6]}
HAPPY = {"field": "answer.nps", "operator": "at_least", "values": [9]}
FULL: dict[str, Any] = {
    **FIVE,
    "quotas": [{"id": "happy", "name": "Happy", "limit": 5, "when": HAPPY, "ending": "sorry"}],
    "endings": [*FIVE["endings"], {"id": "sorry", "title": {"en": "We have enough"}, "when": {"any": []}}],
}


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def submission(survey: Survey, score: int) -> Submission:
    entry = directory().survey_now(survey.public_id)
    assert entry is not None
    prepared = directory().prepared_now(entry, 1)
    assert prepared is not None
    start = Start(uuid.uuid4(), survey.pk, 1, round(timezone.now().timestamp() * 1000), "en")
    return Submission(start, entry, prepared, "p1", {"nps": float(score)}, "next", datetime.now(UTC))


def submit_together(submissions: list[Submission], stores: list[Store]) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(stores[n % len(stores)].submit(one) for n, one in enumerate(submissions)))

    try:
        return run_apart(all_of_them())
    finally:
        for one in stores:
            one.stop()


def test_a_quota_takes_exactly_its_number_from_two_writers_at_once(workspace: Workspace) -> None:
    survey = make_survey(workspace, FULL)
    happy = [submission(survey, 9) for _ in range(40)]
    unhappy = [submission(survey, 2) for _ in range(10)]
    outcomes = submit_together([*happy, *unhappy], [Store(), Store()])
    completed = [one for one in outcomes if one.response.state == Response.State.COMPLETED]
    assert len(outcomes) == 50
    assert sum(one.response.answers["nps"] == 9 for one in completed) == 5
    assert sum(one.response.answers["nps"] == 2 for one in completed) == 10
    assert QuotaCount.objects.get(quota="happy").n == 5
    assert Response.objects.filter(state=Response.State.COMPLETED).count() == 15
    assert OutboxFact.objects.filter(name="answer_given").count() == 15  # nothing of those who came too late
    over = Response.objects.filter(state=Response.State.SCREENED_OUT)
    assert {(one.ending, *one.flags) for one in over} == {("sorry", "over_quota")}


def test_who_comes_too_late_is_told_so(workspace: Workspace) -> None:
    survey = make_survey(workspace, {**FULL, "quotas": [{**FULL["quotas"][0], "limit": 1}]})
    for expected in ("Thanks a lot", "We have enough"):
        one = Respondent()
        one.get(f"/s/{survey.public_id}")
        assert heading(one.send(nps=10)) == expected


def test_a_full_quota_hides_what_asks_for_it_and_never_an_answer(workspace: Workspace) -> None:
    """Two people may be asked the long question; who began before it was full keeps it."""
    told = {"field": "answer.long", "operator": "is_set"}
    enough = {"field": "quota.told", "operator": "is", "values": [True]}
    questions = [
        {"id": "nps", "kind": "nps", "title": {"en": "Recommend?"}},
        {"id": "long", "kind": "long_text", "title": {"en": "The whole story?"}, "show": {"not": enough}},
        {"id": "short", "kind": "short_text", "title": {"en": "In a word?"}, "show": enough},
    ]
    survey = make_survey(workspace, {
        "title": {"en": "Stories"}, "languages": ["en"],
        "pages": [{"id": "p1", "sections": [{"id": "s1", "questions": questions}]}],
        "quotas": [{"id": "told", "name": "Stories", "limit": 2, "when": told, "then": "count"}],
    })  # fmt: skip
    early = Respondent()
    early.get(f"/s/{survey.public_id}")
    for score in (1, 2):
        one = Respondent()
        assert "The whole story?" in one.get(f"/s/{survey.public_id}").text
        one.send(nps=score, long="It was so.")
    directory().stop()
    late = Respondent()
    page = late.get(f"/s/{survey.public_id}").text
    assert "The whole story?" not in page and "In a word?" in page
    late.send(nps=3, short="So")
    assert heading(early.send(nps=4, long="Before all of them.")) == "Thank you!"
    answers = [one.answers for one in Response.objects.filter(state=Response.State.COMPLETED).order_by("completed_at")]
    assert answers == [
        {"nps": 1, "long": "It was so."}, {"nps": 2, "long": "It was so."}, {"nps": 3, "short": "So"},
        {"nps": 4, "long": "Before all of them."},
    ]  # fmt: skip
    assert QuotaCount.objects.get(quota="told").n == 3  # it counts on
    QuotaCount.objects.all().delete()
    directory().stop()
    following = Respondent()
    following.get(f"/s/{survey.public_id}")
    following.send(nps=5, short="So")
    assert QuotaCount.objects.get(quota="told").n == 3  # counted anew, each by what it was shown


def test_who_comes_back_by_a_personal_link_is_asked_what_they_were_asked_before(workspace: Workspace) -> None:
    questions = [
        {"id": "nps", "kind": "nps", "title": {"en": "Recommend?"}, "required": True},
        {"id": "long", "kind": "long_text", "title": {"en": "The whole story?"},
         "show": {"field": "quota.all", "operator": "is", "values": [False]}},
    ]  # fmt: skip
    survey = make_survey(workspace, {
        "title": {"en": "Stories"}, "languages": ["en"],
        "pages": [{"id": "p1", "sections": [{"id": "s1", "questions": questions}]}],
        "quotas": [{"id": "all", "name": "Everybody", "limit": 1, "then": "count"}],
    })  # fmt: skip
    survey.invitations.create(workspace=workspace, token="a-token-long-enough-for-one", channel="email")
    ada, other = Respondent(), Respondent()
    ada.get("/s/i/a-token-long-enough-for-one")
    assert "Please answer this question." in ada.send(long="It was so.").text
    other.get(f"/s/{survey.public_id}")
    other.send(nps=3)
    directory().stop()
    ada.get("/s/i/a-token-long-enough-for-one")
    assert heading(ada.send(nps=9)) == "Thank you!"
    assert Response.objects.get(channel="email").answers == {"nps": 9, "long": "It was so."}


def test_a_limit_that_is_set_later_counts_what_is_there(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    for _ in range(2):
        one = Respondent()
        one.get(f"/s/{survey.public_id}")
        one.send(nps=10)
    Survey.objects.filter(pk=survey.pk).update(most_responses=3)
    directory().stop()
    late = [Respondent(), Respondent()]
    for one in late:
        one.get(f"/s/{survey.public_id}")
    for one in late:
        one.send(nps=10)
    assert Response.objects.filter(state=Response.State.COMPLETED).count() == 3
    directory().stop()
    assert heading(Respondent().get(f"/s/{survey.public_id}")) == "There are enough answers"


def test_silence_gives_a_response_up_with_what_was_answered(workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES, partial_after_minutes=30)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    ada.send(csat=4)
    assert give_up(timezone.now() + timedelta(minutes=29)) == 0
    assert OutboxFact.objects.count() == 0
    assert give_up(timezone.now() + timedelta(minutes=31)) == 1
    assert give_up(timezone.now() + timedelta(minutes=31)) == 0
    assert Response.objects.get().state == Response.State.PARTIAL
    fact = OutboxFact.objects.get(name="answer_given")
    assert (fact.properties["question"], fact.properties["score"]) == ("csat", 4)
    assert heading(ada.send(word="Late but here")) == "Thank you!"
    assert Response.objects.get().state == Response.State.COMPLETED


def test_rules_tag_the_customer_and_ask_for_a_case(workspace: Workspace) -> None:
    body = {**FIVE, "rules": [
        {"id": "r1", "do": "tag", "target": "detractor", "when": UNHAPPY},
        {"id": "r2", "do": "open_case", "target": "high", "when": UNHAPPY},
    ]}  # fmt: skip
    survey = make_survey(workspace, body)
    ada = make_customer(workspace)
    survey.invitations.create(
        workspace=workspace, token="a-token-long-enough-for-one", channel="personal", customer=ada
    )
    one = Respondent()
    one.get("/s/i/a-token-long-enough-for-one")
    one.send(nps=2)
    assert [tag.name for tag in ada.tags.all()] == ["detractor"]
    assert Response.objects.get().tags == ["detractor"]
    case = OutboxFact.objects.get(name="case_requested")
    assert (case.customer_id, case.properties["priority"], case.properties["rule"]) == (ada.pk, "high", "r2")
