"""The steps of journeys: which events are steps (`step_events`), and the journeys that they make (`steps`).

An event becomes a row of `step_events` once, for each process in which it is a step. Whatever changes the journeys of
a case (new and late events, deletions, merges) leaves a mark in `stale_cases` first; then the steps of these cases go
and are made anew from `step_events`. So what is stopped anywhere in between is done again, and a journey is seen whole
or not at all: each insert is one part, and holds all steps of its cases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from .engine import Engine, engine
from .follow import Cursor, in_utc, parts_after, still_active, table_id

CHUNK = 250_000  # rows of `step_events` that are made into steps by one insert
READ_AT_ONCE = 2_000_000  # events looked at by one question while a process is built
AGAIN = timedelta(seconds=60)  # after a deletion beside other processes, when none of them can still hold what is gone
NAME = "steps"
# One insert makes one part, so that the steps of a case appear together.
HERE = {"parallel_distributed_insert_select": 0}  # sent on, a statement would not find the tables of its subqueries
WHOLE = {
    **HERE,
    "min_insert_block_size_rows": 4 * CHUNK, "min_insert_block_size_bytes": 0, "max_insert_threads": 1,
    "max_block_size": 65_536, "insert_deduplicate": 0,
}  # fmt: skip
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class StepSource:
    """A process as the engine reads it: SQL over a row `e` of `events`, with its typed parameters.

    `label`, `rank` and `case_id` are expressions, `where` says which events are looked at at all. With `of_customers`
    the case is the customer, and merges count. `head` stands before SELECT (WITH …).
    """

    workspace_id: int
    process: int
    generation: int
    names: tuple[str, ...]  # of events; none: any
    head: str
    case_id: str
    label: str
    rank: str
    version: str
    touchpoint: str
    channel: str
    where: str
    of_customers: bool
    by_version: bool  # before the time
    collapse: bool
    gap_ms: int | None
    parameters: Mapping[str, Any]
    built_to: Mapping[str, Any] = field(default_factory=dict)  # as `tops` says it: what is in it already


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Rows of `events` after a place on one node, and the place behind them."""

    node: int
    parts: tuple[str, ...]
    after: int
    end: int
    names: Mapping[int, frozenset[str]]  # of the new events, by workspace
    place: dict[str, Any]


class StepCursor(Cursor):
    """How far the events (or the customers) are looked at, on each node."""

    def __init__(self, holder: str, *, alone: bool = False, table: str = "events") -> None:
        super().__init__(NAME if table == "events" else f"{NAME}-{table}", holder, alone=alone, table=table)

    def next(self, node: int) -> NewEvents | None:
        """What is new on that node; None when nothing is. Raises EventlogError."""
        opened = engine()
        with opened.client(opened.addresses[node]) as client:
            place = self._place(opened, client, node)
            log, block = place["table"], int(place["block"])
            while True:
                parts, top = parts_after(opened, client, block, self.table)
                if top < block:  # emptied parts have gone, and a restarted engine counts on from what is left
                    self._put({"table": log, "block": top}, node)
                    block = top
                    continue
                if not parts:
                    return None
                names = tuple(one.name for one in parts)
                found = client.query(
                    f"SELECT workspace_id, {'groupUniqArray(name)' if self.table == 'events' else '[]'}"
                    f" FROM {opened.local(self.table)} WHERE _part IN {{parts:Array(String)}}"
                    " AND _block_number > {after:UInt64} GROUP BY workspace_id",
                    parameters={"parts": list(names), "after": block},
                    settings={"log_comment": "steps.new"},
                ).result_rows
                if still_active(opened, client, parts, self.table):
                    break
        by_workspace = {int(row[0]): frozenset(row[1]) for row in found}
        return NewEvents(node, names, block, top, by_workspace, {"table": log, "block": top})

    def advance(self, new: NewEvents) -> None:
        """Say that all of it is looked at. Raises LeaseLost."""
        self._put(new.place, new.node)

    def waiting(self, workspace_id: int) -> tuple[int, datetime | None]:
        """How many events of a workspace are behind the cursor, and when the oldest came in; it needs no lease."""
        opened, n, oldest = engine(), 0, None
        for node, address in enumerate(opened.addresses):
            with opened.client(address) as client:
                block = int(self._place(opened, client, node)["block"])
                parts, _top = parts_after(opened, client, block)
                [(some, first)] = client.query(
                    f"SELECT count(), min(received_at) FROM {opened.local('events')}"
                    " WHERE _part IN {parts:Array(String)} AND _block_number > {after:UInt64}"
                    " AND workspace_id = {workspace:UInt32}",
                    parameters={"parts": [one.name for one in parts], "after": block, "workspace": workspace_id},
                ).result_rows
            if some:
                n += int(some)
                oldest = min(in_utc(first), oldest or in_utc(first))
        return n, oldest

    def look(self) -> None:
        """Read where the cursor stands without holding it."""
        from .models import FollowCursor  # the model of this app is loaded after its modules

        row = FollowCursor.objects.filter(name=self.name).first()
        self._positions = row.positions if row else {}


