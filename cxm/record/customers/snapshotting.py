"""The copy of all customers of a workspace in the log, made anew: after a restore, or when in doubt."""

from __future__ import annotations

from cxm.accounts.models import Workspace

from .models import Customer
from .snapshot import put_snapshot

BATCH = 2_000


def rebuild_snapshot(workspace: Workspace) -> int:
    """Write every customer of the workspace to the log's snapshot; returns how many. Safe to repeat."""
    roots = list(
        Customer.objects.filter(workspace=workspace, canonical=None).order_by("pk").values_list("pk", flat=True)
    )
    for start in range(0, len(roots), BATCH):
        put_snapshot(workspace.pk, roots[start : start + BATCH])
    return Customer.objects.filter(workspace=workspace).count()
