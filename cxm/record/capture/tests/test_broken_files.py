"""Broken input: a clear sentence, nothing half-stored, nothing lost, memory bounded."""

from __future__ import annotations

import errno
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import openpyxl
import pytest

from cxm.accounts.models import Workspace
from cxm.record.capture import files, running, sheets, storage
from cxm.record.capture.mapping import Format
from cxm.record.capture.models import Import
from cxm.record.capture.problems import FileProblem
from cxm.record.customers.models import Customer
from cxm.testing.cast import make_workspace

from .given import import_file, waiting

pytestmark = pytest.mark.django_db
YAML = """
name: Answers
customer: {identities: {number: id}}
time: {column: day, format: "%d/%m/%Y"}
answers: [{question: q, metric: nps, scale: 0-10, score: score}]
"""
HEAD = "id,day,score\n"


def lines(n: int) -> str:
    return HEAD + "".join(f"{number},01/02/2026,{number % 11}\n" for number in range(n))


def written(tmp_path: Path, data: bytes, name: str = "answers.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def nothing_stored(workspace: Workspace, done: Import) -> None:
    assert running.events_of(workspace.pk, done.pk) == 0
    assert not Customer.objects.filter(workspace=workspace).exists()


def stopped(workspace: Workspace, path: Path, yaml: str = YAML) -> str:
    """The sentence that refuses the file: at once if its beginning shows the fault, else when it is checked."""
    try:
        done = import_file(workspace, path, yaml)
    except FileProblem as problem:
        nothing_stored(workspace, Import.objects.get(workspace=workspace, state=Import.State.DRAFT))
        return str(problem)
    assert done.state == Import.State.FAILED
    nothing_stored(workspace, done)
    return done.problem


def test_a_cut_gzip_stores_nothing_and_says_how_far_it_goes(tmp_path: Path) -> None:
    workspace = make_workspace()
    data = gzip.compress(lines(200_000).encode())
    half = data[: len(data) // 2]
    problem = stopped(workspace, written(tmp_path, half, "answers.csv.gz"))
    assert "The packed file ends too early" in problem
    row = zlib.decompressobj(31).decompress(half).count(b"\n") + 1  # the one in which it ends
    assert f"It can be read up to row {row}." in problem


def test_a_short_gzip_that_is_cut_says_how_far_it_goes(tmp_path: Path) -> None:
    # All that can be read is less than what is read at once.
    rows = "".join(f"{n},01/02/2026,{n % 11},{sha256(str(n).encode()).hexdigest() * 4}\n" for n in range(3_000))
    half = gzip.compress(f"id,day,score,note\n{rows}".encode())[:-9]
    row = zlib.decompressobj(31).decompress(half).count(b"\n") + 1
    assert f"It can be read up to row {row}." in stopped(make_workspace(), written(tmp_path, half, "short.csv.gz"))


def test_an_import_goes_on_with_a_good_copy_of_the_file(tmp_path: Path) -> None:
    from cxm.record.capture import actions

    workspace = make_workspace()
    # More than what a look at the beginning reads, in few rows.
    rows = "".join(f"{number},01/02/2026,{number % 11},{'long ' * 40}\n" for number in range(6_000))
    good = gzip.compress(f"id,day,score,note\n{rows}".encode())
    broken = written(tmp_path, good[:-9], "answers.csv.gz")
    done = import_file(workspace, broken, YAML)
    assert done.state == Import.State.FAILED
    actions.resume_import(one=done, by=done.created_by, path=written(tmp_path, good, "good"))
    again = running.run(done.pk)
    assert again is not None
    assert (again.state, again.rows_read, again.events_added) == (Import.State.DONE, 6_000, 6_000)


def test_a_damaged_gzip_stores_nothing(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(lines(20_000).encode()))
    data[len(data) // 2] ^= 0xFF
    assert "damaged" in stopped(make_workspace(), written(tmp_path, bytes(data), "answers.csv.gz"))


def test_a_wrong_encoding_names_the_byte_and_the_line(tmp_path: Path) -> None:
    data = lines(50_000).encode() + "50000,01/02/2026,5\nZoë,01/02/2026,5\n".encode("cp1252")
    path = written(tmp_path, data)
    yaml = YAML + "format: {encoding: utf-8}\n"
    # 1 heading, 50 000 rows and one more: the letter is in line 50 003
    assert "The byte 0xEB in line 50003 is not valid utf-8." in stopped(make_workspace(), path, yaml)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zoë Müller, déjà vu, où êtes-vous", "cp1252"),
        ("Małgorzata Wójcik, zażółć gęślą jaźń", "cp1250"),
        ("Ольга Иванова, очень хорошо", "cp1251"),
        ("Олена Шевченко, дуже добре, їжак", "cp1251"),
        ("王小明，服務很好，謝謝", "big5"),
        ("王小明，服務很好，謝謝", "utf-16"),
        ("王小明，服務很好，謝謝", "utf-8-sig"),
    ],
)
def test_the_encoding_is_guessed(tmp_path: Path, text: str, encoding: str) -> None:
    path = written(tmp_path, ("id\tname\n" + f"1\t{text}\n" * 20).encode(encoding))
    look = files.look(path, path.name)
    assert (look.header, look.rows[19]) == (["id", "name"], ["1", text])
    assert files.check(path, path.name, look.format).notes == []


def test_an_endless_line_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    """Scaled: 64 MB packed in one line; the limit is 8 MB, so a gigabyte is read no further."""
    path = written(tmp_path, gzip.compress(HEAD.encode() + b"x" * 64 * 2**20), "answers.csv.gz")
    with pytest.raises(FileProblem, match="Line 2 is longer than 8 MB"):
        files.look(path, path.name)
    late = written(tmp_path, gzip.compress(lines(200_000).encode() + b"x" * 64 * 2**20), "late.csv.gz")
    assert "is longer than 8 MB" in stopped(make_workspace(), late)


def test_an_open_quote_is_found_where_it_begins(tmp_path: Path) -> None:
    path = written(tmp_path, (lines(3000) + '3000,01/02/2026,"5\n' + "7,01/02/2026,5\n" * 10).encode())
    assert "A quotation mark in line 3002 is never closed." in stopped(make_workspace(), path)


def test_duplicate_headings_get_a_number_and_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, b"id,*day , score,score,\n1,2026-01-01,3,4,5\n")
    look = files.look(path, path.name)
    assert look.header == ["id", "day", "score", "score (2)", "column 5"]
    assert look.notes == ["The column name “score” stands more than once; we call this one “score (2)”."]


