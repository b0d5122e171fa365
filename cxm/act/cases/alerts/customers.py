"""Who stands behind an event, and what a rule may ask of them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from cxm.lib.conditions import Condition, Value, holds, leaves
from cxm.record.customers.models import Customer, Identity
from cxm.record.customers.segments import Answers, segments_of
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.follow import LogEvent

from .rules import Seen, getter, is_early

SEGMENT = "segment"  # its values are ids of segments


def customers_of(workspace_id: int, events: Iterable[LogEvent]) -> dict[UUID, Customer]:
    """The customer (canonical after merges) behind each customer id of these events; nobody for strangers."""
    events = list(events)
    names = {("user_id", one.user_id) if one.user_id else ("anonymous_id", one.anonymous_id): one.customer_id
             for one in events if one.user_id or one.anonymous_id}  # fmt: skip
    owners: dict[UUID, UUID] = {
        one.customer_id: one.customer_id for one in events
        if not one.user_id and not one.anonymous_id and one.customer_id != NOBODY
    }  # fmt: skip
    for kind in ("user_id", "anonymous_id"):
        values = [value for named, value in names if named == kind]
        for start in range(0, len(values), 500):
            rows = Identity.objects.filter(workspace=workspace_id, kind=kind, value__in=values[start : start + 500])
            owners.update((names[kind, value], pk) for value, pk in rows.values_list("value", "customer_id"))
    found: dict[UUID, Customer] = {}
    wanted = list(set(owners.values()))
    for start in range(0, len(wanted), 500):
        some = Customer.objects.select_related("canonical", "canonical__workspace", "workspace").filter(
            workspace=workspace_id, pk__in=wanted[start : start + 500]
        )
        found.update((one.pk, one.canonical or one) for one in some)
    return {said: found[pk] for said, pk in owners.items() if pk in found}


class Asked:
    """Answers to the second half of a rule: fields of the event as before, and those of the customer."""

    def __init__(self, one: Seen, customer: Customer | None, condition: Condition) -> None:
        self.one, self.customer = one, customer
        of_customer = [leaf for leaf in leaves(condition) if not is_early(leaf.field) and leaf.field != SEGMENT]
        self.answers = Answers(customer, of_customer, timezone.now()) if customer else None

    def __call__(self, leaf: Condition) -> Value:
        if is_early(leaf.field):
            return getter(leaf.field)(self.one)
        if self.customer is None or self.answers is None:
            return None
        if leaf.field == SEGMENT:
            return [str(segment.pk) for segment in segments_of(self.customer)]
        return self.answers(leaf)


def holds_for(one: Seen, customer: Customer | None, condition: Condition | None) -> bool:
    """Whether the second half of a rule holds. Raises EventlogError where it asks for events."""
    return condition is None or holds(condition, Asked(one, customer, condition))
