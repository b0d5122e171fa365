"""Connections to the engine, and the schema on it.

Two ways to the same SQL: in-process chDB in the data directory, or ClickHouse over HTTP (one node, or the named nodes
of a cluster). Clients are borrowed from a pool, because a client must not be used by two threads at once.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from django.conf import settings

from .disk import Disk, Guarded, NotWritten

SCHEMA = Path(__file__).parent / "schema"
# The steps of one journey are on one node; all else is where its customer is, or anywhere.
SHARDED_BY: Mapping[str, str] = {
    "feedback_rollup": "rand()",
    "rejections": "rand()",
    "steps": "cityHash64(case_id)",
    "stale_cases": "cityHash64(case_id)",
}
SESSION_SETTINGS: Mapping[str, Any] = {
    "max_partitions_per_insert_block": 0,  # a file may span decades
    "distributed_foreground_insert": 1,  # acknowledged means: on the shard's disk
    "lightweight_deletes_sync": 2,
    "mutations_sync": 2,
    "join_use_nulls": 0,
    # TRICKY: a projection still holds what a lightweight DELETE took out of its table. Only questions that can bear
    # that turn it on for themselves.
    "optimize_use_projections": 0,
    "type_json_skip_duplicated_paths": 1,  # {"a.b": 1, "a": {"b": 2}}: the first counts, nothing fails
}
# The in-process engine shares the memory of a small machine with the web server, so its caches, which may by default
# take gigabytes each, get sizes that hold the marks and indexes of tens of millions of events.
IN_PROCESS_OPTIONS: Mapping[str, Any] = {
    "mark_cache_size": 64 * 1024 * 1024,
    "primary_index_cache_size": 32 * 1024 * 1024,
    "index_mark_cache_size": 16 * 1024 * 1024,
    "query_condition_cache_size": 8 * 1024 * 1024,
    "compiled_expression_cache_size": 16 * 1024 * 1024,
    # A deletion that meets a merge waits for the engine's next look for work. By default that is up to a second later,
    # by chance; looks still become rarer while there is nothing to do.
    "background_processing_pool_task_sleep_seconds_when_no_work_random_part": 0.01,
    "background_processing_pool_thread_sleep_seconds_if_nothing_to_do": 0.02,
}

# What the engine says when the disk is full: its own name, its name for a write that failed, the system's text.
NO_SPACE = ("NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "No space left on device")


class EventlogError(Exception):
    """The engine refused or failed; `retry` says whether the same call may succeed later."""

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class EventlogBusy(EventlogError):
    """Another process holds the in-process engine's files."""

    def __init__(self) -> None:
        super().__init__("Another cxm process has the event log open.", retry=True)


