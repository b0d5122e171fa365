"""What the log is told of a response: pure, so that the same response always gives the same facts.

One `answer_given` per answered question, and one `survey_completed` or `survey_abandoned`. Event ids follow from the
response and the question: stating the facts of a response again adds nothing, and they can be found to be removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from cxm.record.eventlog.append import NOBODY

from .definition import SCORED, WRITTEN, Choice, Definition, Question, Scale, default_scale
from .models import Response, Survey, Version

PERSONAL = frozenset({"email", "phone", "contact", "file"})  # the log knows that they were answered, not how
LONGEST_HIDDEN = 200  # characters of a hidden value that is copied to the log


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    properties: dict[str, Any]


def facts_of_response(response: Response) -> list[Fact]:
    """The facts of a stored response under the wording that was asked; none for a test, a screen-out or a start."""
    version = Version.objects.get(survey_id=response.survey_id, number=response.version)
    return facts_of(response, response.survey, version)


def facts_of(response: Response, survey: Survey, version: Version) -> list[Fact]:
    state = Response.State(response.state)
    if response.test or state not in {Response.State.COMPLETED, Response.State.PARTIAL}:
        return []
    definition = msgspec.convert(version.definition, Definition)
    ended_at = response.completed_at or response.updated_at
    customer_id = response.customer_id or NOBODY
    facts = [
        Fact("answer_given", answer_id(response.pk, name), customer_id, ended_at, properties)
        for name, properties in _answers(response, survey, definition, version.question_versions)
    ]
    name = "survey_completed" if state == Response.State.COMPLETED else "survey_abandoned"
    said = {
        "survey": survey.key, "survey_name": survey.name, "response_id": str(response.pk), "channel": response.channel,
        "duration_s": max(round((ended_at - response.started_at).total_seconds()), 0), "test": False,
    }  # fmt: skip
    return [*facts, Fact(name, answer_id(response.pk, f":{name}"), customer_id, ended_at, said)]


def answer_id(response_id: UUID, name: str) -> UUID:
    """The event id of an answer: `name` is the question, with its row or part behind a point."""
    return uuid5(response_id, name)


def _answers(
    response: Response, survey: Survey, definition: Definition, versions: dict[str, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    questions = list(definition.questions())
    comments = {
        one.explains: str(response.answers[one.id])
        for one in questions
        if one.explains and one.kind in WRITTEN and response.answers.get(one.id)
    }
    hidden = {
        key: value
        for key, value in response.hidden.items()
        if isinstance(value, str | int | float | bool) and len(str(value)) <= LONGEST_HIDDEN
    }
    for question in questions:
        value = response.answers.get(question.id)
        if value in (None, "", [], {}) or question.kind == "statement":
            continue
        if question.explains and question.kind in WRITTEN and response.answers.get(question.explains) is not None:
            continue  # the comment of the score that it explains
        for part, said in _said(question, value):
            properties = {"role": question.role or question.id, "kind": question.kind, **hidden}
            if part:
                properties["part"] = part
            if response.origin:
                properties["origin"] = response.origin
            if other := response.answers.get(f"{question.id}.other"):
                properties["other"] = str(other)
            if "choices" in said:
                properties["choices"] = said.pop("choices")
            name = f"{question.id}.{part}" if part else question.id
            yield (
                name,
                {
                    "question": name, "question_version": versions.get(question.id, 0), "survey": survey.key,
                    "response_id": str(response.pk), "channel": response.channel, "language": response.language,
                    "touchpoint": question.touchpoint, "comment": comments.get(question.id, ""), **said,
                    "properties": properties,
                },
            )  # fmt: skip


def _said(question: Question, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of an answer: (row or part, what it says); the part is empty where there is only one."""
    match question.kind:
        case kind if kind in SCORED:
            metric = kind if kind in {"nps", "csat", "ces"} else "rating"
            yield "", {"metric": metric, "scale": scale_text(question.scale or default_scale(kind)), "score": value}
        case "number":
            yield "", {"metric": "number", "score": value}
        case "yes_no" | "thumbs" | "consent":
            yield "", {"metric": "choice", "choices": ["true" if value else "false"]}
        case "single" | "dropdown":
            yield "", {"metric": "choice", "choices": [str(value)]}
        case "multiple" | "picture" | "ranking":
            yield (
                "",
                {"metric": "choice", "choices": [str(one) for one in (value if isinstance(value, list) else [value])]},
            )
        case "matrix":
            yield from _rows(question, value)
        case "constant_sum":
            for part, amount in value.items():
                yield str(part), {"metric": "number", "score": amount}
        case "maxdiff":
            for end in ("best", "worst"):
                if chosen := [str(task[end]) for task in value if task.get(end)]:
                    yield end, {"metric": "choice", "choices": chosen}
        case kind if kind in PERSONAL:
            yield "", {"metric": "text", "comment": ""}
        case _:
            yield "", {"metric": "text", "comment": str(value)}


def _rows(question: Question, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    scale = column_scale(question.choices)
    scores = {one.id: one.score for one in question.choices}
    for row, chosen in value.items():
        columns = [str(one) for one in (chosen if isinstance(chosen, list) else [chosen]) if one not in (None, "")]
        if not columns:
            continue
        if scale and len(columns) == 1 and scores.get(columns[0]) is not None:
            yield str(row), {"metric": "rating", "scale": scale, "score": scores[columns[0]], "choices": columns}
        else:
            yield str(row), {"metric": "choice", "choices": columns}


def column_scale(columns: list[Choice]) -> str:
    """The scale of a matrix whose columns have scores; empty for one whose columns have none."""
    scores = [one.score for one in columns if one.score is not None]
    if len(scores) < 2 or min(scores) == max(scores):
        return ""
    return f"{min(scores):g}-{max(scores):g}"


def scale_text(scale: Scale) -> str:
    return f"{scale.lowest:g}-{scale.highest:g}"
