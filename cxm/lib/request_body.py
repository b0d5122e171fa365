"""The body of a request to an ASGI application, bounded in size and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class TooLarge(Exception):
    """More than may be sent."""


class TooSlow(Exception):
    """It did not arrive in time."""


class Gone(Exception):
    """The client went away in the middle."""


def check_length(headers: Mapping[bytes, bytes], most: int) -> None:
    """Raises TooLarge for a body that says itself that it has more than `most` bytes."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > 15 or int(length) > most):
        raise TooLarge


async def whole_body(headers: Mapping[bytes, bytes], receive: Receive, most: int, patience: float) -> bytes:
    """All of it, `most` bytes within `patience` seconds. Raises TooLarge, TooSlow, Gone."""
    check_length(headers, most)
    parts: list[bytes] = []
    size = 0
    task = _slow.begin(patience)
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            if part := message.get("body", b""):
                parts.append(part)
                size += len(part)
                if size > most:
                    raise TooLarge
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)
    except asyncio.CancelledError:
        if _slow.ended(task):
            raise TooSlow from None
        raise
    finally:
        _slow.waiting.pop(task, None)


class SlowBodies:
    """Cancels who waits for a body longer than it may. One clock for all: a timer for each request would be a sixth
    of the work that a small one makes."""

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Task[Any], float] = {}
        self._ended: set[asyncio.Task[Any]] = set()
        self._clock: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # whose clock it is: the one before may be closed

    def begin(self, patience: float) -> asyncio.Task[Any]:
        task = asyncio.current_task()
        assert task is not None
        self.waiting[task] = time.monotonic() + patience
        if self._clock is None or self._loop is not task.get_loop():
            self._look_later(task.get_loop(), patience)
        return task

    def ended(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task was cancelled for its body, and by nobody else."""
        if task not in self._ended:
            return False
        self._ended.discard(task)
        return task.uncancel() == 0

    def _look_later(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._loop, self._clock = loop, loop.call_later(min(1.0, patience / 2), self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now, self._clock = time.monotonic(), None
        for task, deadline in list(self.waiting.items()):
            if deadline < now:
                del self.waiting[task]
                self._ended.add(task)
                task.cancel()
        if self.waiting:
            self._look_later(loop, min(self.waiting.values()) - now)


_slow = SlowBodies()
