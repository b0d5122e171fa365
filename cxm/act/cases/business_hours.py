"""From a calendar as it is stored or typed to one that can be reckoned with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from .calendars import EVER, Hours, Span
from .models import Calendar, Team

CLOCK = re.compile(r"([01]?[0-9]|2[0-4])[:.]([0-5][0-9])\Z")
YEARLY = re.compile(r"[0-9]{2}-[0-9]{2}\Z")
MOST_HOLIDAYS = 1000


class Unreadable(ValueError):
    """No calendar can be made of this; `part` is the text that is wrong."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


def hours_of(calendar: Calendar | None) -> Hours:
    """Day and night where there is none."""
    if calendar is None:
        return EVER
    return _hours(calendar.time_zone, msgspec.json.encode([calendar.week, calendar.holidays]))


def hours_of_team(team: Team) -> Hours:
    return hours_of(team.calendar)


@lru_cache(maxsize=256)
def _hours(zone: str, content: bytes) -> Hours:
    """What it has worked out of a day is kept with it, so the same calendar is always the same object."""
    week, holidays = msgspec.json.decode(content)
    return read(zone, week, holidays)


def read(zone: str, week: Sequence[Any], holidays: Sequence[Mapping[str, Any]]) -> Hours:
    """Raises Unreadable."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unreadable(zone) from None
    if len(week) != 7 or len(holidays) > MOST_HOLIDAYS:
        raise Unreadable(str(len(week)))
    dates: dict[date, list[Span]] = {}
    yearly: dict[tuple[int, int], list[Span]] = {}
    for one in holidays:
        on, spans = str(one.get("on", "")), spans_of(one.get("hours", []))
        try:
            if YEARLY.match(on):
                day = date.fromisoformat(f"2024-{on}")  # a leap year: 29 February is a day
                yearly[(day.month, day.day)] = spans
            else:
                dates[date.fromisoformat(on)] = spans
        except ValueError:
            raise Unreadable(on) from None
    return Hours(zone, [spans_of(day) for day in week], dates, yearly)


def spans_of(texts: Sequence[Sequence[str]]) -> list[Span]:
    """[["09:00", "17:00"]] as minutes. Raises Unreadable."""
    found = []
    for pair in texts:
        if len(pair) != 2:
            raise Unreadable(str(pair))
        opens, closes = minutes_of(pair[0]), minutes_of(pair[1])
        if not opens < closes:
            raise Unreadable(f"{pair[0]}-{pair[1]}")
        found.append((opens, closes))
    return found


def minutes_of(text: str) -> int:
    """09:30 as minutes since midnight. Raises Unreadable."""
    match = CLOCK.match(str(text).strip())
    minutes = int(match[1]) * 60 + int(match[2]) if match else 1441
    if minutes > 1440:
        raise Unreadable(str(text))
    return minutes


def read_spans(text: str) -> list[list[str]]:
    """What a person types for a day, "9:00-13:00, 14:00-18:00", as it is stored. Empty: closed. Raises Unreadable."""
    found = []
    for part in re.split(r"[,;]", text):
        if not part.strip():
            continue
        ends = re.split(r"\s*[-–—]\s*", part.strip())
        if len(ends) != 2:
            raise Unreadable(part.strip())
        found.append([f"{minutes // 60:02}:{minutes % 60:02}" for minutes in map(minutes_of, ends)])
    spans_of(found)
    return found


def shown_spans(spans: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{opens}–{closes}" for opens, closes in spans)


def read_holidays(text: str) -> list[dict[str, Any]]:
    """One day a line: "2026-12-25 Christmas", "12-25 Christmas" of every year, "12-24 10:00-12:00 Christmas Eve".

    Raises Unreadable.
    """
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        on, _blank, rest = line.strip().partition(" ")
        hours: list[list[str]] = []
        name: list[str] = []
        for word in rest.split():
            if not name and re.match(r"[0-9]{1,2}[:.][0-9]{2}[-–]", word):
                hours += read_spans(word.rstrip(","))
            else:
                name.append(word)
        found.append({"on": on, "name": " ".join(name)[:100], "hours": hours})
    read("UTC", [[]] * 7, found)
    return found


def shown_holidays(holidays: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for one in holidays:
        hours = ",".join(f"{opens}-{closes}" for opens, closes in one.get("hours", []))
        lines.append(" ".join(part for part in (str(one["on"]), hours, str(one.get("name", ""))) if part))
    return "\n".join(lines)
