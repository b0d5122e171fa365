"""Hostile input for the tracking API, found by coverage: `python -m tests.fuzz_intake [SECONDS] [libFuzzer's options]`.

The first two bytes choose the address and how the body travels, the rest is the body. Nothing is stored: each row is
looked at instead, which must be one line of tab-separated values with JSON in it, whatever came. An input that breaks
a rule is written to the directory of `-artifact_prefix`; give its path to see it again.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import atheris

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
os.environ["CXM_DATA_DIR"] = tempfile.mkdtemp(prefix="cxm-fuzz-")  # never the data of an installation

import django

django.setup()
with atheris.instrument_imports(include=["cxm.record.capture.intake", "cxm.record.capture.plan"]):
    from cxm.record.capture.intake import app

from cxm.record.capture.intake.directory import Known, directory  # noqa: E402  # after Django
from cxm.record.capture.intake.rejections import rejections  # noqa: E402  # after Django
from cxm.record.capture.sources import SourceEntry  # noqa: E402  # after Django
from cxm.record.eventlog.commit import COLUMNS, Outcome, Row  # noqa: E402  # after Django

ANSWERS = {200, 400, 401, 403, 404, 405, 408, 413, 429}
KEY = "w" * 32
PATHS = sorted(path for path in app.ROUTES)
SEEDS = [
    {"type": "track", "userId": "u", "event": "Kettle \\ Boiled\n", "properties": {"a\u0000": 1, "é": "🫖\t"}},
    {"type": "identify", "anonymousId": 7, "userId": None, "traits": {"email": "a@b", "consent": {"analytics": False}}},
    {"batch": [{"type": "alias", "previousId": "p", "userId": "u", "messageId": "m", "sentAt": "2026-03-01T00:00:00Z"}],
     "context": {"direct": True, "consent": {"categoryPreferences": {"Analytics": True}}}, "sentAt": 1e12},
    {"type": "group", "userId": "u", "groupId": "g", "traits": {"n": 1e308}, "timestamp": -1},
    {"event": "$groupidentify", "distinct_id": "$a_b", "properties": {"$group_type": "a", "$group_key": "b"}},
    {"event": "survey sent", "distinct_id": "u", "properties": {"$survey_response": "9", "$set": {"a": [{}]}}},
    {"type": "track", "userId": "u", "event": "Order Completed", "properties": {"total": "12,5", "products": []}},
    {"type": "track", "userId": 1, "event": "Product Reviewed", "properties": {"rating": "5", "review_body": "\ud800"}},
]  # fmt: skip


class Looked:
    """Stands in for the writer of the log."""

    async def write(self, rows: Sequence[Row]) -> Outcome:
        for row in rows:
            assert len(row.event_id) == 16
            assert row.line[-1:] == b"\n" and row.line.count(b"\n") == 1, row.line
            cells = row.line[:-1].decode().split("\t")
            assert len(cells) == len(COLUMNS), row.line
            assert len(cells[1]) == len(cells[3]) == 32, row.line
            for cell in cells[-2:]:
                text = cell.replace("\\\\", "\\")
                assert "\x00" not in text and (not text or isinstance(json.loads(text), dict)), row.line
        return Outcome()


def once(data: bytes) -> None:
    if len(data) < 2:
        return
    path, how, body = PATHS[data[0] % len(PATHS)], data[1], data[2:]
    route, key = app.match(path) or (None, "")
    assert route is not None
    headers = [(b"origin", b"https://shop.example")] if how & 1 else []
    query = b""
    if how & 2:
        headers.append((b"sec-gpc", b"1"))
    if how & 4:
        headers.append((b"content-encoding", b"gzip"))
        body = gzip.compress(body, 1) if how & 8 else body
    if how & 16:
        headers.append((b"authorization", body[:200]))
    else:
        headers.append((b"x-write-key", KEY.encode()))
    if how & 32 or route.dialect == "pixel":
        query = b"data=" + body.hex().encode() if how & 64 else body
    scope = {
        "method": route.methods[0], "headers": headers, "query_string": query, "client": ("203.0.113.7", 1),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    _loop.run_until_complete(_intake.handle(route, key, scope, receive, send))
    assert sent[0]["status"] in ANSWERS, (path, how, sent)


def main() -> None:
    global _loop, _intake
    seconds = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1].isdigit() else ""
    rest = sys.argv[2:] if seconds else sys.argv[1:]
    source = SourceEntry(source_id=1, workspace_id=1, enabled=True, origins=(), plan_mode="off", key_id=1)
    directory().preset(Known(1, {sha256(KEY.encode()).hexdigest(): source}))
    app.writer = Looked  # type: ignore[assignment, attr-defined]  # nothing is to be stored
    rejections().add = lambda *given, **named: None  # type: ignore[method-assign]  # nor noted
    corpus = tempfile.mkdtemp(prefix="cxm-fuzz-")
    for number, call in enumerate(SEEDS):
        for place, path in enumerate(PATHS):
            if path in {"v1/batch", "batch", "e", "v1/track"}:
                with open(f"{corpus}/{number}-{place}", "wb") as file:  # noqa: PTH123  # libFuzzer wants names
                    file.write(bytes([place, 0]) + json.dumps(call).encode())
    given = [sys.argv[0], "-max_len=4096", *([f"-max_total_time={seconds}"] if seconds else []), *rest]
    _loop, _intake = asyncio.new_event_loop(), app.Intake()
    atheris.Setup([*given, *([] if any(not one.startswith("-") for one in rest) else [corpus])], once)
    atheris.Fuzz()


_loop: asyncio.AbstractEventLoop
_intake: app.Intake

if __name__ == "__main__":
    main()
