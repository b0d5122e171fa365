"""The clock of unfinished responses: after a while of silence, what was answered counts as it is.

The response stays open: whoever comes back later goes on with it, and what they change then is what counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cxm.record.eventlog.outbox import emit_all

from ..models import Response, Survey
from . import abuse
from .deciding import hold
from .directory import directory
from .facts import told_now

AT_ONCE = 200


def give_up(now: datetime | None = None) -> int:
    """Give up all responses that nobody went on with; returns how many. Safe to run in several processes."""
    now = now or timezone.now()
    n = 0
    waits = Survey.objects.filter(responses__state=Response.State.STARTED).distinct().order_by()
    for survey, minutes in list(waits.values_list("pk", "partial_after_minutes")):
        while some := _some(survey, now - timedelta(minutes=minutes)):
            n += some
    return n


@transaction.atomic
def _some(survey: int, before: datetime) -> int:
    silent = Response.objects.filter(survey=survey, state=Response.State.STARTED, updated_at__lt=before)
    ids = list(silent.order_by("updated_at").values_list("pk", flat=True)[:AT_ONCE])
    hold(ids)  # whoever comes back in this moment waits; who was quicker is silent no more
    found = list(silent.filter(pk__in=ids))
    entry = directory().survey_now(survey) if found else None
    for one in found:
        one.state = Response.State.PARTIAL
        # `updated_at` stays: it is when they were last seen.
        Response.objects.filter(pk=one.pk).update(state=one.state)
        prepared = directory().prepared_now(entry, one.version) if entry else None
        if entry and prepared and abuse.HONEYPOT not in one.flags and one.answers:
            emit_all(told_now(one, prepared, entry))
    return len(found)
