"""What the editor of a process offers: the events and properties of the log and of the tracking plan; and a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cxm.accounts.models import Workspace
from cxm.record.capture.plan import PlanError, read_plan
from cxm.record.capture.queries import plan_of
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.steps.compiling import compile_process
from cxm.understand.metrics.fields import NEWEST

MOST_EVENTS, MOST_LABELS = 200, 40
MOST_READ, READ_OF_EACH = 30, 200

EVENTS_SQL = """
SELECT toString(name) AS name, toUInt64(count()) AS n, toUInt64(countIf(source = 'fact')) AS facts
FROM events WHERE $scope GROUP BY name ORDER BY n DESC, name LIMIT {most:UInt32}
"""
PROPERTIES_SQL = """
SELECT arraySort(groupUniqArrayArray(arrayDistinct(arrayConcat(
    JSONExtractKeys(properties), JSONExtractKeys(properties, 'properties'))))) AS paths
FROM (SELECT properties FROM events WHERE $scope LIMIT {newest:UInt32} BY name)
"""


KEYS_SQL = """
SELECT arraySort(groupUniqArrayArray(arrayDistinct(arrayConcat(
    JSONExtractKeys(properties), JSONExtractKeys(properties, 'properties'))))) AS paths
FROM ($parts)
"""


@dataclass(frozen=True, slots=True)
class EventName:
    """`facts` of the `n` are stated by this system itself."""

    name: str
    n: int
    facts: int


@dataclass(frozen=True, slots=True)
class PathsRow:
    paths: list[str]


@dataclass(frozen=True, slots=True)
class LabelRow:
    label: str
    n: int
    cases: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Which steps there would be, the most frequent first, without their repeats taken away."""

    labels: list[LabelRow]
    events: int
    cases: int


def event_names_in_log(workspace_id: int) -> list[str]:
    """The events that were received, the most frequent first."""
    found = ask(
        EVENTS_SQL, Scope(workspace_id), row=EventName, name="journeys.events", table="events", most=MOST_EVENTS
    ).rows  # fmt: skip
    return [one.name for one in found if one.n > one.facts]


def properties_of(workspace_id: int, names: Sequence[str]) -> list[str]:
    """The properties of some events of each of these names (of the first thirty): it takes no look at the others."""
    if not names:
        return []
    given: dict[str, Any] = {f"name{number}": name for number, name in enumerate(names[:MOST_READ])}
    some = "(SELECT properties FROM events WHERE $scope AND name = {%s:String} LIMIT %d)"
    parts = " UNION ALL ".join(some % (one, READ_OF_EACH) for one in given)
    rows = ask(
        KEYS_SQL.replace("$parts", parts), Scope(workspace_id), row=PathsRow, name="journeys.properties",
        table="events", **given,
    ).rows  # fmt: skip
    return [one for one in (rows[0].paths if rows else []) if one != "properties"]


def event_names(workspace: Workspace) -> list[EventName]:
    """The events of the log, the most frequent first, then those that only the tracking plan knows."""
    found = ask(
        EVENTS_SQL, Scope(workspace.pk), row=EventName, name="journeys.events", table="events", most=MOST_EVENTS
    ).rows  # fmt: skip
    known = {one.name for one in found}
    return found + [EventName(name, 0, 0) for name in planned(workspace) if name not in known]


def property_names(workspace: Workspace) -> list[str]:
    """The properties of some thousand events of each name, and those of the tracking plan."""
    rows = ask(
        PROPERTIES_SQL, Scope(workspace.pk), row=PathsRow, name="journeys.properties", table="events",
        newest=NEWEST // 10,
    ).rows  # fmt: skip
    names = set(rows[0].paths if rows else []) | {name for rules in planned(workspace).values() for name in rules}
    return sorted(names - {"properties"})


def planned(workspace: Workspace) -> Mapping[str, Mapping[str, Any]]:
    """The events of the tracking plan in force, with their properties."""
    plan = plan_of(workspace)
    if plan is not None:
        with suppress(PlanError):  # a plan of an older version is no reason to show nothing
            return {name: rules for name, (rules, _others) in read_plan(plan.yaml).events.items()}
    return {}


def preview(workspace: Workspace, definition: ProcessDefinition) -> Preview:
    """Raises UnknownField for a condition that events cannot be put to."""
    source = compile_process(workspace.pk, 0, 0, definition)
    nobody = "toUUID('00000000-0000-0000-0000-000000000000')"
    answers = [
        ask(
            f"{source.head} SELECT {label} AS label, toUInt64(count()) AS n, toUInt64(uniq({source.case_id})) AS cases"
            f" FROM events AS e WHERE $scope AND ({source.where}) AND {source.label} != ''"
            f" AND {source.case_id} != {nobody} {group}",
            Scope(workspace.pk), row=LabelRow, name="journeys.preview", table="events", names=list(source.names),
            **source.parameters,
        ).rows
        for label, group in (
            (f"toString({source.label})", f"GROUP BY label ORDER BY n DESC, label LIMIT {MOST_LABELS}"), ("''", ""),
        )
    ]  # fmt: skip
    [whole] = answers[1]
    return Preview(answers[0], whole.n, whole.cases)
