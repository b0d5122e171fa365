"""The respondent's pages in a real browser: accessible, quiet, on a 320 px phone, in the dark; what a script adds."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Response
from cxm.listen.surveys.respond.tests.given import EVERY_KIND, FIVE, TWO_PAGES, make_survey, respondents
from cxm.listen.surveys.respond.tests.test_every_kind import side_by_side
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width
from cxm.testing.cast import make_workspace
from cxm.testing.engines import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents"),
]  # fmt: skip
__all__ = ["respondents"]
LOOKS = [(1280, False), (1280, True), (320, False), (320, True)]


@pytest.fixture
def site(respondents: None) -> Iterator[str]:
    """The product's own server, which speaks ASGI; the live server of Django's tests does not."""
    from granian.log import LogLevels
    from granian.server.embed import Server

    from cxm.web.asgi import application

    port = free_port()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stopping: list[Any] = []

    async def serve() -> None:
        server = Server(
            application, address="127.0.0.1", port=port,
            interface="asginl",  # type: ignore[arg-type]  # the enum's value
            websockets=False, log_level=LogLevels.error,
        )  # fmt: skip
        stopping.append(server)
        ready.set()
        await server.serve()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(stopping[0].stop)
    thread.join(10)


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def check(page: Page, ignore: str = "\0") -> None:
    check_quiet(page, ignore)
    check_width(page)
    check_accessible(page)


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=["desktop", "desktop-dark", "phone", "phone-dark"])
def test_every_kind_looks_right(open_page: OpenPage, site: str, workspace: Workspace, width: int, dark: bool) -> None:
    survey = make_survey(workspace, EVERY_KIND)
    page = open_page(width, dark)
    page.goto(f"{site}/s/{survey.public_id}")
    ignore = "none.png"  # the pictures of the test do not exist
    check(page, ignore)
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Please answer this question.").wait_for()
    check_width(page)
    check_accessible(page)
    page.locator("#q-csat label").nth(3).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Anything else?").wait_for()
    check_accessible(page)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thank you!").wait_for()
    check_accessible(page)


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=["desktop", "desktop-dark", "phone", "phone-dark"])
def test_matrices_side_by_side_fit_every_screen(
    open_page: OpenPage, site: str, workspace: Workspace, width: int, dark: bool
) -> None:
    page = open_page(width, dark)
    page.goto(f"{site}/s/{make_survey(workspace, side_by_side()).public_id}")
    check(page)
    first, second = (page.get_by_role("group", name=re.compile(start)) for start in ("^Important\\?$", "^Happy"))
    places = [one.first.bounding_box() for one in (first, second)]
    assert first.count() == second.count() == 3 and places[0] and places[1]
    assert (places[0]["x"] < places[1]["x"]) is (width > 320)  # beside each other where there is room
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Please answer this question.").wait_for()
    check_width(page)
    check_accessible(page)
    for group in second.all():
        group.get_by_label("High").check()
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thank you!").wait_for()
    assert Response.objects.get().answers == {"happy": {"price": "high", "speed": "high", "smell": "high"}}


def test_an_own_style_sheet_is_applied_and_the_door_is_accessible(
    open_page: OpenPage, site: str, workspace: Workspace
) -> None:
    survey = make_survey(workspace, {**FIVE, "look": {"css": "h1{color:rgb(1, 2, 3)}"}})
    page = open_page(320)
    page.goto(f"{site}/s/{survey.public_id}")
    assert page.locator("h1").evaluate("one => getComputedStyle(one).color") == "rgb(1, 2, 3)"
    check(page)
    door = make_survey(workspace, verify_email=True)
    page.goto(f"{site}/s/{door.public_id}")
    check(page)
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Look into your mailbox").wait_for()
    check(page)


def test_answers_are_kept_from_the_first_click(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    survey = make_survey(workspace)
    page = open_page(375)
    page.goto(f"{site}/s/{survey.public_id}")
    with page.expect_response(lambda reply: reply.request.method == "POST") as saved:
        page.locator("#q-nps label").nth(9).click()
    assert saved.value.status == 200
    assert (Response.objects.get().state, Response.objects.get().answers) == ("started", {"nps": 9})


def test_the_first_answer_of_a_mail_is_one_click(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    survey = make_survey(workspace)
    survey.invitations.create(workspace=workspace, token="a-token-long-enough-for-one", channel="email")
    page = open_page(375)
    with page.expect_response(lambda reply: reply.request.method == "POST"):
        page.goto(f"{site}/s/i/a-token-long-enough-for-one?q=nps&v=10")
    assert Response.objects.get().answers == {"nps": 10}
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thanks a lot").wait_for()
    check_quiet(page)


def test_what_is_shown_follows_the_answers_on_the_page(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    body: dict[str, Any] = {**FIVE, "pages": [{"id": "p", "sections": [{"id": "s", "questions": [
        {"id": "nps", "kind": "nps", "title": {"en": "Recommend?"}},
        {"id": "sorry", "kind": "short_text", "title": {"en": "What went wrong?"},
         "show": {"field": "answer.nps", "operator": "at_most", "values": [6]}}]}]}]}  # fmt: skip
    survey = make_survey(workspace, body)
    page = open_page(1280)
    page.goto(f"{site}/s/{survey.public_id}")
    assert page.get_by_text("What went wrong?").count() == 0
    page.locator("#q-nps label").nth(2).click()
    page.get_by_label("What went wrong?").wait_for()
    page.get_by_label("What went wrong?").fill("Late")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thanks a lot").wait_for()
    assert Response.objects.get().answers == {"nps": 2, "sorry": "Late"}


def test_a_lost_connection_loses_no_answer(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    page = open_page(375)
    page.goto(f"{site}/s/{survey.public_id}")
    page.context.set_offline(True)
    page.locator("#q-csat label").nth(4).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("There is no connection.").wait_for()
    page.context.set_offline(False)
    page.get_by_text("You chose 5. Why?").wait_for()
    assert Response.objects.get().answers == {"csat": 5}


def test_what_could_not_be_sent_outlives_the_page(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    """Closed without a connection; whoever opens the link again goes on where they were. A kiosk keeps nothing."""
    survey = make_survey(workspace, TWO_PAGES)
    address = f"{site}/s/{survey.public_id}"
    unsent = "localStorage.getItem('cxm_unsent')"
    kiosk = open_page(375)
    kiosk.goto(f"{address}?kiosk=1")
    kiosk.context.set_offline(True)
    kiosk.locator("#q-csat label").nth(0).click()
    kiosk.get_by_role("button", name="Next").click()
    kiosk.get_by_text("There is no connection.").wait_for()
    assert kiosk.evaluate(unsent) is None
    kiosk.close()
    page = open_page(375)
    page.goto(address)
    page.context.set_offline(True)
    page.locator("#q-csat label").nth(4).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("There is no connection.").wait_for()
    assert "csat=5" in page.evaluate(unsent)
    context = page.context
    page.close()
    context.set_offline(False)
    later = context.new_page()
    later.goto(address)
    later.wait_for_url("**/s/r/**")
    assert later.locator("#q-csat input[value='5']").is_checked()
    assert later.evaluate(unsent) is None
    later.get_by_role("button", name="Next").click()
    later.get_by_text("You chose 5. Why?").wait_for()
    # What the kiosk's page sends at its end may arrive: the browser lifts the missing connection with the page.
    answers = [one.answers for one in Response.objects.all()]
    assert [one for one in answers if one != {"csat": 1}] == [{"csat": 5}]


def test_the_keyboard_is_enough(open_page: OpenPage, site: str, workspace: Workspace) -> None:
    survey = make_survey(workspace, TWO_PAGES)
    page = open_page(1280)
    page.goto(f"{site}/s/{survey.public_id}")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("You chose 2. Why?").wait_for()