def test_a_packed_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BOMB_START", 1_000_000)
    path = written(tmp_path, gzip.compress((HEAD + "1,01/02/2026,5\n" * 2_000_000).encode(), 9), "answers.csv.gz")
    assert "grows to more than 250 times" in stopped(make_workspace(), path)


def test_a_spreadsheet_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 80 * 2**20)
    with pytest.raises(FileProblem, match="grows without measure"):
        files.look(path, path.name)


def test_what_is_no_spreadsheet_is_refused(tmp_path: Path) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 10  # or encrypted
    for data in (b"PK\x03\x04 this is not an archive", old, b"\x00\x01" * 500, b""):
        with pytest.raises(FileProblem):
            files.look(written(tmp_path, data, "x.xlsx"), "x.xlsx")


def sheet(tmp_path: Path, *rows: tuple[str | int | float | datetime | None, ...]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]  # a new book has a sheet
    path = tmp_path / "answers.xlsx"
    book.save(path)
    return path


def test_formulas_are_never_computed(tmp_path: Path) -> None:
    path = sheet(tmp_path, ("id", "day", "score"), ("=1+1", "01/02/2026", 9), (7, "01/02/2026", 10))
    # Give the formula the value that a spreadsheet would keep beside it.
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w") as new:
        for one in old.infolist():
            data = old.read(one)
            if one.filename == "xl/worksheets/sheet1.xml":
                data = data.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>42</v>").replace(
                    b"<f>1+1</f><v />", b"<f>1+1</f><v>42</v>"
                )
            new.writestr(one, data)
    path.write_bytes(packed.getvalue())
    done = import_file(make_workspace(), path, YAML)
    assert (done.problem, done.rows_read, done.events_added) == ("", 2, 2)
    assert "nothing is computed" in done.notes[0]
    form = files.look(path, path.name)
    assert form.rows == [["42", "01/02/2026", "9"], ["7", "01/02/2026", "10"]]


