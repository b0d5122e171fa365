"""Responses as files: CSV, XLSX, JSON, JSON lines and SPSS, written as they are read, whatever their number.

Texts that a spreadsheet could run stay texts: with an apostrophe in CSV, by the type of the cell in XLSX.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from django.db.models import QuerySet

from cxm.lib import csv, sav
from cxm.lib.personal import MASK, mask_all, mask_texts
from cxm.listen.surveys.models import Response
from cxm.listen.surveys.wordings import Asked

from .columns import Column, Table

Progress = Callable[[int], None]
AT_ONCE: Final = 2000
TELL_EVERY: Final = 500
MOST_SHEET_ROWS: Final = 1_048_575  # of an Excel sheet, less the heading
LONGEST_CELL: Final = 32_767  # characters of an Excel cell
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
_encode = msgspec.json.Encoder(enc_hook=str).encode

SUFFIXES: Final[Mapping[str, str]] = {"csv": "csv", "xlsx": "xlsx", "json": "json", "jsonl": "jsonl", "sav": "sav"}
TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "jsonl": "application/jsonl; charset=utf-8",
    "sav": "application/x-spss-sav",
}


def write(
    form: str, table: Table, found: QuerySet[Response], target: Path, *, codes: bool, progress: Progress,
    personal: bool = False,
) -> int:  # fmt: skip
    """Write the responses to `target`, which appears complete or not at all; returns how many there are.

    Unless `personal`, personal data in what people wrote is masked, and answers to questions for contact data are.
    """
    part = target.with_name(target.name + ".part")
    counted = 0

    def rows() -> Iterator[Response]:
        nonlocal counted
        for one in found.iterator(chunk_size=AT_ONCE):
            counted += 1
            if counted % TELL_EVERY == 0:
                progress(counted)
            yield one if personal else masked(one, contacts)

    contacts = contacts_among(table.questions)
    try:
        with part.open("wb") as file:
            if form == "csv":
                _csv(file, table, rows(), codes)
            elif form == "xlsx":
                _xlsx(file, table, rows(), codes)
            elif form == "sav":
                _sav(file, table, rows(), part.with_suffix(".rows"))
            else:
                _json(file, table, rows(), lines=form == "jsonl")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    progress(counted)
    return counted


def masked(one: Response, contacts: Container[str]) -> Response:
    """The response, only in memory, with personal data masked: in texts what is found, of contact data all."""
    one = without_contacts(one, contacts)
    one.answers, one.variables = mask_texts(one.answers, one.language), mask_texts(one.variables, one.language)
    return one


def without_contacts(one: Response, contacts: Container[str]) -> Response:
    """The response, only in memory, with contact data masked whole: in answers to such questions, in hidden fields."""
    one.answers = {key: _hidden_whole(said) if key in contacts else said for key, said in one.answers.items()}
    one.hidden = mask_all(one.hidden, one.language, under="hidden")
    return one


def contacts_among(questions: Sequence[Asked]) -> set[str]:
    """The ids of the questions for contact data."""
    return {asked.id for asked in questions if asked.kind == "contact"}


def _hidden_whole(value: Any) -> Any:
    return {part: MASK if said else said for part, said in value.items()} if isinstance(value, dict) else MASK


def _value(column: Column, response: Response, codes: bool) -> Any:
    return column.code_of(response) if codes else column.shown(response)


def _csv(file: BinaryIO, table: Table, rows: Iterator[Response], codes: bool) -> None:
    def lines() -> Iterator[Sequence[object]]:
        yield [column.name if codes else heading(column) for column in table.columns]
        for one in rows:
            yield [_value(column, one, codes) for column in table.columns]

    for piece in csv.stream(lines()):
        file.write(piece)


def heading(column: Column) -> str:
    return column.label if column.label == column.name else f"{column.label} [{column.name}]"


def _xlsx(file: BinaryIO, table: Table, rows: Iterator[Response], codes: bool) -> None:
    from openpyxl import Workbook  # takes a while to load, and most processes never write one
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet: Any = None
    held = MOST_SHEET_ROWS

    def cell(value: Any) -> Any:
        if isinstance(value, datetime):
            value = value.astimezone(UTC).replace(tzinfo=None)  # Excel knows no zones
        if not isinstance(value, str):
            return value
        text = _clean(value)
        if not text.startswith("="):
            return text
        made = WriteOnlyCell(sheet, value=text)
        made.data_type = "s"  # a text, though it begins like a formula
        return made

    names = [column.name if codes else heading(column) for column in table.columns]
    for one in rows:
        if held >= MOST_SHEET_ROWS:
            sheet = book.create_sheet()
            sheet.append([cell(name) for name in names])
            held = 0
        sheet.append([cell(_value(column, one, codes)) for column in table.columns])
        held += 1
    if sheet is None:
        sheet = book.create_sheet()
        sheet.append([cell(name) for name in names])
    book.save(file)


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)[:LONGEST_CELL]


def _json(file: BinaryIO, table: Table, rows: Iterator[Response], *, lines: bool) -> None:
    """Answers as they are stored. The one document begins with the questions and all their wordings."""
    if not lines:
        survey = {"key": table.survey.key, "name": table.survey.name, "version": table.survey.version}
        file.write(b'{"survey":' + _encode(survey) + b',"questions":' + _encode(_codebook(table)) + b',"responses":[')
    for number, one in enumerate(rows):
        if not lines:
            file.write(b",\n" if number else b"\n")
        file.write(_encode(as_json(one)))
        if lines:
            file.write(b"\n")
    if not lines:
        file.write(b"\n]}\n")


def _codebook(table: Table) -> list[dict[str, Any]]:
    return [
        {
            "id": asked.id,
            "kind": asked.kind,
            "role": asked.role,
            "scale_changed_at": sorted(asked.breaks),
            "wordings": {str(number): msgspec.to_builtins(one) for number, one in sorted(asked.wordings.items())},
        }
        for asked in table.questions
    ]


def as_json(one: Response) -> dict[str, Any]:
    """A response as the REST API and the JSON files give it."""
    return {
        "id": str(one.pk),
        "version": one.version,
        "state": one.state,
        "channel": one.channel,
        "origin": one.origin,
        "language": one.language,
        "customer_id": str(one.customer_id) if one.customer_id else None,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "answers": one.answers,
        "hidden": one.hidden,
        "variables": one.variables,
        "tags": one.tags,
        "flags": one.flags,
        "assigned_to": str(one.assigned_to_id) if one.assigned_to_id else None,
        "handled_at": one.handled_at,
        "archived_at": one.archived_at,
    }


def _sav(file: BinaryIO, table: Table, rows: Iterator[Response], spool: Path) -> None:
    """Twice over the rows: a file beside keeps them, because how wide a text gets is known at the end only."""
    widths = [1] * len(table.columns)
    count = 0
    try:
        with gzip.open(spool, "wb", compresslevel=1) as kept:
            for one in rows:
                values = [column.number_of(one) for column in table.columns]
                for place, value in enumerate(values):
                    if isinstance(value, str):
                        widths[place] = max(widths[place], len(value.encode("utf-8", "replace")))
                    elif isinstance(value, datetime):
                        values[place] = sav.seconds_of(value)
                kept.write(_encode(values) + b"\n")
                count += 1
        names = sav.names_for([column.name for column in table.columns])
        variables = [
            _variable(column, name, width) for column, name, width in zip(table.columns, names, widths, strict=True)
        ]
        sav.write(file, variables, _spooled(spool), count=count, label=table.survey.name)
    finally:
        spool.unlink(missing_ok=True)


def _variable(column: Column, name: str, width: int) -> sav.Variable:
    numeric = column.number or column.time or bool(column.labels)
    return sav.Variable(
        name,
        column.label,
        0 if numeric else width,
        column.measure,
        {float(number): text for number, text in column.labels.values()},
        decimals=2 if column.measure == "scale" else 0,
        time=column.time,
    )


def _spooled(spool: Path) -> Iterator[list[Any]]:
    decode = msgspec.json.Decoder(list[Any]).decode
    with gzip.open(spool, "rb") as lines:
        for line in lines:
            yield decode(line)
