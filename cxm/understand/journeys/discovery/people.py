"""The customers behind journeys, by the ids that events carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

SQL = """
SELECT customer_id, canonical_id FROM customers FINAL WHERE $scope AND customer_id IN {ids:Array(UUID)}
"""


@dataclass(frozen=True, slots=True)
class Row:
    customer_id: UUID
    canonical_id: UUID


def customers_by_id(workspace: Workspace, ids: Iterable[UUID]) -> dict[UUID, Customer]:
    """The profile that each id leads to, after merges and links; ids that lead to none are left out."""
    wanted = [one for one in dict.fromkeys(ids) if one != NOBODY]
    if not wanted:
        return {}
    rows = ask(
        SQL, Scope(workspace.pk), row=Row, name="journeys.customers", table="customers",
        ids=[str(one) for one in wanted],
    ).rows  # fmt: skip
    leads_to = {one: one for one in wanted} | {row.customer_id: row.canonical_id for row in rows}
    found = Customer.objects.filter(workspace=workspace).in_bulk(set(leads_to.values()))
    return {one: found[owner] for one, owner in leads_to.items() if owner in found}
