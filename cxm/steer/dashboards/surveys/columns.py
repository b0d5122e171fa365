"""A response as a row: which columns a survey has, and what each holds; the same for every kind of file.

A question is one column, or one for each of its choices, rows or parts. Choices are texts (in the chosen language,
under the wording that was asked) or codes; SPSS has numbers with value labels instead. Codes and numbers stay the same
for as long as the survey lives: choices are numbered in the order in which they were first published.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from cxm.lib.sav import Measure
from cxm.listen.surveys.definition import Choice
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.wordings import Asked, asked_questions

from .figures import ONE, SCORES, SEVERAL, YES_NO

Value = str | int | float | bool | None | Any
MOST_HIDDEN: Final = 50


@dataclass(frozen=True, slots=True)
class Column:
    """`code_of`: the value as it is stored; `labels`: what the numbers of a choice mean, by the id of the choice."""

    name: str
    label: str
    code_of: Callable[[Response], Value]
    text_of: Callable[[Response], Value] | None = None
    measure: Measure = "nominal"
    number: bool = False
    time: bool = False
    labels: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def shown(self, response: Response) -> Value:
        """For people: labels in place of codes."""
        return (self.text_of or self.code_of)(response)

    def number_of(self, response: Response) -> Value:
        """For SPSS: the number of a choice, or the plain value."""
        value = self.code_of(response)
        if not self.labels:
            return value
        key = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        found = self.labels.get(str(key))
        return found[0] if found else None


@dataclass(slots=True)
class Table:
    survey: Survey
    questions: list[Asked]
    language: str
    columns: list[Column]


def table_of(survey: Survey, language: str) -> Table:
    questions = asked_questions(survey)
    wordings = {
        version.number: version.question_versions for version in survey.versions.only("number", "question_versions")
    }
    columns = [*_about(survey), *(one for asked in questions for one in _Question(asked, language, wordings).columns())]
    return Table(survey, questions, language, columns)


def _about(survey: Survey) -> Iterator[Column]:
    """What is known of a response besides its answers."""
    yield Column("id", _("Response"), lambda one: str(one.pk))
    yield Column("version", _("Version of the survey"), lambda one: one.version, number=True, measure="ordinal")
    for name, label, choices in (
        ("state", _("State"), Response.State.choices), ("channel", _("Channel"), Response.Channel.choices)
    ):  # fmt: skip
        numbered = {value: (number, str(text)) for number, (value, text) in enumerate(choices, start=1)}
        yield Column(name, label, _attribute(name), _display(name, numbered), labels=numbered)
    yield Column("language", _("Language"), _attribute("language"))
    yield Column("origin", _("Origin"), _attribute("origin"))
    yield Column("customer_id", _("Customer"), lambda one: str(one.customer_id or ""))
    yield Column("started_at", _("Started"), _attribute("started_at"), time=True, measure="scale")
    yield Column("completed_at", _("Completed"), _attribute("completed_at"), time=True, measure="scale")
    yield Column("seconds", _("Seconds to answer"), _seconds, number=True, measure="scale")
    yield Column("tags", _("Tags"), lambda one: ", ".join(one.tags))
    yield Column("flags", _("Doubtful"), lambda one: ", ".join(one.flags))
    names: dict[str, None] = {}
    for hidden in survey.responses.order_by("-started_at").values_list("hidden", flat=True)[:1000]:
        names |= dict.fromkeys(hidden)
    for name in sorted(names)[:MOST_HIDDEN]:
        yield Column(f"hidden.{name}", name, _hidden(name))


def _display(name: str, numbered: Mapping[str, tuple[int, str]]) -> Callable[[Response], Value]:
    return lambda one: numbered[getattr(one, name)][1]


def _hidden(name: str) -> Callable[[Response], Value]:
    return lambda one: _plain(one.hidden.get(name))


def _attribute(name: str) -> Callable[[Response], Value]:
    return lambda one: getattr(one, name)


def _seconds(response: Response) -> float | None:
    if response.completed_at is None:
        return None
    return round((response.completed_at - response.started_at).total_seconds(), 1)


class _Question:
    def __init__(self, asked: Asked, language: str, wordings: Mapping[int, Mapping[str, int]]) -> None:
        self.asked, self.language, self.wordings = asked, language, wordings
        self.title = asked.title(language)
        self.yes, self.no = _("Yes"), _("No")

    def columns(self) -> Iterator[Column]:
        asked, name, kind = self.asked, self.asked.id, self.asked.kind
        if kind in SCORES or kind == "number":
            measure: Measure = "scale" if kind in {"number", "slider"} else "ordinal"
            yield Column(name, self.title, self._value(), measure=measure, number=True)
        elif kind in YES_NO:
            numbered = {"yes": (1, _("Yes")), "no": (0, _("No"))}
            yield Column(name, self.title, self._value(), self._yes_no, labels=numbered)
        elif kind in ONE:
            yield Column(name, self.title, self._value(), self._label_of(self._value()), labels=self._numbered())
        elif kind in SEVERAL or (kind == "matrix" and asked.newest.several):
            yield from self._several()
        elif kind == "matrix":
            for row in asked.rows():
                value = self._part(row.id)
                yield Column(
                    f"{name}.{row.id}", self._title(row), value, self._label_of(value), labels=self._numbered(),
                    measure="ordinal",
                )  # fmt: skip
        elif kind == "ranking":
            for choice in asked.choices():
                yield Column(
                    f"{name}.{choice.id}", self._title(choice), self._place(choice.id), number=True, measure="ordinal"
                )
        elif kind == "constant_sum":
            for choice in asked.choices():
                yield Column(
                    f"{name}.{choice.id}", self._title(choice), self._part(choice.id), number=True, measure="scale"
                )
        elif kind == "maxdiff":
            for choice in asked.choices():
                for end, label in (("best", _("best")), ("worst", _("worst"))):
                    yield Column(
                        f"{name}.{choice.id}.{end}",
                        _("%(choice)s: %(text)s") % {"choice": self._title(choice), "text": label},
                        self._times(choice.id, end), number=True, measure="scale",
                    )  # fmt: skip
        elif kind == "contact":
            for part in asked.choices():
                yield Column(f"{name}.{part.id}", self._title(part), self._part(part.id))
        elif kind == "file":
            yield Column(name, self.title, self._files)
        else:
            yield Column(name, self.title, self._value())
        if any(choice.other for choice in asked.choices()):
            title = _("%(choice)s: %(text)s") % {"choice": self.title, "text": _("other")}
            yield Column(f"{name}.other", title, lambda one: one.answers.get(f"{name}.other"))

    def _several(self) -> Iterator[Column]:
        numbered = {"yes": (1, _("Chosen")), "no": (0, _("Not chosen"))}
        rows: list[Choice | None] = [*self.asked.rows()] if self.asked.kind == "matrix" else [None]
        for row in rows:
            for choice in self.asked.choices():
                parts = [self.asked.id, *([row.id] if row else []), choice.id]
                title = self._title(choice)
                if row:
                    title = _("%(choice)s: %(text)s") % {
                        "choice": self._title(row), "text": self.asked.label(choice.id, self.language)
                    }  # fmt: skip
                yield Column(".".join(parts), title, self._chosen(choice.id, row.id if row else ""), labels=numbered)

    def _title(self, part: Choice) -> str:
        return _("%(question)s – %(part)s") % {
            "question": self.title, "part": self.asked.label(part.id, self.language)
        }  # fmt: skip

    def _numbered(self) -> dict[str, tuple[int, str]]:
        """Choices by number, in the order in which they were first published."""
        order: dict[str, None] = {}
        for number in sorted(self.asked.wordings):
            order |= dict.fromkeys(one.id for one in self.asked.wordings[number].choices)
        return {
            one: (number, self.asked.label(one, self.language)) for number, one in enumerate(order, start=1)
        }  # fmt: skip

    def _value(self) -> Callable[[Response], Value]:
        name = self.asked.id
        return lambda one: _plain(one.answers.get(name))

    def _part(self, part: str) -> Callable[[Response], Value]:
        name = self.asked.id

        def value(one: Response) -> Value:
            answer = one.answers.get(name)
            return _plain(answer.get(part)) if isinstance(answer, dict) else None

        return value

    def _label_of(self, value_of: Callable[[Response], Value]) -> Callable[[Response], Value]:
        found: dict[tuple[int, str], str] = {}

        def label(one: Response) -> Value:
            value = value_of(one)
            if value is None:
                return None
            key = (one.version, str(value))
            if key not in found:
                number = self.wordings.get(one.version, {}).get(self.asked.id, 0)
                found[key] = self.asked.label(str(value), self.language, number)
            return found[key]

        return label

    def _yes_no(self, one: Response) -> Value:
        value = one.answers.get(self.asked.id)
        return None if value is None else self.yes if value else self.no

    def _chosen(self, choice: str, row: str) -> Callable[[Response], Value]:
        name = self.asked.id

        def chosen(one: Response) -> Value:
            answer = one.answers.get(name)
            if row:
                answer = answer.get(row) if isinstance(answer, dict) else None
            if answer is None:
                return None
            return choice in (answer if isinstance(answer, list) else [answer])

        return chosen

    def _place(self, choice: str) -> Callable[[Response], Value]:
        name = self.asked.id

        def place(one: Response) -> Value:
            answer = one.answers.get(name)
            return answer.index(choice) + 1 if isinstance(answer, list) and choice in answer else None

        return place

    def _times(self, choice: str, end: str) -> Callable[[Response], Value]:
        name = self.asked.id

        def times(one: Response) -> Value:
            answer = one.answers.get(name)
            if not isinstance(answer, list):
                return None
            return sum(1 for task in answer if isinstance(task, dict) and task.get(end) == choice)

        return times

    def _files(self, one: Response) -> Value:
        answer = one.answers.get(self.asked.id)
        if not isinstance(answer, list):
            return None
        return ", ".join(str(file.get("name", "")) for file in answer if isinstance(file, dict))


def _plain(value: Any) -> Value:
    """A value that fits a cell; what does not is as JSON writes it."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value
