"""Surveys of strangers: whatever a file holds, it is read or refused, and what was read runs."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import openpyxl
import pytest

from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.interchange import (
    ImportRefused,
    read_surveyjs,
    read_xlsform,
    write_surveyjs,
    write_xlsform,
)
from cxm.listen.surveys.linting import lint
from cxm.listen.surveys.runtime import finish, visit

from .random_forms import random_definition

JUNK: list[Any] = [None, True, 0, -1, 1e308, "", "x" * 500, "{", "{a.b[0]} = 'x", "<script>alert(1)</script>", "=1+1",
                   [], {}, [[]], {"default": 5}, {"value": {}}, "javascript:alert(1)", "\u0000", "…" * 50]  # fmt: skip


def broken(random: Random, node: Any) -> Any:
    """A copy with some of its parts replaced by junk."""
    if random.random() < 0.04:
        return random.choice(JUNK)
    if isinstance(node, dict):
        return {key: broken(random, value) for key, value in node.items()}
    return [broken(random, one) for one in node] if isinstance(node, list) else node


def runs(definition: Definition) -> None:
    again = msgspec.json.decode(msgspec.json.encode(definition), type=Definition)
    visit(again, {}, language="en")
    finish(again, {}, language="en")
    lint(again)
    write_surveyjs(again)
    write_xlsform(again)


@pytest.mark.parametrize("seed", range(80))
def test_surveyjs_with_junk_in_it_is_read_or_refused(seed: int) -> None:
    random = Random(seed)
    whole = json.loads(write_surveyjs(random_definition(random)).file)
    try:
        made = read_surveyjs(broken(random, whole))
    except ImportRefused:
        return
    runs(made.definition)


@pytest.mark.parametrize("seed", range(30))
def test_a_workbook_with_junk_in_it_is_read_or_refused(seed: int) -> None:
    random = Random(seed)
    book = openpyxl.load_workbook(io.BytesIO(write_xlsform(random_definition(random)).file))
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if random.random() < 0.04:
                    cell.value = random.choice([one for one in JUNK if isinstance(one, str | int | float)][:9])
    target = io.BytesIO()
    book.save(target)
    try:
        made = read_xlsform(target.getvalue())
    except ImportRefused:
        return
    runs(made.definition)


def test_scripts_in_texts_are_taken_off() -> None:
    html = "<p>Hello<script>alert(1)</script> <b onclick=x>you</b> &lt;3</p>"
    made = read_surveyjs({"elements": [{"type": "html", "name": "h", "html": html}]})
    [question] = made.definition.questions()
    assert question.title == {"en": "Hello you <3"}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"pages": 5}', b"\xff", b"[" * 100_000, b'{"pages":' + b"[" * 100_000]
)
def test_what_is_no_survey_is_refused(data: bytes) -> None:
    with pytest.raises(ImportRefused):
        read_surveyjs(data)


def test_panels_nested_without_end_are_refused_or_read() -> None:
    panel: dict[str, Any] = {"type": "text", "name": "q"}
    for number in range(300):
        panel = {"type": "panel", "name": f"p{number}", "elements": [panel]}
    with suppress(ImportRefused):
        runs(read_surveyjs({"elements": [panel]}).definition)


def test_a_workbook_that_unpacks_to_a_flood_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", b"\0" * 40 * 2**20)
    with pytest.raises(ImportRefused) as refused:
        read_xlsform(target.getvalue())
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("seed", [1155, 1281, 1529, 1623, 1800])
def test_junk_that_once_broke_the_reader_breaks_it_no_more(seed: int) -> None:
    test_surveyjs_with_junk_in_it_is_read_or_refused(seed)
