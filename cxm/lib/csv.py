"""CSV that is safe to open in a spreadsheet: the one writer for every export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

CHUNK = 64 * 1024  # characters gathered before they are sent

# What a spreadsheet may take for a formula: ASCII and full-width forms, also behind blanks.
# Source: OWASP, "CSV Injection".
_FORMULA = re.compile(r"\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def stream(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The rows as CSV in UTF-8 with a byte order mark, in pieces of about 64 KiB; the first row is the heading.

    Comma-separated, lines end with CR LF (RFC 4180). Memory is bounded however many rows come.
    """
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        writer.writerow([cell(value) for value in row])
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
    if rest := buffer.getvalue():
        yield rest.encode("utf-8", "replace")


def cell(value: object) -> str:
    """The text of one cell. None is empty, times are ISO 8601, numbers have a point and no grouping.

    A text that a spreadsheet could run as a formula gets an apostrophe in front, unless it is a plain number.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
