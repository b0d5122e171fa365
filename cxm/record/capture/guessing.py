"""The type of each column, guessed from its first values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .times import UnknownFormat, pattern_of, reader

INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,14})", re.ASCII)
DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})?[.]\d+", re.ASCII)
COMMA = re.compile(r"-?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:\.\d{3})+),\d+", re.ASCII)
MISSING = frozenset({"", "?", "-", "n/a", "na", "null", "none", "nan"})
BOOLEAN = frozenset({"true", "false", "yes", "no", "y", "n"})
ZONES = ("", "%z", " %z")
FORMATS = tuple(
    f"{day}{time}"
    for day in ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y",
                "%b %d, %Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", "T%H:%M:%S%z", " %H:%M:%S%z",
                 " %H:%M:%S.%f", "T%H:%M:%S.%f%z")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`kind`: integer, decimal, boolean, date, text, or empty for a column without values."""

    kind: str
    format: str = ""  # of dates
    decimal: str = "."
    samples: tuple[str, ...] = ()
    ambiguous: bool = False  # day and month could change places


def column_types(width: int, rows: Sequence[Sequence[str]]) -> list[ColumnType]:
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True)) or [()] * width
    return [column_type([cell.strip() for cell in column]) for column in columns]


def column_type(cells: Sequence[str]) -> ColumnType:
    values = [cell for cell in cells if cell.lower() not in MISSING]
    distinct = tuple(dict.fromkeys(values))
    samples = tuple(value[:80] for value in distinct[:3])
    if not distinct:
        return ColumnType("")
    if all(INTEGER.fullmatch(value) for value in distinct):
        # Eight digits that are all dates of our time are more likely dates than numbers.
        if all(re.fullmatch(r"(19|20)\d{6}", value) for value in distinct) and (found := _dates(distinct, ["%Y%m%d"])):
            return ColumnType("date", found[0], samples=samples)
        return ColumnType("integer", samples=samples)
    if all(INTEGER.fullmatch(value) or DECIMAL.fullmatch(value) for value in distinct):
        return ColumnType("decimal", samples=samples)
    if all(INTEGER.fullmatch(value) or COMMA.fullmatch(value) for value in distinct):
        return ColumnType("decimal", decimal=",", samples=samples)
    if all(value.lower() in BOOLEAN for value in distinct):
        return ColumnType("boolean", samples=samples)
    if found := _dates(distinct, FORMATS):
        return ColumnType("date", found[0], samples=samples, ambiguous=len(found) > 1)
    return ColumnType("text", samples=samples)


def _dates(values: Sequence[str], formats: Sequence[str]) -> list[str]:
    """The formats in which every value is a date that exists; the unusual day that does not exist may be a mistake."""
    first = values[0]
    fitting = []
    for form in formats:
        try:
            if not pattern_of(form).fullmatch(first):
                continue
        except UnknownFormat:
            continue
        good = sum(_is_date(value, form) for value in values)
        if good == len(values) or (len(values) >= 20 and good >= 0.98 * len(values)):
            fitting.append((good, form))
    best = max((good for good, _form in fitting), default=0)
    return [form for good, form in fitting if good == best]


def _is_date(value: str, form: str) -> bool:
    from datetime import UTC

    if not pattern_of(form).fullmatch(value):
        return False
    try:
        reader([form], UTC)(value)
    except ValueError:
        return False
    return True
