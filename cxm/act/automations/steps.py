"""The step of the flow: what events and facts begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cxm.record.customers.linking import parts
from cxm.record.customers.models import Customer
from cxm.record.eventlog.follow import LogEvent

from .asking import Asked, by_event, judge
from .models import Run
from .starting import (
    DEEPEST,
    LATEST,
    Beginning,
    Rule,
    begin,
    customers_of,
    kept,
    origin,
    properties_of,
    rules_of,
    waiting,
    wants,
)


def run_automations(events: Sequence[LogEvent]) -> None:
    """The step of the flow: begin the runs that these events are for, and wake those that wait for a condition."""
    by_workspace: dict[int, list[LogEvent]] = defaultdict(list)
    for event in events:
        by_workspace[event.workspace_id].append(event)
    rules = rules_of(by_workspace)
    for workspace_id, some in sorted(by_workspace.items()):
        concerned = [one for one in some if one.name in rules.get(workspace_id, {})]
        sleeping = Run.objects.filter(workspace=workspace_id, state=Run.State.ACTIVE, waits_for="condition").exists()
        if not concerned and not sleeping:
            continue
        people = customers_of(workspace_id, some if sleeping else concerned)
        beginnings = [one for event in concerned for one in _begun_by(event, rules[workspace_id][event.name], people)]
        with transaction.atomic():
            begin(workspace_id, beginnings)
            if sleeping:
                _wake(set(people.values()))


def _begun_by(event: LogEvent, rules: Sequence[Rule], people: Mapping[UUID, UUID]) -> list[Beginning]:
    now = timezone.now()
    properties = properties_of(event)
    root, depth = origin(event, properties)
    if depth >= DEEPEST or event.occurred_at < now - LATEST:
        return []
    found = []
    customer: Customer | None = None
    for rule in rules:
        if not wants(rule, event, properties, depth):
            continue
        condition = rule.program.definition.condition
        said = judge(condition, by_event(event.workspace_id, properties)) if condition is not None else True
        if said is False:
            continue
        who = people.get(event.customer_id)
        if said is None:
            if customer is None and who is not None:
                customer = Customer.objects.filter(pk=who).first()
            if not Asked(event.workspace_id, properties, customer, now).holds(condition):
                continue
        context = {"event": event.name, "at": event.occurred_at.isoformat(), "properties": kept(properties)}
        found.append(Beginning(rule, f"event:{event.event_id.hex}", who, root, depth + 1, context))
    return found


def _wake(customers: set[UUID]) -> None:
    """Something happened to these customers: what waits for a condition looks again."""
    woken = 0
    for part in parts(sorted(customers)):
        woken += Run.objects.filter(
            customer__in=part, state=Run.State.ACTIVE, waits_for="condition", due_at__gt=timezone.now()
        ).update(due_at=timezone.now())
    if woken:
        transaction.on_commit(waiting.set)
