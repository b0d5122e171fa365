"""Signed tokens: how a response was started, in its form and its address, so that no cookie is needed.

A token proves only that we made it. It names one response; whoever has it may go on with that response, as with any
link that resumes.
"""

from __future__ import annotations

import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import blake2b, sha256
from hmac import compare_digest

import msgspec
from django.conf import settings

LONGEST = 6_000  # characters of a token
TAG = 16  # bytes of the signature
PREVIEW_S = 24 * 3600  # how long the address of a preview opens
VERIFYING_S = 24 * 3600  # and the link that confirms an e-mail address


class Start(msgspec.Struct, array_like=True, omit_defaults=True):
    """What was known when a response was started. Kept short: it travels with every page."""

    response: uuid.UUID
    survey: int
    version: int  # 0: the draft, in a preview
    at: int  # milliseconds since 1970
    language: str
    channel: str = "link"
    origin: str = ""
    invitation: uuid.UUID | None = None
    person: uuid.UUID | None = None  # the customer id that its facts carry
    customer: uuid.UUID | None = None
    hidden: dict[str, str] = {}
    test: bool = False
    address: str = ""  # the page that a widget stood on
    device: str = ""
    flags: list[str] = []
    full: list[str] = []  # quotas that were full, of those that conditions ask for


class _Preview(msgspec.Struct, array_like=True):
    survey: int
    until: int  # seconds since 1970


class _Verifying(msgspec.Struct, array_like=True):
    start: Start
    address: str
    until: int  # seconds since 1970


class Forged(Exception):
    """The token is not ours, or it is cut."""


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_start = msgspec.msgpack.Decoder(Start)
_verifying = msgspec.msgpack.Decoder(_Verifying)
_preview = msgspec.msgpack.Decoder(_Preview)


@cache
def _key(purpose: bytes) -> bytes:
    return sha256(b"cxm.surveys." + purpose + b"\0" + settings.SECRET_KEY.encode()).digest()


def _tag(purpose: bytes, body: bytes) -> bytes:
    """BLAKE2 with a key (RFC 7693): OpenSSL's HMAC lets go of the interpreter, which the event loop then waits for."""
    return blake2b(body, key=_key(purpose), digest_size=TAG).digest()


def _signed(purpose: bytes, body: bytes) -> str:
    return urlsafe_b64encode(_tag(purpose, body) + body).rstrip(b"=").decode()


def _body(purpose: bytes, token: str) -> bytes:
    """Raises Forged."""
    if len(token) > LONGEST or not token.isascii():
        raise Forged
    try:
        whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise Forged from error
    tag, body = whole[:TAG], whole[TAG:]
    if not compare_digest(tag, _tag(purpose, body)):
        raise Forged
    return body


def token_of(start: Start) -> str:
    return _signed(b"response", _encode(start))


def start_of(token: str) -> Start:
    """Raises Forged."""
    try:
        return _start.decode(_body(b"response", token))
    except msgspec.MsgspecError as error:  # a token of an earlier release
        raise Forged from error


def verifying_token(start: Start, address: str) -> str:
    """For `/s/v/…` in a mail to this address: whoever has it reads that mailbox."""
    return _signed(b"verifying", _encode(_Verifying(start, address, int(time.time()) + VERIFYING_S)))


def verified_by(token: str) -> tuple[Start, str]:
    """The response to begin, and the address. Raises Forged, also for a token that is too old."""
    try:
        found = _verifying.decode(_body(b"verifying", token))
    except msgspec.MsgspecError as error:
        raise Forged from error
    if found.until < time.time():
        raise Forged
    return found.start, found.address


def preview_token(survey_id: int) -> str:
    """For `/s/<public id>?preview=…`: opens the draft, in any state, as a test whose answers never count."""
    return _signed(b"preview", _encode(_Preview(survey_id, int(time.time()) + PREVIEW_S)))


def may_preview(survey_id: int, token: str) -> bool:
    try:
        found = _preview.decode(_body(b"preview", token))
    except (Forged, msgspec.MsgspecError):
        return False
    return found.survey == survey_id and found.until >= time.time()


def address_of(start: Start) -> str:
    """Where this response goes on: the path that resumes it."""
    return f"/s/r/{token_of(start)}"


def response_of_invitation(invitation: uuid.UUID) -> uuid.UUID:
    """A personal link that may be used once has this one response, however often and from wherever it is opened."""
    return uuid.uuid5(invitation, "response")


def number_of(response: uuid.UUID) -> int:
    """The seed of every random order in a response: 31 bits of its id."""
    return int.from_bytes(response.bytes[:4], "big") >> 1
