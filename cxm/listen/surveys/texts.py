"""All texts of a definition with their addresses, for translating side by side, and tables of them to send around.

An address is made of ids, not of places, so a translation finds its text after questions were moved:

    survey/title   survey/intro   survey/purpose
    page/<id>/title
    section/<id>/title and /text
    question/<id>/title, /hint, /placeholder, /link_label, /check/<number>
    question/<id>/choice/<id>   question/<id>/row/<id>
    question/<id>/scale/lowest, /scale/highest, /scale/point/<number>
    ending/<id>/title, /text, /link_label
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import ParseError

import msgspec
import polib
from msgspec import Struct

from cxm.lib import csv as safe_csv

from .archives import Broken, is_too_large
from .definition import Definition, Text

MOST_ROWS = 20_000
LONGEST = 20_000  # characters of one text


class TextAt(Struct, frozen=True):
    """`kind` says what it is: title, intro, purpose, text, hint, placeholder, message, choice, row, scale or link."""

    path: str
    kind: str
    text: Text


class TableError(Exception):
    """The table cannot be read. `code`: unreadable, no_path_column, no_language, too_long."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Taken(Struct):
    """What came of reading a table."""

    definition: Definition
    changed: int = 0
    unknown: list[str] = []  # addresses that the survey does not have
    outdated: list[str] = []  # addresses whose original has another wording now; their translations were left out


def texts_of(definition: Definition) -> list[TextAt]:
    """Every place where a text can stand and somebody wrote one in any language, in the order of the survey."""
    return [one for one in _places(definition) if any(one.text.values())]


def put_text(definition: Definition, path: str, language: str, text: str) -> Definition:
    """A new definition with the text in that language; an empty one takes it away. Raises KeyError: no such address."""
    return put_texts(definition, [(path, language, text)])


def put_texts(definition: Definition, changes: Iterable[tuple[str, str, str]]) -> Definition:
    """Several at once. Raises KeyError with the first address that the survey does not have."""
    made = msgspec.convert(msgspec.to_builtins(definition), Definition)  # a copy: nobody else's definition changes
    places = {one.path: one.text for one in _places(made)}
    for path, language, text in changes:
        if text.strip():
            places[path][language] = text
        else:
            places[path].pop(language, None)
    return made


def missing(definition: Definition, language: str) -> list[TextAt]:
    """The texts that have no translation into a language yet."""
    return [one for one in texts_of(definition) if not one.text.get(language, "").strip()]


def _places(definition: Definition) -> Iterator[TextAt]:
    """The dictionaries themselves: writing into them changes the definition."""
    yield TextAt("survey/title", "title", definition.title)
    yield TextAt("survey/intro", "intro", definition.intro)
    for page in definition.pages:
        yield TextAt(f"page/{page.id}/title", "title", page.title)
        for section in page.sections:
            yield TextAt(f"section/{section.id}/title", "title", section.title)
            yield TextAt(f"section/{section.id}/text", "text", section.text)
            for question in section.questions:
                head = f"question/{question.id}"
                yield TextAt(f"{head}/title", "title", question.title)
                yield TextAt(f"{head}/hint", "hint", question.hint)
                yield TextAt(f"{head}/placeholder", "placeholder", question.placeholder)
                yield TextAt(f"{head}/link_label", "link", question.link_label)
                for row in question.rows:
                    yield TextAt(f"{head}/row/{row.id}", "row", row.label)
                for choice in question.choices:
                    yield TextAt(f"{head}/choice/{choice.id}", "choice", choice.label)
                if scale := question.scale:
                    yield TextAt(f"{head}/scale/lowest", "scale", scale.lowest_label)
                    for point, label in scale.points.items():
                        yield TextAt(f"{head}/scale/point/{point}", "scale", label)
                    yield TextAt(f"{head}/scale/highest", "scale", scale.highest_label)
                for number, check in enumerate(question.checks, 1):
                    yield TextAt(f"{head}/check/{number}", "message", check.message)
    for ending in definition.endings:
        yield TextAt(f"ending/{ending.id}/title", "title", ending.title)
        yield TextAt(f"ending/{ending.id}/text", "text", ending.text)
        yield TextAt(f"ending/{ending.id}/link_label", "link", ending.link_label)
    yield TextAt("survey/purpose", "purpose", definition.purpose)


# Tables: one row per text, the address, what it is, then a column per language


def table_of(definition: Definition) -> list[list[str]]:
    languages = definition.languages
    rows = [
        [one.path, one.kind, *(one.text.get(language, "") for language in languages)] for one in texts_of(definition)
    ]
    return [["path", "kind", *languages], *rows]


