"""Background work of surveys: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django_tasks import task

from cxm.record.eventlog.forget import forget_events

from . import handling
from .models import Response


@task()
def forget_archived(response_id: str) -> None:
    """Take an archived response out of the numbers; one that came back meanwhile is put back into them."""
    response = Response.objects.select_related("survey").filter(pk=response_id).first()
    if response is None or response.archived_at is None:
        return
    handling.forget(response)
    with transaction.atomic():
        now = Response.objects.select_for_update(of=("self",)).select_related("survey").filter(pk=response_id).first()
        if now is not None and now.archived_at is None:
            handling.state_again(now)


@task()
def forget_deleted(workspace_id: int, event_ids: list[str]) -> None:
    """Take the facts of a deleted response out of the log."""
    forget_events(workspace_id, [UUID(one) for one in event_ids])
