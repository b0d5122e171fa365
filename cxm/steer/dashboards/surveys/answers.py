"""One response in words: each answer under the wording that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cxm.listen.surveys.definition import Choice, Definition, Question, default_scale, said
from cxm.listen.surveys.models import Response, Version
from cxm.listen.surveys.respond.facts import event_id
from cxm.listen.surveys.wordings import definition_of


@dataclass(frozen=True, slots=True)
class Answer:
    """`lines` are texts for people; empty where it was not answered. `seen`: whether the question was shown.

    `event_id`: of the event that tells the log of what was written here.
    """

    question: Question
    title: str
    lines: list[str]
    seen: bool
    event_id: UUID


def answers_of(response: Response, language: str) -> list[Answer]:
    """Every question of the version that was answered, in its order; statements are left out."""
    version = Version.objects.filter(survey_id=response.survey_id, number=response.version).first()
    if version is None:
        return []
    definition = definition_of(version)
    return [
        Answer(
            question,
            said(question.title, language, definition.languages) or question.id,
            lines_of(question, response.answers, definition, language),
            question.id in response.seen or question.id in response.answers,
            # What explains a score is told of as the comment of that score.
            event_id(response.pk, question.explains if question.explains in response.answers else question.id),
        )
        for question in definition.questions()
        if question.kind != "statement"
    ]


def lines_of(question: Question, answers: Mapping[str, Any], definition: Definition, language: str) -> list[str]:
    value = answers.get(question.id)
    if value in (None, "", [], {}):
        return []
    languages = definition.languages

    def label(choice: Any, among: list[Choice] | None = None) -> str:
        for one in among if among is not None else question.choices:
            if one.id == choice:
                text = said(one.label, language, languages) or one.id
                if one.other and (other := answers.get(f"{question.id}.other")):
                    return _("%(choice)s: %(text)s") % {"choice": text, "text": other}
                return text
        return str(choice)

    def pair(name: str, text: object) -> str:
        return _("%(choice)s: %(text)s") % {"choice": name, "text": text}

    match question.kind:
        case "nps" | "csat" | "ces" | "rating" | "slider":
            scale = question.scale or default_scale(question.kind)
            text = _("%(score)s of %(highest)s") % {"score": _plain(value), "highest": _plain(scale.highest)}
            point = said(scale.points.get(_plain(value), {}), language, languages)
            return [pair(text, point) if point else text]
        case "yes_no" | "consent":
            return [_("Yes") if value else _("No")]
        case "thumbs":
            return [_("Thumbs up") if value else _("Thumbs down")]
        case "matrix" if isinstance(value, dict):
            return [
                pair(label(row, question.rows), ", ".join(label(one) for one in _list(chosen)))
                for row, chosen in value.items()
            ]
        case "ranking":
            return [f"{place}. {label(one)}" for place, one in enumerate(_list(value), start=1)]
        case "constant_sum" if isinstance(value, dict):
            return [pair(label(one), _plain(amount)) for one, amount in value.items()]
        case "maxdiff":
            return [
                _("Best: %(best)s; worst: %(worst)s")
                % {"best": label(task.get("best")), "worst": label(task.get("worst"))}
                for task in _list(value)
                if isinstance(task, dict)
            ]
        case "contact" if isinstance(value, dict):
            return [pair(label(part), text) for part, text in value.items() if text]
        case "file":
            return [str(one.get("name", "")) for one in _list(value) if isinstance(one, dict)]
        case "single" | "dropdown" | "multiple" | "picture":
            return [label(one) for one in _list(value)]
    return [_plain(value)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
