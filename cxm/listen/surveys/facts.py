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

from .definition import SCORED, WRITTEN, Definition, Question, Scale, default_scale
from .models import Response, Survey, Version

PERSONAL = frozenset({"email", "phone", "contact", "file"})
GIVEN = "given"  # stands for an answer that names or reaches a person: the log does not repeat it
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
    if response.customer_id:
        name = "survey_completed" if state == Response.State.COMPLETED else "survey_abandoned"
        said = {
            "survey": survey.key, "survey_name": survey.name, "response_id": str(response.pk),
            "channel": response.channel, "duration_s": round((ended_at - response.started_at).total_seconds(), 1),
        }  # fmt: skip
        facts.append(Fact(name, answer_id(response.pk, name), customer_id, ended_at, said))
    return facts


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
            properties = {**hidden, "role": question.role or question.id}
            if response.origin:
                properties["origin"] = response.origin
            properties |= said.pop("properties", {})
            other = str(response.answers.get(f"{question.id}.other") or "")
            name = f"{question.id}.{part}" if part else question.id
            yield (
                name,
                {
                    "question": name, "question_version": versions.get(question.id, 0), "survey": survey.key,
                    "response_id": str(response.pk), "channel": response.channel, "language": response.language,
                    "touchpoint": question.touchpoint, "comment": comments.get(question.id, other), **said,
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
            yield "", chosen_of(question, ["yes" if value else "no"])
        case "matrix":
            for row, some in value.items():
                columns = [str(one) for one in (some if isinstance(some, list) else [some]) if one not in (None, "")]
                if columns:
                    yield str(row), chosen_of(question, columns, rated=not question.several)
        case "constant_sum":
            for part, amount in value.items():
                yield str(part), {"metric": "number", "score": amount}
        case "maxdiff":
            ends = {end: [str(task[end]) for task in value if task.get(end)] for end in ("best", "worst")}
            yield "", {"metric": "choice", "properties": ends}
        case kind if kind in PERSONAL:
            yield "", chosen_of(question, [GIVEN])
        case kind if kind in WRITTEN:
            yield "", {"metric": "text", "comment": str(value)}
        case _:
            yield "", chosen_of(question, [str(one) for one in (value if isinstance(value, list) else [value])])


def chosen_of(question: Question, chosen: list[str], *, rated: bool = False) -> dict[str, Any]:
    """A choice; where choices have scores, one that was chosen alone has a score too (`rated`: it is a rating)."""
    scores = {one.id: one.score for one in question.choices if one.score is not None}
    said: dict[str, Any] = {"metric": "choice", "properties": {"choices": chosen}}
    if len(chosen) == 1 and chosen[0] in scores:
        said |= {"score": scores[chosen[0]], "scale": f"{min(scores.values()):g}-{max(scores.values()):g}"}
        if rated:
            said["metric"] = "rating"
    return said


def scale_text(scale: Scale) -> str:
    return f"{scale.lowest:g}-{scale.highest:g}"
