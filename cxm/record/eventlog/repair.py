"""Make the derived tables agree with `events` again where a crash came between them.

An insert writes one part for each table that it fills, and each part appears by itself. A process or a server that is
killed in the middle may leave an event without its derived row, or a row without its event. So every stretch of the
log is looked at once, some time after it was written, and what is torn is mended by the SQL that fills the tables.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from clickhouse_connect.driver.client import Client

from .engine import Engine, engine
from .models import LogCheckpoint
from .rebuild import DERIVED, READ, rebuild_rollup, view_queries
from .steps import drop_cases, lost_steps

logger = logging.getLogger(__name__)

SETTLED = timedelta(minutes=1)  # after which no insert of a living process can be half-way
STRETCH = 500_000  # rows looked at in one question: the engine keeps their ids in memory meanwhile
# The engine keeps a sorted copy of each set of ids for indexes, 45 MB of a stretch, also where no index knows ids.
LEAN = {"use_index_for_in_with_subqueries": 0}
SECOND_LOOK = 3.0  # seconds, before a row without an event counts as torn while others may write


@dataclass(slots=True)
class Mended:
    """How many derived rows were missing, how many had no event, and how many workspaces were counted anew."""

    missing: int = 0
    orphaned: int = 0
    recounted: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.orphaned or self.recounted)


def repair(settled: timedelta = SETTLED) -> Mended:
    """Look at what was written since the last look and is older than `settled`; mend it. Raises EventlogError.

    `settled` may be zero where nobody else can be writing (the start of the one process).
    """
    opened, mended = engine(), Mended()
    before = LogCheckpoint.objects.filter(name="repair").first()
    positions = dict(before.positions) if before else {}
    for number, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            known = positions.get(str(number), {})
            if known.get("log") != (log := _log_id(opened, client)):
                known = {}
            positions[str(number)] = {"log": log, **_node(opened, client, known, settled, mended)}
    for workspace_id in _miscounted(opened, wait=bool(settled)):
        rebuild_rollup(workspace_id)
        mended.recounted += 1
    LogCheckpoint.objects.update_or_create(name="repair", defaults={"positions": positions})
    if mended:
        logger.warning(
            "After a crash %d derived rows were added, %d removed, %d roll-ups counted anew.",
            mended.missing, mended.orphaned, mended.recounted,
        )  # fmt: skip
    return mended


def _log_id(opened: Engine, client: Client) -> str:
    """Changes with the table: block numbers of another one mean nothing."""
    rows = client.query(
        "SELECT toString(uuid) FROM system.tables WHERE database = {d:String} AND name = {t:String}",
        parameters={"d": opened.database, "t": opened.local("events")},
    ).result_rows
    return str(rows[0][0])


def _node(
    opened: Engine, client: Client, known: dict[str, int], settled: timedelta, mended: Mended
) -> dict[str, int]:  # fmt: skip
    events = opened.local("events")
    after = int(known.get("events", 0))
    until = _last_settled(client, events, after, settled)
    for first, last in _stretches(client, events, after, until):
        for table in DERIVED:
            mended.missing += _add_missing(opened, client, table, first, last)
    found = {"events": max(after, until)}
    for table in (*DERIVED, *READ, "steps"):
        remove = _remove_steps if table == "steps" else _remove_orphans
        found[table] = _top(client, opened.local(table))
        for first, last in _stretches(client, opened.local(table), int(known.get(table, 0)), found[table]):
            mended.orphaned += remove(opened, client, table, first, last, wait=bool(settled))
    return found


def _stretches(client: Client, table: str, after: int, until: int) -> list[tuple[int, int]]:
    """The blocks in (after, until], parted so that each part has little more than STRETCH rows: (after, until] each."""
    if until <= after:
        return []
    rows = client.query(
        "SELECT max(block) FROM (SELECT block, sum(n) OVER (ORDER BY block) AS total FROM ("
        f"SELECT _block_number AS block, count() AS n FROM {table} WHERE block > {after} AND block <= {until}"
        f" GROUP BY block)) GROUP BY intDiv(total, {STRETCH}) ORDER BY 1"
    ).result_rows
    ends = [int(row[0]) for row in rows]
    return list(pairwise([after, *ends[:-1], until])) if ends else []


def _top(client: Client, table: str) -> int:
    return int(client.query(f"SELECT max(_block_number) FROM {table}").result_rows[0][0] or 0)


def _last_settled(client: Client, events: str, after: int, settled: timedelta) -> int:
    """The last block before the first that is too young."""
    if not settled:
        return _top(client, events)
    young, top = client.query(
        "SELECT minIf(_block_number, received_at > now64(3) - toIntervalSecond({seconds:UInt32})), max(_block_number)"
        f" FROM {events} WHERE _block_number > {{after:UInt64}}",
        parameters={"seconds": int(settled.total_seconds()), "after": after},
    ).result_rows[0]
    return int(young) - 1 if young else int(top)


def _add_missing(opened: Engine, client: Client, table: str, after: int, until: int) -> int:
    """Derived rows of the events in (after, until] that the table does not have; returns how many were added."""
    query = view_queries()[table]
    local, events = opened.local(table), opened.local("events")
    names = re.search(r"WHERE (name (?:=|IN) .*)$", query, re.DOTALL)
    assert names is not None
    stretch = f"{names[1].strip()} AND _block_number > {after} AND _block_number <= {until}"
    there = f"SELECT event_id FROM {local} WHERE event_id IN (SELECT event_id FROM {events} WHERE {stretch})"
    torn = f"{stretch} AND event_id NOT IN ({there})"
    lean = {} if table == "texts" else LEAN  # by their index of ids a few new events are found without reading all
    missing = int(client.query(f"SELECT count() FROM {events} AS e WHERE {torn}", settings=lean).result_rows[0][0])
    if missing:
        sql = query.replace("@arrivals", events).replace(names[0], f"WHERE {torn}")
        client.command(f"INSERT INTO {local} {sql}")
    return missing


def _remove_steps(opened: Engine, client: Client, _table: str, after: int, until: int, *, wait: bool) -> int:
    """Journeys with a step in (after, until] whose event is not in the log are made anew; returns of how many steps."""
    lost = {str(one) for one in lost_steps(opened, client, after, until)}
    if lost and wait:
        time.sleep(SECOND_LOOK)
        lost &= {str(one) for one in lost_steps(opened, client, after, until)}
    if lost:
        drop_cases(opened, client, "event_id IN {ids:Array(UUID)}", {"ids": sorted(lost)})
    return len(lost)


def _remove_orphans(opened: Engine, client: Client, table: str, after: int, until: int, *, wait: bool) -> int:
    """Rows written in (after, until] whose event is not in the log; returns how many were removed."""
    local, events = opened.local(table), opened.local("events")
    written = f"_block_number > {after} AND _block_number <= {until}"
    recent = f"SELECT event_id FROM {local} WHERE {written}"
    sql = (
        f"SELECT toString(event_id) FROM {local} WHERE {written}"
        f" AND event_id NOT IN (SELECT event_id FROM {events} WHERE event_id IN ({recent}))"
    )
    orphans = {row[0] for row in client.query(sql, settings=LEAN).result_rows}
    if orphans and wait:
        time.sleep(SECOND_LOOK)
        orphans &= {row[0] for row in client.query(sql, settings=LEAN).result_rows}
    some = sorted(orphans)
    for start in range(0, len(some), 1000):
        listed = ",".join(f"'{one}'" for one in some[start : start + 1000])
        client.command(f"DELETE FROM {local} WHERE event_id IN ({listed})")
    return len(orphans)


def _miscounted(opened: Engine, *, wait: bool) -> set[int]:
    """Workspaces whose roll-up does not hold as many answers as there are."""
    off = _differences(opened)
    if off and wait:
        time.sleep(SECOND_LOOK)
        off &= _differences(opened)
    return {workspace_id for workspace_id, _n in off}


def _differences(opened: Engine) -> set[tuple[int, int]]:
    with opened.client() as client:
        rows = client.query(
            "SELECT workspace_id, sum(n) FROM ("
            " SELECT workspace_id, toInt64(count()) AS n FROM feedback WHERE score IS NOT NULL GROUP BY workspace_id"
            " UNION ALL SELECT workspace_id, -toInt64(sum(n)) AS n FROM feedback_rollup GROUP BY workspace_id"
            ") GROUP BY workspace_id HAVING sum(n) != 0"
        ).result_rows
    return {(int(workspace_id), int(n)) for workspace_id, n in rows}
