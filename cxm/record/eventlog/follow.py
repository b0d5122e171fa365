"""Follow the log: every captured event and every fact after a named cursor, at least once, in batches.

The engine gives each inserted block a number when it commits it, under the same lock that makes it visible, so on one
node the numbers grow in the order in which blocks appear: whoever has handled everything up to a number has missed
nothing. The cursor is such a number for each node. One process at a time follows a cursor; it holds a lease that
others take over when it falls silent.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client
from django.db.models import F, Q
from django.utils import timezone

from .engine import Engine, engine
from .models import FollowCursor

BATCH = 2_000  # events; a batch ends with the block that reaches it. Ten thousand keep the interpreter for 100 ms
PLAN = 400_000  # rows looked over in one go to find where batches end
LEASE = timedelta(seconds=20)
FOLLOWED = "source IN ('capture', 'fact')"  # not what imports and the sample bring: that is history
CAPTURED = "capture"
# When so many events are taken in a second, who works beside rests as long as it worked; when twice as many, twice.
GIVE_WAY = 500
LONGEST_REST = 3.0  # seconds
GIVE_WAY_LAST, LONGEST_REST_LAST = 100, 10.0  # the same, of work that nobody waits for


class Arrivals:
    """What this process has written to the log: whoever follows wakes by it, and gives way to whoever sends."""

    def __init__(self) -> None:
        self.events = 0  # captured ones and facts, since the start
        self._sign = threading.Event()
        self._named = threading.Condition()
        self._names: set[str] = set()  # since somebody last waited for some of them
        self._woken = False

    def add(self, events: int, names: Collection[str]) -> None:
        """Captured events under these names: followers wake."""
        self._sign.set()
        self.tell(events, names)

    def tell(self, events: int, names: Collection[str]) -> None:
        """Events of any kind under these names are in the log."""
        with self._named:
            self.events += events
            self._names.update(names)
            self._named.notify_all()

    def wait(self, seconds: float) -> None:
        """Until captured ones come or `wake` is called, so many seconds at most; at once if they came meanwhile."""
        self._sign.wait(seconds)
        self._sign.clear()

    def wait_for(self, names: Collection[str], seconds: float) -> bool:
        """`wait` for events under these names; whether it was cut short. Only one thread does."""
        with self._named:
            came = self._named.wait_for(lambda: self._woken or not self._names.isdisjoint(names), seconds)
            self._names.clear()
            self._woken = False
            return came

    def wake(self) -> None:
        self._sign.set()
        with self._named:
            self._woken = True
            self._named.notify_all()


arrivals = Arrivals()


class Pace:
    """How long a worker of this process rests, because taking events and answers comes first: whoever sends waits."""

    def __init__(self, *, last: bool = False) -> None:
        self.beside = False  # whether events were taken when it last asked
        self._give_way, self._longest = (GIVE_WAY_LAST, LONGEST_REST_LAST) if last else (GIVE_WAY, LONGEST_REST)
        self._at, self._events = time.monotonic(), arrivals.events

    def rest_after(self, worked: float) -> float:
        """Seconds to rest after so many of work: by how many events a second were taken since it was last asked."""
        now, events = time.monotonic(), arrivals.events
        rate = (events - self._events) / max(now - self._at, worked, 0.001)
        self._at, self._events, self.beside = now, events, rate > 0
        return min(worked * rate / self._give_way, self._longest)


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event as the log has it. `properties` and `context` are texts of JSON objects, or empty."""

    workspace_id: int
    event_id: UUID
    name: str
    source: str  # capture · fact
    type: str  # track · identify · page · screen · group · alias; empty: a fact
    source_id: int
    user_id: str
    anonymous_id: str
    customer_id: UUID  # names the identity: ids.customer_id_of
    occurred_at: datetime
    received_at: datetime
    properties: str
    context: str
    block: int


