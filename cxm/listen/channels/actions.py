"""What can be done with messages: queue, cancel, send again; and with addresses: suppress, release."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.record.customers.models import Customer

from . import causes
from .models import Delivery, Suppression
from .queries import folded

State = Delivery.State
waiting = threading.Event()  # set when a transaction of this process has queued messages: whoever sends them wakes
SOFT_BOUNCES = 3  # within SOFT_WITHIN: the address is as good as dead
SOFT_WITHIN = timedelta(days=60)


class Refused(ValueError):
    """The change cannot be made; the message says why, in the language of the person."""


def queue(
    *, workspace: Workspace, cause: str, to: str, customer: Customer | None = None, batch: str = "", **letter: Any
) -> UUID:
    """Queue one message in the caller's transaction; it leaves after the commit. A cause gets at most one message.

    `letter` holds the fields of a Letter where no module makes it (see causes.py).
    """
    queue_all([Delivery(workspace=workspace, cause=cause, to=to, customer=customer, batch=batch, message=letter)])
    return Delivery.objects.values_list("pk", flat=True).get(workspace=workspace, cause=cause)


def queue_all(deliveries: Sequence[Delivery]) -> None:
    """Queue many at once; those whose cause has a message already are left as they are."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A message queued outside a transaction could leave although its cause was rolled back.")
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True, batch_size=500)
    transaction.on_commit(waiting.set)


@transaction.atomic
def cancel(*, delivery: Delivery, by: Actor) -> None:
    """Do not send it. Raises Refused for what has left already, or may have."""
    require_role(delivery.workspace, by, Role.ANALYST)
    if not Delivery.objects.filter(pk=delivery.pk, state=State.WAITING).update(state=State.CANCELLED):
        raise Refused(_("Only a message that waits can be cancelled."))
    _settled(delivery.pk, "cancelled", by)


@transaction.atomic
def cancel_batch(*, workspace: Workspace, batch: str) -> list[Delivery]:
    """Cancel what waits of a batch; returns it. The caller audits, and knows what follows."""
    rows = list(Delivery.objects.select_for_update().filter(workspace=workspace, batch=batch, state=State.WAITING))
    for start in range(0, len(rows), 500):
        ids = [one.pk for one in rows[start : start + 500]]
        Delivery.objects.filter(pk__in=ids, state=State.WAITING).update(state=State.CANCELLED)
    return rows


@transaction.atomic
def send_again(*, delivery: Delivery, by: Actor) -> None:
    """Send a message that failed, or of which nobody knows whether it left: that is for a person to decide.

    Raises Refused for any other, and for an address that must not be written to.
    """
    require_role(delivery.workspace, by, Role.ANALYST)
    row = Suppression.objects.filter(
        workspace_id=delivery.workspace_id, kind=delivery.kind, address=folded(delivery.to)
    ).first()
    if row and not is_answer_to(delivery, row.reason):
        raise Refused(_("This address is on the list of those that must not be written to."))
    again = [State.FAILED, State.UNCERTAIN, State.CANCELLED]
    if not Delivery.objects.filter(pk=delivery.pk, state__in=again).update(
        state=State.WAITING, attempts=0, error="", not_before=timezone.now(), claimed_by=""
    ):
        raise Refused(_("Only a message that failed, was cancelled or is uncertain can be sent again."))
    audit("queued again", delivery, workspace=delivery.workspace, by=by, name=delivery.to)
    transaction.on_commit(waiting.set)


@transaction.atomic
def suppress(*, workspace: Workspace, address: str, reason: Suppression.Reason, by: Actor) -> Suppression:
    """Never write to this address again; what waits for it is cancelled. Raises Refused for what is no address."""
    require_role(workspace, by, Role.ANALYST)
    address = folded(address)
    try:
        validate_email(address)
    except ValidationError:
        if reason == Suppression.Reason.MANUAL:
            raise Refused(_("“%(address)s” is no e-mail address.") % {"address": address}) from None
    row, new = Suppression.objects.get_or_create(
        workspace=workspace, kind="email", address=address, defaults={"reason": reason}
    )
    waiting_there = Delivery.objects.filter(workspace=workspace, kind="email", to__iexact=address, state=State.WAITING)
    for one in waiting_there:
        if is_answer_to(one, reason):
            continue
        if Delivery.objects.filter(pk=one.pk, state=State.WAITING).update(
            state=State.CANCELLED, error=f"suppressed: {reason}"
        ):
            _settled(one.pk)
    if new:
        audit("suppressed", row, workspace=workspace, by=by, changes={"reason": [None, str(reason)]})
    return row


def is_answer_to(delivery: Delivery, reason: str) -> bool:
    """Whether it is an answer to somebody who wrote to us: who wants no surveys does want those."""
    return reason == Suppression.Reason.UNSUBSCRIBED and delivery.cause.startswith("message:")


@transaction.atomic
def release(*, suppression: Suppression, by: Actor) -> None:
    """The address may be written to again."""
    require_role(suppression.workspace, by, Role.ANALYST)
    audit(
        "released", suppression, workspace=suppression.workspace, by=by, changes={"reason": [suppression.reason, None]}
    )
    suppression.delete()


@transaction.atomic
def bounced(*, delivery: Delivery, error: str, dead: bool) -> None:
    """A message came back. `dead`: the address does not exist; else it is suppressed after SOFT_BOUNCES of them."""
    changed = (
        Delivery.objects.filter(pk=delivery.pk)
        .exclude(state__in=[State.BOUNCED, State.WAITING, State.CANCELLED])
        .update(state=State.BOUNCED, error=error[:2000])
    )
    if not changed:
        return
    _settled(delivery.pk)
    since = timezone.now() - SOFT_WITHIN
    came_back = Delivery.objects.filter(
        workspace_id=delivery.workspace_id, to__iexact=delivery.to, state=State.BOUNCED, created_at__gte=since
    ).count()
    if dead or came_back >= SOFT_BOUNCES:
        suppress(workspace=delivery.workspace, address=delivery.to, reason=Suppression.Reason.BOUNCED, by=None)


def _settled(delivery_id: UUID, verb: str = "", by: Actor = None) -> None:
    delivery = Delivery.objects.select_related("workspace").get(pk=delivery_id)
    if verb:
        audit(verb, delivery, workspace=delivery.workspace, by=by, name=delivery.to)
    causes.tell(delivery)


def too_large() -> str:
    return _("A report of a mail server has at most 2 MB.")
