"""A queue, and the thread that empties it: batches, retries, pauses."""

from __future__ import annotations

import atexit
import base64
import contextlib
import gzip
import json
import logging
import os
import random
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from .errors import DeliveryError, EventsRejected, NotSent, QueueFull, Refused
from .events import iso
from .version import __version__

logger = logging.getLogger("opencxm")

BATCH_BYTES = 500_000  # of a request, unpacked
AGAIN = {408, 429}  # and 5xx
LONGEST_PAUSE = 300.0  # seconds
AT_EXIT = 10.0  # seconds that the end of the program waits
OnError = Callable[[DeliveryError, list[dict[str, Any]]], None]


def log_error(error: DeliveryError, events: list[dict[str, Any]]) -> None:
    logger.warning("%s: %s (%d events)", type(error).__name__, error, len(events))


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Later(Exception):
    """Not now; `after` is how many seconds the server asks for, if it does."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header: a number, or a date."""
    if not value:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None


class Server:
    """One kept-open connection to `{host}/v1/batch`."""

    def __init__(self, write_key: str, host: str, *, timeout: float, packed: bool) -> None:
        self.parts = urlsplit(host)
        if self.parts.scheme not in {"http", "https"} or not self.parts.hostname:
            raise ValueError(f"host is {host!r}; write an address that starts with http:// or https://")
        self.path = self.parts.path.rstrip("/") + "/v1/batch"
        self.timeout = timeout
        self.packed = packed
        self.headers = {
            "Content-Type": "application/json",
            "Authorization": basic(write_key),
            "User-Agent": f"opencxm-python/{__version__}",
        }
        self._connection: HTTPConnection | None = None

    def connect(self) -> HTTPConnection:
        hostname = self.parts.hostname or ""
        if self.parts.scheme == "http":
            return HTTPConnection(hostname, self.parts.port, timeout=self.timeout)
        proxy = getproxies().get("https")
        if not proxy or proxy_bypass(hostname):
            return HTTPSConnection(hostname, self.parts.port, timeout=self.timeout)
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = HTTPSConnection(through.hostname or "", through.port, timeout=self.timeout)
        headers = {}
        if through.username:
            headers["Proxy-Authorization"] = basic(unquote(through.username), unquote(through.password or ""))
        connection.set_tunnel(hostname, self.parts.port, headers)
        return connection

    def post(self, events: list[bytes]) -> int:
        """Send them; returns how many the server found not to be valid. Raises Later and Refused."""
        body = b'{"batch":[%s],"sentAt":"%s"}' % (b",".join(events), iso(datetime.now(UTC)).encode())
        headers = self.headers
        if self.packed:
            body = gzip.compress(body, 6)
            headers = {**headers, "Content-Encoding": "gzip"}
        kept_open = self._connection is not None
        try:
            try:
                answer, said = self._ask(body, headers)
            except (ConnectionError, HTTPException):
                if not kept_open:
                    raise
                answer, said = self._ask(body, headers)  # the server had closed it in the meantime
        except (OSError, HTTPException) as error:
            raise Later(f"{type(error).__name__}: {error}") from error
        if 200 <= answer.status < 300:
            rejected = answer.headers.get("X-CX-Rejected", "")
            return int(rejected) if rejected.isdigit() else 0
        if answer.status in AGAIN or answer.status >= 500:
            raise Later(f"the server answers {answer.status}", retry_after(answer.headers.get("Retry-After")))
        try:
            problem = json.loads(said)
        except ValueError:
            problem = None
        problem = problem if isinstance(problem, dict) else {}
        raise Refused(answer.status, str(problem.get("code", "")), str(problem.get("message", "")))

    def _ask(self, body: bytes, headers: dict[str, str]) -> tuple[Any, bytes]:
        try:
            if self._connection is None:
                self._connection = self.connect()
            self._connection.request("POST", self.path, body, headers)
            answer = self._connection.getresponse()
            said = answer.read(65_536)
            if answer.will_close or answer.read(1):
                self.close()
            return answer, said
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Sender:
    """`put` from any thread; one thread of its own sends, in order, until each is settled: taken, refused, given up."""

    def __init__(
        self, server: Server, *, max_queue: int, batch_events: int, interval: float, retries: int, on_error: OnError
    ) -> None:
        self.server = server
        self.max_queue, self.batch_events, self.interval, self.retries = max_queue, batch_events, interval, retries
        self.on_error = on_error
        self.closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._thread: threading.Thread | None = None
        self._accepted = self._settled = self._wanted = 0  # numbers of events; `_wanted` must not wait any longer
        self._given_up = False

    def put(self, event: bytes) -> None:
        if self._process != os.getpid():
            # A fork: the thread stayed behind, and what waited is the parent's to send.
            self.server.close()
            self._begin()
        with self._changed:
            if self.closed:
                raise RuntimeError("This client is closed")
            if len(self._waiting) < self.max_queue:
                self._waiting.append(event)
                self._accepted += 1
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="opencxm", daemon=True)
                    self._thread.start()
                    atexit.register(self.close, AT_EXIT)
                self._changed.notify_all()
                return
        self._tell(QueueFull(f"{self.max_queue:,} events wait already"), [event])

    def flush(self, timeout: float | None) -> bool:
        if self._process != os.getpid():
            return True
        with self._changed:
            until = self._wanted = self._accepted
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled >= until, timeout)

    def close(self, timeout: float) -> None:
        atexit.unregister(self.close)
        if self.closed or self._process != os.getpid():
            return
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        if self._thread is None:
            return
        self._thread.join(timeout)
        with self._changed:
            self._given_up = True
            left = list(self._waiting)
            self._waiting.clear()
            self._settled += len(left)
            self._changed.notify_all()
        if left:
            self._tell(NotSent("the client was closed"), left)
        self._thread.join(1.0)

    def _run(self) -> None:
        while batch := self._take():
            self._deliver(batch)
            with self._changed:
                self._settled += len(batch)
                self._changed.notify_all()
        self.server.close()

    def _take(self) -> list[bytes]:
        """The next batch, after a moment in which more may come; nothing when the client is closed and all is sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.closed)
            self._changed.wait_for(
                lambda: self.closed or self._settled < self._wanted or len(self._waiting) >= self.batch_events,
                self.interval,
            )
            batch: list[bytes] = []
            room = BATCH_BYTES - 100  # what stands around the events
            while self._waiting and len(batch) < self.batch_events and len(self._waiting[0]) < room:
                batch.append(self._waiting.popleft())
                room -= len(batch[-1]) + 1
            return batch

    def _deliver(self, batch: list[bytes]) -> None:
        tries = 0
        while True:
            try:
                if rejected := self.server.post(batch):
                    self._tell(EventsRejected(rejected), batch)
                return
            except Refused as error:
                self._tell(error, batch)
                return
            except Later as later:
                tries += 1
                if tries > self.retries or self._pause(later.after, tries):
                    self._tell(NotSent(f"{later}, after {tries} tries"), batch)
                    return

    def _pause(self, after: float | None, tries: int) -> bool:
        """Wait as long as the server asks, or longer each time; True when the client was closed meanwhile."""
        seconds = 0.5 * 2 ** min(tries, 8) * random.uniform(0.5, 1.0) if after is None else after
        with self._changed:
            return self._changed.wait_for(lambda: self._given_up, min(seconds, LONGEST_PAUSE))

    def _tell(self, error: DeliveryError, events: list[bytes]) -> None:
        try:
            self.on_error(error, [json.loads(event) for event in events])
        except Exception:
            logger.exception("on_error failed")