COLUMNS = (
    "workspace_id, event_id, name, source, type, source_id, user_id, anonymous_id, customer_id, occurred_at,"
    " received_at, properties, context, _block_number"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The followed events of the blocks after the cursor up to `block`, on one node; perhaps none."""

    node: int
    table: str
    block: int
    events: list[LogEvent]
    more: bool  # there were blocks behind it when it was read


@dataclass(frozen=True, slots=True)
class Lag:
    """What is in the log and not handled yet."""

    events: int
    oldest_at: datetime | None  # when the oldest of them was received


class LeaseLost(Exception):
    """Another process follows now; what was handled meanwhile is handled again there, which must be harmless."""


class Cursor:
    """How far `name` has come on each node of a table of the log, held by one process at a time.

    `alone` takes the lease of a process that cannot live any more.
    """

    def __init__(self, name: str, holder: str, *, alone: bool = False, table: str = "events") -> None:
        self.name, self.holder, self.table = name, holder, table
        self._alone = alone
        self._renew_at = timezone.now()
        self._mine = False
        self.health: dict[str, Any] = {}  # as the holder before left it
        self._positions: dict[str, Any] = {}
        self._tables: dict[int, str] = {}

    def take(self) -> bool:
        """Take or keep the lease; False while another process has it."""
        now = timezone.now()
        if self._mine and now < self._renew_at:
            return True
        FollowCursor.objects.get_or_create(name=self.name, defaults={"held_until": now - LEASE})
        rows = FollowCursor.objects.filter(name=self.name)
        if not self._alone:
            rows = rows.filter(Q(holder=self.holder) | Q(held_until__lt=now))
        had = self._mine
        self._mine = bool(rows.update(holder=self.holder, held_until=now + LEASE))
        self._renew_at = now + LEASE / 2
        if self._mine:
            self._alone = False
            if not had:
                cursor = FollowCursor.objects.get(name=self.name)
                self._positions, self.health = cursor.positions, cursor.health
                self._tables.clear()
                self._begun()
        return self._mine

    def release(self) -> None:
        FollowCursor.objects.filter(name=self.name, holder=self.holder).update(held_until=timezone.now())
        self._mine = False

    def _begun(self) -> None:
        """The lease was not ours before: another holder may have gone on."""

    def _place(self, opened: Engine, client: Client, node: int) -> dict[str, Any]:
        """Where it stands: `block`, and what the holder keeps beside it."""
        if node not in self._tables:
            self._tables[node] = table_id(opened, client, self.table)
        entry: dict[str, Any] = self._positions.get(str(node), {})
        # Another table under the same name (a restored or a new log) has other numbers: it is followed from the start.
        return entry if entry.get("table") == self._tables[node] else {"table": self._tables[node], "block": 0}

    def _put(self, place: dict[str, Any], node: int, **changes: Any) -> None:
        """Write the place down. Raises LeaseLost."""
        positions = {**self._positions, str(node): {"table": self._tables[node], **place}}
        changes |= {"positions": positions, "updated_at": timezone.now()}
        if not FollowCursor.objects.filter(name=self.name, holder=self.holder).update(**changes):
            self._mine = False
            raise LeaseLost(self.name)
        self._positions = positions


class Follower(Cursor):
    """Reads the events after the cursor `name` as `holder`: all, or those with one of `names`.

    `names` is asked after it is settled how far to read, so that an event is judged by what was wanted when it came.
    """

    def __init__(
        self, name: str, holder: str, *, alone: bool = False, names: Callable[[], Collection[str]] | None = None
    ) -> None:
        super().__init__(name, holder, alone=alone)
        self._names = names
        self.wanted: Collection[str] = ()  # what `names` said last
        self._plans: dict[
            int, deque[tuple[int, int]]
        ] = {}  # by node: the ends of the next batches, and how many events each has

    def _begun(self) -> None:
        self._plans.clear()

    def next(self, node: int) -> Batch | None:
        """What comes after the cursor on that node; None when all is handled. Raises EventlogError."""
        opened = engine()
        with opened.client(opened.addresses[node]) as client:
            position = self._position(opened, client, node)
            plan = self._plans.setdefault(node, deque())
            while True:
                parts, top = parts_after(opened, client, position)
                if top < position:
                    # Emptied parts have gone, and a restarted engine counts on from what is left.
                    self._plans[node] = deque()
                    self._store(node, top)
                    return None
                if not parts:
                    return None
                if not plan:
                    plan.extend(_plan(opened, client, parts, position, self._asked()))
                    if not plan:
                        continue  # a merge took the parts away while they were counted
                block, n = plan[0]
                events = _read(opened, client, parts, position, block, self._asked()) if n else []
                if events is not None:
                    plan.popleft()
                    return Batch(node, self._tables[node], block, events, block < top)

    def _asked(self) -> Collection[str] | None:
        if self._names is None:
            return None
        self.wanted = self._names()
        return self.wanted

    def advance(self, batch: Batch, health: dict[str, Any] | None = None) -> None:
        """Say that the batch is handled. Raises LeaseLost."""
        self._store(batch.node, batch.block, batch.events, health)

    def lag(self) -> Lag:
        """What waits on all nodes, for whoever looks on: it needs no lease."""
        cursor = FollowCursor.objects.filter(name=self.name).first()
        positions = cursor.positions if cursor else {}
        opened, waiting = engine(), Lag(0, None)
        for node, address in enumerate(opened.addresses):
            with opened.client(address) as client:
                entry = positions.get(str(node), {})
                position = int(entry.get("block", 0)) if entry.get("table") == table_id(opened, client) else 0
                waits = None
                while waits is None:
                    parts, _top = parts_after(opened, client, position)
                    waits = _waits(opened, client, parts, position)
            if waits[0]:
                oldest = in_utc(waits[1])
                waiting = Lag(waiting.events + waits[0], min(oldest, waiting.oldest_at or oldest))
        return waiting

    def _position(self, opened: Engine, client: Client, node: int) -> int:
        return int(self._place(opened, client, node)["block"])

    def _store(
        self, node: int, block: int, events: Sequence[LogEvent] = (), health: dict[str, Any] | None = None
    ) -> None:
        changes: dict[str, Any] = {} if health is None else {"health": health}
        if events:
            changes |= {
                "handled": F("handled") + len(events),
                "last_event_at": max(event.received_at for event in events),
            }
        self._put({"block": block}, node, **changes)


def follow(name: str, handler: Callable[[list[LogEvent]], None], *, holder: str) -> int:
    """Hand every waiting batch to `handler`, then return how many events there were; 0 while another process follows.

    An error of the handler goes to the caller; then that batch comes again at the next call.
    """
    follower, handled = Follower(name, holder), 0
    for batch in _waiting(follower):
        if batch.events:
            handler(batch.events)
        follower.advance(batch)
        handled += len(batch.events)
    return handled


def _waiting(follower: Follower) -> Iterator[Batch]:
    for node in range(len(engine().addresses)):
        while follower.take() and (batch := follower.next(node)):
            yield batch


def event_by_id(workspace_id: int, event_id: UUID) -> LogEvent | None:
    """One event, wherever in the log it is."""
    opened = engine()
    for address in opened.addresses:
        with opened.client(address) as client:
            rows = client.query(
                f"SELECT {COLUMNS} FROM {opened.local('events')} WHERE workspace_id = {{workspace:UInt32}}"
                f" AND event_id = {{id:UUID}} ORDER BY received_at LIMIT 1",
                parameters={"workspace": workspace_id, "id": str(event_id)},
            ).result_rows
        if rows:
            return _event(rows[0])
    return None


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    first: int  # numbers of the blocks in it
    last: int
    rows: int


def parts_after(
    opened: Engine, client: Client, position: int, table: str = "events"
) -> tuple[list[Part], int]:  # fmt: skip
    """The parts that may hold blocks after `position`, by their first block, and the highest number of any part."""
    rows = client.query(
        "SELECT name, min_block_number, max_block_number, rows FROM system.parts"
        " WHERE database = currentDatabase() AND table = {table:String} AND active",
        parameters={"table": opened.local(table)},
    ).result_rows
    parts = sorted((Part(*row) for row in rows), key=lambda part: part.first)
    return [part for part in parts if part.last > position], max((part.last for part in parts), default=0)


def table_id(opened: Engine, client: Client, table: str = "events") -> str:
    return str(
        client.query(
            "SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
            parameters={"table": opened.local(table)},
        ).result_rows[0][0]
    )


def _followed(names: Collection[str] | None) -> tuple[str, dict[str, Any]]:
    """A condition in SQL and its parameters."""
    if names is None:
        return FOLLOWED, {}
    return f"{FOLLOWED} AND name IN {{names:Array(String)}}", {"names": sorted(names)}


def _plan(
    opened: Engine, client: Client, parts: Sequence[Part], position: int, names: Collection[str] | None
) -> list[tuple[int, int]]:
    """The blocks with which the next batches end, and how many events each has; empty if a merge came in between."""
    followed, parameters = _followed(names)
    taken: list[Part] = []
    end = rows = 0
    for part in parts:
        if rows >= PLAN and part.first > position + 1:
            end = part.first - 1  # all that was committed before it lies in the parts taken so far
            break
        taken.append(part)
        rows += part.rows
        end = max(end, part.last)
    counts = client.query(
        f"SELECT _block_number AS block, countIf({followed}) AS n FROM {opened.local('events')}"
        " WHERE _part IN {parts:Array(String)} AND _block_number > {after:UInt64} AND _block_number <= {end:UInt64}"
        " GROUP BY block ORDER BY block",
        parameters={"parts": [part.name for part in taken], "after": position, "end": end, **parameters},
    ).result_rows
    if not still_active(opened, client, taken):
        return []
    ends, waiting = [], 0
    for block, n in counts:
        waiting += n
        if waiting >= BATCH:
            ends.append((int(block), waiting))
            waiting = 0
    # TRICKY: the numbers after the last row belong to mutations and to rows that are deleted already.
    if not ends or ends[-1][0] < end:
        ends.append((end, waiting))
    return ends


def _read(
    opened: Engine, client: Client, parts: Sequence[Part], after: int, end: int, names: Collection[str] | None
) -> list[LogEvent] | None:
    """The followed events of the blocks in between; None if a merge replaced a part meanwhile."""
    followed, parameters = _followed(names)
    parts = [part for part in parts if part.first <= end]
    rows = client.query(
        f"SELECT {COLUMNS} FROM {opened.local('events')} WHERE _part IN {{parts:Array(String)}}"
        f" AND _block_number > {{after:UInt64}} AND _block_number <= {{end:UInt64}} AND {followed}",
        parameters={"parts": [part.name for part in parts], "after": after, "end": end, **parameters},
        settings={"log_comment": "follow"},
    ).result_rows
    return [_event(row) for row in rows] if still_active(opened, client, parts) else None


def _waits(opened: Engine, client: Client, parts: Sequence[Part], after: int) -> tuple[int, datetime] | None:
    """How many followed events there are behind a block, and the first arrival; None if a merge came in between."""
    [row] = client.query(
        f"SELECT count(), min(received_at) FROM {opened.local('events')}"
        f" WHERE _part IN {{parts:Array(String)}} AND _block_number > {{after:UInt64}} AND {FOLLOWED}",
        parameters={"parts": [part.name for part in parts], "after": after},
    ).result_rows
    return (row[0], row[1]) if still_active(opened, client, parts) else None


def still_active(opened: Engine, client: Client, parts: Sequence[Part], table: str = "events") -> bool:
    """Whether all these parts are still in use: then a question that named them saw every row of them."""
    now = client.query(
        "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active",
        parameters={"table": opened.local(table)},
    ).result_rows
    return {part.name for part in parts} <= {row[0] for row in now}


def in_utc(moment: datetime) -> datetime:
    """TRICKY: the engine's client returns times in UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _event(row: Sequence[Any]) -> LogEvent:
    values = list(row)
    values[9], values[10] = in_utc(row[9]), in_utc(row[10])
    return LogEvent(*values)
