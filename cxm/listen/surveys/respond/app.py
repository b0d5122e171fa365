"""The ASGI application of everything under /s/: routes, limits, and from a request to its page."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from django.conf import settings
from django.db import DatabaseError
from msgspec.structs import replace

from cxm.lib.request_body import Gone, TooLarge, TooSlow

from ..definition import Question
from ..pictures import KIND, body_of
from ..runtime import Problem, field_name, finish, read_form, visit
from . import abuse, api, bodies, pages, pins, verifying
from .beginning import Begun, Shut, begin, begin_invited, begin_preview, going_on
from .bodies import Form, Unreadable
from .deciding import DONE, Outcome, Step, Submission
from .directory import Entry, Prepared, directory
from .languages import chosen_language, wanted_languages
from .pages import Around, Headers
from .replies import Reply, json_reply
from .store import Busy, Unstored, store
from .tokens import Forged, Start, address_of, start_of, verified_by

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

AT_ONCE = 1_000  # requests in progress
STATUS = {"unknown": 404, "expired": 404, "too_many": 429, "too_large": 413, "unreadable": 400, "busy": 503,
          "pin_tries": 429}  # fmt: skip
PICTURE: Headers = [
    (b"content-type", KIND), (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"cross-origin-resource-policy", b"cross-origin"),  # the widget shows it on other sites
]  # fmt: skip
RETRY = {"too_many": 30, "busy": 2, "pin_tries": 600}


def match(path: str) -> bool:
    return path.startswith("/s/")


def stop_respond() -> None:
    """Store what waits and end the threads. Safe to call when nothing runs."""
    store().stop()
    directory().stop()


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    client: str
    scheme: str

    @property
    def address(self) -> str:
        return abuse.address_of(self.headers, self.client)

    @property
    def agent(self) -> str:
        return self.headers.get(b"user-agent", b"").decode("latin-1")[:300]

    @property
    def by_script(self) -> bool:
        return b"application/json" in self.headers.get(b"accept", b"")

    @property
    def languages(self) -> list[str]:
        return wanted_languages(self.headers.get(b"accept-language", b"").decode("latin-1"))

    @property
    def insecure(self) -> bool:
        return self.scheme != "https" and self.headers.get(b"x-forwarded-proto", b"").split(b",")[0].strip() != b"https"


def see_other(address: str) -> Reply:
    """After a form: loading the page again does not send it again."""
    return Reply(303, b"", [*pages.plain_headers("en"), (b"location", address.encode("ascii", "ignore"))])


class Respond:
    """One for the process."""

    def __init__(self) -> None:
        self._at_once = 0

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(
            scope["method"], scope["path"], scope.get("query_string", b"").decode("latin-1"), dict(scope["headers"]),
            (scope.get("client") or ("",))[0] or "", scope.get("scheme", "http"),
        )  # fmt: skip
        self._at_once += 1
        try:
            reply = await self._replied(request, receive)
        except Gone:
            return
        except Exception:
            logger.exception("A respondent's page failed")
            reply = self._notice(request, "busy")
        finally:
            self._at_once -= 1
        body = b"" if request.method == "HEAD" else reply.body
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _notice(self, request: Request, code: str) -> Reply:
        language = next(iter(request.languages), "en")
        status = STATUS.get(code, 200)
        more: Headers = [(b"retry-after", str(RETRY[code]).encode())] if code in RETRY else []
        if request.path.startswith("/s/w/"):
            return api.error(code, language, 403 if status == 200 else status, more)
        if request.by_script:
            return json_reply({"error": code}, 409 if status == 200 else status, more)
        return Reply(status, pages.notice_page(code, language), [*pages.plain_headers(language), *more])

    async def _replied(self, request: Request, receive: Receive) -> Reply:
        if settings.SECURE and request.insecure:
            query = f"?{request.query}" if request.query else ""
            return see_other(settings.BASE_URL + quote(request.path) + query)
        if self._at_once > AT_ONCE:
            return self._notice(request, "busy")
        try:
            return await self._routed(request, receive)
        except Shut as shut:
            return self._notice(request, shut.code)
        except Forged:
            return self._notice(request, "expired")
        except TooLarge:
            return self._notice(request, "too_large")
        except (TooSlow, Unreadable) as error:
            if request.path.startswith("/s/w/") and isinstance(error, Unreadable):
                return api.unreadable(str(error))
            return self._notice(request, "unreadable")
        except (Busy, Unstored):
            return self._notice(request, "busy")
        except DatabaseError:
            logger.exception("The database did not answer a respondent")
            return self._notice(request, "busy")

    async def _routed(self, request: Request, receive: Receive) -> Reply:
        match request.path[3:].strip("/").split("/"):
            case ["pictures", digest] if request.method in ("GET", "HEAD"):
                return await self._picture(request, digest)
            case ["w", name, what]:
                return await api.replied(request, name, what, receive)
            case ["i", token] if request.method in ("GET", "HEAD"):
                begun = await begin_invited(token, bodies.pairs_of(request.query), request)
                return await self._first_page(request, begun)
            case ["r", token] if request.method in ("GET", "HEAD"):
                return await self._resumed(request, start_of(token))
            case ["r", token] if request.method == "POST":
                return await self._submitted(request, start_of(token), receive)
            case ["v", token] if request.method in ("GET", "HEAD", "POST"):
                return await self._verified(request, token)
            case [name] if name and request.method in ("GET", "HEAD"):
                query = bodies.pairs_of(request.query)
                begun = await (begin_preview if "preview" in query else begin)(name, query, request)
                if (begun.entry.pin or begun.entry.verify_email) and not begun.start.test:
                    return self._door(request, begun.entry, "pin" if begun.entry.pin else "email")
                return await self._first_page(request, begun)
            case [name] if name and request.method == "POST":
                return await self._door_opened(request, name, receive)
        if request.method not in ("GET", "HEAD", "POST"):
            return Reply(405, b"", [*pages.plain_headers("en"), (b"allow", b"GET, HEAD, POST")])
        return self._notice(request, "unknown")

    async def _picture(self, request: Request, digest: str) -> Reply:
        body = await directory().in_thread(lambda: body_of(digest)) if len(digest) == 64 else None
        return Reply(200, body, PICTURE) if body else self._notice(request, "unknown")

    # The PIN, and the e-mail address

    def _door(self, request: Request, entry: Entry, code: str, status: int = 200, email: str = "") -> Reply:
        language = next(iter(request.languages), "en")
        action = quote(request.path) + (f"?{request.query}" if request.query else "")
        body = pages.door_page(
            code, language, action, pin=bool(entry.pin), email=email if entry.verify_email else None
        )  # fmt: skip
        return Reply(status, body, pages.plain_headers(language))

    async def _door_opened(self, request: Request, name: str, receive: Receive) -> Reply:
        form = bodies.form_of(await bodies.whole(request.headers, receive, 64 * 1024))
        begun = await begin(name, bodies.pairs_of(request.query), request)
        entry, email = begun.entry, form.first("email")
        if entry.pin and not await pins.opens(entry, form.first("pin"), request.address):
            return self._door(request, entry, "wrong_pin", 422, email)
        if not entry.verify_email:
            return see_other(address_of(begun.start))
        address = verifying.mailbox_of(email)
        if not address:
            return self._door(request, entry, "wrong_email", 422, email)
        sent = await directory().in_thread(
            lambda: verifying.send_link(entry.workspace, begun.start, address, request.address)
        )
        return self._notice(request, "email_sent" if sent else "too_many")

    async def _verified(self, request: Request, token: str) -> Reply:
        """The link of the mail. Opening it changes nothing, as mail scanners open links too; its button begins."""
        start, address = verified_by(token)
        begun = await going_on(start)
        if (mine := begun.response) is not None:
            return see_other(address_of(replace(start, person=mine.person, customer=mine.customer_id)))
        if request.method != "POST":
            body = pages.door_page("email_confirmed", start.language, quote(request.path))
            return Reply(200, body, pages.plain_headers(start.language))
        workspace = begun.entry.workspace
        start = await directory().in_thread(lambda: verifying.bound(start, address, workspace))
        return see_other(address_of(start))

    # Pages

    async def _first_page(self, request: Request, begun: Begun) -> Reply:
        """The page of a response that may not be stored yet; what the address chose is shown chosen, and not more."""
        if begun.response is not None and begun.response.state in DONE:
            return await self._end(begun)
        query = bodies.pairs_of(request.query)
        given = prefilled(begun.prepared, query, begun.start.language)
        answers = {**(begun.response.answers if begun.response else {}), **given}
        one_click = query.get("q", "") in given
        page = begun.response.page if begun.response else ""
        if begun.start.test:  # the editor shows the page that is being written
            page = page or query.get("page", "")
        return await self._page(request, begun, answers, page, one_click=one_click)

    async def _resumed(self, request: Request, start: Start) -> Reply:
        query = bodies.pairs_of(request.query)
        begun = await going_on(start, chosen_language(query.get("lang", "")))
        if begun.response is not None and begun.response.state in DONE:
            return await self._end(begun)
        answers = begun.response.answers if begun.response else {}
        page = begun.response.page if begun.response else ""
        if (asked := query.get("page", "")) and (begun.prepared.definition.back or asked == page):
            page = asked
        return await self._page(request, begun, answers, page)

    async def _page(
        self, request: Request, begun: Begun, answers: dict[str, Any], page: str, *, one_click: bool = False,
        outcome: Outcome | None = None, entered: dict[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        start, prepared = begun.start, begun.prepared
        facts = await begun.facts()
        view = visit(
            prepared.ready, answers, facts, language=start.language, seed=begun.seed, page=page,
            problems=outcome.problems if outcome else {}, entered=entered or {}, full=begun.full,
        )  # fmt: skip
        if view.page is None:  # everything is answered, or a quota is full: nothing is left but to send it
            return await self._nothing_left(begun, answers)
        around = Around(
            action=address_of(start), language=start.language, test=start.test, kiosk=kiosk_address(begun),
            shown_at=round(time.time() * 1000), languages=language_links(request, begun), one_click=one_click,
        )  # fmt: skip
        body = pages.question_page(prepared, view, view.page, around)
        status = 422 if outcome and outcome.problems else 200
        return Reply(status, body, pages.frame(prepared, start.language).headers)

    async def _nothing_left(self, begun: Begun, answers: dict[str, Any]) -> Reply:
        """A survey without pages, or closed to this person by a full quota."""
        ending = finish(
            begun.prepared.ready, answers, await begun.facts(), language=begun.start.language, seed=begun.seed,
            full=begun.full,
        ).ending  # fmt: skip
        return self._ended(begun, ending)

    async def _end(self, begun: Begun) -> Reply:
        return self._ended(begun, await begun.ending())

    def _ended(self, begun: Begun, ending: Any) -> Reply:
        around = Around("", begun.start.language, test=begun.start.test, kiosk=kiosk_address(begun))
        body = pages.ending_page(begun.prepared, ending, around)
        return Reply(200, body, pages.frame(begun.prepared, begun.start.language).headers)

    # Answers

    async def _submitted(self, request: Request, start: Start, receive: Receive) -> Reply:
        begun = await going_on(start, read=False)
        form = await self._form(request, begun, receive)
        prepared = begun.prepared
        asked = [one for one in form.first("asked").split(",") if one in prepared.questions]
        reading = read_form(prepared.ready, asked, form.fields, language=start.language)
        for one in asked:
            if files := form.files.get(field_name(one)):
                if good := [file for file in files if file["key"]]:
                    reading.answers[one] = good
                if refused := [file for file in files if not file["key"]]:
                    reading.problems[one] = tuple(refused_file(prepared.questions[one], file) for file in refused)
        step = form.first("step")
        shown = form.first("shown")
        now = time.time()
        outcome = await store().submit(
            Submission(
                start, begun.entry, prepared, form.first("page"), reading.answers, step_of(step),
                datetime.fromtimestamp(now, UTC), reading.problems, asked,
                now - int(shown) / 1000 if shown.isdecimal() and len(shown) < 15 else 0.0,
                (abuse.HONEYPOT,) if form.first(abuse.TRAP) else (), request.address, request.agent,
            )
        )  # fmt: skip
        return await self._answered(request, begun, outcome, step_of(step), dict(reading.entered), form.first("page"))

    async def _answered(
        self, request: Request, begun: Begun, outcome: Outcome, step: Step, entered: dict[str, str], sent: str
    ) -> Reply:
        begun.response = outcome.response
        where = address_of(begun.start)
        if not outcome.done and outcome.page:
            where += f"?page={quote(outcome.page, safe='')}"
        again = step == "next" and not outcome.done and outcome.page == sent
        if request.by_script:
            if step == "save":
                return json_reply({"saved": True})
            return json_reply({"again": True}, 422) if again or outcome.problems else json_reply({"next": where})
        if step == "save":
            return Reply(204, b"", pages.plain_headers("en"))
        if again or outcome.problems:
            return await self._page(
                request, begun, outcome.response.answers, outcome.page, outcome=outcome,
                entered=entered if outcome.page == sent else {},
            )  # fmt: skip
        return see_other(where)

    async def _form(self, request: Request, begun: Begun, receive: Receive) -> Form:
        kind = request.headers.get(b"content-type", b"")
        if kind.startswith(b"multipart/form-data") and begun.prepared.files:
            accepted = {
                field_name(one.id): (round(one.largest_mb * 1_000_000), tuple(ending.lower() for ending in one.accept))
                for one in begun.prepared.questions.values()
                if one.kind == "file"
            }
            place = f"{begun.entry.public_id}/{begun.start.response}"
            return await bodies.form_with_files(request.headers, receive, accepted, place)
        body = await bodies.whole(request.headers, receive)
        if kind.startswith(b"multipart/form-data"):
            raise Unreadable("This survey takes no files.")
        return bodies.form_of(body)


def refused_file(question: Question, file: dict[str, Any]) -> Problem:
    if file["size"] > question.largest_mb * 1_000_000:
        return Problem("file_size", {"name": file["name"], "largest_mb": question.largest_mb})
    return Problem("file_type", {"name": file["name"], "accept": ", ".join(question.accept)})


def step_of(text: str) -> Step:
    return "save" if text == "save" else "back" if text == "back" else "next"


def kiosk_address(begun: Begun) -> str:
    start = begun.start
    return f"/s/{begun.entry.public_id}?{urlencode({'kiosk': start.origin})}" if start.channel == "kiosk" else ""


def prefilled(prepared: Prepared, query: dict[str, str], language: str) -> dict[str, Any]:
    """Answers that an address gives: `q=<question>&v=<value>` in a mail, and `answer.<question>=<value>`."""
    given = {name[7:]: value for name, value in query.items() if name.startswith("answer.")}
    if query.get("q"):
        given[query["q"]] = query.get("v", "")
    found: dict[str, Any] = {}
    for id_, value in given.items():
        question = prepared.questions.get(id_)
        if question is None or question.kind in ("file", "consent"):  # nobody agrees by opening an address
            continue
        values = value.split(",") if question.kind in ("multiple", "picture", "ranking") else [value]
        reading = read_form(prepared.ready, [id_], {field_name(id_): values}, language=language)
        found |= {name: one for name, one in reading.answers.items() if one is not None}
    return found


def language_links(request: Request, begun: Begun) -> dict[str, str]:
    """The same page in each language of the survey."""
    languages = begun.prepared.definition.languages
    if len(languages) < 2:
        return {}
    kept = [(name, value) for name, value in parse_qsl(request.query) if name != "lang"]
    path = quote(request.path)
    if request.method == "POST":
        kept = []
    return {one: f"{path}?{urlencode([*kept, ('lang', one)])}" for one in languages}


@cache
def respond() -> Respond:
    return Respond()


__all__ = ["Respond", "match", "respond", "stop_respond"]
