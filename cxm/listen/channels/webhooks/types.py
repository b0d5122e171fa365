"""The types of events that endpoints can hear of: each says what it tells, from which facts, with which fields.

One type has one schema for ever: every field is always there, null where it is not known. Fields are thin: ids, states
and short texts. docs/reference/webhooks.md is written from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LONGEST = 2000  # characters of a text of a person; `cut` says that there was more
SHORT = 200  # of any other text
MOST, ITEM = 50, 60  # items of a list, and characters of each
# They would be six bytes each in JSON, and a message has a limit.
CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000)])


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[: 2 * SHORT].translate(CONTROLS)[:SHORT]


def _words(value: Any) -> str | None:
    return value[:LONGEST].translate(CONTROLS) if isinstance(value, str) else None


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: Any) -> str | None:
    try:
        return value if isinstance(value, str) and datetime.fromisoformat(value) else None
    except ValueError:
        return None


def _texts(value: Any) -> list[str]:
    return [str(one)[:ITEM].translate(CONTROLS) for one in value[:MOST]] if isinstance(value, list) else []


@dataclass(frozen=True)
class Kind:
    """A kind of field: its JSON schema, and how a property becomes a value that fits it."""

    schema: Mapping[str, Any]
    read: Callable[[Any], Any]


KINDS = {
    "text": Kind({"type": ["string", "null"], "maxLength": SHORT}, _text),
    "words": Kind({"type": ["string", "null"], "maxLength": LONGEST}, _words),
    "number": Kind({"type": ["number", "null"]}, _number),
    "flag": Kind({"type": ["boolean", "null"]}, _flag),
    "time": Kind({"type": ["string", "null"], "format": "date-time"}, _time),
    "texts": Kind({"type": "array", "items": {"type": "string", "maxLength": ITEM}, "maxItems": MOST}, _texts),
}


@dataclass(frozen=True)
class Type:
    """`events`: the facts and events that are told so. `fields`: name → kind; of properties of the same name."""

    name: str
    text: str  # for the reference, in English
    events: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)

    def data(self, event_id: str, event: str, customer_id: str | None, properties: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {"event_id": event_id, "event": event, "customer_id": customer_id}
        for name, kind in self.fields.items():
            told[name] = KINDS[kind].read(properties.get(name))
        if "words" in self.fields.values():
            long = [properties.get(name) for name, kind in self.fields.items() if kind == "words"]
            told["cut"] = any(isinstance(one, str) and len(one) > LONGEST for one in long)
        return told

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the payload's `data`."""
        properties: dict[str, Any] = {
            "event_id": {"type": "string", "format": "uuid"},
            "event": {"enum": list(self.events)},
            "customer_id": {"type": ["string", "null"], "format": "uuid"},
        }
        properties |= {name: dict(KINDS[kind].schema) for name, kind in self.fields.items()}
        if "words" in self.fields.values():
            properties["cut"] = {"type": "boolean"}
        return {
            "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
        }  # fmt: skip


FEEDBACK = {
    "metric": "text", "question": "text", "scale": "text", "score": "number", "comment": "words", "survey": "text",
    "response_id": "text", "conversation_id": "text", "channel": "text", "touchpoint": "text", "language": "text",
}  # fmt: skip
RESPONSE = {
    "survey": "text", "survey_name": "text", "response_id": "text", "channel": "text", "duration_s": "number"
}  # fmt: skip
PROFILE = {"by": "text", "fields": "texts", "tag": "text", "kind": "text"}
CASE = {"case_id": "text", "number": "number", "subject": "text"}
SLA = {**CASE, "target": "text", "due_at": "time", "team": "text"}

TYPES = [
    Type(
        "feedback.received", "Somebody gave a score or said something: an answer, a message, a review, a call.",
        ("answer_given", "message_received", "review_received", "call_transcribed"), FEEDBACK,
    ),
    Type(
        "response.completed", "Somebody completed a survey; without a customer where nobody is known.",
        ("survey_completed",), RESPONSE,
    ),
    Type(
        "response.abandoned", "Somebody left a survey unfinished; without a customer where nobody is known.",
        ("survey_abandoned",), RESPONSE,
    ),
    Type(
        "message.sent", "A reply, an acknowledgement or a message of an automation was queued for a customer.",
        ("message_sent",),
        {"message_id": "text", "conversation_id": "text", "channel": "text", "kind": "text", "case_id": "text"},
    ),
    Type("profile.created", "A person or a program made a profile.", ("customer_created",), {"by": "text"}),
    Type(
        "profile.updated", "Fields, tags or identities of a profile were changed by a person or a program.",
        ("profile_changed", "identity_added", "identity_removed", "customer_tagged", "customer_untagged"), PROFILE,
    ),
    Type(
        "profile.merged", "Another profile was linked to this one.", ("customers_merged",),
        {"by": "text", "merged": "text"},
    ),
    Type(
        "profile.unmerged", "Such a link was undone.", ("customers_unmerged",), {"by": "text", "separated": "text"}
    ),
    Type(
        "consent.changed", "A customer agreed to a purpose, or no longer does.",
        ("consent_given", "consent_withdrawn"), {"purpose": "text", "source": "text"},
    ),
    Type(
        "segment.entered", "A customer is in a segment now.", ("segment_entered",),
        {"segment_id": "text", "segment": "text"},
    ),
    Type(
        "segment.left", "A customer is in a segment no more.", ("segment_left",),
        {"segment_id": "text", "segment": "text"},
    ),
    Type(
        "case.created", "A case was opened.", ("case_opened",),
        {**CASE, "opened_by": "text", "category": "text", "priority": "text", "team": "text",
         "channel": "text", "touchpoint": "text", "severe": "flag", "complaint": "flag"},
    ),
    Type(
        "case.updated", "Something about a case changed; `event` says what.",
        ("case_acknowledged", "case_replied", "case_assigned", "case_handed_over", "case_reopened", "case_snoozed",
         "case_merged"),
        {**CASE, "team": "text", "owner": "text", "from": "text", "promised_at": "time", "first": "flag",
         "until": "time", "why": "text", "into": "number"},
    ),
    Type(
        "case.resolved", "A case was resolved.", ("case_resolved",),
        {**CASE, "resolution": "text", "root_cause": "text", "resolution_s": "number", "team": "text"},
    ),
    Type("case.closed", "A case was closed for good.", ("case_closed",), CASE),
    Type("case.sla_warning", "A case is about to miss a target.", ("sla_warned",), SLA),
    Type("case.sla_breached", "A case missed a target.", ("sla_breached",), SLA),
    Type(
        "alert.raised", "A rule of alerts found something.", ("alert_raised",),
        {"alert_id": "text", "rule": "text", "rule_id": "text", "kind": "text", "about": "text", "case_id": "text"},
    ),
    Type(
        "automation.ran", "A rule or workflow did something for a customer.", ("rule_ran",),
        {"rule_id": "text", "rule": "text", "version": "number", "run_id": "text", "state": "text", "effects": "texts"},
    ),
]  # fmt: skip
BY_EVENT = {event: one for one in TYPES for event in one.events}
TEST_SCHEMA = {
    "type": "object",
    "properties": {"endpoint_id": {"type": "string", "format": "uuid"}, "sent_by": {"type": "string"}},
    "required": ["endpoint_id", "sent_by"],
    "additionalProperties": False,
}
