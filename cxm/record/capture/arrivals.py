"""What came from sources and what was refused, as the log tells it: the counts of a source and its volumes.

Everything counts at the time of receipt, because these pages watch the way in. Rejections are kept for 30 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from .models import Source
from .reasons import LEFT_OUT

KEPT = timedelta(days=30)
QUIET_AFTER = timedelta(days=1)


def in_utc(moment: datetime) -> datetime:
    """TRICKY: the engine's client returns times in UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def scope_of(workspace: Workspace, since: datetime | None = None) -> Scope:
    return Scope(workspace.pk, workspace.time_zone, since)


def start_of_day(workspace: Workspace, days_ago: int = 0) -> datetime:
    """Midnight in the workspace's time zone."""
    zone = ZoneInfo(workspace.time_zone)
    day = timezone.now().astimezone(zone).date() - timedelta(days=days_ago)
    return datetime(day.year, day.month, day.day, tzinfo=zone)


@dataclass(frozen=True, slots=True)
class Counted:
    source_id: int
    n: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """A source in a list. `today` counts events, `refused` errors since midnight; last_at None: nothing in 30 days."""

    source: Source
    today: int
    refused: int
    last_at: datetime | None
    ever: bool

    @property
    def state(self) -> str:
        """off · waiting · receiving · quiet"""
        if not self.source.enabled:
            return "off"
        if not self.ever:
            return "waiting"
        recent = self.last_at and self.last_at > timezone.now() - QUIET_AFTER
        return "receiving" if recent else "quiet"


COUNTS = """
SELECT source_id, countIf(received_at >= {today:DateTime64(3, 'UTC')}) AS n, max(received_at) AS last_at
FROM events WHERE $scope AND source = 'capture' GROUP BY source_id
"""
ERRORS = """
SELECT source_id, sum(n) AS n, max(received_at) AS last_at
FROM rejections WHERE $scope AND reason NOT IN {left_out:Array(String)} GROUP BY source_id
"""
EVER = """
SELECT name FROM events WHERE $scope AND source = 'capture' AND source_id = {source_id:UInt32} LIMIT 1
"""


def overviews(workspace: Workspace, sources: Iterable[Source]) -> list[Overview]:
    """How each source does."""
    today, since = start_of_day(workspace), timezone.now() - KEPT
    came = {
        one.source_id: one
        for one in ask(
            COUNTS, scope_of(workspace, since), row=Counted, name="sources.counts", table="events",
            time="received_at", today=today.astimezone(UTC),
        ).rows
    }  # fmt: skip
    refused = {
        one.source_id: one.n
        for one in ask(
            ERRORS, scope_of(workspace, today), row=Counted, name="sources.errors", table="rejections",
            time="received_at", left_out=sorted(LEFT_OUT),
        ).rows
    }  # fmt: skip
    return [
        Overview(
            source,
            came[source.pk].n if source.pk in came else 0,
            refused.get(source.pk, 0),
            in_utc(came[source.pk].last_at) if source.pk in came else None,
            source.pk in came or has_sent(source),
        )
        for source in sources
    ]


def has_sent(source: Source) -> bool:
    """Whether an event of this source was ever stored. The receipt bounds the search for one that has just begun."""
    found = ask(
        EVER, scope_of(source.workspace, source.created_at), row=Name, name="sources.ever", table="events",
        time="received_at", source_id=source.pk,
    )  # fmt: skip
    return bool(found.rows)


@dataclass(frozen=True, slots=True)
class First:
    """The event that turned "waiting" green."""

    name: str
    type: str
    received_at: datetime
    event_id: str


FIRST = """
SELECT name, type, received_at, toString(event_id) AS event_id FROM events
WHERE $scope AND source = 'capture' AND source_id = {source_id:UInt32} ORDER BY received_at LIMIT 1
"""


def first_event(source: Source) -> First | None:
    """The first event of a source, when somebody waits for it."""
    rows = ask(
        FIRST, scope_of(source.workspace, source.created_at), row=First, name="sources.first", table="events",
        time="received_at", source_id=source.pk,
    ).rows  # fmt: skip
    return rows[0] if rows else None


