"""SPSS files, read back by pyreadstat."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyreadstat
import pytest

from cxm.lib.sav import Variable, names_for, write


def read_back(path: Path, variables: list[Variable], rows: list[list[object]]) -> tuple[dict[str, list[Any]], Any]:
    with path.open("wb") as file:
        assert write(file, variables, rows, count=len(rows), label="Kettles · чайники") == len(rows)
    frame, meta = pyreadstat.read_sav(str(path))
    return {name: list(frame[name]) for name in frame.columns}, meta


def test_numbers_texts_labels_and_times_come_back(tmp_path: Path) -> None:
    variables = [
        Variable("nps", "How likely are you to recommend us?", measure="ordinal"),
        Variable("reason", "Чому?", width=40, measure="nominal"),
        Variable("plan", "Plan", measure="nominal", labels={1.0: "Free", 2.0: "Платний"}),
        Variable("ended_at", "When", time=True),
    ]
    when = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
    found, meta = read_back(
        tmp_path / "a.sav", variables, [[10, "Дуже добре", 2, when], [None, "", None, None], [0.5, "x" * 40, 1, when]]
    )
    assert found["nps"][0] == 10 and found["nps"][1] != found["nps"][1] and found["nps"][2] == 0.5  # NaN is missing
    assert found["reason"] == ["Дуже добре", "", "x" * 40]
    assert found["plan"][0] == 2
    assert found["ended_at"][0] == datetime(2026, 3, 1, 12, 30, 15)  # noqa: DTZ001  # SPSS knows no zones
    assert meta.column_names == ["nps", "reason", "plan", "ended_at"]
    assert meta.column_labels == ["How likely are you to recommend us?", "Чому?", "Plan", "When"]
    assert meta.variable_value_labels == {"plan": {1.0: "Free", 2.0: "Платний"}}
    assert meta.variable_measure["nps"] == "ordinal" and meta.variable_measure["plan"] == "nominal"
    assert meta.file_label == "Kettles · чайники" and meta.number_rows == 3 and meta.file_encoding == "UTF-8"


@pytest.mark.parametrize("length", [1, 7, 8, 9, 254, 255, 256, 257, 503, 504, 505, 510, 511, 1000, 5000, 32767])
def test_a_text_of_any_length_comes_back(tmp_path: Path, length: int) -> None:
    text = "".join(chr(97 + place % 26) for place in range(length))
    variables = [Variable("before"), Variable("text", width=length), Variable("after")]
    found, _meta = read_back(tmp_path / "b.sav", variables, [[1, text, 2], [3, "", 4]])
    assert found == {"before": [1, 3], "text": [text, ""], "after": [2, 4]}


def test_a_text_that_is_too_long_is_cut_between_characters(tmp_path: Path) -> None:
    found, _meta = read_back(tmp_path / "c.sav", [Variable("t", width=40_000)], [["ї" * 20_000]])
    assert found["t"] == ["ї" * (32_767 // 2)]


def test_names_are_such_as_spss_takes() -> None:
    assert names_for(["nps", "NPS", "1st", "a b", "by", "чай", "x" * 80, "x" * 90]) == [
        "nps", "NPS_2", "v_1st", "a_b", "v_by", "v", "x" * 60, "x" * 56 + "_2",
    ]  # fmt: skip
