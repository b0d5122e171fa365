"""The Segment dialect (RudderStack speaks it too): https://segment.com/docs/connections/spec/."""

from __future__ import annotations

from typing import Any

import msgspec

from ..reasons import Reason
from .arriving import EMPTY, Event, Refused, name_of, text_id

Scalar = str | int | float | None
SHORT = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})


class Call(msgspec.Struct, gc=False):
    """One call. Everything optional, because clients leave out, null and mistype; the checks come after."""

    type: Scalar = None
    event: Scalar = None
    messageId: Scalar = None
    userId: Scalar = None
    anonymousId: Scalar = None
    groupId: Scalar = None
    previousId: Scalar = None
    name: Scalar = None
    category: Scalar = None
    timestamp: Scalar = None
    originalTimestamp: Scalar = None
    sentAt: Scalar = None
    properties: msgspec.Raw = msgspec.Raw(b"")
    traits: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")


class _WithTraits(msgspec.Struct):
    traits: msgspec.Raw = msgspec.Raw(b"")


_call = msgspec.json.Decoder(Call)
_traits = msgspec.json.Decoder(_WithTraits)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


def json_object(raw: msgspec.Raw | bytes, field: str) -> bytes:
    """The text of a JSON object; null and nothing are the empty one. Raises Refused for anything else."""
    text = bytes(raw).strip() if raw else b""
    if not text or text == b"null":
        return EMPTY
    if text[:1] != b"{":
        raise Refused(Reason.INVALID_FIELD, f"{field} must be an object.")
    return text


def merged(shared: bytes, own: bytes) -> bytes:
    """The context of a batch under that of one of its events: what the event says itself counts."""
    if shared in (b"", EMPTY):
        return own
    if own == EMPTY:
        return shared
    return _encode(_object.decode(shared) | _object.decode(own))


def event_of(raw: bytes, *, route: str, shared_context: bytes = b"") -> Event:
    """The event of one call. `route` is the type that the address names, empty for a batch. Raises Refused."""
    try:
        call = _call.decode(raw)
    except msgspec.ValidationError as error:
        raise Refused(Reason.INVALID_FIELD, str(error)[:200]) from error
    kind = SHORT.get(route, route) or str(call.type or "").lower()
    if kind not in TYPES:
        raise Refused(Reason.UNKNOWN_TYPE, str(call.type)[:100])
    user, anonymous = text_id(call.userId), text_id(call.anonymousId)
    if not user and not anonymous:
        raise Refused(Reason.NO_USER_ANON_ID)
    context = json_object(call.context, "context")
    if shared_context:
        context = merged(shared_context, context)
    event = Event(
        kind, "", user, anonymous, str(call.messageId or ""), EMPTY, b"" if context == EMPTY else context,
        call.originalTimestamp if call.originalTimestamp is not None else call.timestamp,
        call.sentAt,
    )  # fmt: skip
    FILL[kind](event, call)
    return event


def _track(event: Event, call: Call) -> None:
    name = name_of(call.event)
    if not name:
        raise Refused(Reason.NO_EVENT_NAME)
    event.name, event.properties = name, json_object(call.properties, "properties")


def _page(event: Event, call: Call) -> None:
    event.name = "page_viewed" if event.type == "page" else "screen_viewed"
    event.properties = json_object(call.properties, "properties")
    own = {key: value for key in ("name", "category") if (value := getattr(call, key)) not in (None, "")}
    if own:
        event.properties = _encode(_object.decode(event.properties) | own)


def _identify(event: Event, call: Call) -> None:
    traits = json_object(call.traits, "traits")
    if traits == EMPTY and event.context and b'"traits"' in event.context:  # RudderStack puts them there
        traits = json_object(_traits.decode(event.context).traits, "context.traits")
    event.name, event.properties = "customer_identified", b'{"traits":' + traits + b"}"


def _group(event: Event, call: Call) -> None:
    group = text_id(call.groupId)
    if not group:
        raise Refused(Reason.NO_GROUP_ID)
    traits = json_object(call.traits, "traits")
    event.name = "group_joined"
    event.properties = b'{"group_id":' + _encode(group) + b',"traits":' + traits + b"}"


def _alias(event: Event, call: Call) -> None:
    previous = text_id(call.previousId)
    if not previous or not event.user_id:
        raise Refused(Reason.NO_PREVIOUS_ID)
    event.name = "customer_aliased"
    event.properties = b'{"previous_id":' + _encode(previous) + b"}"


FILL = {
    "track": _track, "page": _page, "screen": _page, "identify": _identify, "group": _group, "alias": _alias,
}  # fmt: skip
