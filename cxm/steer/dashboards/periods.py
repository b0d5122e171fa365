"""Periods by name, in a workspace's time zone: "last 12 months" and its kin, as first and last day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.record.eventlog.scope import Grain
from cxm.understand.metrics.periods import first_day, midnight, next_period

ALL_TIME: Final = "all"
DEFAULT_PERIOD: Final = "12m"
EARLIEST: Final = date(1900, 1, 1)  # the log's times begin here
LATEST: Final = date(2299, 12, 30)  # and end here

NAMES: Final[dict[str, Promise]] = {
    "7d": gettext_lazy("Last 7 days"),
    "30d": gettext_lazy("Last 30 days"),
    "90d": gettext_lazy("Last 90 days"),
    "12m": gettext_lazy("Last 12 months"),
    "month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "quarter": gettext_lazy("This quarter"),
    "last_quarter": gettext_lazy("Last quarter"),
    "year": gettext_lazy("This year"),
    "last_year": gettext_lazy("Last year"),
    "all": gettext_lazy("All time"),
}


@dataclass(frozen=True, slots=True)
class Days:
    """From `first` to `last`, both included; None leaves a side open."""

    first: date | None
    last: date | None

    def __str__(self) -> str:
        """In the reader's language: "1 March 2026 to 31 May 2026"."""
        if self.first is None and self.last is None:
            return _("all time")
        if self.first is None:
            return _("until %(last)s") % {"last": shown(self.last)}
        if self.last is None:
            return _("from %(first)s") % {"first": shown(self.first)}
        if self.first == self.last:
            return shown(self.first)
        return _("%(first)s to %(last)s") % {"first": shown(self.first), "last": shown(self.last)}

    def moments(self, zone: str) -> tuple[datetime | None, datetime | None]:
        """The same as times: the first one included, the second not."""
        since = midnight(self.first, zone) if self.first else None
        return since, midnight(self.last + timedelta(days=1), zone) if self.last else None

    @property
    def length(self) -> int | None:
        """How many days; None where a side is open."""
        return (self.last - self.first).days + 1 if self.first and self.last else None


def shown(day: date | None) -> str:
    return formats.date_format(day, "DATE_FORMAT") if day else ""


def days_of(name: str, today: date) -> Days:
    """The days that a named period means on the day `today`; KeyError for a name that there is not."""
    if name in {"7d", "30d", "90d"}:
        return Days(today - timedelta(days=int(name[:-1]) - 1), today)
    match name:
        case "12m":
            return Days(years_before(today, 1) + timedelta(days=1), today)
        case "month" | "quarter" | "year":
            return Days(first_day(today, name), today)
        case "last_month" | "last_quarter" | "last_year":
            grain: Grain = name.removeprefix("last_")  # type: ignore[assignment]  # a grain by the line above
            last = first_day(today, grain) - timedelta(days=1)
            return Days(first_day(last, grain), last)
        case "all":
            return Days(None, None)
    raise KeyError(name)


def years_before(day: date, years: int) -> date:
    """The same day some years earlier; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def months_before(day: date, months: int) -> date:
    """The same day some months earlier, or the last day of that month where it is shorter."""
    number = day.year * 12 + day.month - 1 - months
    first = date(number // 12, number % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), next_period(first, "month") - timedelta(days=1))


def previous(days: Days) -> Days | None:
    """The period just before: as many whole months where it is made of whole months, else as many days.

    None for a period with an open side, which has nothing before it.
    """
    if days.first is None or days.last is None:
        return None
    after = days.last + timedelta(days=1)
    last = days.first - timedelta(days=1)
    if days.first.day == after.day:
        months = (after.year - days.first.year) * 12 + after.month - days.first.month
        return within(Days(months_before(days.first, months), last))
    assert days.length is not None
    return within(Days(days.first - timedelta(days=days.length), last))


def year_before(days: Days) -> Days | None:
    """The same days one year earlier; None for a period with an open side."""
    if days.first is None or days.last is None:
        return None
    # The day after is moved, not the last one, so that a whole February stays whole in and after leap years.
    last = years_before(days.last + timedelta(days=1), 1) - timedelta(days=1)
    return within(Days(years_before(days.first, 1), last))


def within(days: Days) -> Days | None:
    """The days, if the log can hold them at all."""
    assert days.first is not None
    return days if days.first >= EARLIEST else None


def grain_for(days: Days) -> Grain:
    """The grain that shows a period in some 5 to 30 points."""
    length = days.length
    if length is None or length > 8 * 365:
        return "quarter" if length is None or length < 20 * 365 else "year"
    if length > 190:
        return "month"
    return "week" if length > 45 else "day"