@dataclass(frozen=True, slots=True)
class Volume:
    """One day or hour, by its start in the workspace's time zone. `warned` were stored, against the tracking plan."""

    start: date
    accepted: int = 0
    refused: int = 0
    warned: int = 0


@dataclass(frozen=True, slots=True)
class PerPeriod:
    start: date
    n: int
    warned: int


HOUR = "toStartOfHour(toTimeZone(received_at, $tz))"
ACCEPTED = """
SELECT $start AS start, count() AS n, 0 AS warned
FROM events WHERE $scope AND source = 'capture' AND source_id = {source_id:UInt32} GROUP BY start
"""
REFUSED = """
SELECT $start AS start, sum(r.n) AS n, countIf(r.n = 0) AS warned
FROM rejections AS r
WHERE $scope AND source_id = {source_id:UInt32} AND reason NOT IN {left_out:Array(String)} GROUP BY start
"""


def daily(source: Source, days: int = 30) -> list[Volume]:
    """Each of the last days, today included, whether anything came or not."""
    zone = ZoneInfo(source.workspace.time_zone)
    first = start_of_day(source.workspace, days - 1)
    accepted, refused = _per_period(source, first, "$period")
    starts = [first.date() + timedelta(days=number) for number in range(days)]
    assert starts[-1] == timezone.now().astimezone(zone).date() or days < 1
    return volumes(starts, accepted, refused)


def hourly(source: Source, hours: int = 24) -> list[Volume]:
    """Each of the last hours, the running one included."""
    zone = ZoneInfo(source.workspace.time_zone)
    now = timezone.now().astimezone(zone).replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(hours=hours - 1)
    accepted, refused = _per_period(source, first, HOUR)
    starts = [(now.astimezone(UTC) - timedelta(hours=number)).astimezone(zone) for number in reversed(range(hours))]
    return volumes(starts, accepted, refused)


def volumes(
    starts: Iterable[date], accepted: Mapping[date, PerPeriod], refused: Mapping[date, PerPeriod]
) -> list[Volume]:
    none = PerPeriod(date.min, 0, 0)
    return [
        Volume(start, accepted.get(start, none).n, refused.get(start, none).n, refused.get(start, none).warned)
        for start in starts
    ]


def _per_period(source: Source, since: datetime, start: str) -> tuple[dict[date, PerPeriod], dict[date, PerPeriod]]:
    scope = scope_of(source.workspace, since)
    zone = ZoneInfo(source.workspace.time_zone)

    def keyed(rows: list[PerPeriod]) -> dict[date, PerPeriod]:
        return {(in_zone(one.start, zone) if isinstance(one.start, datetime) else one.start): one for one in rows}

    accepted = ask(
        ACCEPTED.replace("$start", start), scope, row=PerPeriod, name="sources.accepted", table="events",
        time="received_at", grain="day", source_id=source.pk,
    ).rows  # fmt: skip
    refused = ask(
        REFUSED.replace("$start", start), scope, row=PerPeriod, name="sources.refused", table="rejections",
        time="received_at", grain="day", source_id=source.pk, left_out=sorted(LEFT_OUT),
    ).rows  # fmt: skip
    return keyed(accepted), keyed(refused)


def in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """`n` were not stored for this reason, `warned` were."""

    reason: str
    n: int
    warned: int
    last_at: datetime


REASONS = """
SELECT reason, sum(r.n) AS n, countIf(r.n = 0) AS warned, max(received_at) AS last_at
FROM rejections AS r WHERE $scope AND source_id = {source_id:UInt32}
GROUP BY reason ORDER BY n DESC, warned DESC, reason
"""


def reasons(source: Source, since: datetime) -> list[ReasonCount]:
    """What was refused or left out, and how often, the most frequent first."""
    return ask(
        REASONS, scope_of(source.workspace, since), row=ReasonCount, name="sources.reasons", table="rejections",
        time="received_at", source_id=source.pk,
    ).rows  # fmt: skip
