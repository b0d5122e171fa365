"""Events as bytes, checked before they are accepted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from .errors import InvalidEvent

LARGEST = 32 * 1024  # bytes of one event as JSON: the protocol's limit
LONGEST_MESSAGE_ID = 99  # characters


def iso(time: datetime) -> str:
    """In UTC, to the millisecond; a time without a zone is taken for one of this machine's."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    """What JSON does not know by itself."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encode(event: dict[str, object]) -> bytes:
    """The event as JSON in UTF-8. Raises InvalidEvent."""
    try:
        text = json.dumps(event, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEvent(f"The {event['type']} event is not JSON: {error}") from error
    data = text.encode("utf-8", "replace")  # half of a surrogate pair is no text
    if len(data) > LARGEST:
        raise InvalidEvent(f"The {event['type']} event has {len(data):,} bytes; {LARGEST:,} is the limit")
    return data


def name(value: str | int | UUID | None, what: str) -> str | None:
    """An id as text, None when it is missing. Raises InvalidEvent for what cannot be an id."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise InvalidEvent(f"{what} must be text or a whole number, not {type(value).__name__}")
    return str(value)
