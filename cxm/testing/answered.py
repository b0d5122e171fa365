"""Surveys that were published and answered, with the facts in the log as the product states them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Definition, Page, Question, Section
from cxm.listen.surveys.models import QuestionVersion, Response, Survey, Version
from cxm.listen.surveys.respond.directory import Prepared, read
from cxm.listen.surveys.respond.facts import facts_of
from cxm.record.eventlog.append import Event, append, encode_properties
from cxm.record.eventlog.models import OutboxFact

from .cast import at


def make_survey(
    workspace: Workspace, *questions: Question, key: str = "shop", name: str = "", languages: tuple[str, ...] = ("en",)
) -> Survey:
    """A live survey with one published version; each question stands on a page of its own."""
    survey = Survey.objects.create(
        workspace=workspace, key=key, name=name or key.title(), state=Survey.State.LIVE, draft={}
    )  # fmt: skip
    publish(survey, *questions, languages=languages)
    return survey


def publish(
    survey: Survey, *questions: Question, changed_scale: tuple[str, ...] = (), languages: tuple[str, ...] = ("en",)
) -> Version:
    """The next version. A question that differs from its last wording gets the next number."""
    definition = Definition(
        title={"en": survey.name},
        languages=list(languages),
        pages=[Page(id=f"p{place}", sections=[Section(id=f"s{place}", questions=[one])])
               for place, one in enumerate(questions, start=1)],
    )  # fmt: skip
    numbers: dict[str, int] = {}
    for one in questions:
        body = msgspec.to_builtins(one)
        last = QuestionVersion.objects.filter(survey=survey, question=one.id).order_by("-number").first()
        if last is None or last.body != body:
            last = QuestionVersion.objects.create(
                survey=survey, question=one.id, number=(last.number if last else 0) + 1, body=body,
                scale_changed=one.id in changed_scale,
            )  # fmt: skip
        numbers[one.id] = last.number
    survey.version += 1
    survey.draft = msgspec.to_builtins(definition)
    survey.save()
    return Version.objects.create(
        survey=survey, number=survey.version, definition=survey.draft, question_versions=numbers
    )


def answered(
    survey: Survey,
    answers: Mapping[str, Any],
    when: str = "2026-03-01 12:00",
    *,
    state: Response.State = Response.State.COMPLETED,
    seconds: float = 60,
    log: bool = True,
    **fields: Any,
) -> Response:
    """A response that ended at `when` after so many seconds, and its facts in the log."""
    (response,) = answered_many(survey, [answers], when, state=state, seconds=seconds, log=log, **fields)
    return response


def answered_many(
    survey: Survey,
    many: Sequence[Mapping[str, Any]],
    when: str = "2026-03-01 12:00",
    *,
    state: Response.State = Response.State.COMPLETED,
    seconds: float = 60,
    log: bool = True,
    **fields: Any,
) -> list[Response]:
    """Several responses at once: one write to the log."""
    ended: datetime = at(when)
    version = survey.versions.get(number=fields.pop("version", survey.version))
    open_still = state == Response.State.STARTED
    if customer := fields.get("customer"):
        fields.setdefault("person", customer.pk)
    responses = Response.objects.bulk_create(
        Response(
            workspace=survey.workspace, survey=survey, version=version.number, state=state, answers=dict(answers),
            **{
                "language": "en", "seen": dict.fromkeys(answers, seconds),
                "started_at": ended - timedelta(seconds=seconds), "updated_at": ended,
                "completed_at": ended if state == Response.State.COMPLETED else None, **fields,
            },
        )
        for answers in many
    )  # fmt: skip
    if log and not open_still:
        entry = read(survey.pk)
        assert entry is not None
        prepared = Prepared(survey.pk, version.number, version.definition, version.question_versions)
        put_into_log([fact for one in responses for fact in facts_of(one, prepared, entry)])
    return responses


def put_into_log(facts: list[OutboxFact]) -> None:
    """By the log's real writer, as the outbox does it."""
    append(
        [
            Event(
                workspace_id=fact.workspace_id, event_id=fact.event_id, name=fact.name, customer_id=fact.customer_id,
                occurred_at=fact.occurred_at, source="fact", properties=encode_properties(fact.properties),
            )
            for fact in facts
        ]
    )  # fmt: skip
