"""What mail servers report about our messages: delivery status (RFC 3464) and complaints (ARF, RFC 5965)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Literal
from uuid import UUID

Kind = Literal["bounce", "delay", "delivered", "complaint", "other"]
OUR_ID = re.compile(r"<?([0-9a-f]{32})@")
VERP = re.compile(r"\+([0-9a-f]{32})@")
MOST_PARTS = 50


@dataclass(frozen=True)
class Report:
    """`delivery_id` is None where the report names no message of ours; `status` is like 5.1.1."""

    kind: Kind
    delivery_id: UUID | None
    status: str = ""
    words: str = ""


def read(raw: bytes) -> list[Report]:
    """What a message says about ours, one report for each recipient; empty when it is no report at all."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    parts = [part for _number, part in zip(range(MOST_PARTS), message.walk(), strict=False)]
    named = _delivery_id(message, parts)
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                blocks = [one for one in _blocks(part) if _text(one, "Action")]
                return [_status(one, named) for one in blocks]
            case "message/feedback-report":
                about = next(iter(_blocks(part)), None)
                kind = _text(about, "Feedback-Type").lower() if about is not None else ""
                # "not-spam" is a compliment; everything else wants us to stop.
                return [Report("other" if kind in {"not-spam", ""} else "complaint", named, words=kind)]
    return []


def _status(block: Message, named: UUID | None) -> Report:
    action = _text(block, "Action").lower()
    status = _text(block, "Status").split(" ")[0]
    kinds: dict[str, Kind] = {
        "failed": "bounce", "delayed": "delay", "delivered": "delivered", "relayed": "delivered",
        "expanded": "delivered",
    }  # fmt: skip
    words = _text(block, "Diagnostic-Code").partition(";")[2].strip() or _text(block, "Diagnostic-Code")
    return Report(kinds.get(action, "other"), named, status, words[:1000])


def _blocks(part: Message) -> list[Message]:
    """The groups of headers of a status report; the parser of the standard library makes a message of each."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [one for one in payload if isinstance(one, Message)]
    text = payload if isinstance(payload, str) else ""
    return [message_from_bytes(one.encode("utf-8", "replace")) for one in re.split(r"\r?\n\r?\n", text) if one.strip()]


def _delivery_id(message: Message, parts: Sequence[Message]) -> UUID | None:
    """By the address that the report was sent to, else by the Message-ID of what came back."""
    for name in ("To", "Delivered-To", "X-Original-To"):
        if found := VERP.search(_text(message, name)):
            return UUID(found[1])
    for part in parts[1:]:
        if part.get_content_type() not in {"text/rfc822-headers", "message/rfc822"}:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            text = _text(payload[0], "Message-ID") if payload and isinstance(payload[0], Message) else ""
        else:
            raw = part.get_payload(decode=True)
            text = _text(message_from_bytes(raw), "Message-ID") if isinstance(raw, bytes) else ""
        if found := OUR_ID.search(text):
            return UUID(found[1])
    return None


def _text(message: Message, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, TypeError):  # the lazy parser of a malformed header
        return ""