def test_cells_of_a_spreadsheet_become_text(tmp_path: Path) -> None:
    day = datetime(2026, 2, 1, 9, 30)  # noqa: DTZ001  # a spreadsheet knows no zones
    path = sheet(tmp_path, ("id", "day", "score"), ("007", day, 9.0), ("=a", True, 1.5), (None, None, None))
    assert files.look(path, path.name).rows == [["007", "2026-02-01 09:30:00", "9"], ["", "true", "1.5"], []]
    assert sheets.check(path, "")[0].startswith("The spreadsheet has formulas.")


def test_rows_that_cannot_be_read_are_handed_back_with_their_reason(tmp_path: Path) -> None:
    workspace = make_workspace()
    path = written(
        tmp_path,
        (HEAD + "1,31/02/2026,5\n2,01/02/2026,11\n3,01/02/2026\n=4,01/02/2026,9\n5,,9\n-6,01/02/2026,many\n").encode(),
    )
    done = import_file(workspace, path, YAML)
    assert (done.state, done.rows_read, done.rows_rejected, done.events_added) == (Import.State.DONE, 6, 5, 1)
    assert storage.rejected_path(done.pk).read_text(encoding="utf-8-sig").splitlines() == [
        "row,reason,id,day,score",
        "2,Column “day”: “31/02/2026” is not a date that exists in this format.,1,31/02/2026,5",
        "3,Column “score”: 11 is not on the scale from 0 to 10.,2,01/02/2026,11",
        '4,"The row has 2 cells, and the file has 3 columns.",3,01/02/2026',
        "6,Column “day”: there is no time.,5,,9",
        "7,Column “score”: “many” is not a number.,-6,01/02/2026,many",
    ]


def test_rejected_cells_cannot_run_in_a_spreadsheet(tmp_path: Path) -> None:
    path = written(tmp_path, (HEAD + "=HYPERLINK(1),31/02/2026,5\n").encode())
    done = import_file(make_workspace(), path, YAML)
    assert ",'=HYPERLINK(1),31/02/2026,5" in storage.rejected_path(done.pk).read_text()


def full(*_args: object, **_more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "where", ["cxm.record.capture.storage.add_rejected", "cxm.record.capture.running.append_lines"]
)
def test_a_full_disk_stops_the_import_which_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from cxm.record.capture import actions

    workspace = make_workspace()
    path = written(tmp_path, (lines(2000) + "1,31/02/2026,5\n").encode())
    one = waiting(workspace, path, YAML)
    with monkeypatch.context() as broken:
        broken.setattr(where, full)
        done = running.run(one.pk)
    assert done is not None
    assert (done.state, done.problem) == (Import.State.FAILED, "The disk is full. Make room and go on.")
    actions.resume_import(one=done, by=done.created_by)
    again = running.run(done.pk)
    assert again is not None
    assert (again.state, again.rows_read, again.rows_rejected, again.events_added) == ("done", 2001, 1, 2000)
    assert running.events_of(workspace.pk, again.pk) == 2000
    assert again.customers_added == 2000


def test_json_lines(tmp_path: Path) -> None:
    good = b'{"id": 1, "day": "01/02/2026", "score": 9}\n\n{"id": "2", "day": "01/02/2026", "score": null}\n'
    done = import_file(make_workspace(), written(tmp_path, good, "answers.jsonl"), YAML)
    assert (done.problem, done.rows_read, done.events_added) == ("", 3, 1)  # a blank line is a row without events
    broken: Callable[[bytes], str] = lambda tail: stopped(  # noqa: E731  # a name for what three lines share
        Workspace.objects.get(), written(tmp_path, good * 2000 + tail, "answers.jsonl")
    )
    Customer.objects.all().delete()
    assert "Line 6001 is not a JSON object." in broken(b"{nonsense\n")
    assert "has the key “more”" in broken(b'{"id": 1, "more": 2}\n')


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, lines(1).encode())
    with pytest.raises(FileProblem, match="There is no encoding called “klingon”"):
        files.look(path, path.name, Format(encoding="klingon"))
