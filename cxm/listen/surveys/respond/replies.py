"""An answer to a request, and JSON ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

Headers = list[tuple[bytes, bytes]]
JSON: Headers = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Reply:
    status: int
    body: bytes
    headers: Headers = field(default_factory=list)


def json_reply(said: Any, status: int = 200, more: Headers | None = None) -> Reply:
    return Reply(status, _encode(said), [*JSON, *(more or [])])
