"""Why an event or a request is refused: a closed list."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
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
