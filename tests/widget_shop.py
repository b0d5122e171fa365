"""A page of somebody else with surveys on it, and a server that answers the widget as ours does, from memory.

The server runs the product's own runtime; what it leaves out (the budget, the store) has tests of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.runtime import Facts, Prepared, check_page, finish, next_page, put, read_json, visit
from cxm.listen.surveys.widget.texts import texts
from cxm.testing.browser import OpenPage
from cxm.testing.recorder import PATIENCE, Answer, Recorder, Request

from .source import CXM

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SCRIPTS = CXM / "web" / "static" / "vendor" / "root"
STUB = "window.cx=window.cx||function(){(cx.q=cx.q||[]).push(arguments)};"
BODY = """<!DOCTYPE html><html lang="{language}"><head><title>Kettles</title><link rel="stylesheet" href="/site.css">
<script src="/site.js"></script><script async src="{ours}/cx.js" data-key="KEY" data-auto="{auto}"></script>
<script async src="{ours}/survey.js"></script></head>
<body><h1>Kettles</h1><button id="buy">Buy</button>{body}<div id="box"></div><p id="end">End</p></body></html>"""
# What a site with a hostile style does to everything on it; none of it may get into the widget.
CSS = "*{color:red!important;font-size:3px!important} button{display:none!important} h1{height:3000px}"
NPS: dict[str, Any] = {
    "title": {"en": "Your opinion", "uk": "Ваша думка"},
    "languages": ["en", "uk"],
    "pages": [
        {"id": "p1", "sections": [{"id": "s1", "questions": [
            {"id": "nps", "kind": "nps", "title": {"en": "How likely?", "uk": "Наскільки?"}, "required": True,
             "scale": {"lowest": 0, "highest": 10, "lowest_label": {"en": "Not at all"},
                       "highest_label": {"en": "Very"}}},
            {"id": "why", "kind": "long_text", "title": {"en": "Why so low?", "uk": "Чому?"},
             "show": {"field": "answer.nps", "operator": "at_most", "values": [6]}},
        ]}]},
        {"id": "p2", "sections": [{"id": "s2", "questions": [
            {"id": "more", "kind": "short_text", "title": {"en": "Anything else?", "uk": "Щось іще?"}},
        ]}]},
    ],
    "endings": [{"id": "e", "title": {"en": "Thanks a lot!", "uk": "Щиро дякуємо!"}}],
}  # fmt: skip


def policy(ours: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' {ours}; connect-src {ours}; style-src 'self'; base-uri 'none';"
        " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


class Server:
    """Surveys of the widget: `offer` puts one on; `open_as` answers its opening; `saved` and `sent` are what came."""

    def __init__(self, ours: Recorder) -> None:
        self.ours = ours
        self.offers: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []  # bodies of /widget/surveys
        self.openings: list[dict[str, Any]] = []
        self.refusals: dict[str, str] = {}  # id -> why it stays shut
        self.definitions: dict[str, Prepared] = {}
        self.looks: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}  # token -> answers
        self.steps: list[dict[str, Any]] = []  # bodies of /answers
        self.finished: set[str] = set()
        self.uploads: list[bytes] = []
        self.down = False
        ours.replies |= {
            r"/widget/surveys": self._surveys, r"/widget/[^/]+/open": self._open, r"/s/w/[^/]+/view": self._view,
            r"/s/w/[^/]+/answers": self._answers, r"/s/w/[^/]+/file.*": self._file,
        }  # fmt: skip

    def offer(
        self, number: str = "S1", definition: Mapping[str, Any] = NPS, *, look: Mapping[str, Any] | None = None,
        language: str = "en", **settings: Any,
    ) -> None:  # fmt: skip
        self.definitions[number] = Prepared(msgspec.convert(definition, Definition))
        shown = {"id": number, "kind": "slide_in", "corner": "bottom_right", "language": language, **settings}
        self.looks[number] = {"look": dict(look or {}), **shown}
        self.offers.append(shown)

    def wait_steps(self, n: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        while len(self.steps) < n:
            assert time.monotonic() < deadline, f"{n} steps expected: {self.steps}"
            time.sleep(0.02)
        return self.steps

    def _reply(self, body: Any, status: int = 200) -> Answer:
        return Answer(status, msgspec.json.encode(body), {"Content-Type": "application/json"})

    def _surveys(self, request: Request) -> Answer:
        self.asked.append(request.json)
        return self._reply({"surveys": self.offers, "texts": texts("en")})

    def _open(self, request: Request) -> Answer:
        number = request.path.split("/")[2]
        self.openings.append({"id": number, **request.json})
        if why := self.refusals.get(number):
            return self._reply({"open": False, "reason": why})
        token = f"{number}.{len(self.openings)}"
        self.answers[token] = {}
        about = {"key": number.lower(), "name": "Opinion", "title": "Your opinion", "token": token, "open": True}
        language = self.looks[number]["language"]
        return self._reply({**self.looks[number], **about, "texts": texts(language)})

    def _shown(self, token: str, page: str, **more: Any) -> Answer:
        number = token.split(".")[0]
        prepared, language = self.definitions[number], self.looks[number]["language"]
        view = visit(prepared, self.answers[token], Facts(), language=language, seed=7, page=page, **more)
        body = msgspec.to_builtins(view)
        for section in body["page"]["sections"]:
            for question in section["questions"]:
                for problem in question.get("problems", ()):
                    problem["message"] = problem.get("message") or f"Problem: {problem['code']}."
        return self._reply({"view": body}, 422 if more else 200)

    def _view(self, request: Request) -> Answer:
        return self._shown(request.json["token"], request.json.get("page", ""))

    def _answers(self, request: Request) -> Answer:
        if self.down:
            return self._reply({}, 503)
        said = request.json
        token, page = said["token"], said["page"]
        number = token.split(".")[0]
        prepared, language = self.definitions[number], self.looks[number]["language"]
        self.steps.append(said)
        read = read_json(prepared, said["answers"])
        self.answers[token] = put(self.answers[token], read.answers)
        now = self.answers[token]
        about = {"language": language, "seed": 7}
        if said["step"] == "save":
            return self._reply({"token": token, "saved": True})
        if said["step"] == "back":
            view = visit(prepared, now, Facts(), page=page, **about)
            return self._shown(token, view.back)
        problems = {**check_page(prepared, now, Facts(), page=page, **about), **read.problems}
        if problems:
            return self._shown(token, page, problems=problems)
        following = next_page(prepared, now, Facts(), page=page, **about)
        if following is not None:
            return self._shown(token, following)
        outcome = finish(prepared, now, Facts(), **about)
        self.finished.add(token)
        return self._reply({"ending": msgspec.to_builtins(outcome.ending)})

    def _file(self, request: Request) -> Answer:
        self.uploads.append(request.body)
        return self._reply({"files": [{"name": "a.txt", "size": 3, "type": "text/plain", "key": "K1"}]})


class Shop:
    """A page of somebody else, on an origin of its own, under a strict policy."""

    def __init__(self, ours: Recorder, theirs: Recorder, open_page: OpenPage) -> None:
        self.ours, self.theirs, self._open = ours, theirs, open_page
        self.server = Server(ours)
        for name in ("cx.js", "survey.js"):
            ours.pages[f"/{name}"] = Answer(200, (SCRIPTS / name).read_bytes(), {"Content-Type": "text/javascript"})
        theirs.pages["/favicon.ico"] = Answer(200, b"")

    def put(self, script: str = "", *, body: str = "", path: str = "/", language: str = "en", auto: str = "none",
            css: str = CSS) -> None:  # fmt: skip
        page = BODY.format(ours=self.ours.url, body=body, language=language, auto=auto).encode()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy(self.ours.url)}
        self.theirs.pages[path] = Answer(200, page, headers)
        self.theirs.pages["/site.js"] = Answer(200, (STUB + script).encode(), {"Content-Type": "text/javascript"})
        self.theirs.pages["/site.css"] = Answer(200, css.encode(), {"Content-Type": "text/css"})

    def visit(
        self, script: str = "cx('identify', 'ada')", *, page: Page | None = None, path: str = "/", width: int = 1280,
        dark: bool = False, **more: Any,
    ) -> Page:  # fmt: skip
        self.put(script, path=path.partition("?")[0], **more)
        page = page or self._open(width=width, dark=dark)
        page.goto(self.theirs.url + path)
        wait_until(page, "window.cx?.here")
        return page

    def settled(self, page: Page) -> None:
        """Until the page has asked what may show and heard the answer."""
        deadline = time.monotonic() + PATIENCE
        while not self.server.asked:
            assert time.monotonic() < deadline, "the page never asked"
            page.wait_for_timeout(20)
        page.wait_for_timeout(150)


def wait_until(page: Page, condition: str) -> None:
    """Playwright's own wait_for_function makes code from text, which the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def widget(page: Page) -> Locator:
    return page.locator("[data-cx-widget] .shell")


def answers_of(server: Server, token: str) -> Any:
    return json.loads(json.dumps(server.answers[token]))
