"""A person says by the link in a mail that they want no more of them, or that they do after all."""

from __future__ import annotations

from django.db import transaction

from cxm.accounts.audit import audit
from cxm.record.customers.consent import set_consent

from .actions import suppress
from .models import Delivery, Suppression
from .queries import folded

PURPOSE = "surveys"


@transaction.atomic
def unsubscribe(*, delivery: Delivery) -> None:
    """No further mail to this address, and consent to surveys is withdrawn. Saying it twice changes nothing."""
    if is_unsubscribed(delivery):
        return
    suppress(workspace=delivery.workspace, address=delivery.to, reason=Suppression.Reason.UNSUBSCRIBED, by=None)
    if delivery.customer:
        set_consent(customer=delivery.customer, purpose=PURPOSE, granted=False, source="unsubscribe link", by=None)


@transaction.atomic
def subscribe_again(*, delivery: Delivery) -> None:
    """Take back what this link did; an address that bounced or complained stays on the list."""
    row = _row(delivery)
    if row is None:
        return
    audit("released", row, workspace=delivery.workspace, by=None, changes={"reason": [row.reason, None]})
    row.delete()
    if delivery.customer:
        set_consent(customer=delivery.customer, purpose=PURPOSE, granted=True, source="unsubscribe link", by=None)


def is_unsubscribed(delivery: Delivery) -> bool:
    return _row(delivery) is not None


def _row(delivery: Delivery) -> Suppression | None:
    return Suppression.objects.filter(
        workspace=delivery.workspace, kind="email", address=folded(delivery.to),
        reason=Suppression.Reason.UNSUBSCRIBED,
    ).first()  # fmt: skip
