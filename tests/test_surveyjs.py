"""SurveyJS: what we export runs in survey-core as it runs here, and what others wrote runs here as it runs there.

survey-core is installed apart by npm (tests/surveyjs/package-lock.json); its published guide holds the example forms.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from cxm.listen.surveys.definition import Definition, Page, Question, Section
from cxm.listen.surveys.interchange import read_surveyjs, write_surveyjs
from cxm.listen.surveys.interchange.surveyjs_writing import answers_for_surveyjs
from cxm.listen.surveys.runtime import Facts, Prepared, finish
from cxm.listen.surveys.runtime.walk import Walk
from cxm.listen.surveys.tests.random_forms import random_answers, random_definition

from .clients.install import NotInstalled, node_clients

HERE = Path(__file__).resolve().parent / "surveyjs"
FILLS = 8

pytestmark = pytest.mark.once


@pytest.fixture(scope="session")
def survey_core() -> Path:
    try:
        return node_clients(HERE)[1]
    except NotInstalled as error:
        pytest.skip(str(error))


def theirs(home: Path, work: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node, _ = node_clients(HERE)
    command = [str(node), str(HERE / "oracle.mjs"), str(home)]
    answer = subprocess.run(command, input=json.dumps(work), capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return list(json.loads(answer.stdout))


def ours(definition: Definition | Prepared, answers: dict[str, Any]) -> tuple[set[str], set[str]]:
    ready = definition if isinstance(definition, Prepared) else Prepared(definition)
    walk = Walk(ready, answers, Facts(), language="en", seed=1)
    shown = {id_ for screen in walk.screens for id_ in screen.questions()}
    return shown, set(finish(ready, answers, language="en", seed=1).problems)


def schema(home: Path) -> dict[str, Any]:
    """Their JSON Schema with its references made whole: they name definitions by `$id`."""
    found = json.loads((home / "node_modules/survey-core/surveyjs_definition.json").read_text())

    def whole(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/definitions/{value}" if key == "$ref" and not value.startswith("#") else whole(value)
                for key, value in node.items()
                if key != "$id"
            }
        return [whole(one) for one in node] if isinstance(node, list) else node

    return dict(whole(found))


def test_random_surveys_run_in_survey_core_as_they_run_here(survey_core: Path) -> None:
    """The figure that docs/reference/survey-definition.md quotes: at least 99 % of visible questions and validity."""
    random = Random(4)
    definitions = [random_definition(random) for _ in range(50)]
    fills = [[random_answers(random, definition) for _ in range(FILLS)] for definition in definitions]
    work = [
        {
            "survey": json.loads(write_surveyjs(definition).file),
            "fills": [answers_for_surveyjs(definition, answers) for answers in some],
        }
        for definition, some in zip(definitions, fills, strict=True)
    ]
    asked = same = 0
    differences = []
    for definition, some, sent, found in zip(definitions, fills, work, theirs(survey_core, work), strict=True):
        assert found["errors"] == []
        ready = Prepared(definition)
        for answers, told in zip(some, found["fills"], strict=True):
            shown, wrong = ours(ready, answers)
            for question in definition.questions():
                asked += 1
                here = (question.id in shown, question.id in wrong)
                there = (question.id in told["shown"], question.id in told["invalid"])
                same += here == there
                if here != there:
                    differences.append((question.kind, question.id, here, there, answers, sent["survey"]))
    assert asked > 3_000
    assert same / asked >= 0.99, (same, asked, differences[:1])


def test_what_is_exported_is_valid_under_their_schema(survey_core: Path) -> None:
    check = jsonschema_rs.Draft7Validator(schema(survey_core))
    random = Random(5)
    for _ in range(30):
        made = json.loads(write_surveyjs(random_definition(random)).file)
        assert [error.message[:200] for error in check.iter_errors(made)] == []


def published(home: Path) -> list[dict[str, Any]]:
    """Every example form of the authoring guide that survey-core brings along; single questions in a survey of one."""
    guide = (home / "node_modules/survey-core/llms/survey-json-authoring.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    surveys = [block for block in blocks if isinstance(block, dict) and ("pages" in block or "elements" in block)]
    questions = [block for block in blocks if isinstance(block, dict) and "type" in block and "name" in block]
    return surveys + [{"elements": [question]} for question in questions]


DROPPED = ("paneldynamic", "matrixdynamic", "signaturepad", "image", "expression")  # whole, each by its name


def objects(node: Any, *, into: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Every JSON object, those inside dropped elements left out (they are named with them)."""
    inside = [] if isinstance(node, dict) and node.get("type") in into else node
    children = inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ()
    inner = [one for child in children for one in objects(child, into=into)]
    return [node, *inner] if isinstance(node, dict) else inner