def tops() -> dict[str, Any]:
    """The log and its newest block on each node: all up to there is seen by a question that is asked afterwards."""
    opened, found = engine(), {}
    for node, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            found[str(node)] = {
                "table": table_id(opened, client), "block": parts_after(opened, client, 0)[1]
            }  # fmt: skip
    return found


def add_new(source: StepSource, new: NewEvents) -> bool:
    """Put the new events that are steps into `step_events`, and mark their cases. Safe to repeat.

    False if a merge took the parts away meanwhile: then ask the cursor again.
    """
    opened = engine()
    built = source.built_to.get(str(new.node), {})
    after = max(new.after, int(built["block"])) if built.get("table") == new.place["table"] else new.after
    if after >= new.end:
        return True
    stretch = "_part IN {parts:Array(String)} AND _block_number > {after:UInt64} AND _block_number <= {end:UInt64}"
    asked = {"parts": list(new.parts), "after": after, "end": new.end}
    with opened.write_lock, opened.client(opened.addresses[new.node]) as client:
        _add(opened, client, source, stretch, asked)
        _mark(opened, client, source, stretch, asked)
        here = {row[0] for row in client.query(
            "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active",
            parameters={"table": opened.local("events")},
        ).result_rows}  # fmt: skip
    return set(new.parts) <= here


def _select(source: StepSource, events: str, which: str) -> str:
    return (
        f"{source.head} SELECT workspace_id, {source.case_id} AS case_id, {source.label} AS label,"
        f" {source.rank} AS rank, {source.version} AS version, {source.touchpoint} AS touchpoint,"
        f" {source.channel} AS channel, event_id, customer_id, occurred_at, import_id FROM {events} AS e"
        f" WHERE workspace_id = {{workspace:UInt32}} AND {source.where} AND {which}"
        f" AND label != '' AND case_id != toUUID('00000000-0000-0000-0000-000000000000')"
    )


def _given(source: StepSource, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **source.parameters, **more, "workspace": source.workspace_id, "process": source.process,
        "generation": source.generation, "names": list(source.names),
    }  # fmt: skip


def _add(opened: Engine, client: Client, source: StepSource, which: str, asked: Mapping[str, Any]) -> None:
    client.command(
        f"INSERT INTO {opened.local('step_events')} (workspace_id, process, generation, case_id, occurred_at, rank,"
        " version, event_id, customer_id, import_id, label, touchpoint, channel)"
        " SELECT workspace_id, {process:UInt32}, {generation:UInt32}, case_id, occurred_at, rank, version, event_id,"
        f" customer_id, import_id, label, touchpoint, channel FROM ({_select(source, opened.local('events'), which)})",
        parameters=_given(source, asked),
        settings={**HERE, "log_comment": "steps.add"},
    )


def _mark(opened: Engine, client: Client, source: StepSource, which: str, asked: Mapping[str, Any]) -> None:
    client.command(
        "INSERT INTO stale_cases SELECT DISTINCT workspace_id, {process:UInt32}, case_id,"
        f" now64(3, 'UTC') FROM ({_select(source, opened.local('events'), which)})",
        parameters=_given(source, asked),
        settings={**HERE, "log_comment": "steps.mark"},
    )


