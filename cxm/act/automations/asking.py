"""What conditions of a workflow ask: of the event that began it, and of the customer as they are now.

Fields: `property.NAME` (of the event; a dot goes deeper), `text.NAME` (of what its comment says), those of segments
(`trait.NAME`, `name`, `email`, `phone`, `language`, `tag`, `event.NAME`, `last_seen_days`), `segment` (the ids of those
the customer is in) and `open_cases`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from cxm.act.cases.models import Case
from cxm.act.cases.text_fields import TEXT, of_properties
from cxm.lib.conditions import Condition, Value, compare, leaves
from cxm.record.customers.models import Customer
from cxm.record.customers.segments import Answers, find_segment

PROPERTY, SEGMENT, OPEN_CASES = "property.", "segment", "open_cases"


def of_event(leaf: Condition) -> bool:
    return leaf.field.startswith((PROPERTY, TEXT))


def property_of(properties: Mapping[str, Any], path: str) -> Value:
    """`order.total` of nested objects; a property whose own name has dots comes first."""
    if path in properties:
        return properties[path]  # type: ignore[no-any-return]  # JSON
    head, _dot, rest = path.partition(".")
    below = properties.get(head)
    return property_of(below, rest) if rest and isinstance(below, Mapping) else None


def judge(condition: Condition, test: Callable[[Condition], bool | None]) -> bool | None:
    """Whether the tree is true, where `test` does not know every leaf; None if that cannot be said without the rest."""
    if condition.not_ is not None:
        inner = judge(condition.not_, test)
        return None if inner is None else not inner
    if condition.all is not None or condition.any is not None:
        decisive = condition.any is not None
        results = [judge(one, test) for one in (condition.any if decisive else condition.all) or ()]
        if decisive in results:
            return decisive
        return None if None in results else not decisive
    return test(condition)


def by_event(workspace_id: int, properties: Mapping[str, Any]) -> Callable[[Condition], bool | None]:
    """What an event alone can say of a condition; its comment is read when that is asked for."""

    def test(leaf: Condition) -> bool | None:
        if not of_event(leaf):
            return None
        if leaf.field.startswith(TEXT):
            read = of_properties(workspace_id, properties)
            return compare(read.get(leaf.field.removeprefix(TEXT)), leaf.operator, leaf.values)
        return compare(property_of(properties, leaf.field.removeprefix(PROPERTY)), leaf.operator, leaf.values)

    return test


class Asked:
    """Answers for one event and one customer (None: nobody we know). The customer is looked at only when asked for."""

    def __init__(
        self, workspace_id: int, properties: Mapping[str, Any], customer: Customer | None, now: datetime
    ) -> None:
        self.workspace_id, self.properties, self.customer, self.now = workspace_id, properties, customer, now

    def holds(self, condition: Condition | None) -> bool:
        """Raises EventlogError where the log must be asked and is away."""
        if condition is None:
            return True
        event = by_event(self.workspace_id, self.properties)
        said = judge(condition, event)
        if said is not None:
            return said
        answers = Answers(self.customer, [condition], self.now) if self.customer else None

        def test(leaf: Condition) -> bool:
            known = event(leaf)
            return compare(self._of_customer(leaf, answers), leaf.operator, leaf.values) if known is None else known

        return bool(judge(condition, test))

    def _of_customer(self, leaf: Condition, answers: Answers | None) -> Value:
        if self.customer is None or answers is None:
            return 0 if leaf.field.startswith("event.") or leaf.field == OPEN_CASES else None
        if leaf.field == SEGMENT:
            return [str(one) for one in leaf.values if self._is_in(str(one))]
        if leaf.field == OPEN_CASES:
            return open_cases([self.customer.pk]).get(self.customer.pk, 0)
        return answers(leaf)

    def _is_in(self, segment_id: str) -> bool:
        condition = find_segment(self.workspace_id, segment_id)
        if condition is None or self.customer is None:
            return False
        answers = Answers(self.customer, [condition], self.now)
        return bool(judge(condition, lambda leaf: compare(answers(leaf), leaf.operator, leaf.values)))


def open_cases(customers: list[UUID]) -> dict[UUID, int]:
    """How many open cases each of these canonical customers has, over all their profiles."""
    found: dict[UUID, int] = {}
    for start in range(0, len(customers), 500):
        some = customers[start : start + 500]
        rows = Customer.objects.filter(canonical__in=some).values_list("pk", "canonical_id")
        lead = {one: one for one in some} | {pk: root for pk, root in rows if root}
        cases = Case.objects.filter(customer__in=list(lead), state__in=Case.OPEN_STATES)
        for customer in cases.values_list("customer_id", flat=True):
            if customer:
                found[lead[customer]] = found.get(lead[customer], 0) + 1
    return found


def asks_customer(condition: Condition | None) -> bool:
    return condition is not None and any(not of_event(leaf) for leaf in leaves(condition))
