"""Group commit: concurrent callers hand in rows, one thread writes them together and answers when they are on disk.

One insert costs the engine milliseconds however small it is, so what arrives while one is under way goes with the
next. What waits is bounded in bytes; beyond that the caller is told to come back.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from .engine import Engine, EventlogError, engine
from .follow import arrivals
from .repeats import Repeats

logger = logging.getLogger(__name__)

MOST_WAITING = 64 * 1024 * 1024  # bytes
MOST_AT_ONCE = 20_000  # rows of one insert
CROWD = 24  # callers in one insert from which on it pays to wait for more: each insert leaves a part to be merged
LULL = 0.002  # seconds without a new caller that end the waiting
LONGEST_GATHERING = 0.012  # seconds
SEVERAL = 3  # callers in one insert from which on the next one waits as long as it took
LONGEST_REST = 0.01  # seconds
HEAVY = 50  # rows of one insert from which on the next one waits while others come: see _share
LONGEST_SHARE = 0.1  # seconds
COLUMNS = (
    "workspace_id", "event_id", "name", "customer_id", "occurred_at", "received_at", "source", "source_id", "type",
    "user_id", "anonymous_id", "sent_at", "remark", "properties", "context",
)  # fmt: skip
# Events that fill derived tables too; tests compare it with the schema.
DERIVING = frozenset({
    "answer_given", "message_received", "review_received", "call_transcribed", "ticket_updated", "order_placed",
    "order_approved", "order_shipped", "order_delivered", "order_cancelled", "subscription_updated",
    "purchase_history_reported",
})  # fmt: skip
# What the engine says when a row itself is wrong (and repeating is in vain): parse errors, types, ranges, depth.
DATA_ERRORS = {6, 25, 26, 27, 33, 36, 38, 41, 53, 69, 70, 72, 117, 130, 131, 190, 306, 321, 349, 376, 691}


class Busy(Exception):
    """Too much waits to be written; come back in `retry_after` seconds."""

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__("The event log is busy.")
        self.retry_after = retry_after


class Row(msgspec.Struct, frozen=True, gc=False):
    """One event: its id, its line of tab-separated values in the order of COLUMNS, its name."""

    event_id: bytes
    line: bytes
    name: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of the rows of one call: all not named here are new and on disk."""

    repeats: set[bytes] = field(default_factory=set)
    unstorable: dict[bytes, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting:
    rows: Sequence[Row]
    size: int
    answer: Future[Outcome] | asyncio.Future[Outcome]
    loop: asyncio.AbstractEventLoop | None


class GroupCommit:
    """The writer of captured events of one process. `on_written` is told after each insert how many, by which names."""

    def __init__(
        self,
        open_engine: Callable[[], Engine] = engine,
        on_written: Callable[[int, set[str]], None] = lambda _events, _names: None,
    ) -> None:
        self._open_engine = open_engine
        self._on_written = on_written
        self._queue: list[_Waiting] = []
        self._size = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._crowd = 0  # callers served by the last insert
        self._took = self._ended = 0.0  # seconds that it took, and when it ended by the monotonic clock
        self._heavy = False  # whether it had many rows
        self._derived = False  # whether derived tables were filled by it
        self._repeats: Repeats | None = None

    async def write(self, rows: Sequence[Row]) -> Outcome:
        """Returns when the rows are on disk. Raises Busy, EventlogError; then repeating the call is safe."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        self._put(_Waiting(rows, sum(len(row.line) for row in rows), answer, loop))
        return await answer

    def write_now(self, rows: Sequence[Row]) -> Outcome:
        """`write` for callers outside an event loop."""
        answer: Future[Outcome] = Future()
        self._put(_Waiting(rows, sum(len(row.line) for row in rows), answer, None))
        return answer.result()

    def stop(self) -> None:
        """Write what waits, then end the thread. Safe to call twice."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._thread, self._stopping, self._repeats = None, False, None

    def _put(self, one: _Waiting) -> None:
        with self._wake:
            if (self._queue and self._size + one.size > MOST_WAITING) or self._stopping:
                raise Busy
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
                self._thread.start()
            self._queue.append(one)
            self._size += one.size
            self._wake.notify()

    def _take(self) -> list[_Waiting]:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            if self._crowd >= CROWD:
                self._gather()
            elif self._heavy and self._queue:
                self._share()
            elif self._crowd >= SEVERAL:
                self._rest()
            rows = n = 0
            for one in self._queue:
                if rows and rows + len(one.rows) > MOST_AT_ONCE:
                    break
                rows += len(one.rows)
                n += 1
            taken, self._queue = self._queue[:n], self._queue[n:]
            self._crowd = n
            return taken

    def _gather(self) -> None:
        """Let those who just got their answer come back with their next event, as long as more keep coming."""
        deadline = time.monotonic() + LONGEST_GATHERING
        before = 0
        while before < len(self._queue) and time.monotonic() < deadline and not self._stopping:
            before = len(self._queue)
            self._sleep(LULL)

    def _rest(self) -> None:
        """Leave half of the time to everybody else, from the end of the last insert on; see decision 0120."""
        left = self._ended + min(self._took, LONGEST_REST) - time.monotonic()
        if left > 0 and not self._stopping:
            self._sleep(left)

    def _sleep(self, seconds: float) -> None:
        """With the queue open to others; not by waiting for a notice, which comes with every caller."""
        self._wake.release()
        time.sleep(seconds)
        self._wake.acquire()

    def _share(self) -> None:
        """Leave half of the time to everybody else: rows by the hundred cost little more in one insert than in two.

        It ends as soon as half of all callers wait: the others are read while these are written. Where derived tables
        are filled, all must wait: ten inserts a second into eight tables are most of a processor.
        """
        everybody = self._crowd + len(self._queue)
        enough = everybody if self._derived else everybody / 2
        self._wake.wait_for(lambda: self._stopping or len(self._queue) >= enough, min(self._took, LONGEST_SHARE))

    def _run(self) -> None:
        while taken := self._take():
            started = time.monotonic()
            try:
                outcome: Outcome | Exception = self._commit([row for one in taken for row in one.rows])
            except EventlogError as error:
                outcome = error
            except Exception as error:
                logger.exception("Writing captured events failed")
                outcome = EventlogError(str(error), retry=True)
            with self._wake:
                self._size -= sum(one.size for one in taken)
                self._ended = time.monotonic()
                self._took = self._ended - started
                self._heavy = sum(len(one.rows) for one in taken) >= HEAVY
                self._derived = self._heavy and any(row.name in DERIVING for one in taken for row in one.rows)
            _answer(taken, outcome)

    def _commit(self, rows: Sequence[Row]) -> Outcome:
        opened = self._open_engine()
        if self._repeats is None or self._repeats._engine is not opened:
            self._repeats = Repeats(opened)
        unique: dict[bytes, Row] = {}
        for row in rows:
            unique.setdefault(row.event_id, row)  # the first counts
        outcome = Outcome()
        with opened.capture_lock:
            outcome.repeats = self._repeats.among(list(unique))
            fresh = [row for one, row in unique.items() if one not in outcome.repeats]
            self._insert(opened, fresh, outcome)
        self._on_written(len(fresh), {row.name for row in fresh})
        return outcome

    def _insert(self, opened: Engine, rows: Sequence[Row], outcome: Outcome) -> None:
        """Write the rows; one that the engine cannot take is left out and named, so that it stops no other."""
        if not rows:
            return
        try:
            insert(opened, rows)
        except EventlogError as error:
            if not is_data_error(error):
                raise
            if len(rows) == 1:
                outcome.unstorable[rows[0].event_id] = str(error)[:500]
                return
            assert self._repeats is not None
            there = self._repeats.look_up([row.event_id for row in rows])
            left = [row for row in rows if row.event_id not in there]
            middle = len(left) // 2
            for half in (left[:middle], left[middle:]) if middle else (left,):
                self._insert(opened, half, outcome)


def insert(opened: Engine, rows: Sequence[Row]) -> None:
    # Blocks are small: a second thread for parsing costs more than it brings.
    settings: dict[str, Any] = {
        "log_comment": "eventlog.commit",
        "input_format_parallel_parsing": 0,
        "max_threads": 1,
        "materialize_skip_indexes_on_insert": 0,  # a merge makes them; so few rows are looked through without
    }
    if not opened.in_process:
        # A server collects the inserts of all its callers; each still waits until its rows are on disk.
        settings |= {"async_insert": 1, "wait_for_async_insert": 1, "async_insert_busy_timeout_max_ms": 10,
                     "async_insert_use_adaptive_busy_timeout": 0, "async_insert_busy_timeout_ms": 10}  # fmt: skip
    deriving = [row.line for row in rows if row.name in DERIVING]
    others = [row.line for row in rows if row.name not in DERIVING] if deriving else [row.line for row in rows]
    for table, lines in (("events", others), ("arrivals", deriving)):
        if lines:
            with opened.client() as client:
                client.raw_insert(
                    table, insert_block=b"".join(lines), fmt="TSV", column_names=list(COLUMNS), settings=settings
                )


def is_data_error(error: EventlogError) -> bool:
    found = re.search(r"[Cc]ode:? (\d+)", str(error))
    return bool(found) and int(found[1]) in DATA_ERRORS  # type: ignore[index]  # found is not None here


def _answer(taken: Sequence[_Waiting], outcome: Outcome | Exception) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for one in taken:
        if one.loop is None:
            _settle(one, outcome)
        else:
            by_loop.setdefault(one.loop, []).append(one)
    for loop, some in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, some, outcome)
        except RuntimeError:  # the loop has ended, and with it everybody who waited
            logger.warning("%d callers left before their events were written.", len(some))


def _settle_all(some: Sequence[_Waiting], outcome: Outcome | Exception) -> None:
    for one in some:
        _settle(one, outcome)


def _settle(one: _Waiting, outcome: Outcome | Exception) -> None:
    if one.answer.done():  # the caller went away
        return
    if isinstance(outcome, Exception):
        one.answer.set_exception(outcome)
    else:
        one.answer.set_result(outcome)


@cache
def writer() -> GroupCommit:
    """The one writer of this process."""
    return GroupCommit(on_written=arrivals.add)
