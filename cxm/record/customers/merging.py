"""Two profiles of one person: merged by a link that can be taken back.

A merged profile keeps its identities, traits, tags, notes and consents; the canonical customer shows all of them.
`merged_into` is the link as a person made it, `canonical` is where the chain of links ends.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.audit import Actor, audit
from cxm.record.eventlog.outbox import emit

from .access import one_at_a_time, require_change
from .errors import Refused
from .models import Customer
from .snapshot import put_snapshot, refresh_activity


@transaction.atomic
def merge_customers(*, customer: Customer, into: Customer, by: Actor) -> Customer:
    """Link the person that `customer` belongs to below the one that `into` belongs to; returns the canonical customer.

    Raises Refused if they are one already. Links join only canonical customers, so no chain can run in a circle.
    """
    workspace = into.workspace
    require_change(workspace, by)
    one_at_a_time(workspace)
    below, above = canonical_of(customer), canonical_of(into)
    if below.workspace_id != above.workspace_id:
        raise Refused(_("Customers of different workspaces cannot be merged."))
    if below.pk == above.pk:
        raise Refused(_("These two profiles belong to the same customer already."))
    below.merged_into = above
    below.save(update_fields=["merged_into"])
    moved = [below.pk, *Customer.objects.filter(canonical=below).values_list("pk", flat=True)]
    Customer.objects.filter(pk__in=moved).update(canonical=above)
    audit("merged", below, workspace=workspace, by=by, changes={"merged_into": [None, str(above.pk)]})
    audit("merged with another", above, workspace=workspace, by=by, changes={"merged": [None, str(below.pk)]})
    emit(
        "customers_merged", workspace_id=workspace.pk, customer_id=above.pk,
        by=str(by or "OpenCXM"), merged=str(below.pk), profile=str(below),
    )  # fmt: skip
    _tell_the_log(workspace.pk, [above.pk])
    above.refresh_from_db()
    return above


@transaction.atomic
def unmerge(*, customer: Customer, by: Actor) -> Customer:
    """Take the link of a merged profile back; what was merged into it before comes with it. Raises Refused."""
    workspace = customer.workspace
    require_change(workspace, by)
    one_at_a_time(workspace)
    customer = Customer.objects.select_related("workspace").get(pk=customer.pk)
    if customer.merged_into_id is None:
        raise Refused(_("This profile is not merged with another one."))
    before = canonical_of(customer)
    customer.merged_into = None
    customer.canonical = None
    customer.save(update_fields=["merged_into", "canonical"])
    Customer.objects.filter(pk__in=_below(customer.pk)).update(canonical=customer)
    audit("separated", customer, workspace=workspace, by=by, changes={"merged_into": [str(before.pk), None]})
    emit(
        "customers_unmerged", workspace_id=workspace.pk, customer_id=before.pk,
        by=str(by or "OpenCXM"), separated=str(customer.pk), profile=str(customer),
    )  # fmt: skip
    _tell_the_log(workspace.pk, [before.pk, customer.pk])
    return customer


def canonical_of(customer: Customer) -> Customer:
    """The customer at the end of the chain of merges, as the database has it now."""
    row = Customer.objects.select_related("canonical").get(pk=customer.pk)
    return row.canonical or row


def _below(customer_id: UUID) -> list[UUID]:
    """Every profile that was merged into this one, directly or not."""
    found: list[UUID] = []
    level = [customer_id]
    while level := list(Customer.objects.filter(merged_into__in=level).values_list("pk", flat=True)):
        found += level
    return found


def _tell_the_log(workspace_id: int, customer_ids: list[UUID]) -> None:
    def after_commit() -> None:
        put_snapshot(workspace_id, customer_ids)
        refresh_activity(workspace_id, customer_ids)

    transaction.on_commit(after_commit)
