"""One event in the form that all dialects are brought to, and its row for the log."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from cxm.record.eventlog.commit import Row

from ..reasons import Reason

LONGEST_ID = 300  # characters of a user, anonymous, group or previous id
LONGEST_NAME = 200
LONGEST_EVENT = 32 * 1024  # bytes
DEEPEST = 200  # levels of nesting
DAY_MS = 86_400_000
EARLIEST_MS = 631_152_000_000  # 1990: what claims to be older is a clock that was never set
NO_TIME = "1970-01-01 00:00:00.000"
EMPTY = b"{}"

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


class Refused(Exception):
    """This event cannot be taken; the others of its batch can."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Event(msgspec.Struct, gc=False):
    """An event of any dialect. `properties` and `context` are JSON objects as text; times are as sent."""

    type: str
    name: str
    user_id: str
    anonymous_id: str
    message_id: str
    properties: bytes
    context: bytes
    original: str | int | float | None = None
    sent: str | int | float | None = None


def epoch_ms(value: object) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 text (UTC without a zone) or of a number (seconds, or milliseconds)."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        try:
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except (OverflowError, ValueError):
            return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -1e15 < value < 1e15:
            return None
        return round(value if abs(value) > 1e11 else value * 1000)
    return None


def times(original: object, sent: int | None, received: int) -> tuple[int, int, str]:
    """When it happened by our clock, when by the sender's (0 for unsaid), and a remark; milliseconds since 1970.

    `received - (sent - original)`: the sender's clock may be wrong, the time that passed between is right.
    (https://segment.com/docs/connections/spec/common/#timestamps)
    """
    said = epoch_ms(original) if original is not None else None
    if said is None:
        return received, 0, ""
    at = said if sent is None else received - (sent - said)
    if at > received + DAY_MS:
        return received, max(said, 0), "future"
    if at < EARLIEST_MS:
        return received, max(said, 0), "past"
    return at, said, ""


def moment(ms: int) -> str:
    """A time as the log reads it fastest."""
    if not EARLIEST_MS <= ms < 32_503_680_000_000:
        return NO_TIME
    digits = str(ms)
    return f"{digits[:-3]}.{digits[-3:]}"


def text_id(value: Any) -> str:
    """An id as text; numbers are tolerated, null and empty texts are no id. Raises Refused."""
    if value is None:
        return ""
    if type(value) is str:
        text = value
    else:
        text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    text = text.strip()
    if len(text) > LONGEST_ID:
        raise Refused(Reason.INVALID_FIELD, "An id may have 300 characters.")
    return text


def name_of(value: Any) -> str:
    """The name of an event. Raises Refused."""
    if value is None or isinstance(value, bool):
        return ""
    text = str(value)
    if not text.isprintable():
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    text = text.strip()
    if len(text) > LONGEST_NAME:
        raise Refused(Reason.INVALID_FIELD, "The name of an event may have 200 characters.")
    return text


def check_depth(raw: bytes) -> None:
    """Raises Refused for JSON nested deeper than DEEPEST."""
    if len(raw) <= DEEPEST or raw.count(b"{") + raw.count(b"[") <= DEEPEST:
        return
    depth = 0
    for found in _BRACKETS.finditer(raw):
        mark = found[0][:1]
        if mark in b"{[":
            depth += 1
            if depth > DEEPEST:
                raise Refused(Reason.TOO_DEEP)
        elif mark in b"}]":
            depth -= 1


def without_nul(raw: bytes) -> bytes:
    """JSON text without NUL, which no column should meet."""
    # An even number of backslashes before it is text about a NUL, an escaped backslash each; it stays.
    return _NUL.sub(rb"\1", raw) if b"\\u0000" in raw else raw


def _escaped_json(raw: bytes) -> bytes:
    if b"\\" in raw:
        raw = without_nul(raw).replace(b"\\", b"\\\\")
    if b"\n" in raw:
        raw = raw.replace(b"\n", b" ")
    if b"\t" in raw:
        raw = raw.replace(b"\t", b" ")
    return raw


def identity_id(workspace_id: int, kind: str, value: str) -> bytes:
    """The 16 bytes of eventlog.ids.customer_id_of."""
    return blake2b(f"{workspace_id}\x1f{kind}\x1f{value}".encode(), digest_size=16).digest()


def message_hash(workspace_id: int, message_id: str) -> bytes:
    """The 16 bytes of eventlog.ids.event_id_of; a message without an id is new whenever it comes."""
    if not message_id:
        return uuid.uuid4().bytes
    return blake2b(f"{workspace_id}\x1fmessage\x1f{message_id}".encode(), digest_size=16).digest()


class Stamp:
    """What the rows of one request share: who sent them, when they came, and by which clock."""

    def __init__(self, workspace_id: int, source_id: int, received: int, sent: object) -> None:
        self.workspace_id = workspace_id
        self.received = received
        self.sent = epoch_ms(sent) if sent is not None else None
        self._head = f"{workspace_id}\t"
        self._middle = f"\t{moment(received)}\tcapture\t{source_id}\t"

    def row(self, event: Event, customer: bytes) -> Row:
        """The row of an event; `customer` is the identity id it is filed under."""
        event_id = message_hash(self.workspace_id, event.message_id)
        sent = self.sent if event.sent is None else epoch_ms(event.sent)
        at, original, remark = times(event.original, sent, self.received)
        name, when = event.name, moment(at)
        text = (
            f"{self._head}{event_id.hex()}\t{name}\t{customer.hex()}\t{when}{self._middle}{event.type}"
            f"\t{event.user_id}\t{event.anonymous_id}\t{when if original == at else moment(original)}\t{remark}\t"
        )
        if "\\" in text:  # in the name or an id, nowhere else
            text = text.replace("\\", "\\\\")
        # The texts are bytes from beginning to end: most of an event is not decoded only to be encoded again.
        properties, context = event.properties, event.context
        both = properties + context
        if b"\\" in both or b"\n" in both or b"\t" in both:
            properties, context = _escaped_json(properties), _escaped_json(context)
        return Row(event_id, b"%b%b\t%b\n" % (text.encode(), properties, context), name)
