"""From the bytes of a request to its calls and its key."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import msgspec

from ..reasons import Reason
from .arriving import LONGEST_EVENT, Refused, check_depth

MOST_RAW = 4 * 1024 * 1024  # bytes of a body, packed or not
MOST_BATCH = 500 * 1024  # bytes of a batch on a Segment route
MOST_CALL = 32 * 1024  # bytes of a single call
MOST_COPIES = 16 * 1024 * 1024  # bytes that the context of a batch may take, copied to each of its calls
Scalar = str | int | float | None


# An escaped backslash, a pair, or the half of one.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class Unreadable(Exception):
    """The request as a whole cannot be taken; `reason` is one of those that clients get as `code`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Body(msgspec.Struct):
    """The outside of a request: a batch, or one call (then `batch` is missing and the body is the call).

    Of a wrong type is what is not asked for: only JSON that cannot be read stops a whole request.
    """

    batch: list[msgspec.Raw] | None = None
    context: msgspec.Raw = msgspec.Raw(b"")
    sentAt: Any = None
    sent_at: Any = None
    writeKey: Any = None
    api_key: Any = None
    token: Any = None


class _PostHogKey(msgspec.Struct):
    token: Scalar = None


class _KeyInProperties(msgspec.Struct):
    properties: _PostHogKey | None = None


_body = msgspec.json.Decoder(Body)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_deep_key = msgspec.json.Decoder(_KeyInProperties)


def inflated(body: bytes, encoding: bytes) -> bytes:
    """The body without gzip; whether it is packed is seen from itself, because clients forget to say so.

    Raises Unreadable for a broken stream and for one that grows beyond MOST_RAW.
    """
    if body[:2] != b"\x1f\x8b":
        if b"gzip" in encoding and body:
            raise Unreadable(Reason.INVALID_JSON, "The body is not gzip, although Content-Encoding says so.")
        return body
    machine = zlib.decompressobj(wbits=31)
    try:
        whole = machine.decompress(body, MOST_RAW + 1)
    except zlib.error as error:
        raise Unreadable(Reason.INVALID_JSON, f"The gzip stream is broken: {error}.") from error
    if len(whole) > MOST_RAW:
        raise Unreadable(Reason.PAYLOAD_TOO_LARGE, "The unpacked body has more than 4 MB.")
    if not machine.eof:
        raise Unreadable(Reason.INVALID_JSON, "The gzip stream ends too early.")
    return whole


def read(body: bytes) -> tuple[Body, list[bytes], bool]:
    """The outside, the calls, and whether they came as a batch. Raises Unreadable."""
    if body[:5] == b"data=":
        body = _form(body)
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    try:
        body.decode()
        if b"\\ud" in body or b"\\uD" in body:
            body = whole_letters(body)
        if body.lstrip()[:1] == b"[":
            return Body(), [bytes(one) for one in _list.decode(body)], True
        outside = _body.decode(body)
    except UnicodeDecodeError as error:
        raise Unreadable(Reason.INVALID_JSON, f"The body is not UTF-8 (byte {error.start}).") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(Reason.INVALID_JSON, f"The body is not the JSON of a call or a batch: {error}.") from error
    if outside.batch is None:
        return outside, [body], False
    return outside, [bytes(one) for one in outside.batch], True


def shared_context(outside: Body, calls: int) -> bytes:
    """The context of a batch, which each of its calls gets; empty where there is none.

    Raises Unreadable for one that is nested too deep, or too large for so many copies.
    """
    context = bytes(outside.context).strip()
    if context[:1] != b"{":
        return b""
    if len(context) > LONGEST_EVENT or len(context) * calls > MOST_COPIES:
        raise Unreadable(Reason.PAYLOAD_TOO_LARGE, "The context is too large for so many events.")
    try:
        check_depth(context)
    except Refused as refused:
        raise Unreadable(Reason.INVALID_JSON, "The context is nested deeper than 200 levels.") from refused
    return context


def whole_letters(body: bytes) -> bytes:
    """JSON text in which half a surrogate pair, a cut emoji, is the replacement character: no parser takes it."""
    return _SURROGATES.sub(lambda found: found[0] if len(found[0]) != 6 else b"\\ufffd", body)


def _form(body: bytes) -> bytes:
    """`data=` of a form: JSON, or JSON in base64."""
    try:
        text = parse_qs(body.decode(), max_num_fields=20)["data"][0]
    except (UnicodeDecodeError, ValueError, KeyError) as error:
        raise Unreadable(Reason.INVALID_JSON, "The form has no readable field “data”.") from error
    return text.encode() if text.lstrip()[:1] in {"{", "["} else from_base64(text)


def from_base64(text: str) -> bytes:
    """Base64 of either alphabet, with or without padding. Raises Unreadable."""
    text = text.strip().rstrip("=").replace("+", "-").replace("/", "_").replace(" ", "-")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise Unreadable(Reason.INVALID_JSON, "The data is not base64.") from error


def basic_user(header: str) -> str:
    """The user of `Authorization: Basic`, with or without the colon; empty where it is not to be had."""
    kind, _space, rest = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip() + "=" * (-len(rest.strip()) % 4)).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def key_of(headers: Mapping[bytes, bytes], query: str, outside: Body | None, calls: list[bytes]) -> str:
    """The write key: Basic user, X-Write-Key, body or query; PostHog's browser puts it into the properties."""
    found = basic_user(headers.get(b"authorization", b"").decode("latin-1"))
    if not found:  # Jitsu's: "key:secret"; in the body it masks the key
        found = headers.get(b"x-write-key", b"").decode("latin-1").partition(":")[0]
    if not found and outside is not None:
        said = (outside.writeKey, outside.api_key, outside.token)
        found = next((str(one) for one in said if one and isinstance(one, (str, int))), "")
    if not found and query:
        asked = dict(pairs_of(query))
        found = asked.get("writeKey") or asked.get("api_key") or asked.get("token") or ""
    if not found and outside is not None and calls and b'"token"' in calls[0]:
        try:
            inner = _deep_key.decode(calls[0]).properties
            found = str(inner.token or "") if inner else ""
        except (msgspec.DecodeError, RecursionError):
            found = ""
    return found


def pairs_of(query: str) -> list[tuple[str, str]]:
    """The fields of a query. Raises Unreadable for more than anybody needs."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Unreadable(Reason.INVALID_JSON, "The query has more than 200 fields.") from error


def flat_call(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The call of a pixel's flat query: `properties.subject=…` is nested by its dots; a list stays text."""
    call: dict[str, Any] = {}
    for key, value in pairs:
        *path, last = key.split(".")[:10]
        place = call
        for part in path:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last] = value
    return call
