"""The copy of all customers of a workspace in the log, made anew: after a restore, or when in doubt."""

from __future__ import annotations

from cxm.accounts.models import Workspace
from cxm.record.eventlog.snapshot import customer_row, put_customers

from .models import Customer

BATCH = 5_000


def rebuild_snapshot(workspace: Workspace) -> int:
    """Write every customer of the workspace to the log's snapshot; returns how many. Safe to repeat."""
    rows, done = [], 0
    for customer in Customer.objects.filter(workspace=workspace).iterator(chunk_size=BATCH):
        rows.append(
            customer_row(workspace.pk, customer.pk, customer.traits, canonical_id=customer.merged_into_id or customer.pk)
        )
        if len(rows) >= BATCH:
            put_customers(rows)
            done += len(rows)
            rows = []
    put_customers(rows)
    return done + len(rows)
