"""The questions that a survey has asked, each with all its wordings: what results are read under."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from .definition import Choice, Definition, Question, Scale, Text, default_scale, said
from .models import QuestionVersion, Survey, Version


@dataclass(slots=True)
class Asked:
    """A question of a survey. `wordings` by number, oldest first; `breaks`: the numbers at which the scale changed."""

    id: str
    languages: list[str]
    wordings: dict[int, Question] = field(default_factory=dict)
    breaks: set[int] = field(default_factory=set)
    present: bool = True  # still asked in the newest version

    @property
    def newest(self) -> Question:
        return self.wordings[max(self.wordings)]

    @property
    def kind(self) -> str:
        return self.newest.kind

    @property
    def role(self) -> str:
        return self.newest.role or self.id

    @property
    def scale(self) -> Scale:
        return self.newest.scale or default_scale(self.newest.kind)

    def wording(self, number: int) -> Question:
        return self.wordings.get(number, self.newest)

    def title(self, language: str, number: int = 0) -> str:
        return said(self.wording(number).title, language, self.languages) or self.id

    def choices(self) -> list[Choice]:
        """Every choice that was ever offered: as the newest wording has them, then those that are gone."""
        return self._ever("choices")

    def rows(self) -> list[Choice]:
        return self._ever("rows")

    def _ever(self, what: str) -> list[Choice]:
        found: dict[str, Choice] = {}
        for number in sorted(self.wordings, reverse=True):
            for one in getattr(self.wordings[number], what):
                found.setdefault(one.id, one)
        return list(found.values())

    def label(self, choice_id: str, language: str, number: int = 0) -> str:
        """What a choice was called in a wording; in the newest that has it where that one has not."""
        wording = self.wording(number)
        for one in (*wording.choices, *wording.rows, *self.choices(), *self.rows()):
            if one.id == choice_id:
                return said(one.label, language, self.languages) or one.id
        return choice_id

    def series(self) -> list[list[int]]:
        """The numbers of wordings whose answers may be put together, oldest first: a changed scale begins a new one."""
        found: list[list[int]] = []
        for number in sorted(self.wordings):
            if not found or number in self.breaks:
                found.append([])
            found[-1].append(number)
        return found


def asked_questions(survey: Survey) -> list[Asked]:
    """In the order of the newest published version, then those that it does not ask any more."""
    versions = list(survey.versions.order_by("-number"))
    order: dict[str, bool] = {}
    languages: list[str] = []
    for place, version in enumerate(versions):
        definition = definition_of(version)
        languages = languages or definition.languages
        for question in definition.questions():
            if question.kind != "statement":
                order.setdefault(question.id, place == 0)
    found = {name: Asked(name, languages, present=present) for name, present in order.items()}
    for row in QuestionVersion.objects.filter(survey=survey).order_by("number"):
        if row.question in found:
            found[row.question].wordings[row.number] = msgspec.convert(row.body, Question)
            if row.scale_changed:
                found[row.question].breaks.add(row.number)
    return [one for one in found.values() if one.wordings]


def definition_of(version: Version) -> Definition:
    return msgspec.convert(version.definition, Definition)


def text_of(text: Text, language: str, languages: list[str]) -> str:
    return said(text, language, languages)


def titles_of(workspace_id: int, questions: Collection[str], language: str) -> dict[str, str]:
    """What questions ask, by their codes, in their newest wordings.

    A code that surveys use for questions of different words is left out, as is one that no survey has.
    """
    newest: dict[tuple[str, int], str] = {}
    rows = QuestionVersion.objects.filter(survey__workspace=workspace_id, question__in=questions).order_by("number")
    for row in rows:
        title = msgspec.convert(row.body, Question).title
        newest[row.question, row.survey_id] = said(title, language, list(title))
    found: dict[str, set[str]] = {}
    for (question, _survey), text in newest.items():
        found.setdefault(question, set()).add(text)
    return {question: texts.pop() for question, texts in found.items() if len(texts) == 1}


_known: dict[tuple[int, str, str, int, str], str] = {}
MOST_KNOWN = 5_000


def wording_of(workspace_id: int, survey: str, question: str, number: int, language: str) -> str:
    """What a question asked, as published under that number; empty for one that there is not. `survey`: its key."""
    key = (workspace_id, survey, question, number, language)
    if key not in _known:
        row = QuestionVersion.objects.filter(
            survey__workspace=workspace_id, survey__key=survey, question=question, number=number
        ).first()
        if row is None:
            return ""  # it may be published yet
        title = msgspec.convert(row.body, Question).title
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = said(title, language, list(title))
    return _known[key]
