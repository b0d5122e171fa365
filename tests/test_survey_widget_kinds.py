"""Every kind of question in the widget: drawn accessibly in light and dark, on a phone of 320 px, and answered by
keyboard or pointer in the format in which answers are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, get_args

import pytest

from cxm.listen.surveys.definition import Kind
from cxm.testing.browser import OpenPage, check_accessible, check_quiet
from cxm.testing.recorder import Recorder

from .widget_shop import Shop, widget

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"id": word.lower(), "label": {"en": word}} for word in words]


FIVE = texts("Price", "Speed", "Taste", "Look", "Smell")


def choose(box: Locator, *names: str) -> None:
    for name in names:
        box.get_by_label(name, exact=True).check()


def each(box: Locator, values: dict[str, str]) -> None:
    for name, value in values.items():
        box.get_by_label(name).fill(value)


def cells(box: Locator, chosen: dict[str, str]) -> None:
    for row, column in chosen.items():
        box.get_by_role("group", name=row).get_by_label(column).check()


def press(box: Locator, *names: str) -> None:
    for name in names:
        box.get_by_role("button", name=name).click()


def tasks(box: Locator) -> None:
    for group in box.locator("fieldset.task").all():
        group.get_by_label("Best: Price").or_(group.get_by_label("Best: Speed")).first.check()
        group.get_by_label("Worst: Smell").or_(group.get_by_label("Worst: Look")).first.check()


Act = Callable[["Locator"], Any]
CASES: dict[str, tuple[dict[str, Any], Act, Any]] = {
    "nps": ({"scale": {"lowest": 0, "highest": 10}}, lambda box: choose(box, "10 of 10"), 10),
    "csat": ({"scale": {"look": "faces", "highest_label": {"en": "Great"}}},
             lambda box: choose(box, "5 of 5: Great"), 5),
    "ces": ({}, lambda box: choose(box, "6 of 7"), 6),
    "rating": ({"scale": {"look": "stars"}}, lambda box: choose(box, "4 of 5"), 4),
    "slider": ({"scale": {"lowest": 0, "highest": 100, "step": 5, "look": "slider"}},
               lambda box: box.get_by_label("Question slider").press("ArrowRight"), 55),
    "yes_no": ({}, lambda box: choose(box, "No"), False),
    "thumbs": ({}, lambda box: choose(box, "Thumbs up"), True),
    "single": ({"choices": FIVE}, lambda box: choose(box, "Speed"), "speed"),
    "multiple": ({"choices": [*FIVE, {"id": "none", "label": {"en": "None of these"}, "exclusive": True}]},
                 lambda box: choose(box, "None of these", "Price", "Taste"), ["price", "taste"]),
    "dropdown": ({"choices": FIVE},
                 lambda box: box.get_by_label("Question dropdown").select_option(label="Look"), "look"),
    "picture": ({"choices": [{**one, "image": "https://shop.example/a.png"} for one in FIVE], "several": True},
                lambda box: choose(box, "Price", "Smell"), ["price", "smell"]),
    "matrix": ({"rows": texts("Shop", "Mail"), "choices": texts("Bad", "Fair", "Good")},
               lambda box: cells(box, {"Shop": "Good", "Mail": "Fair"}), {"shop": "good", "mail": "fair"}),
    "ranking": ({"choices": FIVE[:3]},
                lambda box: press(box, "Speed", "Price", "Taste", "Price", "Price"), ["speed", "taste", "price"]),
    "constant_sum": ({"choices": FIVE[:2], "total": 100}, lambda box: each(box, {"Price": "70", "Speed": "30"}),
                     {"price": 70, "speed": 30}),
    "maxdiff": ({"choices": FIVE, "per_task": 4, "tasks": 2}, tasks, None),
    "short_text": ({"placeholder": {"en": "Say"}}, lambda box: box.get_by_label("Question").fill(" «Так» "), "«Так»"),
    "long_text": ({}, lambda box: box.get_by_label("Question").fill("a\nb"), "a\nb"),
    "number": ({"at_least": 1}, lambda box: box.get_by_label("Question").fill("2.5"), 2.5),
    "email": ({}, lambda box: box.get_by_label("Question").fill("ada@example.com"), "ada@example.com"),
    "phone": ({}, lambda box: box.get_by_label("Question").fill("+380441234567"), "+380441234567"),
    "url": ({}, lambda box: box.get_by_label("Question").fill("https://example.com"), "https://example.com"),
    "date": ({}, lambda box: box.get_by_label("Question").fill("2026-03-01"), "2026-03-01"),
    "file": ({"accept": [".txt"]}, lambda box: box.get_by_label("Question").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"abc"}), None),
    "consent": ({}, lambda box: choose(box, "Question consent"), True),
    "statement": ({"hint": {"en": "Read this."}, "link": "https://shop.example/help", "link_label": {"en": "Our help"}},
                  lambda box: box.locator("a[href='https://shop.example/help'][target=_blank]").wait_for(), None),
    "contact": ({"choices": texts("Name", "Email")},
                lambda box: each(box, {"Name": "Ada", "Email": "ada@example.com"}),
                {"name": "Ada", "email": "ada@example.com"}),
}  # fmt: skip


def definition(*kinds: str, required: bool = False) -> dict[str, Any]:
    questions = [
        {"id": kind, "kind": kind, "title": {"en": f"Question {kind}"}, "hint": {"en": "A hint."}, **CASES[kind][0],
         **({"required": True} if required and kind != "statement" else {})}
        for kind in kinds
    ]  # fmt: skip
    return {
        "title": {"en": "All"}, "languages": ["en"], "endings": [{"id": "e", "title": {"en": "Thanks a lot!"}}],
        "purpose": {"en": "For us only."}, "pages": [{"id": "p", "sections": [{"id": "s", "questions": questions}]}],
    }  # fmt: skip


@pytest.fixture
def shop(open_page: OpenPage) -> Iterator[Shop]:
    with Recorder() as ours, Recorder() as theirs:
        yield Shop(ours, theirs, open_page)


def test_there_is_a_case_for_every_kind() -> None:
    assert set(CASES) == set(get_args(Kind))


def test_every_kind_is_answered_in_the_format_of_answers(shop: Shop) -> None:
    page = shop.visit()
    shop.settled(page)
    for kind, (_settings, act, expected) in CASES.items():
        shop.server.offer(kind, definition(kind))
        page.evaluate("id => cx('survey', id)", kind)
        box = widget(page)
        box.locator(f"[data-q={kind}]").wait_for()
        act(box)
        if kind == "file":
            box.get_by_text("a.txt").wait_for()
        box.get_by_role("button", name="Send").click()
        box.get_by_text("Thanks a lot!").wait_for()
        token = next(one for one in shop.server.answers if one.startswith(f"{kind}."))
        found: Any = shop.server.answers[token].get(kind)
        if kind == "maxdiff":
            assert len(found) == 2, found
            assert all(set(task) == {"best", "worst"} for task in found), found
        else:
            assert found == expected, kind
        if kind == "file":
            assert b'filename="a.txt"' in shop.server.uploads[0]
    check_quiet(page, ignore="a.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_kind_is_accessible_and_fits_a_phone_of_320_px(shop: Shop, dark: bool) -> None:
    shop.server.offer(
        "all", definition(*(one for one in CASES if one != "picture"), required=True), kind="popup",
        look={"accent": "#f2c037", "dark": "auto"},
    )  # fmt: skip
    page = shop.visit("cx('survey', 'all')", width=320, dark=dark, css="")
    box = widget(page)
    box.locator("[data-q=contact]").wait_for()
    check_accessible(page)
    wide = box.evaluate(
        "box => [...box.querySelectorAll('*')].filter(one => !one.closest('.sr') &&"
        " one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML.slice(0, 120))"
    )
    assert wide == []
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    small = box.evaluate(
        "box => [...box.querySelectorAll('button, .pick, .text, .spot')].filter(one => {"
        " const {width, height} = one.getBoundingClientRect(); return width && (width < 24 || height < 24) })"
        ".map(one => one.outerHTML.slice(0, 120))"
    )
    assert small == []
    box.get_by_role("button", name="Send").click()
    box.get_by_text("Problem: required.").first.wait_for()
    check_accessible(page)
    check_quiet(page, ignore="422")


def test_a_score_is_given_by_the_keyboard_alone(shop: Shop) -> None:
    shop.server.offer("S", definition("nps", "long_text"), kind="popup")
    page = shop.visit("cx('survey', 'S')")
    widget(page).locator("[data-q=nps]").wait_for()
    focused: Callable[[], Any] = lambda: page.evaluate(  # noqa: E731  # asked several times below
        "(() => { const one = document.querySelector('[data-cx-widget]').shadowRoot.activeElement;"
        " return [one?.type, one?.value] })()"
    )
    for _press in range(6):
        if focused()[0] == "radio":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert focused() == ["radio", "2"]
    page.keyboard.press("Tab")
    page.keyboard.type("Slow")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    widget(page).get_by_text("Thanks a lot!").wait_for()
    assert list(shop.server.answers.values()) == [{"nps": 2, "long_text": "Slow"}]


def test_right_to_left_languages_are_drawn_from_the_right(shop: Shop) -> None:
    shop.server.offer("S", definition("nps"), language="ar", kind="slide_in")
    page = shop.visit("cx('survey', 'S')")
    widget(page).wait_for()
    host = page.locator("[data-cx-widget]")
    assert (host.get_attribute("dir"), host.get_attribute("lang")) == ("rtl", "ar")


def test_what_people_wrote_is_never_read_as_markup(shop: Shop) -> None:
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    survey = definition("single", "long_text")
    question = survey["pages"][0]["sections"][0]["questions"][0]
    question["title"] = question["hint"] = {"en": hostile}
    question["choices"] = [{"id": "a", "label": {"en": hostile}}]
    survey["endings"] = [{"id": "e", "title": {"en": hostile}, "link": "javascript:alert(1)", "redirect": True}]
    shop.server.offer("S", survey)
    page = shop.visit("cx('survey', 'S')")
    box = widget(page)
    box.get_by_text(hostile).first.wait_for()
    box.get_by_role("radio").check()
    box.get_by_role("button", name="Send").click()
    box.locator(".ending").wait_for()
    assert box.locator(".ending a").count() == 0
    assert page.title() == "Kettles"
    assert page.locator("[data-cx-widget] img").count() == 0
    check_quiet(page)


def test_the_style_of_the_page_stays_outside(shop: Shop) -> None:
    shop.server.offer("S", definition("nps"))
    page: Page = shop.visit("cx('survey', 'S')")  # its style sheet hides every button and makes all text tiny and red
    box = widget(page)
    box.get_by_role("button", name="Send").wait_for()
    assert box.evaluate("box => getComputedStyle(box).fontSize") == "16px"
    assert box.evaluate("box => getComputedStyle(box).color") == "rgb(24, 36, 51)"
    assert page.evaluate("getComputedStyle(document.querySelector('#buy')).display") == "none"
