"""The tracking API in the process of the test: requests through the ASGI application, answers as clients see them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cxm.accounts.models import Workspace
from cxm.record.capture.intake.app import Intake, match
from cxm.record.capture.intake.directory import directory, read
from cxm.record.capture.intake.rejections import rejections
from cxm.record.capture.reasons import Reason
from cxm.record.eventlog.engine import engine

from .cast import make_write_key

BROKEN_OFF = b"<the connection ends>"  # as a body: it never becomes whole


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def rejected(self) -> int:
        return int(self.headers.get("x-cx-rejected", 0))


class Tracking:
    """A workspace with a source; `post` and `get` send with its key unless told otherwise."""

    def __init__(self, workspace: Workspace, key: str = "") -> None:
        self.workspace = workspace
        self.key = key or make_write_key(workspace)
        self.intake = Intake()
        self.learn()

    def learn(self) -> None:
        """Let the intake know what the database has now."""
        directory().preset(read(0))

    def post(
        self, path: str, body: object = b"", *, key: str | None = None, address: str = "203.0.113.7", **headers: str
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = self.key if key is None else key
        if key:
            headers.setdefault("authorization", "Basic " + base64.b64encode(f"{key}:".encode()).decode())
        return self.request("POST", path, raw, headers, address)

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, b"", headers)

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], address: str = "203.0.113.7"
    ) -> Reply:
        path, _mark, query = path.partition("?")
        found = match(path)
        assert found is not None, f"{path} is no address of the tracking API"
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "client": (address, 1),
            "headers": [(key.replace("_", "-").encode(), value.encode("latin-1")) for key, value in headers.items()],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if body is BROKEN_OFF:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        # A thread of its own, because a browser test may keep an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, self.intake.handle(*found, scope, receive, send)).result()
        start, end = sent
        return Reply(
            start["status"], {key.decode(): value.decode() for key, value in start["headers"]}, end["body"]
        )  # fmt: skip

    def stored(self, columns: str = "name") -> list[Any]:
        """These columns of the captured events of the workspace, in the order of receipt, then of name."""
        rows = self._query(
            f"SELECT {columns} FROM events WHERE workspace_id = {{w:UInt32}} AND source = 'capture'"
            " ORDER BY received_at, name, event_id"
        )
        return [row[0] if len(row) == 1 else row for row in rows]

    def rejected(self) -> list[tuple[Reason, int]]:
        """Reasons and how many events each, in the order of the alphabet."""
        rejections().flush()
        return [
            (Reason(reason), n)
            for reason, n in self._query(
                "SELECT reason, sum(n) FROM rejections WHERE workspace_id = {w:UInt32} GROUP BY reason ORDER BY reason"
            )
        ]

    def _query(self, sql: str) -> list[Any]:
        with engine().client() as client:
            return list(client.query(sql, parameters={"w": self.workspace.pk}).result_rows)