def mark_moved(new: NewEvents, workspace_id: int, processes: Sequence[int]) -> None:
    """Mark the cases of customers who belong to another customer since these rows of the snapshot."""
    opened = engine()
    asked = {
        "parts": list(new.parts), "after": new.after, "end": new.end, "workspace": workspace_id,
        "processes": list(processes),
    }  # fmt: skip
    address = opened.addresses[new.node]
    with opened.client(address) as client:
        changed = (
            f"SELECT customer_id FROM {opened.local('customers')} WHERE workspace_id = {{workspace:UInt32}}"
            " AND _part IN {parts:Array(String)} AND _block_number > {after:UInt64} AND _block_number <= {end:UInt64}"
        )
        # Of those who are gone from the snapshot the case is themselves again.
        client.command(
            "INSERT INTO stale_cases"
            " SELECT DISTINCT workspace_id, process, arrayJoin([case_id, belongs]) AS one, now64(3, 'UTC') FROM ("
            " SELECT workspace_id, process, case_id, customer_id,"
            " if(canonical_id = toUUID('00000000-0000-0000-0000-000000000000'), customer_id, canonical_id) AS belongs"
            " FROM (SELECT DISTINCT workspace_id, process, case_id, customer_id FROM steps"
            " WHERE workspace_id = {workspace:UInt32} AND process IN {processes:Array(UInt32)}"
            f" AND customer_id GLOBAL IN ({changed})) AS held"
            " GLOBAL ANY LEFT JOIN (SELECT customer_id, canonical_id FROM customers FINAL"
            f" WHERE workspace_id = {{workspace:UInt32}} AND customer_id GLOBAL IN ({changed})) AS present"
            " USING (customer_id)"
            ") WHERE case_id != belongs",
            parameters=asked,
            settings={**HERE, "log_comment": "steps.moved"},
        )


WITHIN = "occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}"
STALE = (
    "SELECT case_id FROM stale_cases WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}"
    " AND due_at <= {until:DateTime64(3, 'UTC')}"
)
MOVED = (
    "SELECT customer_id FROM customers FINAL WHERE workspace_id = {workspace:UInt32} AND canonical_id != customer_id"
)
OF_CHUNK = "cityHash64(case_id) % {chunks:UInt32} = {chunk:UInt32}"


def stale_processes(until: datetime) -> list[int]:
    """The processes that have cases to be made anew."""
    with engine().client() as client:
        rows = client.query(
            "SELECT DISTINCT process FROM stale_cases WHERE due_at <= {until:DateTime64(3, 'UTC')} ORDER BY process",
            parameters={"until": until},
        ).result_rows
    return [int(row[0]) for row in rows]


def mend(sources: Sequence[StepSource], until: datetime, stopping: Stop) -> bool:
    """Make the cases of these processes anew that were marked up to then; False if it was stopped in between.

    They must be all that have any: then the marks go. Safe to repeat.
    """
    opened = engine()
    few: list[tuple[StepSource, dict[str, Any]]] = []
    for source in sources:
        asked: dict[str, Any] = {"workspace": source.workspace_id, "process": source.process, "until": until,
                                 "generation": source.generation}  # fmt: skip
        n = _wanted(opened, source, asked)
        if n <= CHUNK:
            few.append((source, asked))
            continue
        chunks = n // CHUNK + 1
        for chunk in range(chunks):
            if stopping():
                return False
            mine = f"{STALE} AND {OF_CHUNK}"
            given = {**asked, "chunks": chunks, "chunk": chunk}
            with opened.write_lock:
                _everywhere(
                    "DELETE FROM @steps WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}"
                    f" AND case_id IN ({mine})",
                    given,
                )
                _insert(source, given, f"case_id GLOBAL IN ({_names_of(source, mine)})", f"one GLOBAL IN ({mine})")
    if stopping():
        return False
    with opened.write_lock:
        _remove_together(few, until)
        for source, asked in few:
            _insert(source, asked, f"case_id GLOBAL IN ({_names_of(source, STALE)})", f"one GLOBAL IN ({STALE})")
        _unmark(opened, until)
    return True


def _wanted(opened: Engine, source: StepSource, asked: Mapping[str, Any]) -> int:
    """How many rows of `step_events` the marked cases have."""
    with opened.client() as client:
        if source.of_customers:
            # A mark under a name that belongs to somebody means that somebody's case too.
            client.command(
                "INSERT INTO stale_cases SELECT {workspace:UInt32}, {process:UInt32}, canonical_id,"
                " {until:DateTime64(3, 'UTC')} FROM customers FINAL WHERE workspace_id = {workspace:UInt32}"
                f" AND customer_id GLOBAL IN ({STALE}) AND canonical_id GLOBAL NOT IN ({STALE})",
                parameters=dict(asked),
                settings=HERE,
            )
        return int(client.query(
            "SELECT count() FROM step_events WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}"
            " AND generation = {generation:UInt32} AND case_id GLOBAL IN (" + _names_of(source, STALE) + ")",
            parameters=dict(asked),
        ).result_rows[0][0])  # fmt: skip