class Engine:
    """A place where the event log lives; `nodes` are its addresses, empty for the in-process engine."""

    def __init__(self, *, nodes: Sequence[str], cluster: str, database: str, path: Path | None) -> None:
        self.nodes = tuple(nodes)
        self.cluster = cluster
        self.database = database
        self.path = path
        self._pools: dict[str, LifoQueue[Client]] = {node: LifoQueue() for node in self.nodes or ("",)}
        self._lock_file: int | None = None
        self.disk = Disk(path) if path is not None else None
        self._opening = threading.Lock()
        self.write_lock = threading.RLock()  # imports and facts
        self.capture_lock = threading.RLock()  # the tracking API, which must not wait for a long import

    @property
    def in_process(self) -> bool:
        return not self.nodes

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every node; one empty address for the in-process engine."""
        return tuple(self._pools)

    def local(self, table: str) -> str:
        """The name of `table` on one node."""
        return f"{table}_local" if self.cluster else table

    @contextmanager
    def client(self, node: str | None = None) -> Iterator[Client]:
        """Borrow a client of one node (the first unless named); raises EventlogError."""
        name = node if node is not None else next(iter(self._pools))
        pool = self._pools[name]
        try:
            client = pool.get_nowait()
        except Empty:
            client = self._connect(name)
        try:
            yield client
        except (ClickHouseError, NotWritten) as error:
            disturbed = self.disk is not None and self.disk.disturbed()
            raise EventlogError(str(error), retry=disturbed or may_pass(error)) from error
        finally:
            pool.put(client)

    @contextmanager
    def nobody_writes(self) -> Iterator[None]:
        """Keep every writer of this process out, for as long as tables are emptied and filled anew."""
        with self.write_lock, self.capture_lock:
            yield

    def everywhere(self, sql: str) -> None:
        """Run one statement on every node (the engines need no coordinator for it)."""
        for node in self._pools:
            with self.client(node) as client:
                client.command(sql)

    def close(self) -> None:
        if self.disk is not None:
            self.disk.stop()
        self._drain()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _drain(self) -> None:
        for pool in self._pools.values():
            while not pool.empty():
                pool.get_nowait().close()

    def _connect(self, node: str) -> Client:
        try:
            if self.path is not None and self.disk is not None:
                self._take_files()
                client = clickhouse_connect.get_client(
                    interface="chdb",
                    path=str(self.path),
                    database=self.database,
                    settings=dict(SESSION_SETTINGS),
                    chdb_options=dict(IN_PROCESS_OPTIONS),
                )
                return cast(Client, Guarded(client, self.disk))
            return clickhouse_connect.get_client(
                dsn=node,
                database=self.database,
                settings=dict(SESSION_SETTINGS),
                autogenerate_session_id=False,
            )
        except ClickHouseError as error:
            if "Another server instance" in str(error):
                raise EventlogBusy from error
            raise EventlogError(str(error), retry=True) from error

    def _take_files(self) -> None:
        """Hold a lock beside the in-process engine's files: the engine's own refusal comes late and unclear."""
        assert self.path is not None
        with self._opening:
            if self._lock_file is not None:
                return
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                raise EventlogBusy from error
            self._lock_file = descriptor

    def create_database(self) -> None:
        """Make the database itself; on a new engine nothing can connect to it by name before."""
        name, self.database = self.database, "default"
        try:
            self.everywhere(f"CREATE DATABASE IF NOT EXISTS {name}")
            self._drain()
        finally:
            self.database = name


def may_pass(error: Exception) -> bool:
    """Whether the engine is away, busy or out of space, which the question cannot help."""
    said = str(error)
    passing = (*NO_SPACE, "while reading from part")  # the latter: see disk.py
    return isinstance(error, OperationalError) or "timeout" in said.lower() or any(one in said for one in passing)


def engine_at(url: str, *, path: Path) -> Engine:
    """The engine that CXM_EVENTLOG_URL names; in-process under `path` when it is empty."""
    if not url:
        return Engine(nodes=(), cluster="", database="cxm", path=path)
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    database = parts.path.strip("/") or "cxm"
    if not re.fullmatch(r"\w+", database):
        raise EventlogError(f"The database name {database!r} may only hold letters, digits and _.", retry=False)
    prefix = f"{parts.scheme}://{user}@" if user else f"{parts.scheme}://"
    cluster = parse_qs(parts.query).get("cluster", [""])[0]
    return Engine(nodes=[prefix + host for host in hosts.split(",")], cluster=cluster, database=database, path=None)


_first = threading.Lock()


def engine() -> Engine:
    """The engine of this process, with its schema up to date. The first call opens it, the others wait for that."""
    with _first:
        return _opened()


@cache
def _opened() -> Engine:
    opened = engine_at(settings.EVENTLOG_URL, path=settings.DATA_DIR / "eventlog")
    try:
        opened.create_database()
        migrate(opened)
        if opened.disk is not None:
            opened.disk.watch(opened)
    except BaseException:
        opened.close()  # or this process would stand in its own way at the next try
        raise
    return opened


def load_library() -> None:
    """Import the engine in this process, before there are threads."""
    if not settings.EVENTLOG_URL:
        import_module("chdb")


def close_engine() -> None:
    """Close the log if this process has it open; other processes may open it then."""
    with _first:
        if _opened.cache_info().currsize:
            _opened().close()
            _opened.cache_clear()


def statements(text: str, opened: Engine) -> Iterator[str]:
    """The statements of a schema file for this engine, Distributed tables included."""
    for block in text.split(";\n"):
        made = re.findall(r"^-- distributed: (\w+)", block, re.MULTILINE)
        for table in made if opened.cluster else []:
            key = SHARDED_BY.get(table, "cityHash64(customer_id)")
            yield (
                f"CREATE TABLE {table} AS {table}_local"
                f" ENGINE = Distributed('{opened.cluster}', '{opened.database}', '{table}_local', {key})"
            )
        sql = "\n".join(line for line in block.splitlines() if not line.lstrip().startswith("--")).strip()
        if sql:
            yield re.sub(r"@(\w+)", lambda match: opened.local(match[1]), sql)


def migrate(opened: Engine) -> list[str]:
    """Run the schema files that this engine has not seen, node by node; returns their names."""
    opened.everywhere(
        "CREATE TABLE IF NOT EXISTS schema_files (name String, applied_at DateTime DEFAULT now())"
        " ENGINE = MergeTree ORDER BY name"
    )
    applied = []
    for node in opened.addresses:
        with opened.client(node) as client:
            seen = {row[0] for row in client.query("SELECT name FROM schema_files").result_rows}
            for file in sorted(SCHEMA.glob("*.sql")):
                if file.name in seen:
                    continue
                for sql in statements(file.read_text(), opened):
                    client.command(sql)
                client.insert("schema_files", [[file.name]], column_names=["name"])
                applied.append(file.name)
    return applied
