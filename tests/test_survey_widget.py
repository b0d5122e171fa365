"""survey.js on somebody else's page, under a strict policy: when it shows, what it sends, what it keeps."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cxm.testing.browser import OpenPage, check_quiet
from cxm.testing.recorder import Recorder

from .widget_shop import NPS, SCRIPTS, Shop, wait_until, widget

browser = pytest.mark.browser
SNIPPET = SCRIPTS / "survey.js"
LIMIT = 30 * 1024 - 1  # bytes of both scripts, packed


@pytest.fixture
def shop(open_page: OpenPage) -> Iterator[Shop]:
    with Recorder() as ours, Recorder() as theirs:
        yield Shop(ours, theirs, open_page)


def names(shop: Shop) -> list[str]:
    return [event["event"] for event in shop.ours.events if event["type"] == "track"]


def test_both_scripts_are_small_and_whoever_likes_may_load_them(client: Any) -> None:
    packed = sum(len(gzip.compress((SCRIPTS / name).read_bytes(), mtime=0)) for name in ("cx.js", "survey.js"))
    assert packed < LIMIT, f"cx.js and survey.js have {packed} bytes packed"
    answer = client.get("/survey.js", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(answer.getvalue()) == SNIPPET.read_bytes()
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_it_neither_makes_code_nor_elements_from_text_nor_knows_cookies() -> None:
    text = SNIPPET.read_text(encoding="utf-8")
    assert not re.search(
        r"\beval\b|new Function|document\.cookie|innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc", text
    )


@browser
def test_a_visitor_answers_a_survey_on_a_page_with_a_strict_policy(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    page = shop.visit()
    box = widget(page)
    box.get_by_role("radio", name="7 of 10").check()
    [saved] = shop.server.wait_steps(1)  # kept from the first click on
    assert (saved["step"], saved["page"], saved["answers"]) == ("save", "p1", {"nps": 7})
    box.get_by_role("button", name="Next").click()
    box.get_by_label("Anything else?").fill("<b>Nice</b> & $$ {answer.nps}")
    box.get_by_role("button", name="Send").click()
    box.get_by_text("Thanks a lot!").wait_for()
    assert shop.server.answers["S1.1"] == {"nps": 7, "more": "<b>Nice</b> & $$ {answer.nps}"}
    assert shop.server.finished == {"S1.1"}
    box.locator(".ending").get_by_role("button", name="Close").click()
    assert box.count() == 0
    page.evaluate("cx('flush')")
    shop.ours.wait_for(2)
    assert names(shop) == ["survey_shown"]  # whoever has answered it has not dismissed it
    check_quiet(page)
    [asked] = shop.server.asked
    assert asked["writeKey"] == "KEY"
    assert asked["userId"] == "ada"
    assert asked["url"] == shop.theirs.url + "/"
    assert asked["device"] == "desktop"
    [opening] = shop.server.openings
    assert (opening["by"], opening["trigger"], opening["userId"]) == ("trigger", "load", "ada")


@browser
def test_a_question_that_depends_on_another_comes_and_goes_while_the_focus_stays(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    page = shop.visit()
    box = widget(page)
    box.get_by_role("radio", name="9 of 10").check()
    assert box.get_by_label("Why so low?").count() == 0
    box.get_by_role("radio", name="2 of 10").focus()
    page.keyboard.press("Space")
    box.get_by_label("Why so low?").wait_for()
    focused = "document.querySelector('[data-cx-widget]').shadowRoot.activeElement.value"
    assert page.evaluate(focused) == "2"
    box.get_by_label("Why so low?").fill("Slow")
    box.get_by_role("button", name="Next").click()
    box.get_by_role("button", name="Back").click()
    assert box.get_by_label("Why so low?").input_value() == "Slow"
    assert box.get_by_role("radio", name="2 of 10").is_checked()
    box.get_by_role("radio", name="10 of 10: Very").check()
    box.get_by_label("Why so low?").wait_for(state="detached")
    check_quiet(page)


@browser
def test_what_is_missing_is_said_at_the_question(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    page = shop.visit()
    box = widget(page)
    box.get_by_role("button", name="Next").click()
    box.get_by_text("Problem: required.").wait_for()
    assert box.get_by_role("group", name="How likely?").get_attribute("aria-invalid") == "true"
    focused = "document.querySelector('[data-cx-widget]').shadowRoot.activeElement.type"
    assert page.evaluate(focused) == "radio"


@browser
@pytest.mark.parametrize(
    ("triggers", "act"),
    [
        ([{"on": "load"}], ""),
        ([{"on": "delay", "value": 0.1}], ""),
        ([{"on": "scroll", "value": 50}], "scrollTo(0, 2000)"),
        ([{"on": "event", "name": "Order Completed"}], "cx('track', 'Order Completed', {total: 5})"),
        ([{"on": "event", "name": "Paid", "where": {"field": "total", "operator": "at_least", "values": [10]}}],
         "cx('track', 'Paid', {total: 12})"),
        ([{"on": "click", "name": "#end"}], "document.querySelector('#end').click()"),
        ([{"on": "exit"}], "document.dispatchEvent(new MouseEvent('mouseout', {clientY: -1}))"),
        ([{"on": "scroll", "value": 90}, {"on": "event", "name": "Now"}], "cx('track', 'Now')"),
    ],
    ids=["load", "delay", "scroll", "event", "event with a property", "click", "exit", "any of several"],
)  # fmt: skip
def test_it_opens_at_its_moment(shop: Shop, triggers: list[dict[str, Any]], act: str) -> None:
    shop.server.offer(triggers=triggers)
    page = shop.visit(css=CSS_TALL)
    shop.settled(page)
    if act:
        assert widget(page).count() == 0
        page.evaluate(act)
    widget(page).wait_for()
    check_quiet(page)


@browser
@pytest.mark.parametrize(
    ("settings", "act"),
    [
        ({"triggers": [{"on": "scroll", "value": 50}]}, "scrollTo(0, 300)"),
        ({"triggers": [{"on": "event", "name": "Order Completed"}]}, "cx('track', 'Order Cancelled')"),
        ({"triggers": [{"on": "event", "name": "Paid", "where": {"field": "total", "operator": "at_least",
                                                                 "values": [10]}}]}, "cx('track', 'Paid', {total: 9})"),
        ({"triggers": [{"on": "click", "name": "#buy"}]}, "document.querySelector('#end').click()"),
        ({"triggers": [{"on": "click", "name": "<<"}]}, "document.querySelector('#end').click()"),
        ({"triggers": []}, ""),
        ({"triggers": [{"on": "load"}], "wait_s": 60}, ""),
        ({"triggers": [{"on": "load"}], "pages": ["/checkout*"]}, ""),
        ({"triggers": [{"on": "load"}], "except_pages": ["/"]}, ""),
    ],
)  # fmt: skip
def test_it_stays_shut_at_other_moments_and_on_other_pages(shop: Shop, settings: dict[str, Any], act: str) -> None:
    shop.server.offer(**settings)
    page = shop.visit(css=CSS_TALL)
    shop.settled(page)
    if act:
        page.evaluate(act)
    page.wait_for_timeout(300)
    assert widget(page).count() == 0
    assert shop.server.openings == []
    check_quiet(page)


CSS_TALL = "h1{height:3000px}"


@browser
def test_an_event_from_before_the_surveys_were_known_counts(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "event", "name": "Order Completed"}])
    page = shop.visit("cx('identify', 'ada'); cx('track', 'Order Completed')")
    widget(page).wait_for()


@browser
@pytest.mark.parametrize(
    ("pages", "path", "fits"),
    [
        (["/checkout*"], "/checkout/pay", True),
        (["/checkout*"], "/checkout?step=2", True),
        (["/checkout"], "/checkout/pay", False),
        (["/checkout?step=2"], "/checkout?step=2", True),
        (["/checkout?step=2"], "/checkout?step=22", False),
        (["*/pay"], "/checkout/pay", True),
        (["http://127.0.0.1*"], "/checkout", True),
        (["https://shop.example/*"], "/checkout", False),
        (["/a.b"], "/aXb", False),
    ],
)
def test_pages_are_named_by_patterns(shop: Shop, pages: list[str], path: str, fits: bool) -> None:
    shop.server.offer(triggers=[{"on": "load"}], pages=pages)
    page = shop.visit(path=path)
    shop.settled(page)
    page.wait_for_timeout(200)
    assert widget(page).count() == (1 if fits else 0)


@browser
def test_a_page_that_changes_its_own_address_counts_as_another(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}], pages=["/basket"])
    page = shop.visit(auto="page")
    shop.settled(page)
    assert widget(page).count() == 0
    page.evaluate("history.pushState({}, '', '/basket')")
    widget(page).wait_for()


@browser
def test_the_server_has_the_last_word_when_it_opens(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    shop.server.refusals["S1"] = "budget"
    page = shop.visit()
    shop.settled(page)
    page.wait_for_timeout(200)
    assert len(shop.server.openings) == 1
    assert widget(page).count() == 0
    page.evaluate("cx('flush')")
    shop.ours.wait_for(1)
    assert names(shop) == []


@browser
def test_one_comes_by_itself_and_the_most_important_first(shop: Shop) -> None:
    shop.server.offer("S1", triggers=[{"on": "load"}])
    shop.server.offer("S2", triggers=[{"on": "load"}, {"on": "event", "name": "Late"}])
    page = shop.visit()
    widget(page).wait_for()
    page.keyboard.press("Tab")
    widget(page).get_by_role("button", name="Close").click()
    page.evaluate("cx('track', 'Late')")
    page.wait_for_timeout(200)
    assert [one["id"] for one in shop.server.openings] == ["S1"]


@browser
def test_without_consent_nothing_is_asked_and_nothing_is_kept(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    page = shop.visit("cx('consent', {analytics: false})")
    page.wait_for_timeout(600)
    assert shop.server.asked == []
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.evaluate("cx('consent', {analytics: true})")
    widget(page).wait_for()
    assert shop.server.asked[0]["kept"] is True


@browser
def test_who_closed_it_is_not_asked_again_on_the_next_page(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "load"}])
    page = shop.visit("")
    widget(page).get_by_role("button", name="Close").click()
    page.evaluate("cx('flush')")
    shop.ours.wait_for(2)
    assert names(shop) == ["survey_shown", "survey_dismissed"]
    [_shown, dismissed] = shop.ours.events
    assert dismissed["properties"]["how"] == "button"
    assert dismissed["properties"]["answered"] is False
    # What is kept says nothing of who it was.
    assert set(page.evaluate("Object.keys(JSON.parse(localStorage.cx_KEY_surveys).S1)")) == {"what", "at"}
    asked = len(shop.server.asked)
    page.reload()
    wait_until(page, "window.cx?.here")
    page.wait_for_timeout(700)
    assert len(shop.server.asked) == asked + 1
    assert widget(page).count() == 0


@browser
def test_another_person_on_the_device_is_asked_about_anew(shop: Shop) -> None:
    page = shop.visit()
    shop.settled(page)
    shop.server.offer(triggers=[{"on": "load"}])
    page.evaluate("cx('identify', 'bob', {}, {hash: 'abc'})")
    widget(page).wait_for()
    assert (shop.server.asked[-1]["userId"], shop.server.asked[-1]["hash"]) == ("bob", "abc")


@browser
def test_the_site_opens_and_closes_surveys_itself(shop: Shop) -> None:
    shop.server.offer("S1")
    page = shop.visit("cx('identify', 'ada'); cx('survey', 'S1', {hidden: {order: 'A1'}, language: 'uk'})")
    widget(page).wait_for()
    [opening] = shop.server.openings
    assert (opening["by"], opening["hidden"], opening["language"]) == ("call", {"order": "A1"}, "uk")
    page.evaluate("cx('survey', 'close')")
    assert widget(page).count() == 0
    page.evaluate("cx('survey', 'S1', {element: '#box'})")
    page.locator("#box [data-cx-widget] section.inline").wait_for()
    page.evaluate("cx('survey', 'S1', {asked: true})")
    page.locator("[role=dialog]").wait_for()
    assert [one["by"] for one in shop.server.openings] == ["call", "call", "visitor"]
    page.evaluate("cx('survey', 'no such')")
    page.wait_for_timeout(200)
    assert page.locator("#box [data-cx-widget]").count() == 1


@browser
def test_a_button_opens_it_and_gets_the_focus_back(shop: Shop) -> None:
    shop.server.offer(kind="button", label="Feedback")
    page = shop.visit()
    button = page.get_by_role("button", name="Feedback")
    button.click()
    box = widget(page)
    box.wait_for()
    assert box.get_attribute("role") == "dialog"
    assert button.is_hidden()
    assert shop.server.openings[0]["by"] == "visitor"
    page.keyboard.press("Escape")
    assert box.count() == 0
    focused = "[...document.querySelectorAll('[data-cx-widget]')].at(-1).shadowRoot.activeElement?.textContent"
    assert page.evaluate(focused) == "Feedback"


@browser
def test_it_stands_in_the_page_where_the_site_put_it(shop: Shop) -> None:
    shop.server.offer("S1", kind="inline", selector="#box")
    shop.server.offer("S2")
    page = shop.visit(body='<div data-cx-survey="S2"></div>', css="")
    page.locator("#box [data-cx-widget]").get_by_role("radio", name="7 of 10").wait_for()
    page.locator("[data-cx-survey] [data-cx-widget]").get_by_role("radio", name="7 of 10").wait_for()
    assert {one["by"] for one in shop.server.openings} == {"place"}


@browser
def test_a_pop_up_keeps_the_keyboard_and_gives_it_back(shop: Shop) -> None:
    shop.server.offer(kind="popup", triggers=[{"on": "event", "name": "Now"}])
    page = shop.visit(css="")
    shop.settled(page)
    page.locator("#buy").focus()
    page.evaluate("cx('track', 'Now')")
    box = widget(page)
    box.wait_for()
    seen = set()
    for _press in range(8):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert "buy" not in seen
    page.keyboard.press("Escape")
    assert box.count() == 0
    assert page.evaluate("document.activeElement.id") == "buy"
    check_quiet(page)


@browser
def test_a_slide_in_takes_no_focus_until_it_is_used(shop: Shop) -> None:
    shop.server.offer(triggers=[{"on": "event", "name": "Now"}])
    page = shop.visit(css="")
    shop.settled(page)
    page.locator("#buy").focus()
    page.evaluate("cx('track', 'Now')")
    widget(page).wait_for()
    assert page.evaluate("document.activeElement.id") == "buy"
    widget(page).get_by_role("radio", name="3 of 10").check()
    page.keyboard.press("Escape")
    assert widget(page).count() == 0
    assert page.evaluate("document.activeElement.id") == "buy"


@browser
def test_what_was_answered_without_a_network_is_sent_when_it_is_back(shop: Shop) -> None:
    shop.server.offer(definition={**NPS, "pages": NPS["pages"][:1]}, triggers=[{"on": "load"}])
    page = shop.visit()
    box = widget(page)
    box.get_by_role("radio", name="8 of 10").wait_for()
    page.context.set_offline(True)
    box.get_by_role("radio", name="8 of 10").check()
    box.get_by_role("button", name="Send").click()
    box.get_by_text("There is no connection. Your answers are kept").wait_for()
    assert shop.server.steps == []
    page.context.set_offline(False)
    shop.server.wait_steps(1)
    box.get_by_text("Thanks a lot!").wait_for()
    assert shop.server.answers["S1.1"] == {"nps": 8}
    wait_until(page, "!('cx_KEY_answers' in localStorage)")  # and is forgotten once it is there


@browser
def test_what_could_not_be_sent_is_sent_by_a_later_page_once(shop: Shop) -> None:
    shop.server.offer(definition={**NPS, "pages": NPS["pages"][:1]}, triggers=[{"on": "load"}])
    page = shop.visit()
    box = widget(page)
    box.get_by_role("radio", name="8 of 10").wait_for()
    shop.server.down = True
    box.get_by_role("radio", name="8 of 10").check()
    box.get_by_role("button", name="Send").click()
    box.get_by_text("There is no connection.").wait_for()
    page.goto("about:blank")
    shop.server.down = False
    # A day and an hour later.
    page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=25))
    page.goto(shop.theirs.url + "/")
    wait_until(page, "window.cx?.here")
    shop.server.wait_steps(1)
    wait_until(page, "!('cx_KEY_answers' in localStorage)")
    assert [(one["step"], one["answers"]) for one in shop.server.steps] == [("next", {"nps": 8})]
    assert shop.server.finished == {"S1.1"}
    page.reload()
    wait_until(page, "window.cx?.here")
    page.wait_for_timeout(500)
    assert len(shop.server.steps) == 1
