"""The disk under the in-process engine, which takes no notice of a write that fails.

chDB leaves the loop of `WriteBufferFromFileDescriptor::nextImpl` without a word (in every release up to 26.9): on a
full disk it makes parts without content, of new rows as well as of parts that it merges, and says that all is well.
Only its count of failed writes tells. So:

- nobody writes while less than LEAST is free;
- a write during which room ran short is not done before that count was looked at (`Guarded`);
- parts that were merged stay for KEPT seconds. Twice a second `Disk` looks at the count; when it has grown, the tables
  with broken parts are loaded anew: those go to `detached`, and what they were made of is there again.

A ClickHouse server needs none of this: there the same write is an error.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

logger = logging.getLogger(__name__)
T = TypeVar("T")

LEAST = 64 * 1024 * 1024  # bytes free, below which nothing is written
KEPT = 6  # seconds that merged parts stay on disk; more would be removed beside the next load
EVERY = 0.5  # seconds between two looks at the count
AFTERWARDS = 5.0  # seconds in which somebody may still hear of a table that was away
SPREAD = 10  # seconds by which the time of a part may lie before the look that found nothing
FAILED_WRITES = "SELECT sum(value) FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'"
WRITES = re.compile(r"\s*(INSERT|DELETE|ALTER)\b", re.IGNORECASE)


class Opened(Protocol):
    """The engine."""

    def client(self) -> AbstractContextManager[Client]: ...


class NotWritten(Exception):
    """There is no room, or some of what was written is not on disk; repeating it later is safe."""


class Guarded:
    """A client of the in-process engine: what it writes is on disk when the call returns. Raises NotWritten."""

    def __init__(self, client: Client, disk: Disk) -> None:
        self._client, self._disk = client, disk

    def raw_insert(self, *given: Any, **named: Any) -> Any:
        return self._disk.written(self._client, lambda: self._client.raw_insert(*given, **named))

    def insert(self, *given: Any, **named: Any) -> Any:
        return self._disk.written(self._client, lambda: self._client.insert(*given, **named))

    def command(self, sql: str, *given: Any, **named: Any) -> Any:
        if WRITES.match(sql):
            return self._disk.written(self._client, lambda: self._client.command(sql, *given, **named))
        return self._client.command(sql, *given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Disk:
    """Where the files of the in-process engine are, and whether they hold what was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._disturbed_until = 0.0  # by the monotonic clock
        self._counted = 0  # failed writes that were looked into
        self._quiet_at = time.time()  # the last look that found none
        self._broken = False
        self._away: set[str] = set()  # tables that could not be loaded yet
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def disturbed(self) -> bool:
        """Whether tables are, or just were, away: what failed for that is worth another try."""
        return time.monotonic() < self._disturbed_until

    def written(self, client: Client, write: Callable[[], T]) -> T:
        before = self._counted
        if self.free() < LEAST:
            raise NotWritten(f"No space left on device: less than {LEAST // 2**20} MB are free at {self.path}")
        done = write()
        if (self.free() < LEAST or self._counted != before) and failed_writes(client) != before:
            raise NotWritten("No space left on device: not all of it was written")
        return done

    # Watching

    def watch(self, opened: Opened) -> None:
        """Keep merged parts for a while, and look twice a second whether all that was written is there."""
        with opened.client() as client:
            self._counted = failed_writes(client)
            for (table,) in client.query(
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
                " AND engine_full NOT LIKE '%old_parts_lifetime%'"
            ).result_rows:
                client.command(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = {KEPT}")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="disk", daemon=True)
        self._thread.start()
        atexit.register(self.stop)  # a thread inside the engine when Python ends would take it down with a signal

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)
        self._thread = None
        atexit.unregister(self.stop)

    def _run(self, opened: Opened) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.look(opened)
            except Exception:
                logger.exception("The files of the event log could not be looked at")

    def look(self, opened: Opened) -> None:
        """Mend the tables if a write has failed since the last look.

        Nobody is waited for, as what a broken part was made of goes soon: who meets a table that is away tries again.
        """
        now = time.time()
        with opened.client() as client:
            count = failed_writes(client)
        if count == self._counted and not self._broken:
            self._quiet_at = now
            return
        self._counted, self._broken = count, True
        with opened.client() as client:
            self._disturbed_until = float("inf")
            try:
                self._mend(client)
            finally:
                self._disturbed_until = time.monotonic() + AFTERWARDS
        self._broken, self._quiet_at = False, now

    def _mend(self, client: Client) -> None:
        client.command("SYSTEM STOP MERGES")  # what is being merged may hold what was not written
        try:
            for table in (*self._away, *broken_tables(client, self._quiet_at - SPREAD)):
                logger.warning("A full disk has left parts of the table %s without content: it is loaded anew", table)
                if table not in self._away:
                    client.command(f"DETACH TABLE {table}")
                    self._away.add(table)
                client.command(f"ATTACH TABLE {table}")
                self._away.discard(table)
        finally:
            client.command("SYSTEM START MERGES")


def failed_writes(client: Client) -> int:
    """Since the engine was opened in this process."""
    return int(client.query(FAILED_WRITES).result_rows[0][0])


def broken_tables(client: Client, since: float) -> list[str]:
    """Tables with a part made after `since` (seconds since 1970) whose files are not what they should be."""
    parts = client.query(
        "SELECT table, name FROM system.parts WHERE active AND database = currentDatabase()"
        " AND modification_time >= toDateTime({since:UInt32})",
        parameters={"since": int(since)},
    ).result_rows
    return sorted({table for table, part in parts if not whole(client, table, part)})


def whole(client: Client, table: str, part: str) -> bool:
    try:
        rows = client.query(
            f"CHECK TABLE {table} PART '{part}'", settings={"check_query_single_value_result": 0}
        ).result_rows
    except ClickHouseError as error:
        return "NO_SUCH_DATA_PART" in str(error)  # merged meanwhile; what it became is looked at by itself
    return all(str(row[1]) == "1" for row in rows)
