"""Running a survey: pure functions from a definition and answers to what is shown, what is wrong and how it ends.

    ready = Prepared(definition)                                  # once per version
    view = visit(ready, answers, facts, language="uk", seed=7)    # the first screen
    read = read_form(ready, shown, form, language="uk")           # what the form says about the questions it showed
    answers = put(answers, read.answers)
    wrong = check_page(ready, answers, facts, language="uk", seed=7, page=view.page.id)
    page = next_page(ready, answers, facts, language="uk", seed=7, page=view.page.id)    # None: finish
    outcome = finish(ready, answers, facts, language="uk", seed=7)

Knows no database, no HTTP and no HTML. Texts come out plain; renderers escape them. Problems come out as codes
(`PROBLEMS`); their sentences are the renderers'. The rules of the way are in `walk`, field names of forms in `reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .prepared import Prepared
from .reading import Reading, field_name, read_day, read_form, read_json, read_number, read_value
from .view import (
    PROBLEMS,
    Case,
    ChoiceView,
    EndingView,
    Outcome,
    PageView,
    PointView,
    Problem,
    QuestionView,
    ScaleView,
    SectionView,
    View,
)
from .visiting import check_page, finish, label_of, next_page, visit
from .walk import Facts

__all__ = [
    "PROBLEMS",
    "Case",
    "ChoiceView",
    "EndingView",
    "Facts",
    "Outcome",
    "PageView",
    "PointView",
    "Prepared",
    "Problem",
    "QuestionView",
    "Reading",
    "ScaleView",
    "SectionView",
    "View",
    "check_page",
    "field_name",
    "finish",
    "label_of",
    "next_page",
    "put",
    "read_day",
    "read_form",
    "read_json",
    "read_number",
    "read_value",
    "visit",
]


def put(answers: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The answers with changes put over them; None takes one away."""
    return {name: value for name, value in {**answers, **changes}.items() if value is not None}
