"""What a finished response tells the log: a fact for each answered question, and that the survey was completed.

Ids follow from the response and the question, so stating them again adds nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.models import OutboxFact

from ..definition import SCORED, WRITTEN, Choice, Question, Scale, default_scale
from ..models import Response
from .directory import Entry, Prepared

LONGEST_HIDDEN = 200  # characters of a hidden value that go to the log
GIVEN = "given"  # stands for an answer that names or reaches a person: the log does not repeat it


def event_id(response: uuid.UUID, question: str) -> uuid.UUID:
    return uuid.uuid5(response, question)


def event_ids(response: Response, prepared: Prepared) -> list[uuid.UUID]:
    """Every id under which this response is in the log, for taking it out of the numbers."""
    told = [event_id(response.pk, one["question"]) for one in answers_of(response, prepared)]
    return [*told, event_id(response.pk, "survey_completed"), event_id(response.pk, "survey_abandoned")]


def facts_of(response: Response, prepared: Prepared, entry: Entry) -> list[OutboxFact]:
    """All facts of a response that was completed or given up; none of a test or a screen-out."""
    completed = response.state == Response.State.COMPLETED
    if response.test or not (completed or response.state == Response.State.PARTIAL):
        return []
    at = response.completed_at or response.updated_at
    customer = response.person or NOBODY
    shared = {
        "response_id": str(response.pk), "survey": entry.key, "channel": response.channel, "language": response.language
    }  # fmt: skip
    plain = {name: value for name, value in response.hidden.items() if len(str(value)) <= LONGEST_HIDDEN}
    if response.origin:
        plain["origin"] = response.origin
    facts = []
    for told in answers_of(response, prepared):
        details = {**plain, **told.pop("properties")}
        facts.append(
            OutboxFact(
                event_id=event_id(response.pk, told["question"]), workspace_id=entry.workspace, name="answer_given",
                customer_id=customer, occurred_at=at, properties={**told, **shared, "properties": details},
            )
        )  # fmt: skip
    name = "survey_completed" if completed else "survey_abandoned"
    duration = round((response.updated_at - response.started_at).total_seconds(), 1)
    facts.append(
        OutboxFact(
            event_id=event_id(response.pk, name), workspace_id=entry.workspace, name=name, customer_id=customer,
            occurred_at=at,
            properties={"survey": entry.key, "survey_name": entry.name, "response_id": str(response.pk),
                        "channel": response.channel, "duration_s": duration},
        )
    )  # fmt: skip
    return facts


def told_now(response: Response, prepared: Prepared, entry: Entry) -> list[OutboxFact]:
    """The facts to state in the transaction that changes a response. None of an archived one; and one whose old facts
    have to be taken from the log first is told by the clock that does so."""
    return [] if response.outdated or response.archived_at else facts_of(response, prepared, entry)


def answers_of(response: Response, prepared: Prepared) -> Iterator[dict[str, Any]]:
    """The part of each fact that is about its question: metric, question, scale, score, comment, properties …"""
    answers = response.answers
    for key, value in answers.items():
        question = prepared.questions.get(key)
        if question is None or value is None or value == "" or question.kind == "statement":
            continue
        if question.kind in WRITTEN and question.explains in answers and question.explains != key:
            continue  # it is the comment of that score
        for told in _told(question, value, answers):
            told.setdefault("comment", answers.get(prepared.explained.get(key, ""), ""))
            told["touchpoint"] = question.touchpoint
            told["question_version"] = prepared.question_versions.get(key, 1)
            told["properties"] = {"role": question.role or question.id, **told.get("properties", {})}
            yield told


def _told(question: Question, value: Any, answers: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name, kind = question.id, question.kind
    match kind:
        case _ if kind in SCORED:
            scale = question.scale or default_scale(kind)
            metric = "rating" if kind == "slider" else kind
            yield {"metric": metric, "question": name, "scale": _scale(scale), "score": value}
        case "number":
            yield {"metric": "number", "question": name, "score": value}
        case "short_text" | "long_text":
            yield {"metric": "text", "question": name, "comment": value}
        case "matrix":
            for row, chosen in value.items():
                some = chosen if isinstance(chosen, list) else [chosen]
                yield _chosen(f"{name}.{row}", question.choices, some, rated=not question.several)
        case "constant_sum":
            for choice, share in value.items():
                yield {"metric": "number", "question": f"{name}.{choice}", "score": share}
        case "maxdiff":
            tasks = [task for task in value if isinstance(task, dict)]
            sides = {side: [task[side] for task in tasks if task.get(side)] for side in ("best", "worst")}
            yield {"metric": "choice", "question": name, "properties": sides}
        case "yes_no" | "thumbs" | "consent":
            yield {"metric": "choice", "question": name, "properties": {"choices": ["yes" if value else "no"]}}
        case "email" | "phone" | "contact" | "file":
            yield {"metric": "choice", "question": name, "properties": {"choices": [GIVEN]}}
        case "url" | "date":
            yield {"metric": "choice", "question": name, "properties": {"choices": [value]}}
        case _:
            told = _chosen(name, question.choices, value if isinstance(value, list) else [value])
            if other := answers.get(f"{name}.other"):
                told["comment"] = other
            yield told


def _chosen(name: str, choices: list[Choice], chosen: list[str], *, rated: bool = False) -> dict[str, Any]:
    """A choice; where choices have scores, one that was chosen alone has a score too (`rated`: it is a rating)."""
    scores = {one.id: one.score for one in choices if one.score is not None}
    told: dict[str, Any] = {"metric": "choice", "question": name, "properties": {"choices": chosen}}
    if len(chosen) == 1 and chosen[0] in scores:
        told["score"] = scores[chosen[0]]
        told["scale"] = f"{min(scores.values()):g}-{max(scores.values()):g}"
        if rated:
            told["metric"] = "rating"
    return told


def _scale(scale: Scale) -> str:
    return f"{scale.lowest:g}-{scale.highest:g}"