def _remove_together(few: Sequence[tuple[StepSource, Mapping[str, Any]]], until: datetime) -> None:
    """Remove the journeys of the marked cases of all these processes at once: each removal costs as much as many."""
    asked = {
        "workspaces": sorted({source.workspace_id for source, _asked in few}),
        "processes": sorted(source.process for source, _asked in few), "until": until,
    }  # fmt: skip
    which = (
        "workspace_id IN {workspaces:Array(UInt32)} AND process IN {processes:Array(UInt32)} AND (process, case_id)"
        " GLOBAL IN (SELECT process, case_id FROM stale_cases WHERE workspace_id IN {workspaces:Array(UInt32)}"
        " AND process IN {processes:Array(UInt32)} AND due_at <= {until:DateTime64(3, 'UTC')})"
    )
    with engine().client() as client:
        [(there,)] = client.query(f"SELECT count() FROM steps WHERE {which}", parameters=asked).result_rows
    if there:
        _everywhere(f"DELETE FROM @steps WHERE {which.replace('GLOBAL IN', 'IN')}", asked)


def _unmark(opened: Engine, until: datetime) -> None:
    """Remove the marks up to then. To empty the table is by far the faster way; where others write, it is none."""
    with opened.client() as client:
        [(later,)] = client.query(
            "SELECT count() FROM stale_cases WHERE due_at > {until:DateTime64(3, 'UTC')}", parameters={"until": until}
        ).result_rows
    if opened.in_process and not later:
        _everywhere("TRUNCATE TABLE @stale_cases", {})
    else:
        _everywhere("DELETE FROM @stale_cases WHERE due_at <= {until:DateTime64(3, 'UTC')}", {"until": until})


def _names_of(source: StepSource, cases: str) -> str:
    """The cases as `step_events` names them: of customers, everybody who belongs to them."""
    if not source.of_customers:
        return cases
    return (
        f"{cases} UNION ALL SELECT customer_id FROM customers FINAL WHERE workspace_id = {{workspace:UInt32}}"
        f" AND canonical_id != customer_id AND canonical_id GLOBAL IN ({cases})"
    )


