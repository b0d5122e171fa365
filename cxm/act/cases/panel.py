"""The box of cases on a customer's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cxm.accounts.models import Membership, Role

from .models import Case

TEMPLATE = "cases/_panel.html"
SHOWN = 8


def context(membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]:
    """The cases of a person (all profiles), those that are open first."""
    rows = Case.objects.filter(workspace=membership.workspace, customer__in=ids).select_related("team", "owner")
    found = sorted(rows.order_by("-number")[:100], key=lambda case: case.state not in Case.OPEN_STATES)
    return {
        "cases": found[:SHOWN], "more": max(0, len(found) - SHOWN),
        "may_open": Role(membership.role).includes(Role.AGENT),
    }  # fmt: skip
