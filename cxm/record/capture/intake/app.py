"""The application: routes, limits, and from a request to its answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings

from cxm.lib.request_body import Gone, Receive, TooLarge, TooSlow, whole_body
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.commit import Busy, Row, writer
from cxm.record.eventlog.engine import EventlogError

from ..origins import origin_allowed
from ..plan import check
from ..reasons import Reason
from ..sources import SourceEntry
from . import answers, posthog, segment
from .answers import Answer
from .arriving import LONGEST_EVENT, Event, Refused, Stamp, check_depth, identity_id
from .bodies import (
    MOST_BATCH,
    MOST_CALL,
    MOST_RAW,
    Unreadable,
    flat_call,
    from_base64,
    inflated,
    key_of,
    pairs_of,
    read,
    shared_context,
)
from .directory import Known, Unknown, directory
from .meanings import CONSENT_EVENTS, MEANINGS, meaning
from .rejections import rejections

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_EVENTS = 2_500  # of one batch
AT_ONCE = 512  # requests; beyond that clients are told to come back
PATIENCE = 30.0  # seconds that a body may take
YIELD_EVERY = 250  # events after which others get a turn
TYPES = ("identify", "track", "page", "screen", "group", "alias")
# First parts of addresses that are the product's own and no project.
OWN = frozenset({"api", "w", "account", "static", "language", "settings"})


@dataclass(frozen=True, slots=True)
class Route:
    """`dialect` reads the calls; `kind` is the type in the address; `too_large` the status that its clients expect."""

    dialect: str  # segment · posthog · pixel · settings
    kind: str = ""
    too_large: int = 400
    methods: tuple[str, ...] = ("POST",)


def _routes() -> Mapping[str, Route]:
    found = {f"v1/{name}": Route("segment", name) for name in (*TYPES, *"itpsga")}
    found |= {f"v1/{name}": Route("segment") for name in ("batch", "b", "import")}
    found |= {f"v1/pixel/{name}": Route("pixel", name, methods=("GET",)) for name in TYPES}
    found |= {f"pixel/v1/{name}": Route("pixel", name, methods=("GET",)) for name in ("track", "page")}
    found["beacon/v1/batch"] = Route("segment", too_large=413)
    found |= {f"api/s/{way}{name}": Route("segment", name) for name in TYPES for way in ("", "s2s/")}  # Jitsu's
    found |= {name: Route("posthog", too_large=413) for name in ("batch", "capture", "e", "i/v0/e")}
    return found


ROUTES = _routes()
SETTINGS = Route("settings", methods=("GET",))


def match(path: str) -> tuple[Route, str] | None:
    """The route of an address, and the write key that it names; with or without a slash at the end and a project."""
    path = path.strip("/")
    if route := ROUTES.get(path):
        return route, ""
    parts = path.split("/")
    if parts[-1] == "settings" and parts[-3:-2] == ["projects"] and len(parts) <= 5:
        return SETTINGS, parts[-2]
    if len(parts) > 1 and parts[0] not in OWN and (route := ROUTES.get("/".join(parts[1:]))):
        return route, ""
    return None


def stop_intake() -> None:
    """Write what waits and end the threads. Safe to call when nothing runs."""
    writer().stop()
    directory().stop()
    rejections().stop()


@dataclass(slots=True)
class Request:
    route: Route
    method: str
    headers: dict[bytes, bytes]
    query: str
    key: str
    address: str

    @property
    def origin(self) -> str:
        return self.headers.get(b"origin", b"").decode("latin-1")


class Intake:
    """One for the process. `handle` answers a request whose route `match` has found."""

    def __init__(self) -> None:
        self._at_once = 0

    async def handle(self, route: Route, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(
            route, scope["method"], dict(scope["headers"]), scope.get("query_string", b"").decode("latin-1"), key,
            (scope.get("client") or ("",))[0] or "",
        )  # fmt: skip
        try:
            answer = await self._answered(request, receive)
        except Gone:  # or still there, with chunks that cannot be read: left without an answer it would read 500
            answer = answers.refusal(Reason.INVALID_JSON, "The body breaks off.")
        except Exception:
            logger.exception("A request of the tracking API failed")
            answer = answers.error("unavailable", "The server cannot take events now. Send them again.", 503, 5)
        if route.dialect == "pixel" and request.method == "GET":
            answer = answers.pixel()
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        if request.method != "OPTIONS":
            headers += answers.cors(request.origin)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answered(self, request: Request, receive: Receive) -> Answer:
        route = request.route
        if request.method == "OPTIONS":
            return answers.preflight(request.origin)
        if request.method not in route.methods:
            return answers.error("method_not_allowed", f"Use {' or '.join(route.methods)} here.", 405)
        if self._at_once >= AT_ONCE:
            return answers.error("too_many_requests", "Too many requests at once. Send this one again.", 429, 1)
        self._at_once += 1
        try:
            if route.dialect == "settings":
                return self._settings(request)
            return await self._taken(request, receive)
        except Unreadable as error:
            return answers.refusal(error.reason, str(error), too_large=route.too_large)
        except TooLarge:
            return answers.refusal(Reason.PAYLOAD_TOO_LARGE, "The body has more than 4 MB.", too_large=route.too_large)
        except TooSlow:
            return answers.error("request_timeout", "The body did not arrive in time.", 408)
        except Unknown:
            return answers.error("unavailable", "The server is starting. Send this again.", 503, 2)
        except Busy as error:
            return answers.error("too_many_requests", "Too much waits to be stored.", 429, error.retry_after)
        except EventlogError as error:
            logger.warning("Events could not be stored: %s", error)
            return answers.error("unavailable", "The events could not be stored. Send them again.", 503, 5)
        finally:
            self._at_once -= 1

    def _settings(self, request: Request) -> Answer:
        if directory().source(request.key) is None:
            return answers.refusal(Reason.INVALID_WRITE_KEY, "There is no source with this write key.")
        host = request.headers.get(b"host", b"").decode("latin-1")
        if host.rpartition(":")[0].strip("[]") not in settings.ALLOWED_HOSTS and host not in settings.ALLOWED_HOSTS:
            host = settings.BASE_URL.partition("://")[2]
        return answers.settings(request.key, host)

    async def _taken(self, request: Request, receive: Receive) -> Answer:
        route = request.route
        if route.dialect == "pixel":
            sent = body = pixel_body(request.query)
        else:
            sent = await whole_body(request.headers, receive, MOST_RAW, PATIENCE)
            body = inflated(sent, request.headers.get(b"content-encoding", b""))
        outside, calls, is_batch = read(body)
        source = directory().source(key_of(request.headers, request.query, outside, calls))
        known = directory().known()
        if source is None:
            return answers.refusal(Reason.INVALID_WRITE_KEY, "There is no source with this write key.")
        if refused := whole_refused(request, source, len(sent if is_batch else body), is_batch):
            rejections().add(source.workspace_id, source.source_id, refused[0], detail=refused[1], body=body)
            return answers.refusal(*refused, too_large=route.too_large)
        arrival = Arrival(request, source, known, round(time.time() * 1000), outside.sentAt or outside.sent_at)
        if is_batch:
            arrival.kind = ""  # each says its own
            arrival.shared_context = shared_context(outside, min(len(calls), MOST_EVENTS))
        for number, call in enumerate(calls):
            if number >= MOST_EVENTS:
                arrival.reject(Reason.TOO_MANY_EVENTS, call, n=len(calls) - number)
                break
            arrival.take(call)
            if number % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        await arrival.store()
        return answers.success(arrival.rejected)


class Arrival:
    """The events of one request on their way to the log."""

    def __init__(self, request: Request, source: SourceEntry, known: Known, received: int, sent: Any) -> None:
        self.request, self.source, self.known = request, source, known
        self.stamp = Stamp(source.workspace_id, source.source_id, received, sent)
        self.kind, self.shared_context = request.route.kind, b""
        self.rows: dict[bytes, Row] = {}
        self.rejected = 0
        self.plan = known.plans.get(source.workspace_id) if source.plan_mode != "off" else None
        self.gpc = request.headers.get(b"sec-gpc") == b"1"

    def reject(self, reason: Reason, call: bytes, *, name: str = "", detail: str = "", n: int = 1) -> None:
        self.rejected += n
        rejections().add(
            self.source.workspace_id, self.source.source_id, reason, name=name, detail=detail, body=call, n=n
        )  # fmt: skip

    def take(self, call: bytes) -> None:
        """Make the rows of one call, or note why there are none."""
        try:
            if len(call) > LONGEST_EVENT:
                raise Refused(Reason.EVENT_TOO_LARGE, f"{len(call)} bytes; 32768 are allowed.")
            check_depth(call)
            events = self._events(call)
        except Refused as refused:
            self.reject(refused.reason, call, detail=refused.detail)
            return
        for event in events:
            try:
                row = self._row(event)
            except Refused as refused:
                self.reject(refused.reason, call, name=event.name, detail=refused.detail)
                continue
            event_id = row.event_id
            if event_id in self.rows:
                self.reject(Reason.REPEAT, b"", name=event.name)
            else:
                self.rows[event_id] = row

    def _events(self, call: bytes) -> list[Event]:
        if self.request.route.dialect == "posthog":
            return posthog.events_of(call)
        return [segment.event_of(call, route=self.kind, shared_context=self.shared_context)]

    def _row(self, event: Event) -> Row:
        workspace = self.source.workspace_id
        user = identity_id(workspace, "user_id", event.user_id) if event.user_id else b""
        anonymous = identity_id(workspace, "anonymous_id", event.anonymous_id) if event.anonymous_id else b""
        name = event.name.lower()
        self._check_consent(event, name, user, anonymous)
        if event.type == "track":
            # A no to analytics is taken, whatever the plan forgot.
            if self.plan is not None and name not in CONSENT_EVENTS:
                self._check_plan(event)
            if name in MEANINGS:
                meaning(event)
        if event.context and b'"direct"' in event.context:
            event.context = with_address(event.context, self.request.address)
        return self.stamp.row(event, user or anonymous or NOBODY.bytes)

    def _check_consent(self, event: Event, name: str, user: bytes, anonymous: bytes) -> None:
        """Raises Refused for what the person did not agree to; an event that says what they agree to passes."""
        known = self.known
        if user in known.suppressed:
            raise Refused(Reason.SUPPRESSED)
        if name in CONSENT_EVENTS:
            return
        if user in known.refused or anonymous in known.refused:
            raise Refused(Reason.REFUSED_CONSENT)
        said = analytics_consent(event.context) if b'"consent"' in event.context else None
        if said is False:
            raise Refused(Reason.REFUSED_CONSENT)
        if self.gpc and not (said or user in known.granted or anonymous in known.granted):
            raise Refused(Reason.REFUSED_GPC)

    def _check_plan(self, event: Event) -> None:
        """Note what an event does against the tracking plan (n = 0: it is stored). Raises Refused where it blocks."""
        assert self.plan is not None
        for violation in check(self.plan, event.name, properties_of(event)):
            if self.source.plan_mode == "block":
                raise Refused(violation.reason, violation.detail)
            rejections().add(
                self.source.workspace_id, self.source.source_id, violation.reason, name=event.name,
                detail=violation.detail, body=event.properties, n=0,
            )  # fmt: skip

    async def store(self) -> None:
        if not self.rows:
            return
        outcome = await writer().write(list(self.rows.values()))
        for event_id in outcome.repeats & self.rows.keys():
            self.reject(Reason.REPEAT, b"", name=self.rows[event_id].name)
        for event_id in outcome.unstorable.keys() & self.rows.keys():
            self.reject(
                Reason.UNSTORABLE, self.rows[event_id].line, name=self.rows[event_id].name,
                detail=outcome.unstorable[event_id],
            )  # fmt: skip


class _Consent(msgspec.Struct):
    categoryPreferences: dict[str, bool] = {}


class _WithConsent(msgspec.Struct):
    consent: _Consent | None = None


_consent = msgspec.json.Decoder(_WithConsent)
_object = msgspec.json.Decoder(dict[str, Any])


def analytics_consent(context: bytes) -> bool | None:
    """What `context.consent.categoryPreferences` says of analytics (Segment's consent in context); None for nothing."""
    try:
        said = _consent.decode(context).consent
    except msgspec.DecodeError:
        return None
    if said is None:
        return None
    return next((value for key, value in said.categoryPreferences.items() if key.lower() == "analytics"), None)


def properties_of(event: Event) -> dict[str, Any]:
    """Raises Refused."""
    try:
        return _object.decode(event.properties)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Reason.INVALID_FIELD, str(error)[:200]) from error


