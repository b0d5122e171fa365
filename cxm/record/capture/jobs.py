"""Background work of imports: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

import uuid

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

    For the start of `cxm serve` and a clock. One that runs is held by its process and left alone.
    """
    state = Import.State
    waiting = Import.objects.filter(state=state.WAITING)
    silent = Import.objects.filter(state__in=[state.RUNNING, state.UNDOING])
    found = [*waiting.only("pk"), *(one for one in silent.only("pk", "state") if not running.is_alive(one))]
    for one in found:
        run_import.enqueue(str(one.pk))
    return len(found)
