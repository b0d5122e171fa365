"""Reading dates: a format is compiled once to a pattern, because strptime takes eight times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache

_PARTS = {
    "d": r"(?P<d>\d{1,2})", "m": r"(?P<m>\d{1,2})", "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})",
    "H": r"(?P<H>\d{1,2})", "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,6})", "p": r"(?P<p>[AaPp])\.?[Mm]\.?", "z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
    "b": r"(?P<b>[A-Za-z]{3})[a-z]*\.?", "B": r"(?P<b>[A-Za-z]{3})[a-z]*", "%": "%",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<z>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
FIRST_YEAR, LAST_YEAR = 1900, 2200


class UnknownFormat(ValueError):
    """The format holds a directive that we do not know; `directive` is it."""

    def __init__(self, directive: str) -> None:
        super().__init__(directive)
        self.directive = directive


@cache
def pattern_of(form: str) -> re.Pattern[str]:
    """The pattern of a strptime format; raises UnknownFormat."""
    made, at = "", 0
    while at < len(form):
        letter = form[at]
        if letter == "%":
            at += 1
            directive = form[at : at + 1]
            if directive not in _PARTS or (f"(?P<{directive}>" in made):
                raise UnknownFormat(f"%{directive}")
            made += _PARTS[directive]
        else:
            made += r"\s+" if letter.isspace() else re.escape(letter)
        at += 1
    return re.compile(made, re.ASCII)


def reader(formats: Sequence[str], zone: tzinfo) -> Callable[[str], datetime]:
    """A function from text to an aware time in UTC. It raises ValueError for what is no date.

    ISO 8601 is always understood. A time that the clocks skip in spring counts as one hour later; of one that comes
    twice in autumn, the first counts.
    """
    patterns = [*(pattern_of(form) for form in formats), _ISO]
    plain = patterns[0] if patterns[0].groupindex.keys() <= set("YmdHMS") else None
    places = [plain.groupindex.get(part, 0) for part in "YmdHMS"] if plain else []

    def read(text: str) -> datetime:
        if plain and (found := plain.fullmatch(text)):  # most files: numbers only, one format
            part = found.group
            year, month, day, hour, minute, second = (int(part(place)) if place else 0 for place in places)
            if not FIRST_YEAR <= year <= LAST_YEAR:
                raise ValueError(text)
            made = datetime(year, month or (1 if not places[1] else 0), day or (1 if not places[2] else 0),
                            hour, minute, second, tzinfo=zone)  # fmt: skip
            return made if zone is UTC else made.astimezone(UTC)
        for pattern in patterns:
            if found := pattern.fullmatch(text):
                return _time(found, zone)
        raise ValueError(text)

    return read


def halves(form: str, zone: tzinfo) -> tuple[Callable[[str], str], Callable[[str], str]] | None:
    """For a format of a date, a blank and a time, in UTC: how to read each half to ISO form. None for all others."""
    day, _blank, clock = form.partition(" ")
    if zone is not UTC or clock not in {"%H:%M", "%H:%M:%S"} or not re.fullmatch(r"%[dmY]\W%[dmY]\W%[dmY]", day):
        return None
    read_day, read_clock = reader([day], UTC), reader([f"%Y {clock}"], UTC)
    return (
        lambda text: read_day(text).isoformat()[:10],
        lambda text: read_clock(f"2000 {text}").isoformat("T", "milliseconds")[11:23],
    )


def _time(found: re.Match[str], zone: tzinfo) -> datetime:
    part = found.groupdict()
    year = int(part.get("Y") or 0) or _century(int(part["y"]) if part.get("y") else 0)
    month = _MONTHS.index(part["b"].lower()) + 1 if part.get("b") else int(part.get("m") or 1)
    hour = int(part.get("H") or part.get("I") or 0)
    if part.get("I"):
        if not 1 <= hour <= 12:
            raise ValueError(found[0])
        hour = hour % 12 + (12 if (part.get("p") or "a").lower() == "p" else 0)
    fraction = (part.get("f") or "0")[:6].ljust(6, "0")
    offset = part.get("z")
    if offset == "Z":
        zone = UTC
    elif offset:
        digits = offset[1:].replace(":", "")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        zone = timezone(-shift if offset[0] == "-" else shift)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(found[0])
    made = datetime(
        year, month, int(part.get("d") or 1), hour, int(part.get("M") or 0), int(part.get("S") or 0), int(fraction),
        tzinfo=zone,
    )  # fmt: skip
    return made if zone is UTC else made.astimezone(UTC)


def _century(year: int) -> int:
    """Two digits as POSIX reads them: 69–99 are the 1900s."""
    return year + (1900 if year >= 69 else 2000)
