"""cx.js on somebody else's page, under a strict content security policy: exactly what it sends, and what it keeps."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cxm import __version__
from cxm.testing.browser import OpenPage, check_quiet
from cxm.testing.recorder import PATIENCE, Answer, Recorder

from .source import CXM

if TYPE_CHECKING:
    from playwright.sync_api import Page

browser = pytest.mark.browser
SNIPPET = CXM / "web" / "static" / "vendor" / "root" / "cx.js"
LIMIT = 6 * 1024  # bytes, packed
STUB = "window.cx=window.cx||function(){(cx.q=cx.q||[]).push(arguments)};"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
KEY = ' data-key="KEY"'
BODY = """<!DOCTYPE html><html lang="uk"><head><title>Чайники</title>
<script src="/site.js"></script><script async src="{ours}/cx.js"{key}{options}></script></head>
<body><p>Чай</p><button data-cx-click="Plan Chosen" data-cx-plan-name="pro" data-cx-price="9"><b>Беру</b></button>
<button id="plain">Ні</button><a href="/next.html" data-cx-click="Next Opened">Далі</a></body></html>"""


def policy(ours: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' {ours}; connect-src {ours}; base-uri 'none'; form-action 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )


def wait_until(page: Page, condition: str) -> None:
    """Playwright's own wait_for_function makes code from text, which the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


class Shop:
    """A page of somebody else, on an origin of its own; `ours` writes down what comes."""

    def __init__(self, ours: Recorder, theirs: Recorder, open_page: OpenPage) -> None:
        self.ours, self.theirs, self._open = ours, theirs, open_page
        ours.pages["/cx.js"] = Answer(200, SNIPPET.read_bytes(), {"Content-Type": "text/javascript"})
        theirs.pages["/favicon.ico"] = Answer(200, b"")

    def put(self, script: str = "", options: str = "", *, path: str = "/", key: str = KEY) -> None:
        body = BODY.format(ours=self.ours.url, options=options, key=key).encode()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy(self.ours.url)}
        self.theirs.pages[path] = Answer(200, body, headers)
        script_headers = {"Content-Type": "text/javascript; charset=utf-8"}
        self.theirs.pages["/site.js"] = Answer(200, (STUB + script).encode(), script_headers)

    def visit(
        self, script: str = "", options: str = "", *, path: str = "/", key: str = KEY,
        page: Page | None = None, gpc: bool = False,
    ) -> Page:  # fmt: skip
        self.put(script, options, key=key)
        page = page or self._open(locale="uk-UA", timezone_id="Europe/Warsaw")
        if gpc:
            page.add_init_script("Object.defineProperty(Navigator.prototype,'globalPrivacyControl',{get:()=>true})")
        page.goto(self.theirs.url + path)
        wait_until(page, "window.cx?.here")
        return page


@pytest.fixture
def shop(open_page: OpenPage) -> Iterator[Shop]:
    with Recorder() as ours, Recorder() as theirs:
        yield Shop(ours, theirs, open_page)


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event.get("event", event["type"]) for event in events]


def settle(page: Page) -> None:
    """Long enough for what would be sent to have been sent."""
    page.evaluate("cx('flush')")
    page.wait_for_timeout(300)


def only(*kinds: str) -> str:
    return f' data-auto="{" ".join(kinds) or "none"}"'


