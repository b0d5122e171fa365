"""XLSForm: what we export is a form to pyxform, and what pyxform reads in a form is read here too.

The published example forms are those of pyxform's own tests.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyxform.xls2xform import convert

from cxm.lib.conditions import Condition
from cxm.listen.surveys.definition import Definition, Question
from cxm.listen.surveys.interchange import ImportRefused, read_xlsform, write_xlsform
from cxm.listen.surveys.runtime import check_page, finish, visit
from cxm.listen.surveys.tests.random_forms import random_definition

from .clients.install import NotInstalled, published_forms

pytestmark = pytest.mark.once

# Written after the specification at xlsform.org: groups, relevance, constraints, lists, languages, calculations.
FORM = (Path(__file__).resolve().parent / "xlsform" / "stay.md").read_text()


def by_name(definition: Definition) -> dict[str, Any]:
    return {question.id: question for question in definition.questions()}


def test_a_form_is_read_with_its_logic() -> None:
    assert convert(FORM, file_type=".md").xform  # it is a form to pyxform
    made = read_xlsform(FORM.encode())
    questions = by_name(made.definition)
    assert {id_: question.kind for id_, question in questions.items()} == {
        "hello": "statement", "name": "short_text", "nights": "number", "again": "single", "liked": "multiple",
        "missed": "single", "order": "ranking", "score": "slider", "day": "date", "photo": "file",
        "remarks": "long_text", "ok": "consent", "why": "short_text",
    }  # fmt: skip
    assert made.definition.languages == ["en", "uk"]
    assert made.definition.title == {"en": "Your stay"}
    assert questions["nights"].title["en"] == "How many nights, {answer.name}?"
    assert questions["liked"].show == Condition(field="answer.again", values=("yes",))
    assert questions["missed"].choices[-1].other
    assert (questions["score"].scale.lowest, questions["score"].scale.highest) == (0, 10)
    assert [(note.where, note.what, note.why) for note in made.notes] == [
        ("start", "start", "no_counterpart"),
        ("place", "geopoint", "no_counterpart"),
        ("remarks", "appearance", "look"),
    ]


def test_a_form_runs_as_it_says() -> None:
    definition = read_xlsform(FORM.encode()).definition
    stay = definition.pages[1].id
    assert visit(definition, {}, language="en", page=stay).page.id != stay  # type: ignore[union-attr] # no name yet
    answers: dict[str, Any] = {"name": "Ada", "nights": 3, "again": "yes", "liked": ["bed", "food", "staff"]}
    view = visit(definition, answers, language="en", page=stay)
    assert view.page
    assert [one.id for one in view.page.questions()] == ["nights", "again", "liked", "order"]
    wrong = check_page(definition, answers | {"nights": 60}, language="en", page=stay)
    messages = {id_: found[0].message for id_, found in wrong.items()}
    assert messages == {"nights": "From 1 to 59", "liked": "Two at most"}
    assert "nights" in check_page(definition, answers | {"nights": 2.5}, language="en", page=stay)  # an integer
    other = visit(definition, answers | {"again": "no"}, language="en", page=stay)
    assert other.page
    assert [one.id for one in other.page.questions()] == ["nights", "again", "missed"]
    assert finish(definition, answers, language="en").variables == {"twice": 6.0}


def test_every_exported_survey_is_a_form_to_pyxform() -> None:
    random = Random(8)
    for _ in range(25):
        definition = random_definition(random)
        made = write_xlsform(definition)
        told = convert(io.BytesIO(made.file), file_type=".xlsx", pretty_print=False)
        assert all(
            f"/{question.id}" in told.xform or f"{question.id}_" in told.xform for question in definition.questions()
        )


PARTED = ("matrix", "contact", "constant_sum")  # which XLSForm has as several questions


def comes_back(question: Question, names: set[str]) -> bool:
    if question.kind not in PARTED:
        return question.id in names
    parts = question.rows if question.kind == "matrix" else question.choices
    return {f"{question.id}_{part.id}" for part in parts} <= names


def test_an_exported_survey_comes_back() -> None:
    """Questions keep their names; those that XLSForm has no type for come back as what they were written as."""
    back = dict.fromkeys(("nps", "csat", "ces", "rating", "yes_no", "thumbs", "dropdown", "picture"), "single")
    back["email"] = "short_text"
    random = Random(9)
    for _ in range(25):
        definition = random_definition(random)
        again = by_name(read_xlsform(write_xlsform(definition).file).definition)
        for question in definition.questions():
            assert comes_back(question, set(again))
            if question.kind in PARTED:
                continue
            kind = (
                "multiple"
                if question.kind == "picture" and question.several
                else back.get(question.kind, question.kind)
            )
            assert again[question.id].kind == kind
            assert again[question.id].title == question.title
            assert again[question.id].required == question.required


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"PK\x03\x04broken", b"a,b\n1,2\n"])
def test_what_is_no_form_is_refused(data: bytes) -> None:
    with pytest.raises(ImportRefused):
        read_xlsform(data)


def test_no_question_of_a_published_form_falls_silently() -> None:
    try:
        forms = published_forms()
    except NotInstalled as error:
        pytest.skip(str(error))
    found = {path.name: published(path.read_bytes(), path.suffix) for path in forms}
    asked_in_all, kept_in_all = (sum(one) for one in zip(*found.values(), strict=True))
    assert (len(found), asked_in_all, kept_in_all) == (56, 325, 250)  # the others are named in the report of the import


def published(data: bytes, kind: str) -> tuple[int, int]:
    """How many questions pyxform finds in a form, and how many of them are questions, variables or hidden here."""
    try:
        told = convert(io.BytesIO(data), file_type=kind)
    except Exception:  # whatever a deliberately broken form makes pyxform raise
        return 0, 0
    made = read_xlsform(data)
    kept = {question.id for question in made.definition.questions()} | set(made.definition.variables)
    kept |= set(made.definition.hidden)
    named = " ".join(f"{note.where} {note.what} {note.value}" for note in made.notes)
    names = list(asked(told._pyxform))
    lost = [name for name in names if name not in kept and name not in named and not MADE.fullmatch(name)]
    assert not lost, lost
    back = write_xlsform(made.definition)
    again = set(by_name(read_xlsform(back.file).definition))
    renamed = {note.where for note in back.notes if note.why == "renamed"}
    gone = [one.id for one in made.definition.questions() if not comes_back(one, again) and one.id not in renamed]
    assert not gone, [gone, back.notes]
    return len(names), sum(name in kept for name in names)


# What pyxform adds of its own: labels of tables, the text of "other", counts of repeats, the parts of an entity.
MADE = re.compile(r"(generated|reserved)_.*|.*_(other|count)|dataset|create|update|id|label")


def asked(element: dict[str, Any]) -> list[str]:
    """The names of what is asked or computed in pyxform's reading of a form."""
    inside = [name for child in element.get("children", []) for name in asked(child)]
    if element.get("name") in ("meta", "instanceID", "instanceName") or "children" in element or "choices" in inside:
        return inside
    return [*inside, *([element["name"]] if element.get("type") not in ("group", "survey", "repeat") else [])]
