"""Builders: a live survey, and a respondent who speaks ASGI with the application, as a browser without JavaScript does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
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

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, in an event loop of its own."""
        return asyncio.run(self._ask(method, path, body, headers or {}))

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
