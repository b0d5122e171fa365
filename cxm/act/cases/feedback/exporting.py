"""The texts of a list as a file: CSV or Excel, without personal data unless somebody with the right asks for it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

from cxm.accounts.models import User, Workspace
from cxm.record.eventlog.append import NOBODY

from .queries import Entry, entries, rows_of
from .wanted import Wanted
from .wording import masked

MOST: Final = 100_000
MOST_IN_EXCEL: Final = 20_000  # a sheet is made in memory
AT_ONCE: Final = 500
LONGEST_CELL: Final = 32_767
ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
HEAD: Final = [
    "time", "event_id", "customer_id", "kind", "channel", "survey", "question", "touchpoint", "score", "scale", "text",
    "language", "sentiment", "sentiment_score", "emotion", "intent", "effort", "urgent", "topics", "handled_at",
    "assigned_to", "tags", "case",
]  # fmt: skip


def table(
    workspace: Workspace, wanted: Wanted, user: User | None, *, personal: bool = False, most: int = MOST
) -> Iterator[list[Any]]:
    """The heading, then the rows. With `personal` texts are as they came. Raises UnknownField, EventlogError."""
    first = rows_of(workspace, wanted, user, size=AT_ONCE, shown=1_000_000)  # refuses before the first row
    return _table(workspace, wanted, user, first, personal, most)


def _table(
    workspace: Workspace, wanted: Wanted, user: User | None, rows: list[Any], personal: bool, most: int
) -> Iterator[list[Any]]:
    yield HEAD
    done = 0
    while rows:
        for entry in entries(workspace, rows[: most - done]):
            yield line(entry, personal=personal)
        done += len(rows)
        if len(rows) < AT_ONCE or done >= most:
            return
        rows = rows_of(workspace, wanted, user, start=done, size=AT_ONCE, shown=1_000_000)


def line(entry: Entry, *, personal: bool) -> list[Any]:
    row, reading, mark = entry.row, entry.reading, entry.mark
    text = row.comment if personal else masked(row.comment, reading)
    topics = dict.fromkeys(tag.name for tag in reading.tags if tag.kind == "topic") if reading else ()
    read: list[Any] = [""] * 7
    if reading:
        read = [
            reading.language, reading.sentiment, round(reading.score, 3) if reading.sentiment else "",
            reading.emotion, reading.intent, reading.effort, reading.urgent,
        ]  # fmt: skip
    done: list[Any] = [""] * 4
    if mark:
        done = [
            mark.handled_at or "", str(mark.assigned_to or ""), ", ".join(mark.tags),
            mark.case.number if mark.case else "",
        ]  # fmt: skip
    return [
        row.occurred_at, row.event_id, "" if row.customer_id == NOBODY else row.customer_id, entry.kind, row.channel,
        row.survey, row.question, row.touchpoint, row.score, row.scale, text, *read, ", ".join(topics), *done,
    ]  # fmt: skip


def excel(rows: Iterator[list[Any]]) -> bytes:
    """Texts stay texts, whatever they begin with."""
    from openpyxl import Workbook  # takes a while to load, and most processes never write one
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        cells = []
        for value in row:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is None or number:
                cells.append(value)
                continue
            cell = WriteOnlyCell(sheet, ILLEGAL.sub("", str(value))[:LONGEST_CELL])
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
