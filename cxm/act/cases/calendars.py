"""Business hours: which moments count, how much time lies between two, and when so much of it will have passed.

A moment counts when the clock on the wall, in the calendar's time zone, stands within an opening span of its weekday,
or of its own date if that has other hours (a holiday has none). That one sentence settles the days on which clocks
change: an hour that happens twice counts twice, one that is left out never counts. All moments are aware datetimes;
amounts are timedeltas. Nothing here knows Django or a database; tests hold it against a look at every single minute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

Span = tuple[int, int]  # minutes since midnight on the wall: from (included) and to (not included), 0 to 1440
Spans = tuple[Span, ...]
ALWAYS: Spans = ((0, 1440),)
DAY = timedelta(days=1)
# More than any zone moves its clocks, but where the date line moves: then the day beside it is there to catch it.
MARGIN = timedelta(hours=3)
FARTHEST = 1500  # days without a single open minute after which a calendar counts as never open
DAYS_KEPT = 4000  # in the memory of one calendar


class NeverOpen(ValueError):
    """The calendar has no open moment in the years ahead, so nothing can be due in it."""


class Hours:
    """A calendar to reckon with. `week` has the spans of Monday to Sunday; `dates` those of single days, `yearly` of
    days of every year as (month, day). A single day goes before a yearly one, and both before the week.
    """

    def __init__(
        self,
        zone: str,
        week: Sequence[Sequence[Span]],
        dates: Mapping[date, Sequence[Span]] | None = None,
        yearly: Mapping[tuple[int, int], Sequence[Span]] | None = None,
    ) -> None:
        self.zone: tzinfo = ZoneInfo(zone)
        self.week: tuple[Spans, ...] = tuple(joined(spans) for spans in week)
        self.dates = {day: joined(spans) for day, spans in (dates or {}).items()}
        self.yearly = {day: joined(spans) for day, spans in (yearly or {}).items()}
        if len(self.week) != 7:
            raise ValueError("A week has seven days.")
        self.is_always = not self.dates and not self.yearly and all(spans == ALWAYS for spans in self.week)
        self._days: dict[date, list[tuple[datetime, datetime]]] = {}

    def spans_of(self, day: date) -> Spans:
        """The opening spans on the wall."""
        if day in self.dates:
            return self.dates[day]
        return self.yearly.get((day.month, day.day), self.week[day.weekday()])

    def opened(self, day: date) -> list[tuple[datetime, datetime]]:
        """The open stretches of a day of the calendar, in UTC and in order. They never overlap those of other days."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= DAYS_KEPT:
                self._days.clear()
            found = self._days[day] = list(self._stretches(day))
        return found

    def _stretches(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        spans = self.spans_of(day)
        if not spans:
            return
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = []
        for start, end, offset in self._pieces(day):
            for opens, closes in spans:
                first = max(start, midnight + timedelta(minutes=opens) - offset)
                last = min(end, midnight + timedelta(minutes=closes) - offset)
                if first < last:
                    found.append((first, last))
        found.sort()
        for place, (first, last) in enumerate(found):
            if place and first == found[place - 1][1]:
                continue
            follow = place + 1
            while follow < len(found) and found[follow][0] == last:
                last, follow = found[follow][1], follow + 1
            yield first, last

    def _pieces(self, day: date) -> list[tuple[datetime, datetime, timedelta]]:
        """Stretches of UTC around the day, each with the offset of the zone that holds throughout."""
        low = min(self._midnights(day)) - MARGIN
        high = max(self._midnights(day + DAY)) + MARGIN
        before, after = self._offset(low), self._offset(high)
        if before == after:
            return [(low, high, before)]
        seconds = range(int((high - low).total_seconds()) + 1)
        moved = bisect_right(seconds, False, key=lambda second: self._offset(low + timedelta(seconds=second)) != before)
        change = low + timedelta(seconds=seconds[moved])
        return [(low, change, before), (change, high, after)]

    def _midnights(self, day: date) -> list[datetime]:
        """The moments that could be called so: two, where clocks change just then."""
        return [datetime(day.year, day.month, day.day, tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)]

    def _offset(self, at: datetime) -> timedelta:
        offset = at.astimezone(self.zone).utcoffset()
        assert offset is not None
        return offset

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def is_open(self, at: datetime) -> bool:
        at = at.astimezone(UTC)
        return any(first <= at < last for first, last in self.opened(self.day_of(at)))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The open time from `start` to `end`; nothing if `end` comes first."""
        # In UTC, because Python reckons with two moments of one zone as the wall shows them.
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        if self.is_always or end <= start:
            return max(end - start, timedelta(0))
        total, day, final = timedelta(0), self.day_of(start), self.day_of(end)
        while day <= final:
            for first, last in self.opened(day):
                total += max(min(last, end) - max(first, start), timedelta(0))
            day += DAY
        return total

    def after(self, start: datetime, amount: timedelta) -> datetime:
        """The first moment by which `amount` of open time has passed since `start`; `start` itself for none.

        Raises NeverOpen if that is not to be seen in the years ahead.
        """
        start = start.astimezone(UTC)
        if amount <= timedelta(0):
            return start
        if self.is_always:
            return start + amount
        left, day, empty = amount, self.day_of(start), 0
        while empty < FARTHEST:
            empty += 1
            for first, last in self.opened(day):
                begin = max(first, start)
                if begin >= last:
                    continue
                if left <= last - begin:
                    return begin + left
                left -= last - begin
                empty = 0
            day += DAY
        raise NeverOpen

    def opening(self, at: datetime) -> datetime:
        """`at` if it is open, else when it opens next. Raises NeverOpen."""
        at = at.astimezone(UTC)
        if self.is_always:
            return at
        day = self.day_of(at)
        for _day in range(FARTHEST):
            for first, last in self.opened(day):
                if at < last:
                    return max(first, at)
            day += DAY
        raise NeverOpen


def joined(spans: Sequence[Span]) -> Spans:
    """The same spans in order, with those that touch or overlap made one. Raises ValueError for what is no span."""
    found: list[Span] = []
    for opens, closes in sorted(spans):
        if not 0 <= opens < closes <= 1440:
            raise ValueError(f"{opens} to {closes} is no span of a day.")
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], closes))
        else:
            found.append((opens, closes))
    return tuple(found)


def always(zone: str = "UTC") -> Hours:
    """Day and night: calendar time."""
    return Hours(zone, [ALWAYS] * 7)


EVER = always()
