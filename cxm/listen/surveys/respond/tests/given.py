"""Builders: a live survey, and a respondent who speaks ASGI with us as a browser without JavaScript does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import pytest
from django.db import connections

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.models import Survey, Version
from cxm.listen.surveys.respond import abuse
from cxm.listen.surveys.respond.app import Respond, stop_respond
from cxm.listen.surveys.respond.directory import directory

T = TypeVar("T")
FIVE: dict[str, Any] = {
    "title": {"en": "How was it?", "uk": "Як воно було?"},
    "languages": ["en", "uk"],
    "hidden": ["plan"],
    "pages": [
        {
            "id": "p1",
            "sections": [
                {
                    "id": "s1",
                    "questions": [
                        {"id": "nps", "kind": "nps", "required": True, "touchpoint": "delivery",
                         "title": {"en": "Would you recommend us?", "uk": "Чи порадите нас?"}},
                        {"id": "why", "kind": "long_text", "explains": "nps", "title": {"en": "Why?", "uk": "Чому?"}},
                        {"id": "speed", "kind": "csat", "title": {"en": "How happy are you with the speed?"}},
                        {"id": "reason", "kind": "multiple", "title": {"en": "What brought you here?"},
                         "choices": [{"id": "price", "label": {"en": "The price"}},
                                     {"id": "tip", "label": {"en": "A tip"}},
                                     {"id": "else", "label": {"en": "Something else"}, "other": True}]},
                        {"id": "again", "kind": "yes_no", "title": {"en": "Would you come again?"}},
                    ],
                }
            ],
        }
    ],
    "endings": [{"id": "bye", "title": {"en": "Thanks a lot", "uk": "Щиро дякуємо"}}],
}  # fmt: skip
TWO_PAGES: dict[str, Any] = {
    "title": {"en": "Two pages"},
    "languages": ["en"],
    "pages": [
        {"id": "first", "sections": [{"id": "a", "questions": [
            {"id": "csat", "kind": "csat", "required": True, "title": {"en": "How was it?"}}]}]},
        {"id": "second", "sections": [{"id": "b", "questions": [
            {"id": "word", "kind": "short_text", "title": {"en": "You chose {answer.csat}. Why?"}}]}]},
    ],
}  # fmt: skip


def make_survey(workspace: Workspace, definition: dict[str, Any] | None = None, **fields: Any) -> Survey:
    """A live survey, published as version 1."""
    body = definition or FIVE
    msgspec.convert(body, Definition)
    key = fields.pop("key", f"s{Survey.objects.count() + 1}")
    survey = Survey.objects.create(
        workspace=workspace, key=key, name=fields.pop("name", "Delivery"), draft=body,
        **{"state": Survey.State.LIVE, "version": 1, **fields},
    )  # fmt: skip
    publish(survey, body, 1)
    return survey


def publish(survey: Survey, definition: dict[str, Any], number: int) -> None:
    questions = {one.id: number for one in msgspec.convert(definition, Definition).questions()}
    Version.objects.create(survey=survey, number=number, definition=definition, question_versions=questions)
    Survey.objects.filter(pk=survey.pk).update(version=number)


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Form(HTMLParser):
    """The fields of the page's form that a browser would send with nothing touched."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.fields = "", list[tuple[str, str]]()
        self._area, self._select, self._open = "", "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action, self._open = found.get("action", ""), True
        if not self._open:
            return
        name = found.get("name", "")
        match tag:
            case "input" if name and found.get("type") in ("radio", "checkbox"):
                if "checked" in found:
                    self.fields.append((name, found.get("value", "on")))
            case "input" if name and found.get("type") != "file":
                self.fields.append((name, found.get("value", "")))
            case "textarea":
                self._area = name
                self.fields.append((name, ""))
            case "select":
                self._select = name
            case "option" if self._select and "selected" in found:
                self.fields.append((self._select, found.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[-1] = (self._area, self.fields[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        if tag == "textarea":
            self._area = ""
        if tag == "select":
            self._select = ""


class Respondent:
    """Opens pages, fills forms in and sends them. `address` is the network's; each has a phone of its own."""

    def __init__(self, address: str = "203.0.113.5", language: str = "en") -> None:
        self.address, self.language = address, language
        self.app = Respond()
        self.page: Answer | None = None

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """One request, in an event loop of its own."""
        return run_apart(self._ask(method, path, body, headers or {}))

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        given = {"accept-language": self.language, "user-agent": "Test Phone Mobi", **headers}
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "scheme": "http",
            "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
            "client": (self.address, 1),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app.handle(scope, receive, send)
        headers = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(one["body"] for one in sent[1:]))

    def get(self, path: str, **headers: str) -> Answer:
        self.page = self.ask("GET", path, headers=headers)
        return self.page

    def form(self) -> _Form:
        assert self.page is not None
        form = _Form()
        form.feed(self.page.text)
        return form

    def send(self, step: str = "next", **answers: Any) -> Answer:
        """Fill in the page that is open, send it, and follow to where it leads. Names: `nps`, `matrix__row`."""
        form = self.form()
        fields = [*form.fields]
        for name, value in answers.items():
            field = "a." + name.replace("__", ".")
            fields = [pair for pair in fields if pair[0] != field]
            fields += [(field, one) for one in (value if isinstance(value, list) else [str(value)])]
        return self.post(form.action, [*fields, ("step", step)])

    def post(self, path: str, fields: list[tuple[str, str]] | dict[str, Any], **headers: str) -> Answer:
        body = urlencode(fields, doseq=True).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        self.page = self.ask("POST", path, body, {**kind, **headers})
        if self.page.status == 303 and self.page.headers["location"].startswith("/"):
            return self.get(self.page.headers["location"])
        return self.page

    def call(self, path: str, **body: Any) -> Answer:
        """The JSON answers API."""
        return self.ask("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run in an event loop of a thread of its own: a browser of another test may have left one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def heading(answer: Answer) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.text, re.S)
    return found[1] if found else ""


@pytest.fixture
def respondents() -> Iterator[None]:
    """Nothing of another test is remembered, and no thread of ours outlives the test."""
    directory().stop()
    abuse.guard.cache_clear()
    yield
    stop_respond()
    connections.close_all()


def _t(text: str) -> dict[str, str]:
    return {"en": text}


def _c(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": one, "label": _t(one.title()), **more} for one in ids]


# A page with a question of every kind.
EVERY_KIND: dict[str, Any] = {
    "title": _t("Every kind of question"),
    "intro": _t("It takes two minutes."),
    "purpose": _t("Kyiv Kettles asks this to mend what is broken."),
    "languages": ["en", "uk", "pl", "ru", "zh-hant"],
    "pages": [
        {"id": "all", "title": _t("All of them"), "sections": [{"id": "s", "title": _t("A section"), "questions": [
            {"id": "nps", "kind": "nps", "title": _t("Recommend?"), "hint": _t("Think of the last year."),
             "scale": {"lowest": 0, "highest": 10, "lowest_label": _t("Not at all"), "highest_label": _t("For sure")}},
            {"id": "csat", "kind": "csat", "title": _t("Happy?"), "required": True},
            {"id": "ces", "kind": "ces", "title": _t("It was easy.")},
            {"id": "rating", "kind": "rating", "title": _t("How many stars?")},
            {"id": "yes_no", "kind": "yes_no", "title": _t("Again?")},
            {"id": "thumbs", "kind": "thumbs", "title": _t("Good?")},
            {"id": "single", "kind": "single", "title": _t("One?"),
             "choices": [*_c("red", "green"), {"id": "other", "label": _t("Other"), "other": True}]},
            {"id": "multiple", "kind": "multiple", "title": _t("Some?"),
             "choices": [*_c("tea", "coffee"), {"id": "none", "label": _t("None of these"), "exclusive": True}]},
            {"id": "dropdown", "kind": "dropdown", "title": _t("From a list?"), "choices": _c("kyiv", "lviv")},
            {"id": "picture", "kind": "picture", "title": _t("Which picture?"),
             "choices": _c("cat", "dog", image="/static/vendor/none.png")},
            {"id": "matrix", "kind": "matrix", "title": _t("Each of them?"), "rows": _c("price", "speed"),
             "choices": [{"id": "bad", "label": _t("Bad"), "score": 1},
                         {"id": "good", "label": _t("Good"), "score": 2}]},
            {"id": "ranking", "kind": "ranking", "title": _t("In which order?"), "choices": _c("one", "two", "three")},
            {"id": "slider", "kind": "slider", "title": _t("How much?")},
            {"id": "constant_sum", "kind": "constant_sum", "title": _t("Share 10 points."), "total": 10,
             "choices": _c("ads", "shops")},
            {"id": "maxdiff", "kind": "maxdiff", "title": _t("Best and worst?"), "tasks": 1, "per_task": 3,
             "choices": _c("size", "taste", "smell")},
            {"id": "short_text", "kind": "short_text", "title": _t("In a word?"), "placeholder": _t("A word")},
            {"id": "long_text", "kind": "long_text", "title": _t("In your words?")},
            {"id": "number", "kind": "number", "title": _t("How many?")},
            {"id": "email", "kind": "email", "title": _t("Your e-mail?")},
            {"id": "phone", "kind": "phone", "title": _t("Your phone?")},
            {"id": "url", "kind": "url", "title": _t("Your site?")},
            {"id": "date", "kind": "date", "title": _t("When?")},
            {"id": "file", "kind": "file", "title": _t("A picture of it?"), "accept": [".png", ".txt"],
             "largest_mb": 0.01},
            {"id": "consent", "kind": "consent", "title": _t("May we write to you?")},
            {"id": "statement", "kind": "statement", "title": _t("Nearly done."), "hint": _t("One more.")},
            {"id": "contact", "kind": "contact", "title": _t("Who are you?"), "choices": _c("name", "email")},
        ]}]},
        {"id": "end", "sections": [{"id": "e", "questions": [
            {"id": "last", "kind": "short_text", "title": _t("Anything else?")}]}]},
    ],
}  # fmt: skip
EVERY_ANSWER: dict[str, Any] = {
    "nps": 9, "csat": 4, "ces": 7, "rating": 5, "yes_no": "yes", "thumbs": "no", "single": "other",
    "single__other": "Blue", "multiple": ["tea", "coffee"], "dropdown": "lviv", "picture": "dog",
    "matrix__price": "bad", "matrix__speed": "good", "ranking__one": 3, "ranking__two": 1, "ranking__three": 2,
    "slider": 40, "constant_sum__ads": 4, "constant_sum__shops": 6, "maxdiff__0__best": "taste",
    "maxdiff__0__worst": "size", "short_text": "Fine", "long_text": "Fine\nindeed", "number": "3,5",
    "email": "ada@example.com", "phone": "+380 44 123 4567", "url": "https://example.com", "date": "2026-03-01",
    "consent": "yes", "contact__name": "Ada", "contact__email": "ada@example.com",
}  # fmt: skip
EVERY_VALUE: dict[str, Any] = {
    "nps": 9, "csat": 4, "ces": 7, "rating": 5, "yes_no": True, "thumbs": False, "single": "other",
    "single.other": "Blue", "multiple": ["tea", "coffee"], "dropdown": "lviv", "picture": "dog",
    "matrix": {"price": "bad", "speed": "good"}, "ranking": ["two", "three", "one"], "slider": 40,
    "constant_sum": {"ads": 4, "shops": 6}, "maxdiff": [{"best": "taste", "worst": "size"}], "short_text": "Fine",
    "long_text": "Fine\nindeed", "number": 3.5, "email": "ada@example.com", "phone": "+380 44 123 4567",
    "url": "https://example.com", "date": "2026-03-01", "consent": True,
    "contact": {"name": "Ada", "email": "ada@example.com"},
}  # fmt: skip
