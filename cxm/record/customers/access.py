"""Who may read and change customers: each check returns the object, or raises as if it did not exist."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import Http404

from cxm.accounts.audit import Actor
from cxm.accounts.models import ApiKey, Workspace

from .models import Customer


def customer_for(workspace: Workspace, customer_id: UUID | str) -> Customer:
    """The customer of that workspace; Http404 for any other id."""
    try:
        found = Customer.objects.filter(workspace=workspace, pk=UUID(str(customer_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


def may_read(by: Actor) -> bool:
    """Whether someone who may change customers may also be told their names: a write key only sends."""
    return not (isinstance(by, ApiKey) and by.kind == ApiKey.Kind.WRITE)


def one_at_a_time(workspace: Workspace) -> None:
    """Wait for other changes of the same workspace that cannot run side by side (merges, identities)."""
    assert transaction.get_connection().in_atomic_block
    # SQLite ignores the lock and needs none: its write transactions run one after another.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
