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

from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.interchange import read_surveyjs, write_surveyjs
from cxm.listen.surveys.interchange.surveyjs_writing import answers_for_surveyjs
from cxm.listen.surveys.runtime import Facts, Prepared, finish
from cxm.listen.surveys.runtime.walk import Walk
from cxm.listen.surveys.tests.random_forms import random_answers, random_definition

from .clients.install import NotInstalled, node_clients

HERE = Path(__file__).resolve().parent / "surveyjs"
FILLS = 20

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
    answer = subprocess.run(command, input=json.dumps(work), capture_output=True, text=True, check=True, timeout=300)
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
    definitions = [random_definition(random) for _ in range(150)]
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
    assert asked > 20_000
    assert same / asked >= 0.99, (same, asked, differences[:1])


def test_what_is_exported_is_valid_under_their_schema(survey_core: Path) -> None:
    check = jsonschema_rs.Draft7Validator(schema(survey_core))
    random = Random(5)
    for _ in range(30):
        made = json.loads(write_surveyjs(random_definition(random)).file)
        assert [error.message[:200] for error in check.iter_errors(made)] == []