def _insert(source: StepSource, asked: Mapping[str, Any], rows: str, cases: str) -> None:
    """Make steps of the rows of `step_events` for which `rows` holds, of the cases (`one`) for which `cases` holds."""
    belongs = "case_id"
    join = ""
    if source.of_customers:
        belongs = "if(moved.known = 1, moved.canonical_id, case_id)"
        join = (
            " GLOBAL ANY LEFT JOIN (SELECT customer_id AS case_id, canonical_id, 1 AS known FROM customers FINAL"
            " WHERE workspace_id = {workspace:UInt32} AND canonical_id != customer_id) AS moved USING (case_id)"
        )
    # A tuple sorts by its parts, so by time, rank, version and id; what is there twice stands side by side then.
    first = "x -> (x.3, x), " if source.by_version else ""
    steps = (
        f"arrayCompact(x -> x.4, arraySort({first}groupArray((occurred_at, rank, version, event_id, customer_id,"
        " import_id, label, touchpoint, channel))))"
    )
    if source.gap_ms is None:
        split, journey = "s", "one"
    else:
        split = "arrayJoin(arraySplit((x, d) -> d > {gap:Int64}, s, arrayDifference(arrayMap("
        split += "x -> toUnixTimestamp64Milli(x.1), s))))"
        journey = "reinterpretAsUUID(sipHash128(one, toUnixTimestamp64Milli(j[1].1)))"
    shorter = "arrayCompact(x -> x.7, j)" if source.collapse else "j"
    sql = f"""
INSERT INTO steps (workspace_id, process, case_id, journey, number, from_end, customer_id, event_id, occurred_at,
    import_id, label, next, gap_ms, left_ms, path, visit, pass, touchpoint, channel, version)
SELECT {{workspace:UInt32}}, {{process:UInt32}}, one, journey, number, total - number + 1, x.5, x.4, x.1, x.6, x.7,
    following, gap, ended - toUnixTimestamp64Milli(x.1), path, visit, pass, x.8, x.9, {{written:UInt64}}
FROM (
    SELECT one, journey, k, total, path, times[total] AS ended, nexts,
           arrayPushBack(arrayPopFront(arrayDifference(times)), 0) AS gaps,
           arrayEnumerateUniq(labels) AS visits, arrayEnumerateUniq(labels, nexts) AS passes
    FROM (
        SELECT one, journey, k, arrayMap(x -> x.7, k) AS labels, arrayMap(x -> toUnixTimestamp64Milli(x.1), k) AS times,
               length(k) AS total, arrayPushBack(arrayPopFront(labels), '') AS nexts,
               cityHash64(arrayStringConcat(labels, '\\0')) AS path
        FROM (
            SELECT one, {journey} AS journey, {shorter} AS k
            FROM (
                SELECT one, {split} AS j
                FROM (
                    SELECT one, {steps} AS s
                    FROM (
                        SELECT {belongs} AS one, occurred_at, rank, version, event_id, customer_id, import_id,
                               CAST(label, 'String') AS label, CAST(touchpoint, 'String') AS touchpoint,
                               CAST(channel, 'String') AS channel
                        FROM step_events{join}
                        WHERE workspace_id = {{workspace:UInt32}} AND process = {{process:UInt32}}
                          AND generation = {{generation:UInt32}} AND {rows}
                    )
                    WHERE {cases}
                    GROUP BY one
                )
            )
        )
    )
)
ARRAY JOIN k AS x, arrayEnumerate(k) AS number, nexts AS following, gaps AS gap, visits AS visit, passes AS pass
"""
    with engine().client() as client:
        client.command(
            sql,
            parameters={**asked, "gap": source.gap_ms or 0, "written": time.time_ns() // 1_000_000},
            settings={**WHOLE, "log_comment": "steps.insert"},
        )


def build(source: StepSource, say: Callable[[int, int], None], stopping: Stop) -> bool:
    """Make all steps of the process anew, from `events`; False if it was stopped in between.

    The generation of the source must be one that nobody has written yet. `say` hears how many events of how many are
    done. New events may come in meanwhile: whoever follows them must know of this generation before the call.
    """
    opened, started = engine(), datetime.now(UTC)
    asked = _given(source, {})
    stretches = list(_stretches(opened, source))
    total = 2 * sum(n for _since, _until, n in stretches)
    done = 0
    for since, until, n in stretches:
        if stopping():
            return False
        within = {"since": since, "until": until}
        with opened.write_lock:
            for address in opened.addresses:
                with opened.client(address) as client:
                    _add(opened, client, source, WITHIN, within)
        done += n
        say(done, total)
    with opened.client() as client:
        rows = int(client.query(
            "SELECT count() FROM step_events WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}"
            " AND generation = {generation:UInt32}", parameters=asked,
        ).result_rows[0][0])  # fmt: skip
    chunks = rows // CHUNK + 1
    for chunk in range(chunks):
        if stopping():
            return False
        mine = "cityHash64(one) % {chunks:UInt32} = {chunk:UInt32}"
        given = {**asked, "chunks": chunks, "chunk": chunk}
        with opened.write_lock:
            if chunk == 0:
                _clear("steps", asked)
            near = OF_CHUNK
            if source.of_customers:  # those of whom merges make another case may belong to any chunk
                near = f"({OF_CHUNK} OR case_id GLOBAL IN ({MOVED}))"
            _insert(source, given, near, mine)
        say(done + (total - done) * (chunk + 1) // chunks, total)
    _clear("step_events", asked, "generation < {generation:UInt32}")
    _clear("stale_cases", {**asked, "started": started}, "due_at < {started:DateTime64(3, 'UTC')}")
    return True


def _clear(table: str, asked: Mapping[str, Any], which: str = "1") -> None:
    """Remove rows of a process, if there are any: removing nothing would take as long."""
    where = f"workspace_id = {{workspace:UInt32}} AND process = {{process:UInt32}} AND {which}"
    with engine().client() as client:
        [(there,)] = client.query(f"SELECT count() FROM {table} WHERE {where}", parameters=dict(asked)).result_rows
    if there:
        _everywhere(f"DELETE FROM @{table} WHERE {where}", asked)


def _stretches(opened: Engine, source: StepSource) -> Iterator[tuple[datetime, datetime, int]]:
    """Times that hold about READ_AT_ONCE events of the process each: since, until, events."""
    where = "workspace_id = {workspace:UInt32}" + (" AND name IN {names:Array(String)}" if source.names else "")
    with opened.client() as client:
        rows = client.query(
            f"SELECT toDateTime64(toStartOfDay(occurred_at), 3, 'UTC') AS day, count() FROM events WHERE {where}"
            " GROUP BY day ORDER BY day",
            parameters=_given(source, {}),
        ).result_rows
    first, n = None, 0
    for day, some in rows:
        day = in_utc(day)
        if first is not None and n + int(some) > READ_AT_ONCE:
            yield first, day, n
            first, n = None, 0
        first, n = first or day, n + int(some)
    if first is not None:
        yield first, in_utc(rows[-1][0]) + timedelta(days=1), n


def forget_process(workspace_id: int, process: int) -> None:
    """Remove all steps of a process."""
    for table in ("steps", "step_events", "stale_cases"):
        _clear(table, {"workspace": workspace_id, "process": process})


def processes_with_steps() -> set[tuple[int, int]]:
    """Workspace and number of every process that has anything in the log."""
    with engine().client() as client:
        rows = client.query(
            "SELECT DISTINCT workspace_id, process FROM step_events"
            " UNION DISTINCT SELECT DISTINCT workspace_id, process FROM steps"
        ).result_rows
    return {(int(row[0]), int(row[1])) for row in rows}


def count_steps(workspace_id: int, process: int) -> tuple[int, int, int]:
    """Steps, journeys, and cases that wait to be made anew."""
    with engine().client() as client:
        [(steps, journeys)] = client.query(
            "SELECT count(), countIf(number = 1) FROM steps"
            " WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}",
            parameters={"workspace": workspace_id, "process": process},
        ).result_rows
        [(waiting,)] = client.query(
            "SELECT uniqExact(case_id) FROM stale_cases"
            " WHERE workspace_id = {workspace:UInt32} AND process = {process:UInt32}",
            parameters={"workspace": workspace_id, "process": process},
        ).result_rows
    return int(steps), int(journeys), int(waiting)


def drop_cases(opened: Engine, client: Client, where: str, parameters: Mapping[str, Any]) -> None:
    """Take away the journeys on this node that hold a step for which `where` holds, and mark them to be made anew.

    For whoever removes events: called before they go, while nobody writes.
    """
    local = opened.local("steps")
    due = "now64(3, 'UTC')"
    if not opened.in_process:  # another process may hold what is being removed, and write it once more
        due = f"arrayJoin([now64(3, 'UTC'), now64(3, 'UTC') + toIntervalSecond({int(AGAIN.total_seconds())})])"
    # A repeat that is not counted keeps a journey from ending: what is no step counts here too.
    found = " UNION ALL ".join(
        f"SELECT workspace_id, process, case_id FROM {table} WHERE {where}"
        for table in (local, opened.local("step_events"))
    )
    client.command(
        f"INSERT INTO stale_cases SELECT DISTINCT workspace_id, process, case_id, {due} FROM ({found})",
        parameters=dict(parameters),
        settings=HERE,
    )
    client.command(
        f"DELETE FROM {local} WHERE (workspace_id, process, case_id) IN"
        f" (SELECT workspace_id, process, case_id FROM {local} WHERE {where})",
        parameters=dict(parameters),
    )


def empty_steps() -> None:
    """Remove the steps of all processes; they are to be built anew."""
    for table in ("steps", "step_events", "stale_cases"):
        _everywhere(f"TRUNCATE TABLE @{table}", {})


def _everywhere(sql: str, parameters: Mapping[str, Any]) -> None:
    opened = engine()
    table = sql.split("@", 1)[1].split(" ", 1)[0]
    for address in opened.addresses:
        with opened.client(address) as client:
            client.command(sql.replace(f"@{table}", opened.local(table)), parameters=dict(parameters))


def lost_steps(opened: Engine, client: Client, after: int, until: int) -> set[UUID]:
    """Events of steps that were written on this node in the blocks (after, until] and are not in the log."""
    local = opened.local("steps")
    written = f"_block_number > {after} AND _block_number <= {until}"
    recent = f"SELECT event_id FROM {local} WHERE {written}"
    rows = client.query(
        f"SELECT DISTINCT event_id FROM {local} WHERE {written}"
        f" AND event_id NOT IN (SELECT event_id FROM events WHERE event_id GLOBAL IN ({recent}))"
    ).result_rows
    return {row[0] for row in rows}
