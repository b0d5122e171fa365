"""What clients get to read. Errors carry the spelling of Segment (code, message), RudderStack and PostHog (detail)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import msgspec

from ..reasons import Reason

Headers = list[tuple[bytes, bytes]]
JSON: Headers = [(b"content-type", b"application/json; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # one transparent pixel
PIXEL: Headers = [(b"content-type", b"image/gif"), (b"cache-control", b"no-store, max-age=0")]
SUCCESS = b'{"success":true}'
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    headers: Headers = field(default_factory=lambda: list(JSON))


STATUS = {
    Reason.INVALID_JSON: 400,
    Reason.PAYLOAD_TOO_LARGE: 400,
    Reason.INVALID_WRITE_KEY: 401,
    Reason.SOURCE_DISABLED: 404,
    Reason.ORIGIN_NOT_ALLOWED: 403,
}


def success(rejected: int = 0) -> Answer:
    headers = list(JSON)
    if rejected:
        headers.append((b"x-cx-rejected", str(rejected).encode()))
    return Answer(200, SUCCESS, headers)


def error(code: str, message: str, status: int, retry_after: int = 0) -> Answer:
    """`code` never changes, `message` is for the developer who reads the client's log."""
    body = {"success": False, "code": code, "message": message, "detail": message}
    headers = list(JSON)
    if retry_after:
        headers += [
            (b"retry-after", str(retry_after).encode()),
            (b"x-ratelimit-reset", str(retry_after).encode()),
        ]
    return Answer(status, _encode(body), headers)


def refusal(reason: Reason, message: str, *, too_large: int = 400) -> Answer:
    status = too_large if reason is Reason.PAYLOAD_TOO_LARGE else STATUS[reason]
    return error(reason.value, message, status)


def pixel() -> Answer:
    return Answer(200, GIF, list(PIXEL))


def settings(key: str, host: str) -> Answer:
    """What browsers and phones ask first: one integration only, so that they load nothing further, and no metrics of
    the client itself, which Segment's would send to Segment."""
    body = {
        "integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1"}},
        "metrics": {"sampleRate": 0},
    }
    return Answer(200, _encode(body), [*JSON, (b"cache-control", b"public, max-age=120")])


def cors(origin: str) -> Headers:
    """A page of another site may read the answer; no cookies are involved."""
    if not origin:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"Retry-After, X-CX-Rejected"),
        (b"vary", b"Origin"),
    ]


def preflight(origin: str) -> Answer:
    return Answer(
        200,
        b"",
        [
            (b"access-control-allow-origin", (origin or "*").encode("latin-1")),
            (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
            (b"access-control-allow-headers", b"Authorization, Content-Type, X-Retry-Count, X-Write-Key, X-IP-Policy"),
            (b"access-control-max-age", b"86400"),
            (b"vary", b"Origin"),
        ],
    )
