"""Walks over a definition: what stands where, and every condition and text in it. Nothing is changed or judged here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from cxm.lib.conditions import Condition, leaves

from .definition import Definition, Formula, Page, Question, Section, Text

# {answer.reason|a fallback}: what stands in texts for something known about this person.
PIPED = re.compile(r"\{\s*([a-z]+(?:\.[^{}|\s]+)?)\s*(?:\|[^{}]*)?\}")


@dataclass(frozen=True)
class Place:
    """A part of a definition: what it is (survey, page, section, question, rule, quota, ending) and its id."""

    part: str = "survey"
    id: str = ""

    def __str__(self) -> str:
        return f"{self.part}:{self.id}" if self.id else self.part

    @classmethod
    def read(cls, text: str) -> Place:
        part, _, name = text.partition(":")
        return cls(part or "survey", name)


SURVEY = Place()


def walk(definition: Definition) -> Iterator[tuple[Page, Section, Question]]:
    for page in definition.pages:
        for section in page.sections:
            for question in section.questions:
                yield page, section, question


def matrix_before(definition: Definition, question: Question) -> Question | None:
    """The matrix right before a question in its section, which another can stand beside."""
    for page in definition.pages:
        for section in page.sections:
            for before, one in pairwise(section.questions):
                if one is question:
                    return before if before.kind == "matrix" else None
    return None


def question_called(definition: Definition, question_id: str) -> Question | None:
    return next((one for one in definition.questions() if one.id == question_id), None)


def page_of(definition: Definition, question_id: str) -> Page | None:
    return next((page for page, _section, one in walk(definition) if one.id == question_id), None)


def places(definition: Definition) -> Iterator[Place]:
    """Every part that has an id, in order."""
    for page in definition.pages:
        yield Place("page", page.id)
        for section in page.sections:
            yield Place("section", section.id)
            for question in section.questions:
                yield Place("question", question.id)
    for part, ones in (("rule", definition.rules), ("quota", definition.quotas), ("ending", definition.endings)):
        for one in ones:
            yield Place(part, one.id)


def conditions(definition: Definition) -> Iterator[tuple[Place, Condition]]:
    """Every condition and where it stands."""
    for page in definition.pages:
        if page.show:
            yield Place("page", page.id), page.show
        for section in page.sections:
            if section.show:
                yield Place("section", section.id), section.show
            for question in section.questions:
                here = Place("question", question.id)
                if question.show:
                    yield here, question.show
                for choice in (*question.choices, *question.rows):
                    if choice.show:
                        yield here, choice.show
                for check in question.checks:
                    yield here, check.must
    for rule in definition.rules:
        if rule.when:
            yield Place("rule", rule.id), rule.when
    for quota in definition.quotas:
        if quota.when:
            yield Place("quota", quota.id), quota.when
    for ending in definition.endings:
        if ending.when:
            yield Place("ending", ending.id), ending.when


def texts(definition: Definition) -> Iterator[tuple[Place, str, Text]]:
    """(place, what it is, text) of every text that respondents may see."""
    yield SURVEY, "title", definition.title
    yield SURVEY, "intro", definition.intro
    yield SURVEY, "purpose", definition.purpose
    for page in definition.pages:
        yield Place("page", page.id), "title", page.title
        for section in page.sections:
            yield Place("section", section.id), "title", section.title
            yield Place("section", section.id), "text", section.text
            for question in section.questions:
                yield from question_texts(question)
    for ending in definition.endings:
        here = Place("ending", ending.id)
        yield here, "title", ending.title
        yield here, "text", ending.text
        yield here, "link_label", ending.link_label


def question_texts(question: Question) -> Iterator[tuple[Place, str, Text]]:
    here = Place("question", question.id)
    yield here, "title", question.title
    yield here, "hint", question.hint
    yield here, "placeholder", question.placeholder
    yield here, "link_label", question.link_label
    for choice in question.choices:
        yield here, "choice", choice.label
    for row in question.rows:
        yield here, "row", row.label
    if question.scale:
        yield here, "lowest_label", question.scale.lowest_label
        yield here, "highest_label", question.scale.highest_label
        for point in question.scale.points.values():
            yield here, "point", point
    for check in question.checks:
        yield here, "message", check.message


def formulas(formula: Formula) -> Iterator[Formula]:
    yield formula
    for part in formula.of:
        if isinstance(part, Formula):
            yield from formulas(part)


def fields_used(definition: Definition) -> Iterator[tuple[Place, str]]:
    """Every field that a condition, a formula or a text names: (where, field)."""
    for place, condition in conditions(definition):
        for leaf in leaves(condition):
            yield place, leaf.field
    for rule in definition.rules:
        if rule.formula:
            for formula in formulas(rule.formula):
                for part in formula.of:
                    if isinstance(part, str):
                        for found in PIPED.finditer(part):
                            yield Place("rule", rule.id), found[1]
    for place, _what, text in texts(definition):
        for name in sorted({match[1] for one in text.values() for match in PIPED.finditer(one)}):
            yield place, name
    for question in definition.questions():
        for one in PIPED.finditer(question.default):
            yield Place("question", question.id), one[1]


def question_in(field: str) -> str:
    """The id of the question that a field of a condition speaks of; empty for other fields."""
    first, _, rest = field.partition(".")
    return rest.partition(".")[0] if first in ("answer", "count") else ""