def with_address(context: bytes, address: str) -> bytes:
    """`context.direct` asks for the address of the caller."""
    try:
        found = _object.decode(context)
    except msgspec.DecodeError:
        return context
    if found.get("direct") is True and address:
        found["ip"] = address
    return msgspec.json.encode(found)


def whole_refused(request: Request, source: SourceEntry, size: int, is_batch: bool) -> tuple[Reason, str] | None:
    """Why a request is refused as a whole, if it is. `size` is that of the call, or of a batch as it was sent: packed,
    RudderStack's clients put up to 4 MB of events into one, on the same route as Segment's."""
    if not source.enabled:
        return Reason.SOURCE_DISABLED, "This source is switched off."
    if request.origin and not origin_allowed(source.origins, request.origin):
        return Reason.ORIGIN_NOT_ALLOWED, "This site may not use this write key."
    if request.route.dialect == "segment":
        most = MOST_BATCH if is_batch else MOST_CALL
        if size > most:
            return Reason.PAYLOAD_TOO_LARGE, f"The body has {size} bytes; {most} are allowed."
    return None


def pixel_body(query: str) -> bytes:
    """The call of a pixel: `data` holds it in base64, or the query itself is the call."""
    pairs = pairs_of(query)
    data = dict(pairs).get("data")
    return from_base64(data) if data else msgspec.json.encode(flat_call(pairs))
