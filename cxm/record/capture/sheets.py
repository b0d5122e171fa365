"""XLSX, streamed: one sheet, row by row. A formula is never evaluated; the value that the file keeps for it counts."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext as _

from .problems import FileProblem

BLOCK = 1 << 20
MAX_UNPACKED = 4 * 2**30  # bytes of all that the file holds
MAX_STRINGS = 256 * 2**20  # bytes of the table of texts, which is the one thing that must be kept in memory
MAX_RATIO = 250
SMALL = 64 * 2**20  # bytes below which the ratio does not matter


@dataclass(slots=True)
class Sheet:
    name: str
    header: list[str]
    has_header: bool
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl  # here, because its 180 modules would be a fifteenth of the start of a server

    guard(path)
    with path.open("rb") as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, zlib.error, ParseError) as error:
            raise FileProblem(_("This is not a spreadsheet that can be read, or it is damaged.")) from error
        try:
            yield book
        finally:
            book.close()


def guard(path: Path) -> None:
    """Refuse what would not fit, by the directory of the archive; raises FileProblem."""
    try:
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist():
                if one.flag_bits & 1:
                    raise FileProblem(_("The spreadsheet is protected by a password. Save it without one."))
            sizes = [(one.filename, one.file_size) for one in archive.infolist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise FileProblem(_("This is not a spreadsheet that can be read, or it is damaged.")) from error
    total = sum(size for _name, size in sizes)
    if total > MAX_UNPACKED or (total > SMALL and total > MAX_RATIO * path.stat().st_size):
        raise FileProblem(_("The spreadsheet grows without measure when it is unpacked. Save it as CSV and try again."))
    if any(name.lower().endswith("sharedstrings.xml") and size > MAX_STRINGS for name, size in sizes):
        raise FileProblem(_("The spreadsheet holds too much text to be read as one. Save it as CSV and try again."))


def _sheet(book: Any, name: str) -> Any:
    if name and name not in book.sheetnames:
        raise FileProblem(_("The spreadsheet has no sheet “%(name)s”.") % {"name": name})
    sheet = book[name] if name else next((one for one in book.worksheets), None)
    if sheet is None:
        raise FileProblem(_("The spreadsheet has no sheet with cells."))
    return sheet


def look(path: Path, name: str, has_header: bool | None, count: int) -> Sheet:
    with _opened(path) as book:
        sheet = _sheet(book, name)
        rows = list(islice(_rows(sheet), count + 1))
        if not rows:
            raise FileProblem(_("The sheet “%(name)s” is empty.") % {"name": sheet.title})
        while rows[0] and not rows[0][-1]:
            rows[0].pop()
        with_header = has_header is not False
        notes = []
        if len(book.sheetnames) > 1:
            notes.append(
                _("The spreadsheet has several sheets; this is “%(name)s”. Name another as “sheet” in the mapping.")
                % {"name": sheet.title}
            )
        width = len(rows[0])
        body = [fit(row, width) for row in (rows[1:] if with_header else rows)]
        return Sheet(sheet.title, rows[0], with_header, body, notes)


def records(path: Path, name: str, has_header: bool, width: int) -> Iterator[list[str]]:
    with _opened(path) as book:
        rows = _rows(_sheet(book, name))
        if has_header:
            next(rows, None)
        for row in rows:
            yield fit(row, width)


def fit(row: list[str], width: int) -> list[str]:
    """A sheet has no ragged rows: missing cells are empty, and empty ones beyond the header do not count."""
    if not any(row):
        return []
    if len(row) < width:
        return [*row, *[""] * (width - len(row))]
    while len(row) > width and not row[-1]:
        row.pop()
    return row


def _rows(sheet: Any) -> Iterator[list[str]]:
    try:
        for row in sheet.iter_rows(values_only=True):
            yield [_text(value) for value in row]
    except (zipfile.BadZipFile, zlib.error, ParseError, ValueError, KeyError, EOFError) as error:
        raise FileProblem(_("The spreadsheet is damaged: a part of it cannot be read.")) from error


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def check(path: Path, name: str) -> list[str]:
    """Unpack every part once, comparing check sums, and count formulas; returns notes, raises FileProblem."""
    guard(path)
    formulas = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist():
                grown, tail = 0, b""
                with archive.open(one) as part:
                    while block := part.read(BLOCK):
                        grown += len(block)
                        if grown > one.file_size:
                            raise FileProblem(_("The spreadsheet lies about its size. We stopped."))
                        if one.filename.startswith("xl/worksheets/"):
                            text = tail + block
                            formulas += text.count(b"<f>") + text.count(b"<f ") + text.count(b"<f/>")
                            tail = text[-3:]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise FileProblem(_("The spreadsheet is damaged: a part of it cannot be read.")) from error
    with _opened(path) as book:
        _sheet(book, name)
    if formulas:
        return [_("The spreadsheet has formulas. The values that it keeps for them are imported; nothing is computed.")]
    return []
