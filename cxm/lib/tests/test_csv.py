"""Exported CSV: a spreadsheet never runs what a customer wrote, and no row is lost on the way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.lib.csv import CHUNK, cell, stream


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1+1",
        "\u00a0=1",
        "\uff1dHYPERLINK(1)",
        "-",
        "+48 600 100 200",
        "--1",
        "-1;=1",
        "-١",  # digits of other scripts are no plain number here
    ],
)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "hello", "-5", "+5", "-5.25", "1e-3", "-.5", "a=b", "me@example.com", "'=1", "—"])
def test_plain_numbers_and_plain_words_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_values_are_written_the_same_way_in_every_language() -> None:
    assert [cell(value) for value in (None, True, False, -3, 1234.5, Decimal("-0.10"))] == [
        "", "true", "false", "-3", "1234.5", "-0.10",
    ]  # fmt: skip
    assert cell(date(2026, 3, 1)) == "2026-03-01"
    assert cell(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "2026-03-01T12:00:00+00:00"


def test_the_file_starts_with_a_byte_order_mark_and_keeps_every_letter() -> None:
    data = b"".join(stream([["name", "comment"], ["Зоя", 'a "quote", and\r\na line'], ["王", "ok"]]))
    assert data.startswith(b"\xef\xbb\xbfname,comment\r\n")
    assert read(data) == [["name", "comment"], ["Зоя", 'a "quote", and\r\na line'], ["王", "ok"]]


def test_no_rows_are_an_empty_file_with_its_mark() -> None:
    assert b"".join(stream([])) == b"\xef\xbb\xbf"


def test_rows_leave_before_all_of_them_have_come() -> None:
    taken = 0

    def rows() -> Iterator[list[str]]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield ["x" * 98]  # 100 characters with CR LF

    pieces = stream(rows())
    first = next(pieces)
    assert taken == 656  # the first whole number of rows with 1 + 100 n >= 65,536
    assert len(first) == 3 + 100 * 656
    assert CHUNK == 65_536
    assert len(first) + sum(len(piece) for piece in pieces) == 3 + 100 * 10_000


@given(st.lists(st.lists(st.text(), min_size=2, max_size=3), max_size=5))
def test_whatever_people_write_comes_back_and_starts_no_formula(rows: list[list[str]]) -> None:
    back = read(b"".join(stream(rows)))
    assert [len(row) for row in back] == [len(row) for row in rows]
    for row, copy in zip(rows, back, strict=True):
        for text, found in zip(row, copy, strict=True):
            assert found in (text, "'" + text)
            assert found[:1] not in {"=", "@", "\t", "\r", "\n"}
