"""Background work of imports: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

import uuid

from django.utils import timezone
from django_tasks import task

from . import running
from .models import Import


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

    For the start of `cxm serve` and a clock: what still runs gives a sign of life and is left alone.
    """
    dead = timezone.now() - running.DEAD_AFTER
    state = Import.State
    waiting = Import.objects.filter(state=state.WAITING, created_at__lt=dead)
    silent = Import.objects.filter(state__in=[state.RUNNING, state.UNDOING]).exclude(alive_at__gt=dead)
    found = [one.pk for one in (*waiting.only("pk"), *silent.only("pk"))]
    for pk in found:
        run_import.enqueue(str(pk))
    return len(found)
