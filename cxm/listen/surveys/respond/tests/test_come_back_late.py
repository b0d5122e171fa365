"""Somebody comes back after their response was given up: the numbers count what they said last, and count it once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.respond.giving_up import give_up
from cxm.listen.surveys.respond.telling import tell_outdated
from cxm.listen.surveys.respond.tests.given import TWO_PAGES, Respondent, heading, make_survey, respondents
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.cast import make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return make_survey(workspace, TWO_PAGES)


def in_log(survey: Survey) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The answers that numbers are made of, and the names of all events."""
    move_outbox()
    with engine().client() as client:
        asked = {"workspace": survey.workspace_id}
        answers = client.query(
            "SELECT question, score, comment FROM feedback WHERE workspace_id = {workspace:UInt32} ORDER BY question",
            parameters=asked,
        ).result_rows
        names = client.query(
            "SELECT name FROM events WHERE workspace_id = {workspace:UInt32} AND name != 'answer_given' ORDER BY name",
            parameters=asked,
        ).result_rows
    return [tuple(one) for one in answers], [one[0] for one in names]


def given_up(survey: Survey) -> Respondent:
    """Gave 4, and was silent for two hours."""
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    ada.send(csat=4)
    assert give_up(timezone.now() + timedelta(hours=2)) == 1
    return ada


def test_an_answer_changed_later_replaces_the_one_in_the_log(survey: Survey) -> None:
    ada = given_up(survey)
    assert in_log(survey) == ([("csat", 4, "")], ["survey_abandoned"])
    ada.send("back", word="")
    ada.send(csat=2)
    assert heading(ada.send(word="Cold tea")) == "Thank you!"
    assert Response.objects.get().answers == {"csat": 2, "word": "Cold tea"}
    assert OutboxFact.objects.count() == 0  # beside what the log has, they would count twice
    assert tell_outdated() == 1
    assert in_log(survey) == ([("csat", 2, ""), ("word", None, "Cold tea")], ["survey_completed"])
    assert tell_outdated() == 0
    assert in_log(survey)[1] == ["survey_completed"]


def test_who_comes_back_and_leaves_again_counts_with_what_was_said_last(survey: Survey) -> None:
    ada = given_up(survey)
    in_log(survey)
    ada.send("back", word="")
    ada.send(csat=1)
    assert Response.objects.get().state == Response.State.STARTED
    assert tell_outdated() == 1
    assert in_log(survey) == ([], [])  # under way again, like any other that was begun
    assert give_up(timezone.now() + timedelta(hours=2)) == 1
    assert in_log(survey) == ([("csat", 1, "")], ["survey_abandoned"])


def test_what_still_waits_to_be_told_is_told_before_it_is_replaced(survey: Survey) -> None:
    ada = given_up(survey)  # nothing has moved its facts yet
    ada.send("back", word="")
    ada.send(csat=5)
    ada.send(word="Late but here")
    assert tell_outdated() == 0
    assert in_log(survey)[0] == [("csat", 4, "")]
    assert tell_outdated() == 1
    assert in_log(survey)[0] == [("csat", 5, ""), ("word", None, "Late but here")]


def test_a_clock_that_was_killed_between_taking_and_telling_goes_on(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = given_up(survey)
    in_log(survey)
    ada.send(word="Late but here")
    with monkeypatch.context() as broken:
        broken.setattr("cxm.listen.surveys.respond.telling.hold", lambda _ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tell_outdated()
    assert tell_outdated() == 1
    assert in_log(survey) == ([("csat", 4, ""), ("word", None, "Late but here")], ["survey_completed"])


def test_an_archived_response_tells_nothing_however_it_goes_on(survey: Survey) -> None:
    ada = given_up(survey)
    in_log(survey)
    Response.objects.update(archived_at=timezone.now())
    ada.send(word="Late but here")
    assert tell_outdated() == 1
    assert in_log(survey) == ([], [])
