"""Which events the rules of a touchpoint fit: how many of late, and the newest of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.steps.compiling import compile_process

DAYS, EXAMPLES = 90, 5
SHOWN, LONGEST = 4, 40  # properties of an example, letters of a value


@dataclass(frozen=True, slots=True)
class Counted:
    n: int
    customers: int
    astray: int  # that name no journey, where journeys are told apart by a property


@dataclass(frozen=True, slots=True)
class EventRow:
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    name: str
    properties: str


@dataclass(frozen=True, slots=True)
class Example:
    """`customer` is None for nobody we know. `says`: some of its properties with their values."""

    customer: Customer | None
    at: datetime
    name: str
    says: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Matching:
    days: int
    counted: Counted
    examples: list[Example]


def matching(workspace: Workspace, definition: MapDefinition, key: str) -> Matching:
    """Of the last `DAYS` days. An event that an earlier touchpoint's rules fit too is a step there, and none here.

    Raises UnknownField, EventlogError.
    """
    source = compile_process(workspace.pk, 0, 0, definition.process())
    scope = Scope(workspace.pk, workspace.time_zone, timezone.now() - timedelta(days=DAYS))
    given = {**source.parameters, "names": list(source.names), "key": key}

    events = f"FROM events AS e WHERE $scope AND ({source.where}) AND {source.label} = {{key:String}}"
    [counted] = ask(
        "SELECT toUInt64(count()) AS n, toUInt64(uniqExact(customer_id)) AS customers,"
        " toUInt64(countIf(case_id = toUUID('00000000-0000-0000-0000-000000000000'))) AS astray"
        f" FROM ({source.head} SELECT customer_id, {source.case_id} AS case_id {events})",
        scope, row=Counted, name="maps.matching", table="events", **given,
    ).rows  # fmt: skip
    rows = ask(
        f"{source.head} SELECT event_id, customer_id, occurred_at, toString(name) AS name, properties {events}"
        " ORDER BY occurred_at DESC, event_id LIMIT {most:UInt32}",
        scope, row=EventRow, name="maps.matching", table="events", most=EXAMPLES, **given,
    ).rows  # fmt: skip
    people = {one.pk: one for one in Customer.objects.filter(
        workspace=workspace, pk__in={row.customer_id for row in rows}
    )}  # fmt: skip
    return Matching(DAYS, counted, [
        Example(people.get(row.customer_id), row.occurred_at, row.name, some_of(row.properties)) for row in rows
    ])  # fmt: skip


def some_of(properties: str) -> list[tuple[str, str]]:
    """The first properties that are no lists or objects, with the beginnings of their values."""
    said = json.loads(properties)
    plain = [(key, value) for key, value in said.items() if not isinstance(value, dict | list) and value is not None]
    texts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in plain[:SHOWN]]
    return [(key, text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") for key, text in texts]
