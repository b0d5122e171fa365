"""The JSON answers API, for the widget and for apps: the same pages as data. See docs/reference/answers-api.md.

    POST /s/w/<public id>/view       {language, hidden …}          → {token, view}
    POST /s/w/<public id>/answers    {token, page, answers}        → {token, view} or {token, ending}
    POST /s/w/<public id>/file?token=…    multipart, a file under the id of its question    → {files}

Any site may call it, without cookies or a key: whoever may see the survey may answer it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from ..identity import UNVERIFIED, belief_in
from ..runtime import Problem, View, read_json, visit
from . import abuse, bodies, pins
from .beginning import Begun, Shut, begin_preview, clean, going_on, hidden_from, new_start, opened
from .bodies import Unreadable
from .deciding import DONE, Outcome, Step, Submission
from .directory import directory
from .people import identified
from .replies import Headers, Reply, json_reply
from .store import store
from .tokens import start_of, token_of
from .words import notice, ours, sentence

CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
PREFLIGHT: Headers = [
    *CORS, (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"), (b"access-control-max-age", b"86400"),
]  # fmt: skip
# For the ids of responses that a client names with `key`, so that its repetition is no second response.
KEYS = uuid.UUID("5f0c7a52-6c41-4b9e-9a77-0b1d6a1a9f10")


class Asked(msgspec.Struct):
    """What a client says when it wants a page. Unknown fields are left out."""

    token: str = ""
    language: str = ""
    channel: Literal["widget", "api"] = "api"
    hidden: dict[str, str | float | bool | None] = {}
    user_id: str = ""
    hash: str = ""  # the proof of the user id; see identity.py
    anonymous_id: str = ""
    url: str = ""
    origin: str = ""
    device: Literal["", "phone", "desktop"] = ""
    page: str = ""
    pin: str = ""
    key: str = ""
    preview: str = ""


class Given(Asked):
    """Answers in their stored format. Without a page, they are the whole response."""

    answers: dict[str, Any] = {}
    step: Step = "next"
    asked: list[str] = []
    seconds: float = 0.0
    trap: str = ""


class Asking(Protocol):
    method: str
    query: str
    headers: dict[bytes, bytes]

    @property
    def address(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def languages(self) -> list[str]: ...


Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def error(code: str, language: str, status: int, more: Headers) -> Reply:
    title, text = notice(code, ours(language))
    return json_reply({"error": code, "title": title, "message": text}, status, [*CORS, *more])


def unreadable(detail: str) -> Reply:
    return json_reply({"error": "unreadable", "title": "", "message": detail}, 400, CORS)


async def replied(request: Asking, name: str, what: str, receive: Receive) -> Reply:
    """Raises what pages raise; see app.py."""
    if what not in ("view", "answers", "file"):
        raise Shut("unknown")
    if request.method == "OPTIONS":
        return Reply(204, b"", PREFLIGHT)
    if request.method == "GET" and what == "view":
        query = bodies.pairs_of(request.query)
        hidden: dict[str, str | float | bool | None] = {
            one.removeprefix("hidden."): value for one, value in query.items()
        }
        asked = Asked(language=query.get("lang", ""), hidden=hidden, preview=query.get("preview", ""),
                      token=query.get("token", ""), page=query.get("page", ""))  # fmt: skip
        return await _view(request, name, asked)
    if request.method != "POST":
        return Reply(405, b"", [*CORS, (b"allow", b"POST, OPTIONS")])
    if what == "file":
        return await _file(request, name, receive)
    body = await bodies.whole(request.headers, receive)
    if what == "view":
        return await _view(request, name, bodies.json_of(body, Asked))
    return await _answers(request, name, bodies.json_of(body, Given))


async def _begun(request: Asking, name: str, asked: Asked) -> Begun:
    if asked.token:
        begun = await going_on(start_of(asked.token), asked.language)
        if name not in (begun.entry.public_id,):
            raise Shut("unknown")
        return begun
    if asked.preview:
        return await begin_preview(name, {"preview": asked.preview, "lang": asked.language}, request)
    entry, prepared = await opened(name)
    if entry.verify_email:
        raise Shut("email")  # it begins from a link in a mail
    if entry.pin:
        if not asked.pin:
            raise Shut("pin")
        if not await pins.opens(entry, asked.pin, request.address):
            raise Shut("wrong_pin")
    if not abuse.guard().may_start(request.address):
        raise Shut("too_many")
    person = customer = None
    flags: list[str] = []
    if asked.user_id or asked.anonymous_id:
        user, anonymous = clean(asked.user_id)[:300], clean(asked.anonymous_id)[:300]
        person, customer, flags = await directory().in_thread(
            lambda: _believed(entry.workspace, user, anonymous, asked.hash)
        )
    response = uuid.uuid5(KEYS, f"{entry.id}:{asked.key}") if asked.key else None
    start = new_start(
        entry, prepared, request, clean(asked.language)[:20], response=response, channel=asked.channel,
        origin=clean(asked.origin)[:200], hidden=hidden_from(prepared, {k: _text(v) for k, v in asked.hidden.items()}),
        person=person, customer=customer, address=clean(asked.url)[:500], device=asked.device, flags=flags,
    )  # fmt: skip
    return Begun(entry, prepared, start)


def _believed(
    workspace: int, user: str, anonymous: str, proof: str
) -> tuple[uuid.UUID | None, uuid.UUID | None, list[str]]:
    """(whose facts these are, whose traits and earlier answers may be put into texts, flags)."""
    belief = belief_in(workspace, user, proof) if user else "proven"
    if belief == "doubted":
        user = ""
    person, customer = identified(workspace, user_id=user, anonymous_id=anonymous)
    return (person, customer, []) if belief == "proven" or not user else (person, None, [UNVERIFIED])


def _text(value: str | float | bool | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value


async def _view(request: Asking, name: str, asked: Asked) -> Reply:
    begun = await _begun(request, name, asked)
    return await _shown(begun, asked.page or (begun.response.page if begun.response else ""))


async def _shown(begun: Begun, page: str, outcome: Outcome | None = None, read: Any = None) -> Reply:
    response = begun.response
    said: dict[str, Any] = {
        "token": token_of(begun.start), "test": begun.start.test, "look": begun.prepared.definition.look,
    }  # fmt: skip
    if response is not None and response.state in DONE:
        return json_reply({**said, "done": True, "ending": await begun.ending()}, 200, CORS)
    problems = {**(outcome.problems if outcome else {}), **(read.problems if read else {})}
    language = ours(begun.start.language)
    worded = {
        id_: tuple(
            msgspec.structs.replace(one, message=sentence(one, language)) if isinstance(one, Problem) else one
            for one in some
        )
        for id_, some in problems.items()
    }
    view: View = visit(
        begun.prepared.ready, response.answers if response else {}, await begun.facts(),
        language=begun.start.language, seed=begun.seed, page=page, problems=worded, full=begun.full,
    )  # fmt: skip
    return json_reply({**said, "done": False, "view": view, "problems": worded}, 422 if worded else 200, CORS)


async def _answers(request: Asking, name: str, given: Given) -> Reply:
    begun = await _begun(request, name, given)
    for id_, question in begun.prepared.questions.items():
        if question.kind == "file" and given.answers.get(id_):
            raise Unreadable(f"The files of {id_} are sent with the form of the page, not here.")
    reading = read_json(begun.prepared.ready, given.answers)
    now = time.time()
    outcome = await store().submit(
        Submission(
            begun.start, begun.entry, begun.prepared, given.page, reading.answers, given.step,
            datetime.fromtimestamp(now, UTC), reading.problems, given.asked, given.seconds,
            (abuse.HONEYPOT,) if given.trap else (), request.address, request.agent,
        )
    )  # fmt: skip
    begun.response = outcome.response
    if given.step == "save" and not reading.problems:
        return json_reply({"token": token_of(begun.start), "saved": True}, 200, CORS)
    return await _shown(begun, outcome.page or given.page, outcome, reading)


async def _file(request: Asking, name: str, receive: Receive) -> Reply:
    """Keep files at once, as the answer to their question; those before them are replaced."""
    token = bodies.pairs_of(request.query).get("token", "")
    if not token:
        raise Unreadable("The token of the response is missing.")
    begun = await _begun(request, name, Asked(token=token))
    asked = {id_: one for id_, one in begun.prepared.questions.items() if one.kind == "file"}
    if not asked:
        raise Unreadable("This survey takes no files.")
    accepted = {
        id_: (round(one.largest_mb * 1_000_000), tuple(ending.lower() for ending in one.accept))
        for id_, one in asked.items()
    }
    place = f"{begun.entry.public_id}/{begun.start.response}"
    form = await bodies.form_with_files(request.headers, receive, accepted, place)
    given = {id_: files for id_, files in form.files.items() if id_ in asked and files}
    for id_, files in given.items():
        for one in files:
            if not one.get("key"):
                large = one.get("size", 0) > accepted[id_][0]
                problem = (
                    Problem("file_size", {"name": one["name"], "largest_mb": asked[id_].largest_mb})
                    if large
                    else Problem("file_type", {"name": one["name"], "accept": list(asked[id_].accept)})
                )
                message = sentence(problem, ours(begun.start.language))
                return json_reply({"error": problem.code, "message": message}, 422, CORS)
    outcome = await store().submit(
        Submission(
            begun.start, begun.entry, begun.prepared, begun.response.page if begun.response else "", given, "save",
            datetime.now(UTC), address=request.address, agent=request.agent,
        )
    )  # fmt: skip
    kept = [one for id_ in given for one in outcome.response.answers.get(id_, ())]
    return json_reply({"files": kept}, 200, CORS)
