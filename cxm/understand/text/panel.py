"""The box of topics on a customer's page: what this person speaks of, and how they feel about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cxm.accounts.models import Membership
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope

from .topics.counting import Sums, sums_of
from .topics.queries import tree

TEMPLATE = "topics/_panel.html"
SHOWN = 6


def context(membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]:
    """Of all profiles of the person. Nothing while the log does not answer: the page shows the rest."""
    workspace = membership.workspace
    branches = tree(workspace.pk)
    sums: dict[str, Sums] = {}
    try:
        if branches and ids:
            sums = sums_of(Scope(workspace_id=workspace.pk, time_zone=workspace.time_zone), ids)
    except EventlogError:
        pass
    found = [(one.topic, sums[one.topic.key]) for one in branches if one.topic.key in sums]
    found.sort(key=lambda one: -one[1].n)
    return {"customer_topics": [(topic, one.n, one.total / one.n) for topic, one in found[:SHOWN]]}
