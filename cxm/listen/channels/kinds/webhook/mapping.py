"""From the JSON of another system to a message or an event of ours, by JSONPath (RFC 9535). Pure: no tables here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jsonpath
import msgspec
from django.utils.translation import gettext as _

from cxm.record.capture.intake.arriving import epoch_ms, without_nul

MOST_BYTES = 1_000_000
LONGEST_PATH = 300
MOST_FOUND = 200  # values that one path may find
MOST_PROPERTIES = 50
MOST_SHAPES = 80  # paths of a payload that the page offers
# What a mapping may say, for messages and for events.
FIELDS = ("id", "at", "sender", "name", "user_id", "phone", "subject", "text", "score", "language", "touchpoint")
EVENT_FIELDS = ("id", "at", "sender", "name", "user_id", "phone", "language")
# Names that only we state: a webhook may not speak as we do.
NAME = re.compile(r"[^\x00-\x1f]{1,200}")


class Unusable(ValueError):
    """The payload or the mapping cannot be used; the message is for people."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """`paths`: field -> JSONPath. `when`: a path that must find something, else the payload is not meant for us."""

    makes: str = "message"  # or event
    event: str = ""
    when: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Understood:
    id: str
    at: datetime
    sender: str = ""
    name: str = ""
    user_id: str = ""
    phone: str = ""
    subject: str = ""
    text: str = ""
    score: float | None = None
    language: str = ""
    touchpoint: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


def mapped_of(settings: Mapping[str, Any]) -> Mapped:
    """From the settings of a channel, however old or damaged they are."""
    paths, properties = settings.get("paths"), settings.get("properties")
    return Mapped(
        makes="event" if settings.get("makes") == "event" else "message",
        event=str(settings.get("event", "")),
        when=str(settings.get("when", "")),
        paths={k: v for k, v in paths.items() if isinstance(v, str)} if isinstance(paths, dict) else {},
        properties={k: v for k, v in properties.items() if isinstance(v, str)} if isinstance(properties, dict) else {},
    )


@lru_cache(maxsize=512)
def compiled(path: str) -> Any:
    """Raises Unusable with the place that is wrong."""
    if len(path) > LONGEST_PATH:
        raise Unusable(_("A path may have %(most)s characters.") % {"most": LONGEST_PATH})
    if path.count("..") > 1:  # each multiplies the work by the size of what came
        raise Unusable(_("A path may look at all levels (..) once."))
    try:
        return jsonpath.compile(path if path.startswith("$") else f"$.{path}")
    except (jsonpath.JSONPathError, RecursionError, ValueError) as error:
        problem = str(error).partition("\n")[0].strip()
        raise Unusable(_("“%(path)s” is no JSONPath: %(problem)s.") % {"path": path, "problem": problem}) from error


def found(path: str, payload: Any) -> list[Any]:
    """What a path finds, at most MOST_FOUND values; none for no path."""
    if not path:
        return []
    values = []
    try:
        for match in compiled(path).finditer(payload):
            values.append(match.obj)
            if len(values) >= MOST_FOUND:
                break
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise Unusable(_("“%(path)s” cannot be followed in what came.") % {"path": path}) from error
    return values


def payload_of(body: bytes) -> Any:
    """Raises Unusable for what is no JSON."""
    if len(body) > MOST_BYTES:
        raise Unusable(_("More than %(most)s bytes came.") % {"most": MOST_BYTES})
    try:
        payload = msgspec.json.decode(without_nul(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unusable(_("What came is no JSON: %(problem)s") % {"problem": str(error)[:200]}) from error
    if not isinstance(payload, (dict, list)):
        raise Unusable(_("What came is JSON, but neither an object nor a list."))
    return payload


def is_meant(mapped: Mapped, payload: Any) -> bool:
    return not mapped.when or bool(found(mapped.when, payload))


def understand(mapped: Mapped, payload: Any, *, given_id: str, body: bytes, now: datetime) -> Understood:
    """Raises Unusable. `given_id` is what the sender calls this message in a header; the mapping's own goes before."""
    paths = mapped.paths
    id_ = _text(paths, "id", payload) or given_id or f"sha256:{hashlib.sha256(body).hexdigest()}"
    text = "\n".join(_texts(paths, "text", payload))
    subject = _text(paths, "subject", payload)
    if mapped.makes == "message" and not text and not subject:
        raise Unusable(_("The paths of the text and the subject find nothing in what came."))
    properties = {}
    for name, path in list(mapped.properties.items())[:MOST_PROPERTIES]:
        values = found(path, payload)
        if values:
            properties[name] = values[0] if len(values) == 1 else values
    return Understood(
        id=id_, at=_moment(paths, payload) or now, sender=_text(paths, "sender", payload),
        name=_text(paths, "name", payload), user_id=_text(paths, "user_id", payload),
        phone=_text(paths, "phone", payload), subject=subject, text=text, score=_number(paths, payload),
        language=_text(paths, "language", payload), touchpoint=_text(paths, "touchpoint", payload),
        properties=properties,
    )  # fmt: skip


