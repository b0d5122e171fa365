"""What can be done with the endpoint of a workspace."""

from __future__ import annotations

from django.db import transaction

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.understand.text.models import OpinionEndpoint


def endpoint_of(workspace: Workspace) -> OpinionEndpoint | None:
    return OpinionEndpoint.objects.filter(workspace=workspace).first()


@transaction.atomic
def save_endpoint(
    *, workspace: Workspace, by: Actor, is_on: bool, address: str, model: str, key: str | None = None,
    most_per_hour: int = 200,
) -> OpinionEndpoint:  # fmt: skip
    """Set it; a `key` of None leaves the one that is there. What failed before is forgotten."""
    require_role(workspace, by, Role.ADMIN)
    row = OpinionEndpoint.objects.select_for_update().filter(workspace=workspace).first()
    row = row or OpinionEndpoint(workspace=workspace)
    before = _said(row)
    row.is_on, row.address, row.model, row.most_per_hour = is_on, address, model, most_per_hour
    if key is not None:
        row.key = key
    row.failed_at, row.error = None, ""
    row.save()
    after = _said(row)
    changes = {name: [before[name], now] for name, now in after.items() if before[name] != now}
    if changes or key is not None:
        audit("changed", row, workspace=workspace, by=by, changes=changes)
    return row


def _said(row: OpinionEndpoint) -> dict[str, object]:
    """What the audit trail keeps: never the key."""
    return {"is_on": row.is_on, "address": row.address, "model": row.model, "most_per_hour": row.most_per_hour}
