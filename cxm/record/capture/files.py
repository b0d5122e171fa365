"""Opening files: CSV, TSV, blank-separated text, JSON Lines (all also as .gz) and XLSX, streamed in bounded memory.

A file is looked at (`look`: what is it, what are its columns), checked as a whole before anything is stored (`check`),
and read (`records`). Each raises FileProblem with a sentence for the user.
"""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol, cast

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from . import sheets
from .guessing_files import (
    decode_sample,
    guess_delimiter,
    guess_encoding,
    is_header,
    kind_of,
    text_kind,
    undecodable,
)
from .mapping import Format
from .problems import FileProblem

BLOCK = 1 << 20
SAMPLE_BYTES = 1 << 20
CUT = 1 << 20  # characters of lines that are cut into columns together: few enough for the processor's cache
SAMPLE_ROWS = 1000
MAX_LINE = 8 * 1024 * 1024  # characters of one line, and of one cell
MAX_COLUMNS = 5000
BOMB_START = 256 * 1024 * 1024  # bytes that a packed file may hold whatever its ratio
BOMB_RATIO = 250

Record = list[str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a file seems to be: its format with nothing left open, its columns, its first rows, and what we noticed."""

    format: Format
    header: list[str]
    rows: list[Record]
    notes: list[str] = field(default_factory=list)


class Position(Protocol):
    def tell(self) -> int: ...


@contextmanager
def opened(path: Path, name: str) -> Iterator[tuple[io.BufferedReader, Position]]:
    """The file's bytes, unpacked, and the packed file whose position tells how far reading came."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        yield (io.BufferedReader(_Unpacked(raw), BLOCK) if packed else raw), raw


class _Unpacked(io.RawIOBase):
    """Unpacks gzip (one member after another) and stops where the file is cut, damaged, or grows without measure."""

    def __init__(self, raw: IO[bytes]) -> None:
        self.raw = raw
        self.member: Any = None
        self.left = b""
        self.packed = self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = b""
        while not data:
            if not self.left:
                self.left = self.raw.read(BLOCK // 4)
                self.packed += len(self.left)
            if self.member is None:
                self.left = self.left.lstrip(b"\0")  # padding between members
                if not self.left:
                    return 0
                self.member = zlib.decompressobj(31)
            if not self.left:
                # What zlib still holds back is nothing where the member is not complete.
                raise FileProblem(_("The packed file ends too early: it was cut, perhaps while it was copied."))
            try:
                data = self.member.decompress(self.left, len(view))
            except zlib.error as error:
                raise FileProblem(_("The packed file is damaged: its content does not match its check sum.")) from error
            if self.member.eof:
                self.left, self.member = self.member.unused_data, None
            else:
                self.left = self.member.unconsumed_tail
        self.size += len(data)
        self._measure()
        view[: len(data)] = data
        return len(data)

    def _measure(self) -> None:
        if self.size > BOMB_START and self.size > BOMB_RATIO * self.packed:
            raise FileProblem(
                _("The packed file grows to more than %(ratio)d times its size when it is unpacked. We stopped.")
                % {"ratio": BOMB_RATIO}
            )
        if self.size > 16 * settings.UPLOAD_MAX_BYTES:
            raise FileProblem(
                _("The packed file holds more than %(size)d GB. Split it into smaller files.")
                % {"size": 16 * settings.UPLOAD_MAX_BYTES // 2**30}
            )


def look(path: Path, name: str, declared: Format | None = None) -> Look:
    """Guess what `declared` leaves open, and read the first rows."""
    declared = declared or Format()
    kind = declared.kind or kind_of(path, name)
    if kind == "xlsx":
        sheet = sheets.look(path, declared.sheet, declared.header, SAMPLE_ROWS)
        header, notes = _names(sheet.header, declared)
        form = msgspec.structs.replace(declared, kind="xlsx", sheet=sheet.name, header=sheet.has_header)
        return Look(form, header, sheet.rows, [*notes, *sheet.notes])
    with opened(path, name) as (stream, _raw):
        sample = _read(stream, SAMPLE_BYTES)
    encoding = declared.encoding or guess_encoding(sample)
    if encoding.lower().replace("-", "") == "utf8" and sample.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    text = decode_sample(sample, encoding)
    if not text.strip():
        raise FileProblem(_("The file is empty."))
    if "\x00" in text[:1000]:
        raise FileProblem(_("This is not a text file. Upload CSV, TSV, XLSX or JSON Lines; gzip is fine too."))
    if not kind:
        kind = text_kind(text, name, declared)
    form = msgspec.structs.replace(declared, kind=kind, encoding=encoding)
    if kind == "csv" and not form.delimiter:
        form = msgspec.structs.replace(form, delimiter=guess_delimiter(text))
    if kind == "jsonl":
        header = declared.columns or _json_columns(text)
        form = msgspec.structs.replace(form, header=False, columns=header)
        names, notes = _names(header, form)
    else:
        first = next(iter(_split(iter(text.splitlines(keepends=True)), form)), [])
        if form.header is None:
            form = msgspec.structs.replace(form, header=not declared.columns and is_header(first))
        names, notes = _names(first, form)
    form = msgspec.structs.replace(form, columns=form.columns or ([] if form.header else names))
    rows: list[Record] = []
    with closing(records(path, name, form, names, SAMPLE_ROWS)) as parts:
        for part in parts:
            rows = part.rows
            break
    return Look(form, names, rows, notes)


@dataclass(frozen=True, slots=True)
class Part:
    """Some records. `first` is the number of the first one, counted as a spreadsheet counts: the header is 1."""

    rows: list[Record]
    first: int
    bytes_read: int
    blocks: list[str] = field(default_factory=list)  # instead of rows: whole lines of a file without quotation marks


def records(
    path: Path, name: str, form: Format, header: list[str], size: int, *, checked: bool = False, plain: bool = False
) -> Generator[Part, None, None]:
    """The records in parts of `size`. Blank lines keep their number and come as empty records.

    `checked` says that `check` has passed the file, so that lines need no guard of their own; `plain`, that it found
    the CSV without a quotation mark: then parts hold blocks of lines, which whoever wants columns can cut faster.
    """
    if form.kind == "xlsx":
        number = 2 if form.header else 1
        total = path.stat().st_size
        rows = sheets.records(path, form.sheet, bool(form.header), len(header))
        while part := list(islice(rows, size)):
            yield Part(part, number, min(total, number * 40))
            number += len(part)
        return
    with opened(path, name) as (stream, raw):
        text = io.TextIOWrapper(stream, encoding=form.encoding or "utf-8", newline=None if plain else "")
        text._CHUNK_SIZE = BLOCK  # type: ignore[attr-defined]  # undocumented, and a quarter faster
        if plain:
            yield from _plain_parts(text, raw, bool(form.header), size)
            text.detach()
            return
        source: Iterator[Record]
        if checked and form.kind == "csv":
            csv.field_size_limit(MAX_LINE)
            source = csv.reader(text, delimiter=form.delimiter or ",")
        else:
            source = _split(_lines(text), form, header)
        number = 1
        if form.header:
            next(source, None)
            number = 2
        try:
            while part := list(islice(source, size)):
                yield Part(part, number, raw.tell())
                number += len(part)
        except UnicodeDecodeError as error:
            raise undecodable(error, form.encoding) from error
        finally:
            text.detach()


def _plain_parts(text: io.TextIOWrapper, raw: Position, header: bool, size: int) -> Iterator[Part]:
    number = 1
    if header:
        text.readline()
        number = 2
    blocks: list[str] = []
    lines = 0
    for block in _blocks(text, size):
        blocks.append(block)
        lines += block.count("\n")
        if lines >= size:
            yield Part([], number, raw.tell(), blocks)
            number, lines, blocks = number + lines, 0, []
    if blocks:
        yield Part([], number, raw.tell(), blocks)


def _blocks(text: io.TextIOWrapper, most: int) -> Iterator[str]:
    """Whole lines, each ending in a line feed, in texts of about CUT characters and of `most` lines."""
    begun: list[str] = []
    while read := text.read(CUT):
        end = read.rfind("\n") + 1
        if end:
            block = "".join([*begun, read[:end]])
            begun = []
            while block.count("\n") > most:
                lines = block.split("\n", most)
                block = lines.pop()
                yield "\n".join([*lines, ""])
            yield block
        begun.append(read[end:])
    if rest := "".join(begun):
        yield f"{rest}\n"


@dataclass(frozen=True, slots=True)
class Checked:
    notes: list[str]
    plain: bool = False  # CSV without a quotation mark


def check(path: Path, name: str, form: Format) -> Checked:
    """Read the whole file once and store nothing: unpacking, encoding, length of lines, quotes.

    Raises FileProblem, so that a file which is broken at its end leaves nothing half-stored.
    """
    if form.kind == "xlsx":
        return Checked(sheets.check(path, form.sheet))
    lines = run = 0
    quotes = False
    decoder = codecs.getincrementaldecoder(form.encoding or "utf-8")()
    with opened(path, name) as (stream, _raw):
        while True:
            try:
                block = stream.read1(BLOCK)  # not read: it would drop what it has when the file ends too early
            except FileProblem as error:
                raise FileProblem(
                    _("%(problem)s It can be read up to row %(row)d.") % {"problem": error, "row": lines + 1}
                ) from error
            quotes = quotes or b'"' in block
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line = lines + 1 + error.object[: error.start].count(b"\n")
                raise undecodable(error, form.encoding, line) from error
            ends = text.count("\n") or text.count("\r")
            run = run + len(text) if not ends else len(text) - max(text.rfind("\n"), text.rfind("\r"))
            lines += ends
            if run > MAX_LINE:
                raise _too_long(lines + 1)
            if not block:
                break
    if form.kind == "jsonl" or (form.kind == "csv" and quotes):
        for _part in records(path, name, form, form.columns, 10_000):
            pass
    return Checked([], plain=form.kind == "csv" and not quotes)


def _too_long(line: int) -> FileProblem:
    return FileProblem(
        _("Line %(line)d is longer than %(size)d MB. Is this the right file, and does it have line ends?")
        % {"line": line, "size": MAX_LINE // 2**20}
    )


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) >= MAX_LINE:
            raise _too_long(number)
        yield line


def _split(lines: Iterator[str], form: Format, header: list[str] | None = None) -> Iterator[Record]:
    """Lines to records."""
    if form.kind == "blanks":
        return (line.split() for line in lines)
    if form.kind == "jsonl":
        return _json_records(lines, header or [])
    csv.field_size_limit(MAX_LINE)
    return _csv_records(lines, form.delimiter or ",")


def _csv_records(lines: Iterator[str], delimiter: str) -> Iterator[Record]:
    watched = _Watch(lines)
    reader = csv.reader(watched.run(), delimiter=delimiter)
    start = 1
    try:
        for record in reader:
            if watched.ended:
                raise FileProblem(_("A quotation mark in line %(line)d is never closed.") % {"line": start})
            start = reader.line_num + 1
            yield record
    except csv.Error as error:
        raise FileProblem(
            _("The record that starts in line %(line)d cannot be read: it has a quotation mark that is never closed, or"
              " a cell of more than %(size)d MB.")
            % {"line": start, "size": MAX_LINE // 2**20}
        ) from error  # fmt: skip


class _Watch:
    """Lines, and whether they are used up: a record that comes after that had its quote left open."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.ended = lines, False

    def run(self) -> Iterator[str]:
        yield from self.lines
        self.ended = True


def _json_records(lines: Iterator[str], header: list[str]) -> Iterator[Record]:
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    for number, line in enumerate(lines, 1):
        if not line.strip():
            yield []
            continue
        try:
            found = decode(line)
            for extra in found.keys() - set(header):
                raise FileProblem(
                    _("Line %(line)d has the key “%(key)s”, which the first rows do not have. Name all keys in"
                      " “format: columns” of the mapping.") % {"line": number, "key": extra}
                )  # fmt: skip
            yield [_json_text(found[name]) if name in found else "" for name in header]
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise FileProblem(_("Line %(line)d is not a JSON object.") % {"line": number}) from error


def _json_text(raw: msgspec.Raw) -> str:
    data = bytes(raw)
    if data[:1] == b'"':
        return cast(str, msgspec.json.decode(data))
    return "" if data == b"null" else data.decode()


def _json_columns(text: str) -> list[str]:
    names: dict[str, None] = {}
    lines = text.splitlines()
    for line in lines[:-1] if len(lines) > 1 else lines:  # the last may be cut
        if not line.strip():
            continue
        try:
            names.update(dict.fromkeys(msgspec.json.decode(line, type=dict[str, msgspec.Raw])))
        except (msgspec.DecodeError, RecursionError) as error:
            raise FileProblem(_("The file is not JSON Lines: each line must be one JSON object.")) from error
    return list(names)


def _names(first: Record, form: Format) -> tuple[list[str], list[str]]:
    """Column names: stripped, each once. Returns them and notes on what was changed."""
    given = form.columns or (first if form.header is not False else [f"column {k + 1}" for k in range(len(first))])
    if len(given) > MAX_COLUMNS:
        raise FileProblem(_("The file has more than %(n)d columns.") % {"n": MAX_COLUMNS})
    names: list[str] = []
    notes: list[str] = []
    for number, cell in enumerate(given, 1):
        name = plain = " ".join(cell.replace("\x00", "").split()).lstrip("*").strip() or f"column {number}"
        count = 1
        while name in names:
            count += 1
            name = f"{plain} ({count})"
        if count > 1:
            notes.append(
                _("The column name “%(name)s” stands more than once; we call this one “%(new)s”.")
                % {"name": plain, "new": name}
            )
        names.append(name)
    return names, notes


def _read(stream: io.BufferedReader, size: int) -> bytes:
    """The first bytes; what is wrong behind them is for `check` to say."""
    data = b""
    try:
        while len(data) < size and (block := stream.read1(size - len(data))):
            data += block
    except FileProblem:
        if not data:
            raise
    return data
