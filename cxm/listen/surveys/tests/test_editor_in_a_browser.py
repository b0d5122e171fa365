"""The editor in a browser: by keyboard, saved by itself, on a phone, light and dark, and accessible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cxm.listen.surveys import actions
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.editing import add_page, add_question, add_section
from cxm.listen.surveys.kinds import KIND
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.places import Place
from cxm.listen.surveys.queries import draft_of
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in

from .test_publish_a_survey import by, made

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
looks = pytest.mark.parametrize(("width", "dark"), [(1500, False), (375, True)], ids=["desktop", "phone-dark"])
# The page in the frame comes from another server than that of the test.
FRAME = "/s/"


def opened(page: Page, live_server: Any, survey: Survey, rest: str = "") -> None:
    log_in(page, live_server, by(survey))
    page.route("**/s/**", lambda route: route.fulfill(body="<title>x</title>", content_type="text/html"))
    page.goto(f"{live_server.url}/w/{survey.workspace.slug}/surveys/{survey.pk}/{rest}")


def check(page: Page) -> None:
    check_quiet(page, FRAME)
    check_width(page)
    check_accessible(page)


@looks
@pytest.mark.parametrize(
    "rest", ["", "logic/", "logic/rule/", "look/", "settings/", "publish/", "preview/", "versions/", "translations/"]
)
def test_every_page_of_the_builder_looks_right(
    open_page: OpenPage, live_server: Any, width: int, dark: bool, rest: str
) -> None:
    survey = made()

    def more(draft: Definition, taken: Any) -> None:
        draft.languages.append("uk")
        if not rest:
            for kind in KIND:
                add_question(draft, taken, kind=kind, after=Place(), language="en")

    actions.publish(survey=survey, by=by(survey))
    actions.edit_draft(survey=survey, change=more, by=by(survey))
    page = open_page(width, dark)
    opened(page, live_server, survey, rest)
    check(page)
    if not rest:
        for kind in ("matrix", "single", "csat", "picture"):
            found = next(one for one in draft_of(Survey.objects.get()).questions() if one.kind == kind)
            page.goto(f"{page.url.partition('?')[0]}?at=question:{found.id}")
            check(page)


@looks
@pytest.mark.parametrize("rest", ["", "new/", "new/?preset=nps", "new/wizard/", "new/import/"])
def test_the_way_to_a_new_survey_looks_right(
    open_page: OpenPage, live_server: Any, width: int, dark: bool, rest: str
) -> None:
    survey = made()
    page = open_page(width, dark)
    log_in(page, live_server, by(survey))
    page.goto(f"{live_server.url}/w/{survey.workspace.slug}/surveys/{rest}")
    check(page)


def test_a_survey_is_built_by_keyboard_and_undone(open_page: OpenPage, live_server: Any) -> None:
    survey = made()
    page = open_page(1500)
    opened(page, live_server, survey)

    def titles() -> list[str]:
        return [one.title.get("en", "") for one in draft_of(Survey.objects.get()).questions()]

    page.locator("[data-add-question] > summary").focus()
    page.keyboard.press("Enter")
    page.locator('button[value="add:csat"]').focus()
    page.keyboard.press("Enter")
    page.locator("#id_title:focus").wait_for()
    page.keyboard.type("How was the parcel?")
    page.keyboard.press("Tab")
    page.locator(".outline-item.current", has_text="parcel").wait_for()
    assert titles() == ["Would you recommend us?", "How was the parcel?", "What was it?"]
    page.locator("#id_required").focus()
    page.keyboard.press("Alt+ArrowDown")
    page.locator(".outline-row[data-place]:last-child .current").wait_for()
    assert titles() == ["Would you recommend us?", "What was it?", "How was the parcel?"]
    page.locator("body").press("Control+z")
    page.locator(".outline-row[data-place]:nth-child(2) .current").wait_for()
    assert titles() == ["Would you recommend us?", "How was the parcel?", "What was it?"]
    check(page)


def test_choices_are_typed_one_after_another(open_page: OpenPage, live_server: Any) -> None:
    survey = made()
    page = open_page(1500)
    opened(page, live_server, survey, "?at=question:why")
    page.locator("#choices-1-label").click()
    page.keyboard.press("Enter")
    page.locator("#choices-2-label:focus").wait_for()
    page.keyboard.type("Taste")
    page.keyboard.press("Enter")
    page.locator("#choices-3-label:focus").wait_for()
    page.keyboard.type("Help")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.press("Tab")
    why = list(draft_of(Survey.objects.get()).questions())[1]
    assert [one.label["en"] for one in why.choices] == ["Price", "Speed", "Taste", "Help"]


def test_a_question_is_dragged(open_page: OpenPage, live_server: Any) -> None:
    survey = made()
    page = open_page(1500)
    opened(page, live_server, survey)
    page.locator('[data-place="question:nps"]').drag_to(page.locator('[data-place="question:why"]'))
    page.locator(".outline-row[data-place]:last-child .current").wait_for()
    assert [one.id for one in draft_of(Survey.objects.get()).questions()] == ["why", "nps"]


def test_sections_are_moved_by_dragging_and_by_keyboard(open_page: OpenPage, live_server: Any) -> None:
    survey = made()

    def sections(draft: Definition, _taken: Any) -> None:
        page = draft.pages[0]
        for name in ("Food", "Room"):
            section = add_section(draft, page_id=page.id, language="en")
            section.title = {"en": name}

    actions.edit_draft(survey=survey, change=sections, by=by(survey))

    def order() -> list[str]:
        return [one.title.get("en", one.id) for page in draft_of(Survey.objects.get()).pages for one in page.sections]

    first, food, room = order()
    page = open_page(1500)
    opened(page, live_server, survey)
    rows = page.locator(".outline-row:has(> .outline-section)")
    rows.filter(has_text="Room").drag_to(page.locator('[data-place="question:nps"]'))
    page.locator(".outline-section.current", has_text="Room").wait_for()
    assert order() == [first, room, food]
    page.locator(".outline-section.current").focus()
    page.keyboard.press("Alt+ArrowDown")
    rows.last.locator(".outline-section.current").wait_for()
    assert order() == [first, food, room]
    page.locator('[data-place="question:nps"]').drag_to(rows.filter(has_text="Food"))  # to the front of that section
    page.locator(".outline-item.current", has_text="recommend").wait_for()
    found = draft_of(Survey.objects.get()).pages[0].sections
    assert [[one.id for one in section.questions] for section in found] == [["why"], ["nps"], []]
    check(page)


def test_pages_are_moved_by_dragging(open_page: OpenPage, live_server: Any) -> None:
    survey = made()

    def pages(draft: Definition, _taken: Any) -> None:
        for name in ("Food", "Room"):
            add_page(draft, after=Place()).title = {"en": name}

    actions.edit_draft(survey=survey, change=pages, by=by(survey))

    def order() -> list[str]:
        return [one.title.get("en", "first") for one in draft_of(Survey.objects.get()).pages]

    assert order() == ["first", "Food", "Room"]
    page = open_page(1500)
    opened(page, live_server, survey)
    rows = page.locator('.outline-row[data-place^="page:"]')
    rows.filter(has_text="Room").drag_to(rows.first)  # behind the first page
    page.locator(".outline-heading.current", has_text="Room").wait_for()
    assert order() == ["first", "Room", "Food"]
    rows.first.drag_to(rows.filter(has_text="Food"))  # with its questions, to the end
    rows.last.locator(".outline-heading.current").wait_for()
    assert order() == ["Room", "Food", "first"]
    assert [one.id for one in draft_of(Survey.objects.get()).questions()] == ["nps", "why"]
    page.locator("body").press("Control+z")
    rows.nth(1).filter(has_text="Room").wait_for()
    assert order() == ["first", "Room", "Food"]
    check(page)
