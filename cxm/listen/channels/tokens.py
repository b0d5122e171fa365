"""Tokens that name a delivery or a conversation, and that nobody else can make: of unsubscribe links, of addresses."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from django.conf import settings


def _mark(delivery_id: UUID) -> bytes:
    key = hashlib.sha256(b"cxm unsubscribe " + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, delivery_id.bytes, hashlib.sha256).digest()[:16]


def unsubscribe_token(delivery_id: UUID) -> str:
    """43 letters: the id and a keyed mark of 128 bits; no address and no name can be read from it."""
    return base64.urlsafe_b64encode(delivery_id.bytes + _mark(delivery_id)).decode().rstrip("=")


def delivery_id_of(token: str) -> UUID | None:
    """The delivery that a token of ours names; None for anything else."""
    if len(token) != 43 or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    found = UUID(bytes=raw[:16])
    return found if hmac.compare_digest(raw[16:], _mark(found)) else None


# A reply address is read by people and by mail servers that fold it to small letters: base 32, 16 + 10 bytes.
REPLY_LETTERS = 42


def _reply_mark(conversation_id: UUID) -> bytes:
    key = hashlib.sha256(b"cxm reply " + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, conversation_id.bytes, hashlib.sha256).digest()[:10]


def reply_token(conversation_id: UUID) -> str:
    """42 small letters and digits: the id of a conversation and a keyed mark of 80 bits."""
    return base64.b32encode(conversation_id.bytes + _reply_mark(conversation_id)).decode().rstrip("=").lower()


def conversation_id_of(token: str) -> UUID | None:
    """The conversation that a token of ours names; None for anything else."""
    if len(token) != REPLY_LETTERS or not token.isascii():
        return None
    try:
        raw = base64.b32decode(token.upper() + "======")
    except (binascii.Error, ValueError):
        return None
    found = UUID(bytes=raw[:16])
    # The last letter has bits to spare: only the token that we write counts.
    return found if hmac.compare_digest(reply_token(found), token.lower()) else None
