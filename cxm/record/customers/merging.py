"""Two profiles of one person: merged by a link that can be taken back.

A merged profile keeps its identities, traits, tags, notes and consents; the canonical customer shows all of them.
`merged_into` is the link as a person made it; `canonical` is to whom these and the links that events made lead
(linking.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.record.eventlog.outbox import emit

from .access import one_at_a_time
from .actions import links_from
from .errors import Refused
from .linking import Name, Settled, holders, log_id, settle
from .models import ANALYTICS, Consent, Customer, IdentityLink
from .snapshot import families, put_snapshot, refresh_activity, tracked_names
from .versions import bump_directory


@transaction.atomic
def merge_customers(*, customer: Customer, into: Customer, by: Actor) -> Customer:
    """Link the person that `customer` belongs to below the one that `into` belongs to; returns the canonical customer.

    Raises Refused if they are one already. Links join only canonical customers, so no chain can run in a circle.
    """
    workspace = into.workspace
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)
    below, above = canonical_of(customer), canonical_of(into)
    if below.workspace_id != above.workspace_id:
        raise Refused(_("Customers of different workspaces cannot be merged."))
    if below.pk == above.pk:
        raise Refused(_("These two profiles belong to the same customer already."))
    below.merged_into = above
    below.save(update_fields=["merged_into"])
    settled = settle(workspace.pk, customers=[below.pk, above.pk])
    above = canonical_of(above)
    audit("merged", below, workspace=workspace, by=by, changes={"merged_into": [None, str(above.pk)]})
    audit("merged with another", above, workspace=workspace, by=by, changes={"merged": [None, str(below.pk)]})
    emit(
        "customers_merged", workspace_id=workspace.pk, customer_id=above.pk,
        by=str(by or "OpenCXM"), merged=str(below.pk), profile=str(below),
    )  # fmt: skip
    _tell(workspace.pk, {above.pk}, settled)
    above.refresh_from_db()
    return above


@transaction.atomic
def unmerge(*, customer: Customer, by: Actor) -> Customer:
    """Take the link of a merged profile back; what was merged into it before comes with it. Raises Refused."""
    workspace = customer.workspace
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)
    customer = Customer.objects.select_related("workspace").get(pk=customer.pk)
    if customer.canonical_id is None:
        raise Refused(_("This profile is not merged with another one."))
    before = canonical_of(customer)
    if customer.merged_into_id:
        customer.merged_into = None
        customer.save(update_fields=["merged_into"])
        settled = settle(workspace.pk, customers=[customer.pk, before.pk])
    else:
        settled = _undo_links_of(customer, before)
    customer.refresh_from_db()
    audit("separated", customer, workspace=workspace, by=by, changes={"merged_into": [str(before.pk), None]})
    emit(
        "customers_unmerged", workspace_id=workspace.pk, customer_id=before.pk,
        by=str(by or "OpenCXM"), separated=str(customer.pk), profile=str(customer),
    )  # fmt: skip
    _tell(workspace.pk, {before.pk, customer.pk}, settled)
    return customer


@transaction.atomic
def undo_link(*, link: IdentityLink, by: Actor) -> None:
    """Say that what an event said of two names is not true; it stays so when the event is repeated."""
    workspace = link.workspace
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)
    if not IdentityLink.objects.filter(pk=link.pk, undone_at=None).update(undone_at=timezone.now()):
        return
    names = [(link.from_kind, link.from_value), (link.to_kind, link.to_value)]
    held = set(holders(workspace.pk, names).values()) | {log_id(workspace.pk, name) for name in names}
    settled = settle(workspace.pk, names=names)
    told = Customer.objects.filter(pk__in=held)
    for customer in told:
        audit("link undone", customer, workspace=workspace, by=by, changes={"link": [str(link), None]})
    _tell(workspace.pk, {one.pk for one in told}, settled, names)


def _undo_links_of(customer: Customer, before: Customer) -> Settled:
    """Undo the links by which this profile leads to its person, and if that is not enough, those that lead to it."""
    workspace = customer.workspace
    mine = tracked_names([customer])[customer.pk]
    others = [member for family in families(workspace.pk, [before.pk]) for member in family if member != customer]
    theirs = [name for names in tracked_names(others).values() for name in names]
    settled = Settled()
    for sources, targets in ((mine, theirs), (theirs, mine)):
        to = Q(pk__in=[])
        for kind, value in targets:
            to |= Q(to_kind=kind, to_value=value)
        links_from(workspace, sources).filter(to, undone_at=None).update(undone_at=timezone.now())
        more = settle(workspace.pk, names=mine, customers=[customer.pk, before.pk])
        settled.customers |= more.customers
        settled.names |= more.names
        if canonical_of(customer).pk not in {one.pk for one in others}:
            break
    return settled


def canonical_of(customer: Customer) -> Customer:
    """The customer at the end of the chain of merges, as the database has it now."""
    row = Customer.objects.select_related("canonical").get(pk=customer.pk)
    return row.canonical or row


def _tell(workspace_id: int, customers: set[UUID], settled: Settled, names: Iterable[Name] = ()) -> None:
    """Tell the log, and the intake if somebody's refusal may stretch to other names now."""
    customers = customers | settled.customers
    if Consent.objects.filter(customer__in=customers, purpose=ANALYTICS).exists():
        bump_directory()

    def after_commit() -> None:
        put_snapshot(workspace_id, customers, {*names, *settled.names})
        refresh_activity(workspace_id, list(customers))

    transaction.on_commit(after_commit)
