"""Append events: durable when the call returns, and each event once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from .commit import DERIVING
from .engine import Engine, engine

NOBODY = UUID(int=0)
# `events` and what is derived from the same lines are written at once, for which a large insert takes two threads.
SIDE_BY_SIDE = {"parallel_view_processing": 1}
NO_IMPORT = UUID(int=0)
LOOKUP = 3_000  # event ids compared with the log in one question; a server takes 128 KiB in one field over HTTP


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    `event_id` makes it unique for ever: the sender derives it from its own id of the event. `properties` is a JSON
    object, ready encoded where the caller has it so. Times are aware; the log keeps milliseconds.
    """

    workspace_id: int
    event_id: UUID
    name: str
    customer_id: UUID
    occurred_at: datetime
    source: str
    import_id: UUID = NO_IMPORT
    properties: str = "{}"


_encoder = msgspec.json.Encoder()
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def encode_properties(properties: Mapping[str, object]) -> str:
    """A JSON object as the log keeps it; NUL, which no engine column should meet, is dropped."""
    text = _encoder.encode(properties).decode()
    # An even number of backslashes before it is text about a NUL, an escaped backslash each; it stays.
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text


def append(events: Sequence[Event], *, known_new: bool = False) -> int:
    """Write the events that the log does not have yet; returns how many were new.

    `known_new` skips the comparison with the log for a caller that made the ids just now.
    Raises EventlogError; then nothing or all of a batch may be there, and repeating the call is safe.
    """
    if not events:
        return 0
    opened = engine()
    unique = list({event.event_id: event for event in events}.values())
    with opened.write_lock:
        if not known_new:
            present = known(opened, unique)
            unique = [event for event in unique if event.event_id not in present]
        if unique:
            # The views of `arrivals` cost an insert of a few rows twice as much again.
            deriving = any(event.name in DERIVING for event in unique)
            with opened.client() as client:
                client.raw_insert(
                    "arrivals" if deriving else "events",
                    insert_block=_encoder.encode_lines(unique),
                    fmt="JSONEachRow",
                    settings={"date_time_input_format": "best_effort"},
                )
    return len(unique)


def known(opened: Engine, events: Sequence[Event]) -> set[UUID]:
    """Which of these events the log has. An event's own time bounds the search: a repeat says the same time."""
    found: set[UUID] = set()
    with opened.client() as client:
        for start in range(0, len(events), LOOKUP):
            part = events[start : start + LOOKUP]
            # The driver escapes a parameter letter by letter, which takes longer than the question; a UUID needs none.
            ids = ",".join([f"'{event.event_id}'" for event in part])
            result = client.query(
                "SELECT event_id FROM events WHERE workspace_id IN {workspaces:Array(UInt32)}"
                " AND occurred_at BETWEEN {first:DateTime64(3, 'UTC')} AND {last:DateTime64(3, 'UTC')}"
                f" AND event_id IN ({ids})",
                parameters={
                    "workspaces": sorted({event.workspace_id for event in part}),
                    "first": min(event.occurred_at for event in part),
                    "last": max(event.occurred_at for event in part),
                },
            )
            found.update(row[0] for row in result.result_rows)
    return found


# What a ready-made line holds, in this order, each escaped as tab-separated values want it.
LINE = ("workspace_id", "event_id", "name", "customer_id", "occurred_at", "source", "import_id", "properties")


def append_lines(lines: Sequence[bytes]) -> None:
    """Write ready-made lines, some in each piece and each with its line feed, which the log does not have.

    (Ask `known_ids` where that is not sure.)

    For imports, which make hundreds of thousands of events per second. Raises EventlogError; then nothing or all of
    them may be there.
    """
    if not lines:
        return
    opened = engine()
    with opened.write_lock, opened.client() as client:
        client.raw_insert(
            "arrivals", insert_block=b"".join(lines), fmt="TSV", column_names=list(LINE), settings=SIDE_BY_SIDE
        )


def known_ids(workspace_id: int, ids: Sequence[str], first: str, last: str) -> dict[str, UUID]:
    """Which of these events, all from `first` to `last`, the log has, and the import that brought each."""
    found: dict[str, UUID] = {}
    with engine().client() as client:
        for start in range(0, len(ids), LOOKUP):
            result = client.query(
                "SELECT toString(event_id), import_id FROM events WHERE workspace_id = {workspace:UInt32}"
                " AND occurred_at BETWEEN {first:DateTime64(3, 'UTC')} AND {last:DateTime64(3, 'UTC')}"
                " AND event_id IN {ids:Array(UUID)}",
                parameters={
                    "workspace": workspace_id, "first": first, "last": last, "ids": list(ids[start : start + LOOKUP])
                },
            )  # fmt: skip
            found.update((row[0], row[1]) for row in result.result_rows)
    return found
