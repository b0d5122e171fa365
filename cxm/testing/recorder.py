"""A server for tests of clients: it writes down every request and answers as it is told."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE = 20.0  # seconds until what was expected counts as missing


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # with its query
    headers: dict[str, str]  # names in lower case
    body: bytes  # unpacked
    at: float = field(default_factory=time.time)  # when it had come, in seconds since 1970

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b'{"success":true}'
    headers: dict[str, str] = field(default_factory=dict)


class Recorder:
    """`pages` are what GET finds, by path; `replies` answer POSTs whose whole path matches their pattern. Other POSTs
    take the next of `answers`, or get `{"success":true}`, and are written down."""

    def __init__(self) -> None:
        self.requests: list[Request] = []  # the POSTs
        self.answers: deque[Answer] = deque()
        self.pages: dict[str, Answer] = {}
        self.replies: dict[str, Callable[[Request], Answer]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came in the batches, in the order of arrival."""
        with self._lock:
            return [event for request in self.requests for event in request.json["batch"]]

    def wait_for(self, events: int) -> list[dict[str, Any]]:
        """The events, as soon as there are so many; AssertionError if they do not come."""
        deadline = time.monotonic() + PATIENCE
        while len(self.events) < events:
            assert time.monotonic() < deadline, f"{events} events expected, {len(self.events)} came: {self.events}"
            time.sleep(0.02)
        return self.events

    def wait_for_each(self, events: int) -> list[dict[str, Any]]:
        """The events, each once, as soon as there are so many: a page that is left before the answer sends again."""
        deadline = time.monotonic() + PATIENCE
        while len(each := list({one["messageId"]: one for one in reversed(self.events)}.values())) < events:
            assert time.monotonic() < deadline, f"{events} events expected, {len(each)} came: {self.events}"
            time.sleep(0.02)
        return each[::-1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, answer: Answer) -> None:
                self.send_response(answer.status)
                allow = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
                for name, value in {"Content-Length": str(len(answer.body)), **allow, **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def do_GET(self) -> None:
                self.reply(recorder.pages.get(self.path.partition("?")[0], Answer(404, b"")))

            def do_OPTIONS(self) -> None:
                headers = "Authorization, Content-Type, X-Retry-Count"
                self.reply(Answer(200, b"", {"Access-Control-Allow-Headers": headers}))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if body[:2] == b"\x1f\x8b":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request("POST", self.path, headers, body)
                for pattern, reply in recorder.replies.items():
                    if re.fullmatch(pattern, self.path):
                        self.reply(reply(request))
                        return
                with recorder._lock:
                    recorder.requests.append(request)
                    answer = recorder.answers.popleft() if recorder.answers else Answer()
                self.reply(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
                """Tests are quiet."""

        return Handler
