"""Background work of imports and privacy requests: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone
from django_tasks import task

from . import regulating, running
from .models import Import, Regulation


@task()
def run_import(import_id: str) -> None:
    """Run, go on with, or undo an import, whichever its state asks for."""
    one = Import.objects.filter(pk=import_id).only("state").first()
    if one is None:
        return
    if one.state == Import.State.UNDOING:
        running.undo(uuid.UUID(import_id))
    else:
        running.run(uuid.UUID(import_id))


def resume_interrupted() -> int:
    """Give imports that were killed, or that nobody took, to the job threads again; returns how many.

    For the start of `cxm serve` and a clock. One that runs is held by its process and left alone.
    """
    state = Import.State
    waiting = Import.objects.filter(state=state.WAITING)
    silent = Import.objects.filter(state__in=[state.RUNNING, state.UNDOING])
    found = [*waiting.only("pk"), *(one for one in silent.only("pk", "state") if not running.is_alive(one))]
    for one in found:
        run_import.enqueue(str(one.pk))
    return len(found)


@task()
def run_regulation(regulation_id: str) -> None:
    """Erase the people of a privacy request."""
    regulating.run(uuid.UUID(regulation_id))


def resume_regulations() -> int:
    """Give privacy requests that wait for the log, or whose process was killed, to the job threads again."""
    status = Regulation.Status
    old = timezone.now() - timedelta(minutes=5)
    found = Regulation.objects.filter(status__in=[status.INITIALIZED, status.RUNNING], created_at__lt=old)
    for one in found.only("pk"):
        run_regulation.enqueue(str(one.pk))
    return len(found)