def _texts(paths: Mapping[str, str], name: str, payload: Any) -> list[str]:
    values = found(paths.get(name, ""), payload)
    return [str(one).strip() for one in values if isinstance(one, (str, int, float)) and not isinstance(one, bool)]


def _text(paths: Mapping[str, str], name: str, payload: Any) -> str:
    return next((one for one in _texts(paths, name, payload) if one), "")


def _moment(paths: Mapping[str, str], payload: Any) -> datetime | None:
    """ISO 8601 (UTC where it names no zone), or a number of seconds or milliseconds since 1970."""
    for value in found(paths.get("at", ""), payload):
        if isinstance(value, str) and re.fullmatch(r"\d{9,13}(\.\d+)?", value):
            value = float(value)
        ms = epoch_ms(value)
        if ms is not None and 0 < ms < 32_503_680_000_000:
            return datetime.fromtimestamp(ms / 1000, UTC)
    return None


def _number(paths: Mapping[str, str], payload: Any) -> float | None:
    for text in _texts(paths, "score", payload):
        try:
            value = float(text)
        except ValueError:
            continue
        if -1000 <= value <= 1000:
            return value
    return None


def shape_of(payload: Any) -> list[tuple[str, str]]:
    """Paths of a payload and the types behind them, never a value: what the page shows of the last one that came."""
    rows: list[tuple[str, str]] = []
    for path, kind in _walk("$", payload):
        rows.append((path, kind))
        if len(rows) >= MOST_SHAPES:
            break
    return rows


def _walk(path: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > 12 or len(path) > LONGEST_PATH:
        return
    if isinstance(value, dict):
        for name, one in list(value.items())[:MOST_SHAPES]:
            plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
            yield from _walk(f"{path}.{name}" if plain else f"{path}['{_escaped(name)}']", one, depth + 1)
    elif isinstance(value, list):
        for number, one in enumerate(value[:3]):
            yield from _walk(f"{path}[{number}]", one, depth + 1)
    else:
        kinds = {str: "text", bool: "yes or no", int: "number", float: "number"}
        yield path, kinds.get(type(value), "nothing")


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")


# Where a usual system keeps what a mapping wants, as a start.
PRESETS: dict[str, Mapped] = {
    "typeform": Mapped(
        when="$.form_response",
        paths={
            "id": "$.form_response.token", "at": "$.form_response.submitted_at",
            "sender": "$.form_response.answers[?@.type=='email'].email",
            "phone": "$.form_response.answers[?@.type=='phone_number'].phone_number",
            "subject": "$.form_response.definition.title",
            "text": "$.form_response.answers[?@.type=='text'].text",
        },
        properties={"form": "$.form_response.form_id"},
    ),
    "zendesk": Mapped(
        when="$.detail",
        paths={
            "id": "$.id", "at": "$.time", "subject": "$.detail.subject", "text": "$.detail.description",
            "user_id": "$.detail.requester_id",
        },
        properties={"ticket": "$.detail.id", "what": "$.type"},
    ),
    "github": Mapped(
        when="$.issue",
        paths={
            "at": "$.issue.created_at", "name": "$.issue.user.login", "user_id": "$.issue.user.login",
            "subject": "$.issue.title", "text": "$.issue.body",
        },
        properties={"url": "$.issue.html_url", "what": "$.action"},
    ),
    "stripe": Mapped(
        makes="event", event="charge_disputed", when="$[?@=='charge.dispute.created']",
        paths={"id": "$.id", "at": "$.created", "user_id": "$.data.object.metadata.user_id"},
        properties={"amount": "$.data.object.amount", "currency": "$.data.object.currency",
                    "why": "$.data.object.reason"},
    ),
    "standard": Mapped(
        paths={"at": "$.timestamp", "sender": "$.data.email", "name": "$.data.name", "subject": "$.data.subject",
               "text": "$.data.text"},
        properties={"what": "$.type"},
    ),
    "token": Mapped(paths={"sender": "$.email", "name": "$.name", "subject": "$.subject", "text": "$.text"}),
}  # fmt: skip
