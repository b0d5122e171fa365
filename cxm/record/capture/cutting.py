"""Whole lines of a CSV without quotation marks, cut into columns that keep each of their texts once.

Arrow does it, which comes with the in-process engine: cells repeat themselves within a column, so making a text of each
and looking it up takes four times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv


@dataclass(frozen=True, slots=True)
class Cut:
    """One column: its different texts, and which of them each row has."""

    texts: list[str]
    places: NDArray[np.int32]

    def each(self, values: list[str]) -> list[str]:
        """For each row what stands for its text in `values`."""
        found: list[str] = np.array(values, dtype=object)[self.places].tolist()
        return found


def can_cut(delimiter: str) -> bool:
    return len(delimiter) == 1 and delimiter.isascii()


def cut(lines: bytes, width: int, wanted: Sequence[int], delimiter: str) -> dict[int, Cut] | None:
    """The columns `wanted` of lines that end in a line feed each and hold no carriage return, as UTF-8.

    None where a line has not `width` cells, an empty one included.
    """
    # A lone cell may be an empty line; and Arrow takes a mark of the byte order from the first cell.
    if lines.startswith((b"\n", b"\xef\xbb\xbf")) or b"\n\n" in lines:
        return None
    names = [str(number) for number in range(width)]
    kind: Any = pa.dictionary(pa.int32(), pa.utf8())
    try:
        table = csv.read_csv(
            pa.BufferReader(lines),
            read_options=csv.ReadOptions(use_threads=False, block_size=len(lines) + 1, column_names=names),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False, null_values=[], strings_can_be_null=False,
                column_types=dict.fromkeys(names, kind), include_columns=[str(number) for number in wanted],
            ),
            memory_pool=pa.system_memory_pool(),
        )  # fmt: skip
    except pa.ArrowInvalid:
        return None
    made = {}
    for number in wanted:
        (part,) = table.column(str(number)).chunks
        # Not `to_numpy`, which would load pandas.
        places = np.frombuffer(part.indices.buffers()[1], np.int32, len(part), 4 * part.indices.offset)
        made[number] = Cut(part.dictionary.to_pylist(), places)
    return made
