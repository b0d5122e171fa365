"""SPSS system files (.sav), written row by row: memory stays bounded however many rows come.

Format: PSPP developers' guide, "System File Format" (uncompressed, UTF-8). Numbers are doubles, texts are as wide as
the widest one (up to 32,767 bytes; over 255 they lie in segments of 255 bytes, one for each 252 declared). Variables
have names, labels, measures and value labels. `widths` must be known beforehand, so a writer goes over the rows twice.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal

from cxm import __version__

Measure = Literal["nominal", "ordinal", "scale"]
WIDEST: Final = 32_767  # bytes of a text
LONGEST_LABEL: Final = 255  # bytes of the label of a variable
LONGEST_VALUE_LABEL: Final = 120  # bytes
_MEASURES: Final[Mapping[Measure, int]] = {"nominal": 1, "ordinal": 2, "scale": 3}
_NUMBER, _TEXT, _DATETIME = 5, 1, 22
_MISSING: Final = struct.pack("<d", -sys.float_info.max)
_GREGORIAN: Final = datetime(1582, 10, 14, tzinfo=UTC)  # SPSS counts seconds from here
_CHUNK, _SEGMENT = 255, 252


@dataclass(slots=True)
class Variable:
    """`width`: bytes of the widest text; 0 for a number. `labels`: what a number means. `time`: seconds are a time."""

    name: str
    label: str = ""
    width: int = 0
    measure: Measure = "scale"
    labels: Mapping[float, str] = field(default_factory=dict)
    decimals: int = 0
    time: bool = False

    @property
    def segments(self) -> list[int]:
        """Widths of the parts in which a text lies; one 0 for a number."""
        if self.width <= _CHUNK:
            return [min(self.width, WIDEST)]
        width = min(self.width, WIDEST)
        count = -(-width // _SEGMENT)
        return [_CHUNK] * (count - 1) + [width - (count - 1) * _SEGMENT]


def seconds_of(moment: datetime) -> float:
    """A time as SPSS counts it. It knows no time zones: what it shows is UTC."""
    return (moment.astimezone(UTC) - _GREGORIAN).total_seconds()


def cut(text: str, most: int) -> bytes:
    """A text in UTF-8 of at most so many bytes, never ending in half a character."""
    data = text.encode("utf-8", "replace")
    return data if len(data) <= most else data[:most].decode("utf-8", "ignore").encode()


def names_for(wanted: Sequence[str]) -> list[str]:
    """Names that SPSS takes, in the same order: letters, digits and underscores, not twice, up to 64 bytes."""
    taken: set[str] = set()
    names = []
    for text in wanted:
        plain = "".join(letter if (letter.isalnum() and letter.isascii()) or letter == "_" else "_" for letter in text)
        if not plain[:1].isalpha() or plain.upper() in _RESERVED:
            plain = f"v_{plain}"
        name, number = plain[:60].rstrip("_") or "v", 2
        base = name
        while name.upper() in taken:
            name, number = f"{base[:56]}_{number}", number + 1
        taken.add(name.upper())
        names.append(name)
    return names


_RESERVED: Final = frozenset({"ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"})


def write(
    file: BinaryIO, variables: Sequence[Variable], rows: Iterable[Sequence[object]], *, count: int, label: str = ""
) -> int:
    """Write a whole file; returns how many rows it holds. `count` is what the header says, -1 if nobody knows."""
    shorts = _short_names(variables)
    _header(file, variables, count, label)
    for variable, names in zip(variables, shorts, strict=True):
        _variable(file, variable, names)
    _value_labels(file, variables)
    _records(file, variables, shorts, count)
    file.write(struct.pack("<ii", 999, 0))
    written = 0
    for row in rows:
        file.write(b"".join(_cell(one, value) for one, value in zip(variables, row, strict=True)))
        written += 1
    return written


def _short_names(variables: Sequence[Variable]) -> list[list[str]]:
    """Eight letters each, one name for each segment; the long names are told apart."""
    found, number = [], 0
    for variable in variables:
        names = []
        for _width in variable.segments:
            number += 1
            names.append(f"V{number:07d}")
        found.append(names)
    return found


def _cells(width: int) -> int:
    return 1 if width == 0 else -(-width // 8)


def _padded(data: bytes, size: int) -> bytes:
    return data[:size].ljust(size)


def _header(file: BinaryIO, variables: Sequence[Variable], count: int, label: str) -> None:
    cells = sum(_cells(width) for one in variables for width in one.segments)
    now = datetime.now(UTC)
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[now.month - 1]
    file.write(b"$FL2" + _padded(f"@(#) SPSS DATA FILE OpenCXM {__version__}".encode(), 60))
    file.write(struct.pack("<iiiii", 2, cells, 0, 0, count))
    file.write(struct.pack("<d", 100.0))
    file.write(_padded(f"{now.day:02d} {month} {now.year % 100:02d}".encode(), 9))
    file.write(_padded(now.strftime("%H:%M:%S").encode(), 8) + _padded(cut(label, 64), 64) + b"\0\0\0")


def _format(variable: Variable, width: int) -> int:
    if width:
        return _TEXT << 16 | min(width, _CHUNK) << 8
    if variable.time:
        return _DATETIME << 16 | 20 << 8
    return _NUMBER << 16 | 8 << 8 | variable.decimals


def _variable(file: BinaryIO, variable: Variable, names: Sequence[str]) -> None:
    for place, (width, name) in enumerate(zip(variable.segments, names, strict=True)):
        label = cut(variable.label, LONGEST_LABEL) if place == 0 else b""
        form = _format(variable, width)
        file.write(struct.pack("<iiiiii", 2, width, int(bool(label)), 0, form, form) + _padded(name.encode(), 8))
        if label:
            file.write(struct.pack("<i", len(label)) + label.ljust(-(-len(label) // 4) * 4))
        for _more in range(_cells(width) - 1):
            file.write(struct.pack("<iiiiii", 2, -1, 0, 0, 0, 0) + b" " * 8)


def _value_labels(file: BinaryIO, variables: Sequence[Variable]) -> None:
    index = 1
    for variable in variables:
        if variable.labels:
            file.write(struct.pack("<ii", 3, len(variable.labels)))
            for value, text in variable.labels.items():
                data = cut(text, LONGEST_VALUE_LABEL)
                file.write(struct.pack("<dB", value, len(data)) + data.ljust(-(-(len(data) + 1) // 8) * 8 - 1))
            file.write(struct.pack("<iii", 4, 1, index))
        index += sum(_cells(width) for width in variable.segments)


def _records(
    file: BinaryIO, variables: Sequence[Variable], shorts: Sequence[Sequence[str]], count: int
) -> None:  # fmt: skip
    def record(kind: int, size: int, data: bytes) -> None:
        file.write(struct.pack("<iiii", 7, kind, size, len(data) // size) + data)

    record(3, 4, struct.pack("<8i", 1, 0, 0, -1, 1, 1, 2, 65001))
    lowest = struct.unpack("<d", (0xFFEF_FFFF_FFFF_FFFE).to_bytes(8, "little"))[0]
    record(4, 8, _MISSING + struct.pack("<dd", sys.float_info.max, lowest))
    display = b"".join(
        struct.pack("<iii", _MEASURES[one.measure], min(max(width or 8, 8), 40), 0 if width else 1)
        for one in variables
        for width in one.segments
    )
    record(11, 4, display)
    pairs = zip(variables, shorts, strict=True)
    record(13, 1, "\t".join(f"{names[0]}={one.name}" for one, names in pairs).encode())
    long = [
        f"{names[0]}={min(one.width, WIDEST):05d}\0\t"
        for one, names in zip(variables, shorts, strict=True)
        if one.width > _CHUNK
    ]
    if long:
        record(14, 1, "".join(long).encode())
    record(16, 8, struct.pack("<qq", 1, count))
    record(20, 1, b"UTF-8")


def _cell(variable: Variable, value: object) -> bytes:
    if not variable.width:
        if isinstance(value, datetime):
            return struct.pack("<d", seconds_of(value))
        return struct.pack("<d", float(value)) if isinstance(value, int | float) else _MISSING
    data = cut("" if value is None else str(value), min(variable.width, WIDEST))
    if variable.width <= _CHUNK:
        return data.ljust(_cells(variable.width) * 8)
    parts = []
    for place, width in enumerate(variable.segments):
        parts.append(_padded(data[place * _CHUNK : (place + 1) * _CHUNK], _cells(width) * 8))
    return b"".join(parts)
