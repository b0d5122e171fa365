"""The walk against a naive one: on random questionnaires and fills the same is shown and the same answers count.

The naive walk knows nothing of memos and stages: it goes through the pages once, with what has counted so far.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.lib.conditions import Condition, compare
from cxm.listen.surveys.definition import Definition, Question
from cxm.listen.surveys.runtime import Facts, Prepared, check_page, finish, next_page, read_json, visit
from cxm.listen.surveys.runtime.walk import Walk

from .random_forms import random_answers, random_definition


class Naive:
    """Only for definitions whose conditions look back."""

    def __init__(self, definition: Definition, answers: dict[str, Any]) -> None:
        self.definition, self.answers = definition, answers
        self.counted: dict[str, Any] = {}
        self.offered: dict[str, list[str]] = {}
        self.shown: list[str] = []
        self.others: dict[str, str] = {}
        self.walk()

    def walk(self) -> None:
        pages, number = self.definition.pages, 0
        while number < len(pages):
            page = pages[number]
            before = len(self.shown)
            if self.holds(page.show):
                for section in page.sections:
                    if self.holds(section.show):
                        for question in section.questions:
                            self.ask(question)
            number += 1
            if len(self.shown) > before:
                number = self.turn(page.id, number)

    def turn(self, page: str, number: int) -> int:
        ids = [one.id for one in self.definition.pages]
        for rule in self.definition.rules:
            if rule.do in ("skip", "end") and rule.after in ("", page) and self.holds(rule.when):
                if rule.do == "end":
                    return len(ids)
                if ids.index(rule.target) >= number:
                    return ids.index(rule.target)
        return number

    def ask(self, question: Question) -> None:
        if not self.holds(question.show):
            return
        choices = [one.id for one in question.choices if self.holds(one.show)]
        if question.carry is not None:
            source = self.offered.get(question.carry.question, [])
            chosen = self.counted.get(question.carry.question) or []
            wanted = {"selected": [one for one in source if one in chosen],
                      "unselected": [one for one in source if one not in chosen], "shown": source}  # fmt: skip
            carried = wanted[question.carry.which]
            choices = carried + [one for one in choices if one not in carried]
        if question.kind in ("single", "multiple", "dropdown", "picture", "ranking") and not choices:
            return
        self.shown.append(question.id)
        self.offered[question.id] = choices
        value = self.answers.get(question.id)
        if question.kind in ("single", "dropdown") or (question.kind == "picture" and not question.several):
            value = value if value in choices else None
        elif question.kind in ("multiple", "picture", "ranking") and value is not None:
            value = [one for one in value if one in choices] or None
        if value is not None:
            self.counted[question.id] = value
            other = self.answers.get(f"{question.id}.other")
            if other and "other" in (value if isinstance(value, list) else [value]):
                self.others[f"{question.id}.other"] = other

    def holds(self, condition: Condition | None) -> bool:
        if condition is None:
            return True
        if condition.all is not None:
            return all(map(self.holds, condition.all))
        if condition.any is not None:
            return any(map(self.holds, condition.any))
        if condition.not_ is not None:
            return not self.holds(condition.not_)
        _, question, *part = condition.field.split(".")
        value = self.counted.get(question)
        return compare(
            value.get(part[0]) if part and value is not None else value, condition.operator, condition.values
        )


@pytest.mark.parametrize("seed", range(60))
def test_the_same_questions_are_shown_and_the_same_answers_count(seed: int) -> None:
    random = Random(seed)
    definition = random_definition(random, questions=12)
    ready = Prepared(definition)
    for _ in range(10):
        answers = random_answers(random, definition)
        naive = Naive(definition, answers)
        walk = Walk(ready, answers, Facts(), language="en", seed=1)
        assert [id_ for screen in walk.screens for id_ in screen.questions()] == naive.shown
        assert finish(ready, answers, language="en").answers == naive.counted | naive.others


@pytest.mark.parametrize("seed", range(30))
def test_going_on_page_by_page_visits_each_shown_page_once(seed: int) -> None:
    random = Random(1000 + seed)
    definition = random_definition(random, questions=12)
    answers = random_answers(random, definition)
    seen = []
    view = visit(definition, answers, language="en")
    page = view.page.id if view.page else None
    while page is not None:
        seen.append(page)
        check_page(definition, answers, language="en", page=page)
        page = next_page(definition, answers, language="en", page=page)
    walk = Walk(Prepared(definition), answers, Facts(), language="en", seed=0)
    assert seen == [screen.id for screen in walk.screens]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("c1") | st.just("r1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["c1", "r1", "best", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150)
@given(seed=st.integers(0, 20), values=st.lists(JSON, min_size=14, max_size=14), language=st.text(max_size=4))
def test_answers_of_any_type_do_no_harm(seed: int, values: list[Any], language: str) -> None:
    """Whatever is stored under the questions: a page is shown, checked, left and finished, and makes good JSON."""
    random = Random(seed)
    definition = random_definition(random, questions=12)
    answers = {
        **{f"q{number}": value for number, value in enumerate(values, 1)},
        "q1.other": values[0],
        "q3.other": values[1],
    }
    view = visit(definition, answers, Facts(hidden={"x": values[0]}), language=language)
    msgspec.json.encode(view)
    if view.page:
        check_page(definition, answers, language=language, page=view.page.id)
        next_page(definition, answers, language=language, page=view.page.id)
    outcome = finish(definition, answers, language=language)
    msgspec.json.encode(outcome)
    kept = read_json(definition, {name: value for name, value in answers.items() if not name.endswith(".other")})
    assert read_json(definition, outcome.answers).problems == {}
    assert not set(kept.problems) & set(outcome.answers)  # what is refused never counts
