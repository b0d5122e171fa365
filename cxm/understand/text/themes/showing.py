"""Texts as a page shows them: with who wrote them, and masked for those who may not see personal data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cxm.accounts.access import sees_personal
from cxm.accounts.models import Membership
from cxm.lib.personal import mask
from cxm.record.customers.models import Customer

from .queries import Verbatim


@dataclass(frozen=True, slots=True)
class Shown:
    """A text, its customer if there is one, and the comment as this reader may see it."""

    text: Verbatim
    comment: str
    customer: Customer | None


def shown(membership: Membership, texts: Iterable[Verbatim]) -> list[Shown]:
    plain = sees_personal(membership)
    rows = list(texts)
    ids = {one.customer_id for one in rows if one.customer_id.int}
    customers = {}
    if plain and ids:
        customers = {one.pk: one for one in Customer.objects.filter(workspace=membership.workspace, pk__in=ids)}
    return [Shown(one, one.comment if plain else mask(one.comment), customers.get(one.customer_id)) for one in rows]
