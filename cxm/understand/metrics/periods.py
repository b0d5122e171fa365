"""Calendar periods in a workspace's time zone: where one starts and the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cxm.record.eventlog.scope import Grain


def first_day(day: date, grain: Grain) -> date:
    """The first day of the period that holds `day`; weeks start on Monday (ISO 8601)."""
    match grain:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)
        case "all":
            return date(1970, 1, 1)


def next_period(start: date, grain: Grain) -> date:
    """The first day of the period after the one that starts on `start`."""
    match grain:
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month" | "quarter":
            months = start.year * 12 + start.month - 1 + (1 if grain == "month" else 3)
            return date(months // 12, months % 12 + 1, 1)
        case "year":
            return date(start.year + 1, 1, 1)
        case "all":
            raise ValueError("There is no period after all time.")


def midnight(day: date, zone: str) -> datetime:
    """When `day` begins in a time zone (where a change of clocks skips midnight: the first moment after)."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))


def starts(since: date, last: date, grain: Grain) -> Iterator[date]:
    """The periods from the one holding `since` to the one holding `last`."""
    start = first_day(since, grain)
    while start <= last:
        yield start
        start = next_period(start, grain)


def bounds(
    start: date, grain: Grain, zone: str, since: datetime | None, until: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """From when to when a period's figure counts: the period, cut to the scope."""
    if grain == "all":
        return since, until
    begins, ends = midnight(start, zone), midnight(next_period(start, grain), zone)
    return (max(begins, since) if since else begins), (min(ends, until) if until else ends)


def day_in(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def utc(moment: datetime) -> datetime:
    """A time as the engine returns it, aware: its columns are in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
