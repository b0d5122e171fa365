"""Why the tracking API refuses or leaves out an event: a closed list, with a sentence each for the debugger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _


class Reason(StrEnum):
    """The codes as the `rejections` table of the log holds them."""

    INVALID_JSON = "invalid_json"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    INVALID_WRITE_KEY = "invalid_write_key"
    SOURCE_DISABLED = "source_disabled"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    UNKNOWN_TYPE = "unknown_type"
    NO_USER_ANON_ID = "no_user_anon_id"
    NO_EVENT_NAME = "no_event_name"
    NO_GROUP_ID = "no_group_id"
    NO_PREVIOUS_ID = "no_previous_id"
    EVENT_TOO_LARGE = "event_too_large"
    TOO_MANY_EVENTS = "too_many_events"
    TOO_DEEP = "too_deep"
    INVALID_FIELD = "invalid_field"
    REFUSED_CONSENT = "refused_consent"
    REFUSED_GPC = "refused_gpc"
    SUPPRESSED = "suppressed"
    NOT_IN_PLAN = "not_in_plan"
    PROPERTY_INVALID = "property_invalid"
    REPEAT = "repeat"
    UNSTORABLE = "unstorable"


@dataclass(frozen=True, slots=True)
class Words:
    """A short name of a reason, and a sentence that says what to do about it; both are lazy texts."""

    title: Any
    sentence: Any


# Left out on purpose, and nothing that the sender should repair: not counted as errors of a source.
LEFT_OUT = frozenset({Reason.REFUSED_CONSENT, Reason.REFUSED_GPC, Reason.SUPPRESSED, Reason.REPEAT})

WORDS: dict[Reason, Words] = {
    Reason.INVALID_JSON: Words(
        _("No valid JSON"),
        _("The body of the request could not be read as JSON in UTF-8, so nothing of it was stored."),
    ),
    Reason.PAYLOAD_TOO_LARGE: Words(
        _("Request too large"), _("A request may hold 500 KB; send the events in smaller batches.")
    ),
    Reason.INVALID_WRITE_KEY: Words(
        _("Unknown write key"), _("The request came with a write key that does not exist or was disabled.")
    ),
    Reason.SOURCE_DISABLED: Words(
        _("Source switched off"), _("The source is switched off; switch it on to take its events again.")
    ),
    Reason.ORIGIN_NOT_ALLOWED: Words(
        _("Origin not allowed"),
        _("The page that sent this is not in the list of origins of the source; add its address there."),
    ),
    Reason.UNKNOWN_TYPE: Words(
        _("Unknown type"), _("The type of the event is none of track, identify, page, screen, group and alias.")
    ),
    Reason.NO_USER_ANON_ID: Words(
        _("Nobody named"), _("The event has neither a userId nor an anonymousId, so it belongs to nobody.")
    ),
    Reason.NO_EVENT_NAME: Words(_("No event name"), _("A track call needs the name of the event in “event”.")),
    Reason.NO_GROUP_ID: Words(_("No group"), _("A group call needs the id of the group in “groupId”.")),
    Reason.NO_PREVIOUS_ID: Words(
        _("No previous id"), _("An alias call needs the old id in “previousId” and the new one in “userId”.")
    ),
    Reason.EVENT_TOO_LARGE: Words(_("Event too large"), _("One event may hold 32 KB.")),
    Reason.TOO_MANY_EVENTS: Words(
        _("Too many events"), _("A batch may hold 2,500 events; those beyond were not stored.")
    ),
    Reason.TOO_DEEP: Words(_("Nested too deep"), _("The event is nested deeper than 200 levels.")),
    Reason.INVALID_FIELD: Words(
        _("Invalid field"), _("A field of the event has a type or a value that it cannot have; the detail names it.")
    ),
    Reason.REFUSED_CONSENT: Words(
        _("Analytics refused"), _("The person has refused analytics, so the event was dropped and only counted.")
    ),
    Reason.REFUSED_GPC: Words(
        _("Global Privacy Control"),
        _("The browser asked not to be tracked (Sec-GPC), so the event was dropped and only counted."),
    ),
    Reason.SUPPRESSED: Words(
        _("Suppressed"), _("A privacy regulation says that nothing more is stored about this person.")
    ),
    Reason.NOT_IN_PLAN: Words(
        _("Not in the tracking plan"),
        _("The tracking plan does not name this event, or not this property; the detail says which."),
    ),
    Reason.PROPERTY_INVALID: Words(
        _("Property against the plan"),
        _("A property is missing or has another type or value than the tracking plan says; the detail names it."),
    ),
    Reason.REPEAT: Words(
        _("Sent again"), _("An event with this message id is stored already; a repeat changes nothing.")
    ),
    Reason.UNSTORABLE: Words(
        _("Could not be stored"), _("The event log could not take this event; the detail says why.")
    ),
}


def title_of(code: str) -> str:
    """The short name of a reason; the code itself if it is none of ours."""
    words = WORDS.get(code)  # type: ignore[call-overload]  # a StrEnum equals its text
    return str(words.title) if words else code


def sentence_of(code: str) -> str:
    """What a reason means and what to do; empty if it is none of ours."""
    words = WORDS.get(code)  # type: ignore[call-overload]  # a StrEnum equals its text
    return str(words.sentence) if words else ""