def to_csv(definition: Definition) -> bytes:
    return b"".join(safe_csv.stream(table_of(definition)))


def to_xlsx(definition: Definition) -> bytes:
    """Texts are written as texts, so none of them is a formula."""
    import openpyxl  # see cxm/record/capture/sheets.py

    book = openpyxl.Workbook()
    sheet = book.active or book.create_sheet()
    for row in table_of(definition):
        sheet.append(["".join(one for one in cell if one >= " " or one in "\n\t") for cell in row])
        for cell in sheet[sheet.max_row]:
            cell.data_type = "s"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def to_po(definition: Definition, language: str) -> str:
    """A gettext catalogue from the first language of the survey: the address is the context of a message."""
    source = definition.languages[0] if definition.languages else "en"
    catalogue = polib.POFile(wrapwidth=120)
    catalogue.metadata = {"Language": language, "MIME-Version": "1.0", "Content-Type": "text/plain; charset=utf-8",
                          "Content-Transfer-Encoding": "8bit", "X-Source-Language": source}  # fmt: skip
    for one in texts_of(definition):
        if original := one.text.get(source, ""):
            catalogue.append(
                polib.POEntry(msgctxt=one.path, msgid=original, msgstr=one.text.get(language, ""), comment=one.kind)
            )
    return str(catalogue)


def from_csv(definition: Definition, data: bytes) -> Taken:
    """Raises TableError. The apostrophe that keeps a spreadsheet from running a text is taken off again."""
    try:
        text = data.decode("utf-8-sig")
        separator = (
            ";" if text.splitlines()[:1] and ";" in text.splitlines()[0] and "," not in text.splitlines()[0] else ","
        )
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST * 8))
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError("unreadable") from error
    return _take(definition, [[_unguarded(cell) for cell in row] for row in rows])


def from_xlsx(definition: Definition, data: bytes) -> Taken:
    """Raises TableError."""
    import openpyxl  # see cxm/record/capture/sheets.py
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        if is_too_large(data):
            raise TableError("too_long")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = [
            ["" if cell is None else str(cell) for cell in row]
            for row in sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=100, values_only=True)
        ]
    except (KeyError, ValueError, TypeError, OSError, ParseError, InvalidFileException, *Broken) as error:
        raise TableError("unreadable") from error
    return _take(definition, rows)


def from_po(definition: Definition, data: bytes, language: str) -> Taken:
    """Translations whose original has changed since, and those marked as fuzzy, are left out. Raises TableError."""
    try:
        catalogue = polib.pofile(data.decode("utf-8"))
    except (UnicodeDecodeError, OSError, ValueError, IndexError, AttributeError) as error:
        raise TableError("unreadable") from error
    source = definition.languages[0] if definition.languages else "en"
    places = {one.path: one.text for one in _places(definition)}
    changes, unknown, outdated = [], [], []
    for entry in catalogue:
        path = entry.msgctxt or ""
        if path not in places:
            unknown.append(path)
        elif places[path].get(source, "") != entry.msgid or entry.fuzzy:
            outdated.append(path)
        elif entry.msgstr and entry.msgstr != places[path].get(language, ""):
            changes.append((path, language, _checked(entry.msgstr)))
    return Taken(put_texts(definition, changes), len(changes), unknown, outdated)


def _take(definition: Definition, rows: Sequence[Sequence[str]]) -> Taken:
    """An empty cell changes nothing: nobody loses a text by sending back half a table."""
    if not rows or "path" not in (heading := [cell.strip() for cell in rows[0]]):
        raise TableError("no_path_column")
    columns = {language: heading.index(language) for language in definition.languages if language in heading}
    if not columns:
        raise TableError("no_language")
    if len(rows) > MOST_ROWS:
        raise TableError("too_long")
    places = {one.path: one.text for one in _places(definition)}
    changes, unknown = [], []
    for row in rows[1:]:
        path = row[heading.index("path")].strip() if heading.index("path") < len(row) else ""
        if not path:
            continue
        if path not in places:
            unknown.append(path)
            continue
        for language, column in columns.items():
            text = row[column].replace("\r\n", "\n") if column < len(row) else ""
            if text.strip() and text != places[path].get(language, "").replace("\r\n", "\n"):
                changes.append((path, language, _checked(text)))
    return Taken(put_texts(definition, changes), len(changes), unknown, [])


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise TableError("too_long")
    return text


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and safe_csv.cell(cell[1:]) == cell else cell
