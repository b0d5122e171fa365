"""Background work of the experience score: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_tasks import task

from cxm.understand.text.models import ExperienceModel

from . import keeping

WEEK = timedelta(days=7)


@task()
def calibrate(workspace_id: int) -> None:
    """Calibrate the experience score of a workspace."""
    keeping.calibrate(workspace_id)


def calibrate_due() -> int:
    """Calibrate each week anew what somebody has asked for once; returns how many. A clock."""
    due = ExperienceModel.objects.filter(calibrated_at__lt=timezone.now() - WEEK, workspace__deleted_at=None)
    ids = list(due.values_list("pk", flat=True))
    for workspace_id in ids:
        ExperienceModel.objects.filter(pk=workspace_id).update(calibrated_at=timezone.now())  # not twice while it waits
        calibrate.enqueue(workspace_id)
    return len(ids)
