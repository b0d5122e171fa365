"""A survey of the sample's own: asked after contacts with support, live, with responses to read and work on.

Its answers come on top of those of `feedback`, which other systems brought.
"""

from __future__ import annotations

import random
import uuid
from datetime import timedelta

from django.db import transaction

from cxm.accounts.models import User, Workspace
from cxm.listen.surveys.actions import create_survey, publish
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.presets import LANGUAGES, build
from cxm.listen.surveys.respond.directory import Prepared, read
from cxm.listen.surveys.respond.facts import facts_of
from cxm.record.eventlog.append import Event, encode_properties

from .comments import Mood, Writer
from .sink import Sink
from .stories import Calendar, Size
from .tickets import Ticket

NAME = "After a contact with support"
QUESTIONS = ("resolved", "staff", "ces", "improve")
STOPPED = 0.12  # share of those who leave after the first question
CHANNELS = {"email": 0.55, "widget": 0.3, "link": 0.15}


def ask_about_support(
    workspace: Workspace, owner: User, asked: list[Ticket], size: Size, seed: int, calendar: Calendar, sink: Sink
) -> None:
    """Those of the newest resolved tickets answer: exactly `size.responses` people, some of them not to the end."""
    rng = random.Random(f"survey {seed}")
    writer = Writer(random.Random(f"survey comments {seed}"))
    solved = sorted((one for one in asked if one.resolved_at), key=lambda one: (one.resolved_at, one.number))
    survey = _survey(workspace, owner)
    version = survey.versions.get(number=survey.version)
    entry = read(survey.pk)
    assert entry is not None
    prepared = Prepared(survey.pk, version.number, version.definition, version.question_versions)
    responses = [
        _response(rng, writer, survey, ticket, calendar, sink.namespace) for ticket in solved[-size.responses :]
    ]
    Response.objects.bulk_create(responses, ignore_conflicts=True, batch_size=500)
    for response in responses:
        for fact in facts_of(response, prepared, entry):
            sink.put(
                Event(
                    workspace_id=workspace.pk, event_id=fact.event_id, name=fact.name, customer_id=fact.customer_id,
                    occurred_at=fact.occurred_at, source="sample", properties=encode_properties(fact.properties),
                )
            )  # fmt: skip


@transaction.atomic
def _survey(workspace: Workspace, owner: User) -> Survey:
    found = Survey.objects.filter(workspace=workspace, name=NAME).first()
    if found is None:
        definition = build(QUESTIONS, list(LANGUAGES), touchpoint="support")
        found = create_survey(workspace=workspace, name=NAME, definition=definition, by=owner)
        publish(survey=found, by=owner)
    return Survey.objects.get(pk=found.pk)


def _response(
    rng: random.Random, writer: Writer, survey: Survey, ticket: Ticket, calendar: Calendar, namespace: uuid.UUID
) -> Response:
    assert ticket.resolved_at is not None
    person = ticket.person
    content = rng.gauss(0.4 + 0.5 * person.nature - (1.2 if ticket.understaffed else 0), 1)
    answers: dict[str, object] = {"resolved": content > -0.8}
    done = rng.random() >= STOPPED
    if done:
        answers["staff"] = min(5, max(1, round(4.1 + 0.6 * content)))
        answers["ces"] = min(7, max(1, round(5.2 + content)))
        if rng.random() < 0.55:
            mood: Mood = "bad" if content < -0.6 else "mixed" if content < 0.4 else "good"
            answers["improve"] = writer.comment(person.language, "support", mood, female=person.female)
    [channel] = rng.choices(list(CHANNELS), list(CHANNELS.values()))
    begun = min(ticket.resolved_at + timedelta(minutes=rng.lognormvariate(4.5, 1.4)), calendar.now)
    ended = min(begun + timedelta(seconds=rng.uniform(20, 140)), calendar.now)
    return Response(
        id=uuid.uuid5(namespace, f"response {ticket.key}"), workspace_id=survey.workspace_id, survey=survey,
        version=survey.version, customer_id=person.same_as or person.id, person=person.id,
        state=Response.State.COMPLETED if done else Response.State.PARTIAL, channel=channel,
        language=person.language.lower(), answers=answers, seen=dict.fromkeys(answers, 12),
        ending="thanks" if done else "", started_at=begun, updated_at=ended, completed_at=ended if done else None,
    )  # fmt: skip
