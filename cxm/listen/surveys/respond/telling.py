"""Under which ids the log knows a response, stating its facts anew, and the clock that replaces outdated ones.

A response that was given up told the log its answers. Where the person came back and went on, those facts are taken
from the log and the answers as they are now are stated instead, so that numbers count what was said last.
"""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from django.db import transaction

from cxm.record.eventlog.forget import forget_events
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import emit_all

from ..models import Response, Version
from .deciding import hold
from .directory import Prepared, read
from .facts import event_id, event_ids, facts_of

MOST = 1_000  # responses in one round of the clock


def _prepared(response: Response) -> Prepared | None:
    """The version that was answered; None where it is gone."""
    version = Version.objects.filter(survey_id=response.survey_id, number=response.version).first()
    if version is None:
        return None
    return Prepared(response.survey_id, version.number, version.definition, version.question_versions)


def ids_in_log(response: Response) -> list[UUID]:
    """Every id under which the log may know of a response, also of answers that were told and taken back since."""
    prepared = _prepared(response)
    if prepared is None:
        return []
    names = [
        name
        for one in prepared.questions.values()
        for name in (one.id, *(f"{one.id}.{part.id}" for part in (*one.rows, *one.choices)))
    ]
    return list(dict.fromkeys([*event_ids(response, prepared), *(event_id(response.pk, name) for name in names)]))


def facts_of_response(response: Response) -> list[OutboxFact]:
    """What the log was told of a response, under the wording that was asked."""
    entry, prepared = read(response.survey_id), _prepared(response)
    return facts_of(response, prepared, entry) if entry and prepared else []


def state_again(response: Response) -> None:
    """Into the outbox with the facts of a response; what the log has already is not written twice."""
    emit_all(facts_of_response(response))


def tell_outdated() -> int:
    """Replace the facts of responses that were changed after they were given up; returns how many were replaced.

    Safe to repeat after a crash, and to run in several processes.
    """
    rows = Response.objects.filter(outdated=True).order_by("workspace_id", "updated_at")[:MOST]
    return sum(_replace(workspace, list(some)) for workspace, some in groupby(rows, key=lambda one: one.workspace_id))


def _replace(workspace_id: int, responses: list[Response]) -> int:
    known = {one.pk: ids_in_log(one) for one in responses}
    # What still waits in the outbox would reach the log after the rest was taken from it: the next round is for that.
    every = [one for ids in known.values() for one in ids]
    waiting: set[UUID] = set()
    for start in range(0, len(every), MOST):
        some = OutboxFact.objects.filter(event_id__in=every[start : start + MOST])
        waiting.update(some.values_list("event_id", flat=True))
    known = {one: ids for one, ids in known.items() if waiting.isdisjoint(ids)}
    if not known:
        return 0
    forget_events(workspace_id, [one for ids in known.values() for one in ids])
    with transaction.atomic():
        hold(known)
        rows = list(Response.objects.filter(pk__in=known, outdated=True))
        Response.objects.filter(pk__in=[one.pk for one in rows]).update(outdated=False)
        for one in rows:
            if one.archived_at is None:
                state_again(one)
    return len(rows)
