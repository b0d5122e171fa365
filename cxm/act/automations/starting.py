"""How runs begin: which workflows an event is for, and the rows that make them go.

A run is a row with a unique key, made in one transaction with whatever must not be forgotten about it; so however often
the flow hands over the same event, one run begins. Its steps are made by `running.py`.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cxm.record.customers.linking import parts
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import CAPTURED, LogEvent
from cxm.record.eventlog.scope import Scope

from .definition import Program, Trigger, program_called
from .models import Run, Workflow

DEEPEST = 5  # facts so far away from a person or an event from outside begin nothing
LATEST = timedelta(days=7)  # an event that comes later than that is history
LONGEST_CONTEXT = 16_000  # characters of the properties that a run remembers
waiting = threading.Event()  # set when this process has begun runs or woken them: whoever runs them wakes
_decoder = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Rule:
    """A workflow that is on and is begun by events."""

    workflow_id: int
    version: int
    on_since: datetime | None
    program: Program

    @property
    def trigger(self) -> Trigger:
        return self.program.definition.trigger


@dataclass(slots=True)
class Beginning:
    """A run that is to begin. `root` is what it all goes back to."""

    rule: Rule
    key: str
    customer_id: UUID | None
    root: UUID
    depth: int = 1
    context: dict[str, Any] = field(default_factory=dict)


def rules_of(workspaces: Iterable[int]) -> dict[int, dict[str, list[Rule]]]:
    """The rules of these workspaces by the name of the event that begins them."""
    found: dict[int, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
    rows = Workflow.objects.filter(
        workspace__in=list(workspaces), workspace__deleted_at=None, is_on=True, archived_at=None
    ).exclude(event="")
    columns = ("pk", "key", "workspace_id", "version", "event", "on_since")
    for pk, key, workspace, number, event, since in rows.values_list(*columns):
        program = program_called(pk, number, key)
        if program is not None:
            found[workspace][event].append(Rule(pk, number, since, program))
    return found


def wants(rule: Rule, event: LogEvent, properties: Mapping[str, Any], depth: int) -> bool:
    """What the trigger itself asks of the event, before the condition."""
    trigger = rule.trigger
    if rule.on_since is not None and event.received_at < rule.on_since:
        return False
    if not fits(trigger, properties):
        return False
    # Captured events may come from anybody; what began a chain of our own is told by facts only.
    return not depth or not Run.objects.filter(workflow=rule.workflow_id, cause=origin(event, properties)[0]).exists()


def fits(trigger: Trigger, properties: Mapping[str, Any]) -> bool:
    match trigger.kind:
        case "answer":
            return (not trigger.survey or properties.get("survey") == trigger.survey) and (
                not trigger.metric or properties.get("metric") == trigger.metric
            )
        case "alert":
            return not trigger.alert or properties.get("rule") == trigger.alert
    return True


def origin(event: LogEvent, properties: Mapping[str, Any]) -> tuple[UUID, int]:
    """What an event goes back to, and how many rules lie between."""
    if event.source != CAPTURED:
        try:
            return UUID(str(properties["cause"])), int(properties["depth"])
        except (KeyError, ValueError, TypeError):
            pass
    return event.event_id, 0


def properties_of(event: LogEvent) -> dict[str, Any]:
    return read_properties(event.properties, event.occurred_at)


def read_properties(text: str, at: datetime) -> dict[str, Any]:
    """The properties of an event at that time, with `days_late` beside a promise (below zero: it was kept)."""
    try:
        found = _decoder.decode(text) if text else {}
    except msgspec.DecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    if "days_late" not in found and (promised := _time(found.get("promised_at"))):
        found["days_late"] = round((at - promised).total_seconds() / 86_400, 2)
    return found


def _time(value: object) -> datetime | None:
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def kept(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What a run remembers of its event: the smallest properties first, as many as fit."""
    sized = sorted(((len(json.dumps(value)), name) for name, value in properties.items()), key=lambda one: one[0])
    room, found = LONGEST_CONTEXT, {}
    for size, name in sized:
        room -= size + len(name)
        if room < 0:
            break
        found[name] = properties[name]
    return {name: found[name] for name in properties if name in found}


def begin(workspace_id: int, beginnings: Sequence[Beginning]) -> int:
    """Make the rows, in the caller's transaction; returns how many were asked for and are not there for the customer.

    What has begun already (by its key, or for that customer within the days of the workflow) does not begin again.
    """
    now, rows, taken = timezone.now(), list[Run](), set[tuple[int, UUID]]()
    for one in beginnings:
        definition = one.rule.program.definition
        key, days = one.key, definition.days_between
        if one.customer_id and days is None:
            key = f"once:{one.customer_id.hex}"
        elif one.customer_id and days:
            before = Run.objects.filter(
                workflow=one.rule.workflow_id, customer=one.customer_id, created_at__gt=now - timedelta(days=days)
            )
            if (one.rule.workflow_id, one.customer_id) in taken or before.exists():
                continue
            taken.add((one.rule.workflow_id, one.customer_id))
        rows.append(
            Run(
                workspace_id=workspace_id, workflow_id=one.rule.workflow_id, version=one.rule.version, key=key,
                customer_id=one.customer_id, position=one.rule.program.first, due_at=now, cause=one.root,
                depth=one.depth, context=one.context, created_at=now,
            )
        )  # fmt: skip
    if rows:
        Run.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        transaction.on_commit(waiting.set)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Lead:
    customer_id: UUID
    canonical_id: UUID


LEADS = """
SELECT customer_id, canonical_id FROM customers FINAL WHERE $scope AND customer_id IN {ids:Array(UUID)}
"""


def customers_of(workspace_id: int, events: Sequence[LogEvent]) -> dict[UUID, UUID]:
    """The canonical customer behind each customer id of these events; ids that lead to nobody are left out."""
    ids = {event.customer_id for event in events} - {NOBODY}
    named: dict[str, dict[str, UUID]] = {"user_id": {}, "anonymous_id": {}}
    for event in events:
        if event.user_id or event.anonymous_id:
            kind = "user_id" if event.user_id else "anonymous_id"
            named[kind][event.user_id or event.anonymous_id] = event.customer_id
    leads: dict[UUID, UUID] = {}
    for kind, ids_by_value in named.items():
        for part in parts(sorted(ids_by_value)):
            held = Identity.objects.filter(workspace=workspace_id, kind=kind, value__in=part)
            leads.update(
                (ids_by_value[value], customer) for value, customer in held.values_list("value", "customer_id")
            )
    found: dict[UUID, UUID] = {}
    for some in parts(sorted(ids - leads.keys() | set(leads.values()))):
        rows = Customer.objects.filter(workspace=workspace_id, pk__in=some)
        found.update((pk, canonical or pk) for pk, canonical in rows.values_list("pk", "canonical_id"))
    found |= {one: found[profile] for one, profile in leads.items() if profile in found}
    # An answer of ours can carry the id of a name without the name.
    if missing := sorted(ids - found.keys()):
        for some in parts(missing, 3000):
            rows_in_log = ask(
                LEADS, Scope(workspace_id), row=Lead, name="automations.leads", table="customers",
                ids=[str(one) for one in some],
            ).rows  # fmt: skip
            told = {row.customer_id: row.canonical_id for row in rows_in_log}
            present = set(Customer.objects.filter(pk__in=list(told.values())).values_list("pk", flat=True))
            found |= {one: canonical for one, canonical in told.items() if canonical in present}
    return {one: found[one] for one in ids if one in found}
