"""What a file seems to be: its kind, its encoding, its delimiter, and whether it has a header."""

from __future__ import annotations

import codecs
import csv
from itertools import islice
from pathlib import Path

import charset_normalizer
from django.utils.translation import gettext as _

from .mapping import Format
from .problems import FileProblem

DELIMITERS = ",;\t|"
COMMON = ["cp1252", "cp1250", "cp1251", "koi8_r", "cp866", "big5", "gb18030", "shift_jis", "euc_kr", "cp1253", "cp1254"]
# The two that statistics confuse in short samples; where both fit alike, the first.
LETTERS = {
    "cp1252": frozenset("àâäáãåæçèéêëìíîïñòóôöõøùúûüýÿœßÀÂÄÁÅÆÇÈÉÊÍÑÓÔÖØÚÜ’‘“”„–—…€°£§«»"),
    "cp1250": frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäöüőűăâîôľßĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÖÜŐŰ’‘“”„–—…€°§«»"),
}


def kind_of(path: Path, name: str) -> str:
    with path.open("rb") as file:
        start = file.read(8)
    if start[:4] == b"PK\x03\x04":
        return "xlsx"
    if start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise FileProblem(_("This is an old or encrypted Excel file. Save it as .xlsx without a password."))
    plain = name.lower().removesuffix(".gz")
    return "jsonl" if plain.endswith((".jsonl", ".ndjson")) else ""


def text_kind(text: str, name: str, declared: Format) -> str:
    if text.lstrip()[:1] == "{" and not declared.delimiter:
        return "jsonl"
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if not declared.delimiter and not any(mark in line for line in lines for mark in DELIMITERS):
        counts = {len(line.split()) for line in lines}
        if len(counts) == 1 and counts != {1}:
            return "blanks"
    return "csv"


def guess_encoding(sample: bytes) -> str:
    """The byte order mark decides, then UTF-8 if the sample is valid, then a statistical guess."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=False)
        return "utf-8"
    except UnicodeDecodeError:
        sample = sample[: 256 * 1024]
        best = charset_normalizer.from_bytes(sample, cp_isolation=COMMON).best()
        if best is None or best.encoding in LETTERS:
            return max(LETTERS, key=lambda encoding: _likeness(sample, encoding))
        return best.encoding


def _likeness(sample: bytes, encoding: str) -> int:
    """How many letters beyond ASCII are usual in the languages of that code page, less those that are not."""
    text = sample.decode(encoding, "replace")
    return sum(1 if letter in LETTERS[encoding] else -1 for letter in text if letter > "\x7f")


def decode_sample(sample: bytes, encoding: str) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, final=False)
    except LookupError as error:
        raise FileProblem(_("There is no encoding called “%(name)s”.") % {"name": encoding}) from error
    except UnicodeDecodeError as error:
        raise undecodable(error, encoding, 1 + error.object[: error.start].count(b"\n")) from error


def guess_delimiter(text: str) -> str:
    """The mark that cuts most of the first records into the same number of cells, and into the most of them."""
    lines = text.splitlines(keepends=True)[:200]
    best, score = ",", (False, 0)
    for mark in DELIMITERS:
        try:
            widths = [len(record) for record in islice(csv.reader(lines, delimiter=mark), 50) if record]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        width = max(set(widths), key=widths.count)
        steady = widths.count(width) > 0.8 * len(widths)
        if width > 1 and (steady, width) > score:
            best, score = mark, (steady, width)
    return best


def is_header(first: list[str]) -> bool:
    """A row with a bare number in it is data."""
    return bool(first) and not any(cell.strip().replace(".", "", 1).lstrip("-").isdigit() for cell in first)


def undecodable(error: UnicodeDecodeError, encoding: str, line: int = 0) -> FileProblem:
    values = {"encoding": encoding, "byte": f"0x{error.object[error.start]:02X}", "line": line}
    if line:
        return FileProblem(
            _("The byte %(byte)s in line %(line)d is not valid %(encoding)s. Choose the encoding of the file.") % values
        )
    return FileProblem(_("The byte %(byte)s is not valid %(encoding)s. Choose the encoding of the file.") % values)
