"""The PostHog capture dialect: https://posthog.com/docs/api/capture. One call may be two events of ours."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..reasons import Reason
from .arriving import EMPTY, Event, Refused, name_of, text_id

_encode = msgspec.json.Encoder().encode
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Call(msgspec.Struct, gc=False):
    event: str | int | float | None = None
    distinct_id: str | int | float | None = None
    uuid: str | int | float | None = None
    timestamp: str | int | float | None = None
    properties: dict[str, Any] | None = None
    set_: dict[str, Any] | None = msgspec.field(name="$set", default=None)
    set_once: dict[str, Any] | None = msgspec.field(name="$set_once", default=None)


_call = msgspec.json.Decoder(Call)
CONTEXT = {
    "$ip": "ip", "$raw_user_agent": "userAgent", "$locale": "locale", "$timezone": "timezone",
}  # fmt: skip


def events_of(raw: bytes) -> list[Event]:
    """The events of one call: what happened, and what `$set` says of the person. Raises Refused."""
    try:
        call = _call.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Reason.INVALID_FIELD, str(error)[:200]) from error
    came = call.properties or {}
    distinct = text_id(call.distinct_id if call.distinct_id is not None else came.pop("distinct_id", None))
    if not distinct:
        raise Refused(Reason.NO_USER_ANON_ID)
    name = name_of(call.event)
    if not name:
        raise Refused(Reason.NO_EVENT_NAME)
    for key in ("token", "distinct_id"):
        came.pop(key, None)
    # Somebody without a profile: posthog-python says so, and a browser's visitor is still the device.
    unknown = came.get("$process_person_profile") is False or came.get("$device_id") == distinct
    user, anonymous = ("", distinct) if unknown else (distinct, "")
    base = Event(
        "track", name, user, anonymous, str(call.uuid or came.get("$insert_id") or ""), EMPTY, _context(came),
        call.timestamp,
    )  # fmt: skip
    traits = _traits(call, came)
    found = [convert(base, came, traits)] if (convert := NAMES.get(name)) else [_track(base, came)]
    if traits and name not in {"$identify", "$set"}:
        found.append(_profile(base, traits, suffix=":traits"))
    return found


def _track(base: Event, came: dict[str, Any]) -> Event:
    base.properties = _encode(came)
    return base


def _context(came: dict[str, Any]) -> bytes:
    found: dict[str, Any] = {to: came[key] for key, to in CONTEXT.items() if isinstance(came.get(key), str)}
    if isinstance(came.get("$lib"), str):
        found["library"] = {"name": came["$lib"], "version": str(came.get("$lib_version") or "")}
    if isinstance(came.get("$current_url"), str):
        found["page"] = {
            "url": came["$current_url"], "path": came.get("$pathname"), "referrer": came.get("$referrer"),
            "title": came.get("title"),
        }  # fmt: skip
    return _encode(found) if found else b""


def _traits(call: Call, came: dict[str, Any]) -> dict[str, Any]:
    """What the call says of the person, for good (`traits`) or where nothing was said before (`traits_once`)."""
    always, once = call.set_ or came.pop("$set", None), call.set_once or came.pop("$set_once", None)
    return {
        **({"traits": always} if isinstance(always, dict) and always else {}),
        **({"traits_once": once} if isinstance(once, dict) and once else {}),
    }


def _profile(base: Event, traits: dict[str, Any], suffix: str = "") -> Event:
    return Event(
        "identify", "customer_identified", base.user_id, base.anonymous_id,
        base.message_id + suffix if base.message_id else "", _encode({"traits": {}, **traits}), base.context,
        base.original, base.sent,
    )  # fmt: skip


def _identify(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    event = _profile(base, traits)
    event.user_id = event.user_id or event.anonymous_id
    anonymous = text_id(came.get("$anon_distinct_id"))
    event.anonymous_id = anonymous if anonymous != event.user_id else ""
    return event


def _set(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    return _profile(base, traits)


def _alias(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    """`alias(previous_id, distinct_id)` sends the previous id as `distinct_id` and the user as `alias`."""
    previous = base.user_id or base.anonymous_id
    user = text_id(came.get("alias"))
    if not user:
        raise Refused(Reason.NO_PREVIOUS_ID)
    base.type, base.name, base.user_id, base.anonymous_id = "alias", "customer_aliased", user, ""
    base.properties = _encode({"previous_id": previous})
    return base


def _group(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    group = text_id(came.get("$group_key"))
    if not group:
        raise Refused(Reason.NO_GROUP_ID)
    if _made_up(base.user_id or base.anonymous_id, f"${came.get('$group_type')}_{group}"):
        base.user_id = base.anonymous_id = ""  # it is said of the group, by nobody
    said = came.get("$group_set")
    base.type, base.name = "group", "group_joined"
    base.properties = _encode(
        {
            "group_id": group,
            "group_type": str(came.get("$group_type") or ""),
            "traits": said if isinstance(said, dict) else {},
        }
    )
    return base


def _made_up(distinct: str, of_group: str) -> bool:
    """Whether a client that was told of a group and of no person made up an id: posthog-node says `$type_key`,
    posthog-python a random UUID. Somebody whose id is one joins the group by the `$groups` of their events."""
    return distinct == of_group or RANDOM.fullmatch(distinct) is not None


def _page(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    base.type, base.name = "page", "page_viewed"
    url = {"url": "$current_url", "path": "$pathname", "referrer": "$referrer", "title": "title"}
    base.properties = _encode(came | {to: came[key] for to, key in url.items() if came.get(key)})
    return base


def _screen(base: Event, came: dict[str, Any], traits: dict[str, Any]) -> Event:
    base.type, base.name = "screen", "screen_viewed"
    base.properties = _encode(came | ({"name": came["$screen_name"]} if came.get("$screen_name") else {}))
    return base


NAMES = {
    "$identify": _identify,
    "$set": _set,
    "$create_alias": _alias,
    "$merge_dangerously": _alias,
    "$groupidentify": _group,
    "$pageview": _page,
    "$screen": _screen,
}
