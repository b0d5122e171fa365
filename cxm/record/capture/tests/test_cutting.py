"""Lines cut into columns at once make the same events as rows read one by one, whatever is in them."""

from __future__ import annotations

import uuid

from hypothesis import given, settings
from hypothesis import strategies as some

from cxm.record.capture.converting import Batch, Converter
from cxm.record.capture.cutting import cut
from cxm.record.capture.mapping import read_mapping

HEADER = ["number", "time", "state", "note"]
MAPPING = """
name: cutting
missing: ["?"]
time: {column: time, format: "%d/%m/%Y %H:%M"}
tickets: {id: number, version: {constant: "1"}, state: state}
properties: all
"""
CELLS = some.sampled_from(
    ["", "?", " ", " a", "é", "NULL", "nan", "1", "01", "\x00", "“x”", "\\", "\t", "\ufeff", "中"]
)
TIMES = some.sampled_from(["1/2/2026 10:00", "1/2/2026 10:01", "31/2/2026 10:00", "", "?", "2026-01-01"])
LINES = some.one_of(
    some.tuples(CELLS, TIMES, CELLS, CELLS).map(",".join),
    some.sampled_from(["", ",", ",,", ",,,,", "a,1/2/2026 10:00,b"]),
)


def converter() -> Converter:
    return Converter(
        read_mapping(MAPPING), HEADER, [["1", "1/2/2026 10:00", "a", "b"]],
        workspace_id=1, import_id=uuid.UUID(int=1), time_zone="UTC",
    )  # fmt: skip


def rows_of(lines: list[str]) -> list[list[str]]:
    return [line.split(",") if line else [] for line in lines]


def content(batch: Batch) -> tuple[object, ...]:
    rejected = [(one.row, one.reason, list(one.cells)) for one in batch.rejected]
    return batch.n, batch.ids, batch.lines, batch.rows, batch.first, batch.last, rejected


@settings(max_examples=60)
@given(some.lists(some.lists(LINES, min_size=1, max_size=8), min_size=1, max_size=4))
def test_blocks_of_lines_make_what_their_rows_make(blocks: list[list[str]]) -> None:
    by_rows, by_blocks = converter(), converter()
    expected, number = Batch(), 2
    for lines in blocks:
        expected.add(by_rows.convert(rows_of(lines), number, lambda _people: [], lambda _kind, _ids: {}))
        number += len(lines)
    texts = ["".join(f"{line}\n" for line in lines) for lines in blocks]
    found = by_blocks.convert_blocks(texts, 2, lambda _people: [], lambda _kind, _ids: {})
    assert content(found) == content(expected)


def test_texts_stay_as_they_are_and_each_is_kept_once() -> None:
    found = cut(b'a,NULL\n,"\na,\x00\n', 2, [0, 1], ",")
    assert found is not None
    assert (found[0].texts, found[0].places.tolist()) == (["a", ""], [0, 1, 0])
    assert found[1].texts == ["NULL", '"', "\x00"]
    assert found[0].each(["x", "y"]) == ["x", "y", "x"]


def test_lines_of_another_width_are_not_cut() -> None:
    assert cut(b"a,b\nc\n", 2, [0], ",") is None
    assert cut(b"a,b\n\nc,d\n", 2, [0], ",") is None
    assert cut(b"\na\n", 1, [0], ",") is None
