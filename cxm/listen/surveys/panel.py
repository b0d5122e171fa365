"""The box of surveys on a customer's page: what they were asked lately, and the way to what would be decided now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cxm.accounts.models import Membership, Role

from .models import Contact, Response

TEMPLATE = "distribution/_panel.html"
SHOWN = 3


def context(membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]:
    """The newest contacts of a person (all profiles), each with the name of its channel."""
    rows = Contact.objects.filter(workspace=membership.workspace, person__in=ids).select_related("survey")
    names = dict(Response.Channel.choices)
    return {
        "contacts": [(one, names.get(one.channel, one.channel)) for one in rows.order_by("-at")[:SHOWN]],
        "may_see_all": Role(membership.role).includes(Role.AGENT),
    }
