"""The box of automations on a customer's page: what workflows did for this person, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cxm.accounts.models import Membership, Role

from .models import Run

TEMPLATE = "automations/_panel.html"
SHOWN = 5


def context(membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]:
    """Of all profiles of the person."""
    rows = Run.objects.filter(workspace=membership.workspace, customer__in=ids).select_related("workflow")
    found = list(rows.order_by("-created_at")[: SHOWN + 1])
    may_see = Role(membership.role).includes(Role.AGENT)
    return {"runs": found[:SHOWN], "more_runs": len(found) > SHOWN, "may_see_runs": may_see}
