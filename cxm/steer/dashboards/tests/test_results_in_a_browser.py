"""Result pages in a real browser: readable by everybody, on every width, and worked with from the keyboard."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.listen.surveys.models import Response, Survey
from cxm.steer.dashboards.surveys.sharing import share
from cxm.testing.answered import answered, answered_many, make_survey
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_workspace

from .given import days_ago, owner_of
from .given_surveys import EVERY_KIND, FULL

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOSTILE = '<img src=x onerror="document.title=1">' + "Long" * 60


def given_answers() -> Survey:
    survey = make_survey(make_workspace(), *EVERY_KIND, name='Shop <b>"x"</b>')
    for days in (3, 40, 100):
        answered_many(survey, [FULL] * 12, days_ago(days))
        answered_many(survey, [{"nps": 2, "why": HOSTILE, "plan": "free", "uses": ["chat"]}] * 8, days_ago(days))
    answered_many(survey, [{"nps": 2}] * 3, days_ago(3), state=Response.State.PARTIAL, seen={"nps": 3, "plan": 1})
    return survey


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_every_page_is_accessible(live_server: Any, open_page: OpenPage, width: int, dark: bool) -> None:
    survey = given_answers()
    owner = owner_of(survey.workspace)
    token = share(survey=survey, by=owner)
    response = survey.responses.filter(answers__has_key="why").first()
    assert response is not None
    page = open_page(width=width, dark=dark)
    log_in(page, live_server, owner)
    base = f"{live_server.url}/w/{survey.workspace.slug}/surveys/"
    for path in (
        f"{survey.pk}/results/?f=channel:is:link", f"{survey.pk}/results/drop-off/", f"{survey.pk}/results/texts/",
        f"{survey.pk}/results/two-questions/?a=nps&b=plan", f"{survey.pk}/results/compare/?by=month",
        f"{survey.pk}/results/responses/", f"{survey.pk}/results/responses/{response.pk}/",
        f"{survey.pk}/results/export/", f"{survey.pk}/results/share/", "results/",
    ):  # fmt: skip
        page.goto(base + path)
        check_accessible(page)
        check_width(page)
        check_quiet(page)
        assert page.title() != "1"
    page.goto(f"{live_server.url}/r/{token}")
    check_accessible(page)
    check_width(page)
    check_quiet(page)


def test_responses_are_read_and_handled_from_the_keyboard(live_server: Any, open_page: OpenPage) -> None:
    survey = make_survey(make_workspace(), *EVERY_KIND)
    first, second = answered(survey, {"nps": 1}, days_ago(1)), answered(survey, {"nps": 2}, days_ago(2))
    page = open_page()
    log_in(page, live_server, owner_of(survey.workspace))
    page.goto(f"{live_server.url}/w/{survey.workspace.slug}/surveys/{survey.pk}/results/responses/{first.pk}/")
    page.keyboard.press("h")
    page.wait_for_selector("text=Handled on")
    page.keyboard.press("j")
    page.wait_for_url(f"**/{second.pk}/*")
    page.keyboard.press("m")
    page.wait_for_selector("select#to option[selected]:has-text('Olena')", state="attached")
    page.keyboard.press("e")
    page.wait_for_selector("text=This response is archived")
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.handled_at is not None and second.assigned_to is not None and second.archived_at is not None
