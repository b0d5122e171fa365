"""Drop events that came in twice: two processes may take the same message at the same moment.

Each process compares with the log before it writes, so this takes two writers within milliseconds; in one process it
cannot happen. One row stays, the others go, and what was derived of them is derived anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from .append import LOOKUP
from .engine import Engine, engine
from .follow import LogEvent
from .rebuild import DERIVED, rebuild_rollup, view_queries
from .transfer import EVENT_COLUMNS

APART = timedelta(minutes=10)  # two receipts of one message that no process could see the other of


def drop_twins(events: Sequence[LogEvent]) -> int:
    """Drop what the log has twice of these events; returns how many events were. Safe to repeat. A step of the flow."""
    opened = engine()
    if opened.in_process or not events:
        return 0
    by_workspace: dict[int, set[UUID]] = defaultdict(set)
    for event in events:
        by_workspace[event.workspace_id].add(event.event_id)
    since = min(event.received_at for event in events) - APART
    dropped = 0
    for workspace_id, ids in by_workspace.items():
        if twins := _twins(opened, workspace_id, sorted(ids), since):
            _keep_one(opened, workspace_id, twins)
            dropped += len(twins)
    return dropped


def _twins(opened: Engine, workspace_id: int, ids: Sequence[UUID], since: datetime) -> list[UUID]:
    found: list[UUID] = []
    with opened.client() as client:
        for start in range(0, len(ids), LOOKUP):
            rows = client.query(
                "SELECT event_id FROM events WHERE workspace_id = {workspace:UInt32}"
                " AND event_id IN {ids:Array(UUID)} AND received_at >= {since:DateTime64(3, 'UTC')}"
                " GROUP BY event_id HAVING count() > 1",
                parameters={
                    "workspace": workspace_id,
                    "ids": [str(one) for one in ids[start : start + LOOKUP]],
                    "since": since,
                },
            ).result_rows
            found += [row[0] for row in rows]
    return found


def _keep_one(opened: Engine, workspace_id: int, twins: Sequence[UUID]) -> None:
    """Write one row of each twin once more, then remove all that were there before.

    A server may put the inserts of two processes into one block, where nothing tells the rows apart: so no row can be
    chosen to stay. A crash in between leaves one row more, which the flow meets again.
    """
    events = opened.local("events")
    asked = {"workspace": workspace_id, "ids": [str(one) for one in twins]}
    which = "workspace_id = {workspace:UInt32} AND event_id IN {ids:Array(UUID)}"
    homes: dict[UUID, tuple[datetime, int]] = {}  # the node with the row that was received first
    tops: dict[int, int] = {}
    for node, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            found = client.query(
                f"SELECT event_id, min(received_at), max(_block_number) FROM {events} WHERE {which} GROUP BY event_id",
                parameters=asked,
            ).result_rows
        for event_id, received_at, block in found:
            homes[event_id] = min(homes.get(event_id, (received_at, node)), (received_at, node))
            tops[node] = max(tops.get(node, 0), int(block))
    queries = view_queries()
    for node, top in tops.items():
        mine = {"workspace": workspace_id, "ids": [str(one) for one, (_, home) in homes.items() if home == node]}
        with opened.client(opened.addresses[node]) as client:
            client.command(
                f"INSERT INTO {events} ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM {events}"
                f" WHERE {which} AND _block_number <= {top} ORDER BY received_at LIMIT 1 BY event_id",
                parameters=mine,
            )
            client.command(f"DELETE FROM {events} WHERE {which} AND _block_number <= {top}", parameters=asked)
            for table in DERIVED:
                client.command(f"DELETE FROM {opened.local(table)} WHERE {which}", parameters=asked)
                query = queries[table].replace("@arrivals", events).replace("WHERE name", f"WHERE {which} AND name")
                client.command(f"INSERT INTO {opened.local(table)} {query}", parameters=asked)
    rebuild_rollup(workspace_id)  # what was derived anew was counted anew too
