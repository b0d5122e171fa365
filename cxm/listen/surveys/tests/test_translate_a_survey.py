"""Texts of a survey side by side, and tables of them that come back from translators."""

from __future__ import annotations

import io

import openpyxl
import pytest

from cxm.listen.surveys.definition import Choice, Definition, Ending, Page, Question, Scale, Section
from cxm.listen.surveys.texts import (
    TableError,
    from_csv,
    from_po,
    from_xlsx,
    missing,
    put_text,
    texts_of,
    to_csv,
    to_po,
    to_xlsx,
)


def example() -> Definition:
    score = Question(
        "nps",
        "nps",
        {"en": "How likely?", "uk": "Наскільки ймовірно?"},
        scale=Scale(0, 10, lowest_label={"en": "Not at all"}, points={"5": {"en": "=maybe"}}),
    )
    pick = Question("pick", "single", {"en": "Pick\none"}, choices=[Choice("a", {"en": "A"})], rows=[])
    return Definition(
        {"en": "Survey"},
        ["en", "uk"],
        [Page("p", [Section("s", [score, pick])])],
        endings=[Ending("e", {"en": "Thanks"})],
    )


PATHS = [
    "survey/title", "question/nps/title", "question/nps/scale/lowest", "question/nps/scale/point/5",
    "question/pick/title", "question/pick/choice/a", "ending/e/title",
]  # fmt: skip


def test_every_text_has_an_address() -> None:
    assert [one.path for one in texts_of(example())] == PATHS
    assert [one.path for one in missing(example(), "uk")] == [path for path in PATHS if path != "question/nps/title"]


def test_a_translation_is_put_into_a_copy() -> None:
    before = example()
    after = put_text(before, "question/pick/choice/a", "uk", "А")
    assert next(iter(after.questions())).title == before.pages[0].sections[0].questions[0].title
    assert after.pages[0].sections[0].questions[1].choices[0].label == {"en": "A", "uk": "А"}
    assert before.pages[0].sections[0].questions[1].choices[0].label == {"en": "A"}
    assert put_text(after, "question/pick/choice/a", "uk", " ") == before
    with pytest.raises(KeyError):
        put_text(before, "question/pick/choice/z", "uk", "?")


def test_tables_come_back_as_they_went_out() -> None:
    definition = example()
    for taken in (
        from_csv(definition, to_csv(definition)),
        from_xlsx(definition, to_xlsx(definition)),
        from_po(definition, to_po(definition, "uk").encode(), "uk"),
    ):
        assert (taken.definition, taken.changed, taken.unknown, taken.outdated) == (definition, 0, [], [])


def test_a_text_that_looks_like_a_formula_is_none_in_a_spreadsheet() -> None:
    assert b"'=maybe" in to_csv(example())
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx(example()))).worksheets[0]
    assert [(cell.value, cell.data_type) for cell in sheet["C"] if cell.value == "=maybe"] == [("=maybe", "s")]


def test_a_table_brings_translations_and_takes_nothing_away() -> None:
    data = "path,uk\nsurvey/title,Опитування\nquestion/nps/title,\nquestion/gone/title,Що?\n".encode()
    taken = from_csv(example(), data)
    assert (taken.changed, taken.unknown) == (1, ["question/gone/title"])
    assert taken.definition.title == {"en": "Survey", "uk": "Опитування"}
    assert next(iter(taken.definition.questions())).title["uk"] == "Наскільки ймовірно?"


def test_a_catalogue_whose_original_has_changed_is_outdated() -> None:
    sent = to_po(example(), "uk").replace('msgid "Survey"\nmsgstr ""', 'msgid "Survey"\nmsgstr "Опитування"')
    changed = put_text(example(), "survey/title", "en", "Another survey")
    taken = from_po(changed, sent.encode(), "uk")
    assert (taken.changed, taken.outdated) == (0, ["survey/title"])
    assert from_po(example(), sent.encode(), "uk").definition.title["uk"] == "Опитування"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff\xfe", "unreadable"), (b"", "no_path_column"), (b"a,b\n", "no_path_column"), (b"path,fr\n", "no_language")],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(TableError) as refused:
        from_csv(example(), data)
    assert refused.value.code == code


def test_broken_books_and_catalogues_are_refused() -> None:
    with pytest.raises(TableError):
        from_xlsx(example(), b"PK\x03\x04 nothing")
    with pytest.raises(TableError):
        from_po(example(), b'msgid "open\nmsgstr', "uk")