def test_it_is_small_and_whoever_likes_may_load_it(client: Any) -> None:
    packed = len(gzip.compress(SNIPPET.read_bytes(), mtime=0))
    assert packed < LIMIT, f"cx.js has {packed} bytes packed"
    answer = client.get("/cx.js", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(answer.getvalue()) == SNIPPET.read_bytes()
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "public, max-age=3600, stale-while-revalidate=86400"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Vary"] == "Accept-Encoding"
    again = client.get("/cx.js", headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304


def test_it_neither_makes_code_from_text_nor_knows_cookies() -> None:
    text = SNIPPET.read_text(encoding="utf-8")
    assert not re.search(r"\beval\b|new Function|document\.cookie|innerHTML|document\.write|createElement", text)


@browser
def test_commands_from_before_it_came_are_sent_in_segments_form(shop: Shop) -> None:
    page = shop.visit(
        "cx('identify', 7, {email: 'ada@example.com', nick: '愛達 🫖 \\u0000'});"
        "cx('track', 'Order Completed', {order_id: 'A1', total: 12.5});"
        "cx('page', 'Shop', 'Kettles', {stock: 3}); cx('group', 'g1', {plan: 'pro'}); cx('alias', 8, 'old')",
        path="/?utm_source=mail&utm_campaign=may&utm_x=1#top",
    )
    events = shop.ours.wait_for(6)
    check_quiet(page)
    [request] = shop.ours.requests
    assert request.path == "/v1/b"
    assert request.headers["content-type"] == "text/plain;charset=UTF-8"  # or the browser would ask permission first
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers
    assert request.json.keys() == {"batch", "sentAt", "writeKey"}
    assert request.json["writeKey"] == "KEY"
    place = {"path": "/", "referrer": "", "search": "?utm_source=mail&utm_campaign=may&utm_x=1", "title": "Чайники",
             "url": shop.theirs.url + "/?utm_source=mail&utm_campaign=may&utm_x=1"}  # fmt: skip
    around = {
        "page": place,
        "library": {"name": "cx.js", "version": __version__},
        "locale": "uk-UA",
        "timezone": "Europe/Warsaw",
        "userAgent": page.evaluate("navigator.userAgent"),
        "screen": {"width": 1280, "height": 800, "density": 1},
        "campaign": {"source": "mail", "name": "may"},
    }
    in_group = {**around, "groupId": "g1"}
    for event in events:
        assert re.fullmatch(UUID, event.pop("messageId"))
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("timestamp"))
    [anonymous] = {event.pop("anonymousId") for event in events}
    assert re.fullmatch(UUID, anonymous)
    assert events == [
        {"type": "identify", "userId": "7", "traits": {"email": "ada@example.com", "nick": "愛達 🫖 \0"},
         "context": around},
        {"type": "track", "userId": "7", "event": "Order Completed", "properties": {"order_id": "A1", "total": 12.5},
         "context": around},
        {"type": "page", "userId": "7", "category": "Shop", "name": "Kettles", "properties": {**place, "stock": 3},
         "context": around},
        {"type": "group", "userId": "7", "groupId": "g1", "traits": {"plan": "pro"}, "context": in_group},
        {"type": "alias", "userId": "8", "previousId": "old", "context": in_group},
        {"type": "page", "userId": "8", "properties": place, "context": in_group},
    ]  # fmt: skip


@browser
def test_without_consent_nothing_is_kept(shop: Shop) -> None:
    page = shop.visit("cx('identify', 'ada')", only("page"))
    [first, _] = shop.ours.wait_for_each(2)
    page.reload()
    third = shop.ours.wait_for_each(4)[2]
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert page.context.cookies() == []
    assert first["anonymousId"] != third["anonymousId"]
    assert "consent" not in first["context"]


@browser
def test_with_consent_the_next_page_knows_who_it_is_until_consent_is_taken_back(shop: Shop) -> None:
    page = shop.visit("", only("page"))
    page.evaluate("cx('consent', {analytics: true}); cx('identify', 'ada'); cx('group', 'g1')")
    before = shop.ours.wait_for(3)
    page.goto(shop.theirs.url + "/?again")
    wait_until(page, "window.cx?.here")
    after = shop.ours.wait_for(4)[3]
    assert [after["anonymousId"], after["userId"]] == [before[0]["anonymousId"], "ada"]
    assert after["context"]["consent"] == {"categoryPreferences": {"analytics": True}}
    assert after["context"]["groupId"] == "g1"
    assert page.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == ["cx_KEY"]

    page.evaluate("cx('track', 'Unsent'); cx('consent', {analytics: false}); cx('track', 'Refused')")
    settle(page)
    assert page.evaluate("localStorage.length") == 0
    page.goto(shop.theirs.url + "/?third")
    stranger = shop.ours.wait_for(5)[4]
    assert (stranger["anonymousId"] == after["anonymousId"], "userId" in stranger) == (False, False)
    assert len(shop.ours.events) == 5


@browser
@pytest.mark.parametrize("how", ["the browser's privacy signal", "the site's rule"])
def test_nothing_is_sent_before_consent_where_that_is_asked(shop: Shop, how: str) -> None:
    signal = how.startswith("the browser")
    options = only("page", "click") + ("" if signal else ' data-consent="required"')
    page = shop.visit("cx('track', 'At The Start')", options, gpc=signal)
    page.get_by_text("Беру").click()
    settle(page)
    assert shop.ours.requests == []
    assert page.evaluate("localStorage.length") == 0
    page.evaluate("cx('consent', {analytics: true}); cx('track', 'Agreed')")
    assert names(shop.ours.wait_for(2)) == ["page", "Agreed"]  # the page on which they agreed is counted
    page.goto(shop.theirs.url + "/?again")
    assert names(shop.ours.wait_for_each(4))[2:] == ["At The Start", "page"]  # and it holds on the next


@browser
def test_a_page_that_changes_its_address_is_viewed_again(shop: Shop) -> None:
    page = shop.visit("", only("page"))
    shop.ours.wait_for(1)
    page.evaluate("history.pushState({}, '', '/kettles?size=2'); document.title = 'Kettles'")
    page.evaluate("history.pushState({}, '', '/kettles?size=2#reviews')")  # a place on the same page
    page.evaluate("history.replaceState({}, '', '/kettles?size=2')")
    shop.ours.wait_for(2)
    page.evaluate("history.back()")
    page.evaluate("history.back()")
    shop.ours.wait_for(3)
    root = shop.theirs.url
    seen = [(one["properties"]["url"], one["properties"]["referrer"]) for one in shop.ours.events]
    assert seen == [
        (root + "/", ""),
        (root + "/kettles?size=2", root + "/"),
        (root + "/", root + "/kettles?size=2"),
    ]
    assert shop.ours.events[1]["properties"]["title"] == "Kettles"


@browser
def test_clicks_on_marked_elements_are_sent_even_when_they_lead_away(shop: Shop) -> None:
    page = shop.visit("addEventListener('click', e => e.stopPropagation(), true)", only("click"))
    shop.put("", only("none"), path="/next.html")
    page.get_by_text("Беру").click()
    page.locator("#plain").click()
    page.get_by_text("Далі").click()
    page.wait_for_url("**/next.html")
    shop.ours.wait_for(2)
    assert [(one["event"], one["properties"]) for one in shop.ours.events] == [
        ("Plan Chosen", {"plan_name": "pro", "price": "9"}),
        ("Next Opened", {}),
    ]


@browser
def test_errors_are_sent_once_each_and_ten_at_most(shop: Shop) -> None:
    page = shop.visit("function fail(n) { setTimeout(() => { throw new Error('broken ' + n) }) }", only("error"))
    page.evaluate("fail(0); fail(0); void Promise.reject(new TypeError('promised')); void Promise.reject('only words')")
    page.wait_for_timeout(50)
    page.evaluate("for (let n = 1; n < 20; n++) fail(n)")
    page.wait_for_timeout(100)
    events = shop.ours.wait_for(10)
    settle(page)
    assert len(shop.ours.events) == 10
    first = next(one["properties"] for one in events if one["properties"]["message"] == "Uncaught Error: broken 0")
    assert first["kind"] == "error"
    assert first["source"] == shop.theirs.url + "/site.js"
    assert (first["line"], first["column"] > 1, "broken 0" in first["stack"]) == (1, True, True)
    rejected = {one["properties"]["message"] for one in events if one["properties"]["kind"] == "rejection"}
    assert rejected == {"promised", "only words"}


@browser
def test_web_vitals_are_sent_once_when_the_page_is_left(shop: Shop) -> None:
    page = shop.visit("", only("vitals"))
    page.locator("#plain").click()
    page.wait_for_timeout(300)
    settle(page)
    assert shop.ours.events == []
    shop.put("", only("none"), path="/next.html")
    page.goto(shop.theirs.url + "/next.html")
    [event] = shop.ours.wait_for(1)
    assert event["event"] == "Web Vitals"
    assert {"lcp", "fcp", "ttfb", "cls"} <= event["properties"].keys() <= {"lcp", "fcp", "ttfb", "cls", "inp"}
    assert 0 < event["properties"]["fcp"] <= event["properties"]["lcp"]
    assert event["properties"]["cls"] == 0
    page.wait_for_timeout(200)
    assert len(shop.ours.events) == 1


@browser
def test_what_the_server_could_not_take_is_sent_again_under_the_same_id(shop: Shop) -> None:
    shop.ours.answers.extend([Answer(503, b"{}"), Answer(429, b"{}", {"Retry-After": "1"})])
    page = shop.visit("cx('track', 'Kept')", only())
    first, second, third = shop.ours.wait_for(3)
    assert first == second == third
    page.wait_for_timeout(200)
    shop.ours.answers.append(Answer(400, b"{}"))
    page.evaluate("cx('track', 'Refused')")
    shop.ours.wait_for(4)
    page.wait_for_timeout(2500)  # longer than the first pause
    assert names(shop.ours.events) == ["Kept"] * 3 + ["Refused"]


@browser
def test_it_waits_as_long_as_the_server_asks(shop: Shop) -> None:
    shop.ours.answers.append(Answer(429, b"{}", {"Retry-After": "3"}))
    page = shop.visit("cx('track', 'Kept')", only())
    shop.ours.wait_for(1)
    page.evaluate("cx('track', 'Later')")
    shop.ours.wait_for(3)
    first, second = shop.ours.requests[:2]
    assert second.at - first.at >= 3
    assert names(shop.ours.events) == ["Kept", "Kept", "Later"]


@browser
def test_what_happened_offline_is_sent_when_the_network_is_back(shop: Shop) -> None:
    page = shop.visit("cx('track', 'Online')", only())
    shop.ours.wait_for(1)
    page.context.set_offline(True)
    page.evaluate("cx('track', 'Offline'); cx('flush')")
    page.wait_for_timeout(300)
    page.context.set_offline(False)
    assert names(shop.ours.wait_for(2)) == ["Online", "Offline"]


@browser
def test_with_consent_what_is_not_sent_outlives_the_page(shop: Shop) -> None:
    page = shop.visit("cx('consent', {analytics: true})", only())
    page.context.set_offline(True)
    page.evaluate("cx('track', 'Offline'); cx('flush')")
    page.wait_for_timeout(300)
    page.goto("about:blank")
    page.context.set_offline(False)
    page = shop.visit("", only(), page=page)
    assert names(shop.ours.wait_for(1)) == ["Offline"]
    wait_until(page, "Object.keys(localStorage).join() === 'cx_KEY'")  # and is forgotten once it is there


@browser
def test_large_ones_go_in_several_requests_and_too_large_ones_not_at_all(shop: Shop) -> None:
    page = shop.visit("", only())
    page.evaluate("for (let n = 0; n < 5; n++) cx('track', 'Large ' + n, {text: 'ї'.repeat(15000)})")  # 2 bytes each
    page.evaluate("cx('track', 'Too Large', {text: 'x'.repeat(33000)})")
    circle = "(() => { const a = {}; a.a = a; cx('track', 'Circle', a); cx('no such command'); cx('track', 'Last') })()"
    page.evaluate(circle)  # none of it is an error on the page
    assert names(shop.ours.wait_for(6)) == [*(f"Large {n}" for n in range(5)), "Last"]
    assert max(len(request.body) for request in shop.ours.requests) <= 64 * 1024
    check_quiet(page)


@browser
def test_two_people_on_one_device_are_two_people(shop: Shop) -> None:
    page = shop.visit("", only())
    page.evaluate("cx('track', 'A'); cx('identify', 'ada'); cx('identify', {age: 36}); cx('identify', 'bob')")
    page.evaluate("cx('reset'); cx('track', 'B')")
    a, ada, again, bob, b = shop.ours.wait_for(5)
    assert a["anonymousId"] == ada["anonymousId"] == again["anonymousId"]
    assert again["userId"] == "ada"
    assert len({one["anonymousId"] for one in (ada, bob, b)}) == 3
    assert "userId" not in b


@browser
def test_it_can_be_started_by_a_command(shop: Shop) -> None:
    begin = f"cx('track', 'Early'); cx('init', 'OTHER', {{host: '{shop.ours.url}/', auto: 'click'}})"
    page = shop.visit(begin, only(), key="")
    page.get_by_text("Беру").click()
    assert names(shop.ours.wait_for(2)) == ["Early", "Plan Chosen"]
    assert shop.ours.requests[0].json["writeKey"] == "OTHER"
