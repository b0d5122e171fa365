"""Numbers and dates as people read them, in the active language, by the rules of CLDR.

Units: `points` (NPS, −100 to 100), `percent` (a share of 0–1 shown per cent), `score` (a mean of answers), `hours`,
`days`, `weeks`, `months`, `money` (with a currency code), `count`. A unit that is not known shows as a plain number.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel import dates as babel_dates
from babel import numbers as babel_numbers
from babel import units as babel_units
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

NOTHING = "–"
_DECIMALS = {"points": 1, "score": 2, "count": 0}
_TIMES = {"hours": "duration-hour", "days": "duration-day", "weeks": "duration-week", "months": "duration-month"}


@lru_cache(maxsize=64)
def _locale_of(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def locale() -> Locale:
    """The CLDR locale of the active language."""
    return _locale_of(get_language() or "en")


def decimal(number: float, decimals: int) -> str:
    """With exactly that many decimals, and the language's separators."""
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return _minus(babel_numbers.format_decimal(number, format=pattern, locale=locale()))


def _minus(text: str) -> str:
    """With a minus sign in place of the hyphen, as wide as the plus; without one where nought is all that is shown."""
    return text.replace("-", "\N{MINUS SIGN}" if _is_something(text) else "", 1)


def _is_something(text: str) -> bool:
    return any(digit in text for digit in "123456789")


def amount(number: float | None, unit: str = "score", currency: str = "") -> str:
    """A number in its unit: 39.8, 41.7%, 3h 20m, €1,234.50, 2,746. A dash for None and NaN."""
    if number is None or not math.isfinite(number):
        return NOTHING
    if unit == "percent":
        return _minus(babel_numbers.format_percent(number, format=_percent_pattern(), locale=locale()))
    if unit == "hours":
        return duration(number)
    if unit in _TIMES:
        return babel_units.format_unit(round(number, 1), _TIMES[unit], length="short", locale=locale())
    if unit == "money" and currency:
        digits = abs(number) < 10_000  # cents tell nothing beside thousands
        return _minus(
            babel_numbers.format_currency(
                number if digits else round(number), currency, locale=locale(),
                currency_digits=digits, format=None if digits else _whole_money_pattern(),
            )
        )  # fmt: skip
    if unit == "money":
        return decimal(number, 2)
    return decimal(number, _DECIMALS.get(unit, 1 if abs(number) >= 10 else 2))


def _percent_pattern() -> str:
    """The language's own pattern (with a space before the sign or not), with one decimal."""
    return str(locale().percent_formats[None].pattern).replace("#,##0", "#,##0.0")


def _whole_money_pattern() -> str:
    return str(locale().currency_formats["standard"].pattern).replace("0.00", "0")


def interval(low: float | None, high: float | None, unit: str = "score", currency: str = "") -> str:
    """37.0 to 42.6; empty where there is no interval."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return _("%(low)s to %(high)s") % {"low": amount(low, unit, currency), "high": amount(high, unit, currency)}


def statement(
    value: float | None, low: float | None, high: float | None, n: float | None, unit: str = "score", currency: str = ""
) -> str:
    """39.8 (37.0 to 42.6), n = 2,746: how every number is written."""
    parts = {"value": amount(value, unit, currency), "interval": interval(low, high, unit, currency)}
    if n is None:
        return _("%(value)s (%(interval)s)") % parts if parts["interval"] else parts["value"]
    parts["n"] = amount(n, "count")
    if parts["interval"]:
        return _("%(value)s (%(interval)s), n = %(n)s") % parts
    return _("%(value)s, n = %(n)s") % parts


def signed(number: float | None, unit: str = "score", currency: str = "") -> str:
    """A change with its sign: +2.4, −1.1, 0.0."""
    text = amount(number, unit, currency)
    return f"+{text}" if number is not None and number > 0 and _is_something(text) else text


def duration(time: timedelta | float | None) -> str:
    """A timedelta or a number of hours, in its two largest parts: 3h 20m, 2d 4h, 45s."""
    if time is None:
        return NOTHING
    hours = time.total_seconds() / 3600 if isinstance(time, timedelta) else time
    if not math.isfinite(hours):
        return NOTHING
    if hours < 0:
        return f"\N{MINUS SIGN}{duration(-hours)}"
    seconds = round(hours * 3600)
    if seconds < 60:
        return _part(seconds, "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return _part(minutes, "minute")
    if minutes < 48 * 60:
        return _two(minutes, 60, "hour", "minute")
    return _two(round(minutes / 60), 24, "day", "hour")


def _part(number: int, unit: str) -> str:
    # English alone has one-letter forms that nobody misreads; CLDR's are missing or odd in our other languages.
    length: Literal["narrow", "short"] = "narrow" if locale().language == "en" else "short"
    return babel_units.format_unit(number, f"duration-{unit}", length=length, locale=locale())


def _two(number: int, per: int, large: str, small: str) -> str:
    whole, rest = divmod(number, per)
    return f"{_part(whole, large)} {_part(rest, small)}" if rest else _part(whole, large)


def day(when: date | datetime | None) -> str:
    """Mar 1, 2026, in the active time zone."""
    if when is None:
        return NOTHING
    if isinstance(when, datetime):
        when = timezone.localtime(when).date() if timezone.is_aware(when) else when.date()
    return babel_dates.format_date(when, format="medium", locale=locale())


def period(start: date, step: str) -> str:
    """A period by its first day: Mar 2026, Q1 2026, W12 2026, 2026, Mar 1, 2026; an hour by its start, Mar 1, 14:00.

    Weeks are ISO weeks.
    """
    if step == "hour" and isinstance(start, datetime):
        parts = (babel_dates.format_skeleton(one, start, start.tzinfo, locale=locale()) for one in ("MMMd", "Hm"))
        return ", ".join(parts)
    if step == "year":
        return babel_dates.format_skeleton("y", start, locale=locale())
    if step == "quarter":
        return babel_dates.format_skeleton("yQQQ", start, locale=locale())
    if step == "month":
        return babel_dates.format_skeleton("yMMM", start, locale=locale())
    if step == "week":
        year, week, _weekday = start.isocalendar()
        return _("W%(week)d %(year)d") % {"week": week, "year": year}
    return babel_dates.format_date(start, format="medium", locale=locale())
