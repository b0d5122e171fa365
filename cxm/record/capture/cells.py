"""Cells: from the text of one cell to what an event holds, remembered, because cells of a column repeat."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import repeat

import msgspec
from django.utils.translation import gettext as _

from .times import halves, reader

_PARTITION = str.partition
REMEMBERED = 50_000  # texts per column
_encode = msgspec.json.Encoder().encode
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_CANONICAL = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
YES = frozenset({"true", "yes", "y", "1", "t", "on"})
NO = frozenset({"false", "no", "n", "0", "f", "off"})

Read = Callable[[str], str]  # raises ValueError with a reason for the user


def json_text(text: str) -> str:
    """A JSON string, escaped for a line of tab-separated values: JSON leaves only the backslash to escape."""
    return _encode(text.replace("\x00", "")).decode().replace("\\", "\\\\")


def plain_text(text: str) -> str:
    return text.replace("\x00", "")


def json_number(text: str, decimal: str = ".") -> str:
    number = as_number(text, decimal)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def as_number(text: str, decimal: str = ".") -> float:
    plain = text.replace("\u00a0", "").replace(" ", "")
    if decimal == ",":
        plain = plain.replace(".", "").replace(",", ".")
    if not plain or not _NUMBER.fullmatch(plain) or not any(letter.isdigit() for letter in plain):
        raise ValueError(_("“%(text)s” is not a number") % {"text": text[:60]})
    number = float(plain.replace(",", ""))
    if abs(number) > 1e300:
        raise ValueError(_("“%(text)s” is too large") % {"text": text[:60]})
    return number


def json_whole(text: str, decimal: str = ".") -> str:
    number = as_number(text, decimal)
    if not number.is_integer() or not 0 <= number < 2**32:
        raise ValueError(_("“%(text)s” is not a whole number from 0") % {"text": text[:60]})
    return str(int(number))


def json_positive(text: str, decimal: str = ".") -> str:
    if as_number(text, decimal) < 0:
        raise ValueError(_("“%(text)s” is below zero") % {"text": text[:60]})
    return json_number(text, decimal)


def json_truth(text: str) -> str:
    lower = text.lower()
    if lower in YES:
        return "true"
    if lower in NO:
        return "false"
    raise ValueError(_("“%(text)s” is neither yes nor no") % {"text": text[:60]})


def typed(kind: str, decimal: str = ".") -> Read:
    """How a property of a column of that type is written: what does not look like its type stays text."""
    if kind in {"integer", "decimal"} and decimal == ".":
        return lambda text: text if _CANONICAL.fullmatch(text) else json_text(text)
    if kind == "decimal":

        def read(text: str) -> str:
            try:
                return json_number(text, decimal)
            except ValueError:
                return json_text(text)

        return read
    if kind == "integer":
        return lambda text: text if _CANONICAL.fullmatch(text) else json_text(text)
    if kind == "boolean":
        return lambda text: text.lower() if text.lower() in {"true", "false"} else json_text(text)
    return json_text


def score(low: float, high: float, decimal: str = ".") -> Read:
    def read(text: str) -> str:
        number = as_number(text, decimal)
        if not low <= number <= high:
            raise ValueError(
                _("%(score)s is not on the scale from %(low)g to %(high)g")
                % {"score": text[:60], "low": low, "high": high}
            )
        return json_number(text, decimal)

    return read


def one_of(*allowed: str) -> Read:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(
                _("“%(text)s” is none of: %(allowed)s") % {"text": text[:60], "allowed": ", ".join(allowed)}
            )
        return json_text(text)

    return read


def moment(formats: Sequence[str], zone: tzinfo) -> Callable[[str], datetime]:
    read = reader(formats, zone)

    def checked(text: str) -> datetime:
        try:
            return read(text)
        except (ValueError, OverflowError) as error:
            raise ValueError(_("“%(text)s” is not a date that exists in this format") % {"text": text[:60]}) from error

    return checked


def json_time(formats: Sequence[str], zone: tzinfo) -> Read:
    read = log_time(formats, zone)
    return lambda text: f'"{read(text).replace(" ", "T")}Z"'


def log_time(formats: Sequence[str], zone: tzinfo) -> Read:
    """As the log takes it: UTC to the millisecond."""
    read = moment(formats, zone)
    return lambda text: read(text).isoformat(" ", "milliseconds")[:-6]


class Half(dict[str, str]):
    """One half of a time, read when first met; KeyError for what cannot be read."""

    def __init__(self, read: Read, start: str, end: str) -> None:
        super().__init__()
        self._read, self._start, self._end = read, start, end

    def __missing__(self, text: str) -> str:
        try:
            result = self[text] = f"{self._start}{self._read(text)}{self._end}"
        except ValueError as error:
            raise KeyError(text) from error
        return result


class Cells(dict[str, str]):
    """Raw text → result, made when first met. `bad` holds the texts that cannot be read, and why.

    Blanks around a text are not part of it, unless `whole`: what people wrote is kept as it came, and is missing only
    where the cell is empty or holds a code for missing.
    """

    def __init__(
        self,
        read: Read,
        missing: frozenset[str],
        values: dict[str, str],
        start: str = "",
        end: str = "",
        *,
        whole: bool = False,
    ) -> None:
        super().__init__()
        self.bad: dict[str, str] = {}
        self.whole = whole
        self._halves: tuple[Half, Half] | None = None
        self._repeats = True  # whether whole times come again often enough to be worth remembering
        self._read, self._missing, self._values, self._start, self._end = read, missing, values, start, end

    def __missing__(self, raw: str) -> str:
        if self._halves is not None:
            day, _blank, clock = raw.partition(" ")
            if clock:
                with suppress(KeyError):
                    result = self[raw] = self._halves[0][day] + self._halves[1][clock]
                    return result
        text = raw.strip()
        result = ""
        if self.whole:
            text = "" if text and text in self._missing else self._values.get(text, raw)
        if text and text not in self._missing:
            text = self._values.get(text, text)
            try:
                result = f"{self._start}{self._read(text)}{self._end}" if text else ""
            except ValueError as error:
                self.bad[raw] = str(error)
        self[raw] = result
        return result

    def quicken(self, formats: Sequence[str], zone: tzinfo, *, json: bool) -> None:
        """Read the days and the clock times of a column apart, if its format allows: they repeat, pairs do not."""
        found = halves(formats[0], zone) if len(formats) == 1 and not self._values else None
        if found is not None:
            mark, blank, end = ('"', "T", f'Z"{self._end}') if json else ("", " ", self._end)
            self._halves = Half(found[0], f"{self._start}{mark}", blank), Half(found[1], "", end)

    def many(self, column: Sequence[str]) -> list[str]:
        """What becomes of a whole column."""
        if self._halves is None:
            return list(map(self.__getitem__, column))
        if self._repeats:
            before = len(self)
            made = list(map(self.__getitem__, column))
            self._repeats = 2 * (len(self) - before) < len(column)
            return made
        days, clocks = self._halves
        try:
            return [
                days[day] + clocks[clock] if clock else self[day]
                for day, _blank, clock in map(_PARTITION, column, repeat(" "))
            ]
        except KeyError:
            # Something is no date: one by one then, so that each is remembered with its reason.
            return list(map(self.__getitem__, column))

    def tidy(self) -> None:
        """Forget, between parts, when too much was met."""
        for half in self._halves or ():
            if len(half) > REMEMBERED:
                half.clear()
        if len(self) > REMEMBERED:
            self.clear()
            self.bad.clear()


@dataclass(slots=True)
class Field:
    """One value of each row. `index` is its column, None for a constant. Empty text means missing."""

    label: str
    index: int | None
    cells: Cells
    constant: str = ""
