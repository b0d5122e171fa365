"""A real HTTP server for tests, which keeps what is posted to it and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """One request as it came."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float  # seconds of the monotonic clock


@dataclass
class Answer:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait_s: float = 0


@dataclass
class Receiver:
    """`answer` gets each request and says what to answer; None answers 204."""

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    answer: Callable[[Posted], Answer | None] = lambda _posted: None
    stopping: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hooks") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Posted]:
        return [one for one in self.posted if one.path == path]


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def receiver(tls: Any = None) -> Iterator[Receiver]:
    """A server at 127.0.0.1 on a free port; `tls` is an ssl.SSLContext."""
    box = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            one = Posted(self.path, headers, body, time.monotonic())
            box.posted.append(one)
            said = box.answer(one) or Answer()
            box.stopping.wait(said.wait_s)
            try:
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)
            except OSError:
                pass  # who asked has gone

        def log_message(self, *_args: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.stopping.set()
        server.shutdown()
        server.server_close()
