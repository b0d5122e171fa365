"""Whole tables of the log out and in, as JSON lines: for backups and exports. Memory stays bounded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from .engine import EventlogError, engine

CHUNK = 8 * 1024 * 1024  # bytes handed over at a time

EVENT_COLUMNS = (
    "workspace_id, event_id, name, customer_id, occurred_at, received_at, source, import_id, source_id, type, user_id,"
    " anonymous_id, sent_at, remark, properties, context"
)
EXPORTS = {
    "events": (
        "event_id, name, customer_id, occurred_at, received_at, source, import_id, source_id, type, user_id,"
        " anonymous_id, sent_at, remark, properties, context"
    ),
    "answers": (
        "event_id, occurred_at, customer_id, metric, question, question_version, scale, score, choices, weight,"
        " response_id, survey, channel, touchpoint, language, comment, toJSONString(properties) AS properties"
    ),
}
TABLES = {"events": "events", "answers": "feedback"}


class TransferError(EventlogError):
    """The engine broke off in the middle of a table."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=True)


def export_columns(what: str) -> tuple[str, ...]:
    """The names of the columns that `export` gives, in order."""
    return tuple(column.split()[-1] for column in EXPORTS[what].split(", "))


def log_time() -> datetime:
    """What time the engine has: `received_at` is stamped by this clock."""
    with engine().client() as client:
        now: datetime = client.query("SELECT now64(3, 'UTC')").result_rows[0][0]
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def count_events(until: datetime | None = None, *, workspace_id: int | None = None) -> int:
    where, parameters = _where(until, workspace_id)
    with engine().client() as client:
        return int(client.query(f"SELECT count() FROM events WHERE {where}", parameters=parameters).result_rows[0][0])


def count_answers(workspace_id: int) -> int:
    with engine().client() as client:
        found = client.query(
            "SELECT count() FROM feedback WHERE workspace_id = {workspace:UInt32}",
            parameters={"workspace": workspace_id},
        )
    return int(found.result_rows[0][0])


def dump_events(until: datetime) -> Iterator[bytes]:
    """Every event that was received up to `until`, of all workspaces, as JSON lines in pieces of whole lines."""
    where, parameters = _where(until, None)
    yield from _stream(f"SELECT {EVENT_COLUMNS} FROM events WHERE {where}", parameters)


def export(what: str, workspace_id: int) -> Iterator[bytes]:
    """The events or the answers of one workspace as JSON lines; `what` is a key of EXPORTS."""
    yield from _stream(
        f"SELECT {EXPORTS[what]} FROM {TABLES[what]} WHERE workspace_id = {{workspace:UInt32}} ORDER BY occurred_at",
        {"workspace": workspace_id},
    )


def events_of(workspace_id: int, customer_ids: Sequence[UUID]) -> Iterator[bytes]:
    """Every event of these customers, the oldest first, each as one JSON object."""
    asked = {"workspace": workspace_id, "ids": [str(one) for one in customer_ids]}
    which = "workspace_id = {workspace:UInt32} AND customer_id IN {ids:Array(UUID)}"
    columns = EXPORTS["events"]
    for piece in _stream(f"SELECT {columns} FROM events WHERE {which} ORDER BY occurred_at, event_id", asked):
        yield from piece.splitlines()


def load_events(
    pieces: Iterable[bytes], *, table: str = "arrivals", progress: Callable[[int], None] | None = None
) -> int:
    """Insert JSON lines as `dump_events` gives them into a log that has none of them; returns how many."""
    loaded = 0
    for block in _blocks(pieces):
        with engine().client() as client:
            client.raw_insert(
                table, insert_block=block, fmt="JSONEachRow", settings={"date_time_input_format": "best_effort"}
            )
        loaded += block.count(b"\n")
        if progress:
            progress(loaded)
    return loaded


def log_tables() -> list[str]:
    """The tables in the log's database, on the first node."""
    with engine().client() as client:
        return [row[0] for row in client.query("SHOW TABLES").result_rows]


def stage_events(pieces: Iterable[bytes], progress: Callable[[int], None] | None = None) -> int:
    """Load events into a table beside the log, on the first node; nothing that is shown changes. Returns how many."""
    opened = engine()
    with opened.client() as client:
        client.command("DROP TABLE IF EXISTS events_restoring SYNC")
        client.command(f"CREATE TABLE events_restoring AS {opened.local('events')}")
    return load_events(pieces, table="events_restoring", progress=progress)


def take_staged_events() -> None:
    """Replace the whole log by the staged events; the derived tables follow by themselves, the snapshot does not.

    Safe to repeat as long as the staged table is there.
    """
    opened = engine()
    with opened.nobody_writes():
        empty_log()
        with opened.client() as client:
            client.command(f"INSERT INTO arrivals ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM events_restoring")
            client.command("DROP TABLE events_restoring SYNC")


def empty_log() -> None:
    """Remove everything from every table of the log, staged events excepted."""
    opened = engine()
    for table in log_tables():
        kept = table.removesuffix("_local") in {"schema_files", "events_restoring", "arrivals"}
        kept = kept or table.endswith(("_mv", "_mv_local"))
        if not kept and (table.endswith("_local") or not opened.cluster):
            opened.everywhere(f"TRUNCATE TABLE {table}")


def _where(until: datetime | None, workspace_id: int | None) -> tuple[str, dict[str, object]]:
    conditions, parameters = ["1"], dict[str, object]()
    if until is not None:
        conditions.append("received_at <= {until:DateTime64(3, 'UTC')}")
        parameters["until"] = until
    if workspace_id is not None:
        conditions.append("workspace_id = {workspace:UInt32}")
        parameters["workspace"] = workspace_id
    return " AND ".join(conditions), parameters


def _stream(sql: str, parameters: dict[str, object]) -> Iterator[bytes]:
    rest = b""
    with engine().client() as client:
        stream = client.raw_stream(
            sql, parameters=parameters, settings={"date_time_output_format": "iso"}, fmt="JSONEachRow"
        )
        assert isinstance(stream, io.IOBase)
        try:
            while block := stream.read(CHUNK):
                head, newline, tail = block.rpartition(b"\n")
                if newline:
                    yield rest + head + newline
                    rest = tail
                else:
                    rest += tail
        finally:
            stream.close()
    if rest:
        # A stream that fails half-way ends with the text of the error instead of a line.
        raise TransferError(rest[-500:].decode(errors="replace"))


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines in blocks of about CHUNK bytes, each of whole lines."""
    rest: list[bytes] = []
    size = 0
    for piece in pieces:
        rest.append(piece)
        size += len(piece)
        if size >= CHUNK:
            head, newline, tail = b"".join(rest).rpartition(b"\n")
            if newline:
                yield head + newline
            rest, size = [tail], len(tail)
    if last := b"".join(rest):
        yield last if last.endswith(b"\n") else last + b"\n"
