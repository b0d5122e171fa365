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
            _keep_first(opened, workspace_id, twins)
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


def _keep_first(opened: Engine, workspace_id: int, twins: Sequence[UUID]) -> None:
    rows: dict[UUID, list[tuple[datetime, int, int]]] = defaultdict(list)
    asked = {"workspace": workspace_id, "ids": [str(one) for one in twins]}
    which = "workspace_id = {workspace:UInt32} AND event_id IN {ids:Array(UUID)}"
    for node, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            found = client.query(
                f"SELECT event_id, received_at, _block_number FROM {opened.local('events')} WHERE {which}",
                parameters=asked,
            ).result_rows
            for event_id, received_at, block in found:
                rows[event_id].append((received_at, node, int(block)))
    kept = {event_id: min(places) for event_id, places in rows.items()}
    queries = view_queries()
    for node, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            for event_id, places in rows.items():
                _at, home, block = kept[event_id]
                one = f"workspace_id = {workspace_id} AND event_id = '{event_id}'"
                stays = f" AND _block_number != {block}" if home == node else ""
                if home == node and places.count(kept[event_id]) > 1:
                    # A server put the inserts of both processes into one block, where nothing tells the rows apart:
                    # one of them is written once more, and only then all before it go.
                    client.command(
                        f"INSERT INTO {opened.local('events')} ({EVENT_COLUMNS})"
                        f" SELECT {EVENT_COLUMNS} FROM {opened.local('events')} WHERE {one} LIMIT 1"
                    )
                    newest = max(place[2] for place in places if place[1] == node)
                    stays = f" AND _block_number <= {newest}"
                elif not any(place[1] == node and place != kept[event_id] for place in places):
                    continue
                client.command(f"DELETE FROM {opened.local('events')} WHERE {one}{stays}")
            for table in DERIVED:
                client.command(f"DELETE FROM {opened.local(table)} WHERE {which}", parameters=asked)
                query = queries[table].replace("@arrivals", opened.local("events"))
                query = query.replace("WHERE name", f"WHERE {which} AND name")
                client.command(f"INSERT INTO {opened.local(table)} {query}", parameters=asked)
    rebuild_rollup(workspace_id)  # what was derived anew was counted anew too