def test_no_question_of_a_published_form_falls_silently(survey_core: Path) -> None:
    forms = published(survey_core)
    assert len(forms) > 25
    for form in forms:
        made = read_surveyjs(form)
        kept = {question.id for question in made.definition.questions()}
        told = " ".join(f"{note.where} {note.what} {note.value}" for note in made.notes)
        for element in objects(form):
            if "type" in element and "name" in element and element["type"] != "panel":
                assert element["name"] in kept or element["name"] in told, element


def test_no_property_of_a_published_form_falls_silently(survey_core: Path) -> None:
    """An unknown property in every page, panel, question, choice, validator and trigger is named in the notes."""
    for form in published(survey_core):
        marked = json.loads(json.dumps(form))
        wanted = 0
        for number, element in enumerate(objects(marked, into=DROPPED)):
            if element.get("type") not in DROPPED and set(element) & {"pages", "elements", "type", "value"}:
                element[f"strange{number}"] = "x"
                wanted += 1
        told = " ".join(f"{note.what} {note.value}" for note in read_surveyjs(marked).notes)
        whole = json.dumps(marked)
        lost = [name for name in re.findall(r'"(strange\d+)"', whole) if name not in told]
        assert wanted and not lost, (lost, form)


def test_random_order_of_sections_and_the_button_of_a_statement_come_along() -> None:
    def section(name: str, order: str) -> Section:
        questions = [Question(f"{name}{number}", "yes_no", {"en": "?"}) for number in (1, 2)]
        return Section(name, questions, order=order)  # type: ignore[arg-type]  # one of the two

    told = Question("told", "statement", {"en": "Tell <others>."}, link="https://example.com/?a=1&b=2")
    told.link_label = {"en": "Write"}
    pages = [Page("p", [section("a", "as_is"), section("b", "random")], order="random"),
             Page("q", [section("c", "random"), Section("d", [told])])]  # fmt: skip
    written = json.loads(write_surveyjs(Definition({"en": "S"}, ["en"], pages)).file)
    html = written["pages"][1]["elements"][-1]["html"]
    assert html == 'Tell &lt;others&gt;.<p><a href="https://example.com/?a=1&amp;b=2">Write</a></p>'
    again = read_surveyjs(written).definition
    found = [(one.order, [section.order for section in one.sections]) for one in again.pages]
    assert found == [("random", ["as_is", "random"]), ("as_is", ["random", "as_is"])]


def test_published_forms_come_back_as_they_were_read(survey_core: Path) -> None:
    """Read, written and read again, a form is the same; and what was written is valid under their schema."""
    check = jsonschema_rs.Draft7Validator(schema(survey_core))
    for form in published(survey_core):
        first = read_surveyjs(form).definition
        written = json.loads(write_surveyjs(first).file)
        assert [str(error)[:200] for error in check.iter_errors(written)] == []
        again = read_surveyjs(written).definition
        assert [(one.id, one.kind, one.title, one.required) for one in again.questions()] == [
            (one.id, one.kind, one.title, one.required) for one in first.questions()
        ]
        third = read_surveyjs(json.loads(write_surveyjs(again).file)).definition
        assert msgspec.to_builtins(third) == msgspec.to_builtins(again)


def test_published_forms_run_here_as_they_run_in_survey_core(survey_core: Path) -> None:
    """Of the questions that were carried over: shown and valid alike on random fills, with their defaults left out."""
    forms, definitions, fills = [], [], []
    random = Random(6)
    for form in published(survey_core):
        bare = json.loads(json.dumps(form))
        for element in objects(bare):
            element.pop("defaultValue", None)
        made = read_surveyjs(bare)
        if any(note.weight == "logic" for note in made.notes):
            continue  # a condition that was dropped, and named
        some = [random_answers(random, made.definition) for _ in range(4)]
        forms.append({"survey": {**bare, "clearInvisibleValues": "onHidden"},
                      "fills": [answers_for_surveyjs(made.definition, answers) for answers in some]})  # fmt: skip
        definitions.append(made.definition)
        fills.append(some)
    asked = same = 0
    differences = []
    kept = [{element.get("name") for element in objects(one["survey"])} for one in forms]
    for definition, some, sent, names, found in zip(
        definitions, fills, forms, kept, theirs(survey_core, forms), strict=True
    ):
        for answers, told in zip(some, found["fills"], strict=True):
            shown, wrong = ours(definition, answers)
            for question in (one for one in definition.questions() if one.id in names):
                asked += 1
                here = (question.id in shown, question.id in wrong)
                there = (question.id in told["shown"], question.id in told["invalid"])
                same += here == there
                if here != there:
                    differences.append((question.kind, question.id, here, there, answers, sent["survey"]))
    assert len(definitions) > 20
    assert same / asked >= 0.99, (same, asked, differences)
