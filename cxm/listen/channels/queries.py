"""Questions about messages and addresses that must not be written to."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404

from cxm.accounts.models import Workspace

from .models import Delivery, Suppression

ASKED = 500  # addresses in one question


def folded(address: str) -> str:
    """As suppressions are kept: mailboxes of one name in two spellings are one."""
    return address.strip().casefold()


def suppressed(workspace_id: int, addresses: Iterable[str]) -> dict[str, str]:
    """Which of these addresses must not be written to: folded address -> reason."""
    wanted = list({folded(one) for one in addresses})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), ASKED):
        rows = Suppression.objects.filter(
            workspace_id=workspace_id, kind="email", address__in=wanted[start : start + ASKED]
        )
        found.update(rows.values_list("address", "reason"))
    return found


def deliveries_of(workspace: Workspace) -> QuerySet[Delivery]:
    return Delivery.objects.filter(workspace=workspace).select_related("customer")


def delivery_for(workspace: Workspace, delivery_id: UUID) -> Delivery:
    found = deliveries_of(workspace).filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found


def suppressions_of(workspace: Workspace) -> QuerySet[Suppression]:
    return Suppression.objects.filter(workspace=workspace)


def counts_of_batch(batch: str) -> dict[str, int]:
    """State -> how many, of what is sent and stopped together."""
    rows = Delivery.objects.filter(batch=batch).order_by().values_list("state").annotate(n=Count("pk"))
    return {str(state): int(n) for state, n in rows}
