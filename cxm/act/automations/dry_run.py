"""What a workflow would have done in the past days: who would have been reached, and by which steps. Changes nothing.

Events are judged by their own properties and by what had happened until then; traits, tags and segments are those of
today, because nobody keeps what they were. What comes by import counts here although imports begin nothing: a company
that has only imported yet wants to see what a workflow would mean.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, compare, leaves
from cxm.record.customers.models import Customer
from cxm.record.customers.segments import find_segment, members
from cxm.record.customers.snapshot import in_utc
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.membership import NotAskable, people
from cxm.record.eventlog.scope import Scope

from .actions import event_of
from .asking import OPEN_CASES, SEGMENT, by_event, judge, of_event, open_cases
from .definition import Definition, Program, problems, program_of, way_of
from .effects import EFFECTS
from .running import end_of_wait
from .starting import fits, read_properties
from .watching import concerned_on, days_of

DAYS = 30
MOST_EVENTS = 50_000  # the newest of them
SHOWN = 100
ASKED = 3000
EVENT = "event."


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    person: UUID | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reached:
    at: datetime
    customer_id: UUID | None
    name: str
    steps: tuple[str, ...]  # ids of the steps that would have been made, in order


@dataclass(slots=True)
class DryRun:
    """`looks_back` is false where nobody knows the past: then `customers` says how many it is about today."""

    days: int = DAYS
    events: int = 0  # that its trigger is for
    runs: int = 0
    customers: int = 0
    imported: int = 0  # of the events: those begin nothing when they come
    without_address: int = 0  # customers whom no e-mail could reach
    steps: Counter[str] = field(default_factory=Counter)
    by_day: list[tuple[date, int]] = field(default_factory=list)
    people: list[Reached] = field(default_factory=list)
    looks_back: bool = True
    is_cut: bool = False  # there were more events than are looked at


@dataclass(frozen=True, slots=True)
class EventRow:
    occurred_at: datetime
    person: UUID
    is_history: int
    properties: str


EVENTS = """
SELECT e.occurred_at AS occurred_at, if(who.log_id = e.customer_id, who.canonical_id, e.customer_id) AS person,
       e.is_history AS is_history, e.properties AS properties
FROM (SELECT occurred_at, customer_id, source NOT IN ('capture', 'fact') AS is_history, properties FROM events
      WHERE $scope AND name = {wanted:String} AND occurred_at >= {since:DateTime64(3, 'UTC')}
        AND occurred_at <= {now:DateTime64(3, 'UTC')} ORDER BY occurred_at DESC LIMIT {limit:UInt32}) AS e
GLOBAL ANY LEFT JOIN (SELECT customer_id AS log_id, canonical_id FROM customers FINAL
                      WHERE workspace_id = {scope_workspace:UInt32}) AS who ON e.customer_id = who.log_id
ORDER BY occurred_at
"""


@dataclass(frozen=True, slots=True)
class Times:
    person: UUID
    times: list[int]


TIMES = """
SELECT if(who.log_id = e.customer_id, who.canonical_id, e.customer_id) AS person,
       groupArray(toUnixTimestamp64Milli(e.occurred_at)) AS times
FROM (SELECT occurred_at, customer_id FROM events WHERE $scope AND name = {wanted:String}) AS e
GLOBAL ANY LEFT JOIN (SELECT customer_id AS log_id, canonical_id FROM customers FINAL
                      WHERE workspace_id = {scope_workspace:UInt32}) AS who ON e.customer_id = who.log_id
GROUP BY person HAVING person IN {ids:Array(UUID)}
"""


@dataclass(frozen=True, slots=True)
class Member:
    customer_id: UUID


def rehearse(
    workspace: Workspace, definition: Definition, *, workflow_id: int = 0, days: int = DAYS, now: datetime | None = None
) -> DryRun:
    """An unfinished trigger is for nothing. Raises EventlogError."""
    now = now or timezone.now()
    found = DryRun(days=days)
    if any(place == "trigger" and code != "no_steps" for place, code in problems(definition)):
        return found  # nobody can say yet what it begins for
    happenings = _happenings(workspace, definition, found, now)
    found.events = len(happenings)
    conditions = [one for one in (definition.condition, *_conditions(definition)) if one is not None]
    known = Known(workspace, {one.person for one in happenings if one.person}, conditions, now)
    program, last = program_of(definition), dict[UUID, datetime]()
    zone = ZoneInfo(workspace.time_zone)
    per_day: Counter[date] = Counter()
    reached: list[tuple[Happening, tuple[str, ...]]] = []
    for one in happenings:
        if definition.condition is not None and not known.holds(definition.condition, one, one.at):
            continue
        if one.person and found.looks_back and not _may_again(definition, last.get(one.person), one.at):
            continue
        if one.person:
            last[one.person] = one.at
        steps = _walked(program, workflow_id, one, known, zone)
        found.steps.update(steps)
        per_day[one.at.astimezone(zone).date()] += 1
        reached.append((one, steps))
    found.runs, found.customers = len(reached), len(last)
    if found.looks_back:
        first = (now - timedelta(days=days - 1)).astimezone(zone).date()
        found.by_day = [(day, per_day[day]) for day in (first + timedelta(days=n) for n in range(days))]
    _name(found, reached, definition)
    return found


def _conditions(definition: Definition) -> list[Condition | None]:
    return [node.step.condition for node in program_of(definition).nodes.values()]


def _may_again(definition: Definition, before: datetime | None, at: datetime) -> bool:
    if before is None or definition.again_days == 0:
        return True
    return definition.again_days is not None and at - before > timedelta(days=definition.again_days)


def _happenings(workspace: Workspace, definition: Definition, found: DryRun, now: datetime) -> list[Happening]:
    trigger, since = definition.trigger, now - timedelta(days=found.days)
    if name := event_of(trigger):
        rows = ask(
            EVENTS, Scope(workspace.pk), row=EventRow, name="automations.past", table="events",
            wanted=name, since=since, now=now, limit=MOST_EVENTS,
        ).rows  # fmt: skip
        found.is_cut = len(rows) == MOST_EVENTS
        happenings = []
        for row in rows:
            properties = read_properties(row.properties, in_utc(row.occurred_at))
            if not fits(trigger, properties):
                continue
            found.imported += row.is_history
            happenings.append(Happening(in_utc(row.occurred_at), _known_person(row.person), properties))
        return happenings
    if trigger.kind in ("segment_entered", "segment_left"):
        found.looks_back = False
        condition = find_segment(workspace.pk, trigger.segment)
        return [Happening(now, one, {}) for one in members(workspace, condition, now)] if condition else []
    if trigger.kind in ("date", "schedule"):
        zone = ZoneInfo(workspace.time_zone)
        return [
            Happening(datetime(day.year, day.month, day.day, trigger.hour, tzinfo=zone), one, {"day": day.isoformat()})
            for day in days_of(trigger, since.astimezone(zone).date() + timedelta(days=1), now.astimezone(zone).date())
            if datetime(day.year, day.month, day.day, trigger.hour, tzinfo=zone) <= now
            for one in concerned_on(workspace, trigger, day, now)
        ]
    found.looks_back = False
    return []


def _known_person(person: UUID) -> UUID | None:
    return None if person == NOBODY else person


class Known:
    """What the log and the database say of these people, asked once for each leaf of the conditions."""

    def __init__(
        self, workspace: Workspace, persons: set[UUID], conditions: Sequence[Condition], now: datetime
    ) -> None:
        self.workspace, self.now = workspace, now
        self.persons = sorted(persons)
        self.members: dict[Condition, set[UUID]] = {}
        self.times: dict[str, dict[UUID, list[int]]] = {}
        for leaf in {leaf for condition in conditions for leaf in leaves(condition)}:
            if of_event(leaf):
                continue
            if leaf.field.startswith(EVENT):
                self.times.setdefault(leaf.field, self._times(leaf.field.removeprefix(EVENT)))
            else:
                self.members[leaf] = self._members(leaf)

    def holds(self, condition: Condition, one: Happening, at: datetime) -> bool:
        return bool(judge(condition, self._test(one, min(at, self.now))))

    def _test(self, one: Happening, at: datetime) -> Callable[[Condition], bool]:
        event = by_event(self.workspace.pk, one.properties)

        def test(leaf: Condition) -> bool:
            if (said := event(leaf)) is not None:
                return said
            if leaf.field.startswith(EVENT):
                return compare(self._count(leaf, one.person, at), leaf.operator, leaf.values)
            if one.person is None:
                return compare(0 if leaf.field == OPEN_CASES else None, leaf.operator, leaf.values)
            return one.person in self.members[leaf]

        return test

    def _count(self, leaf: Condition, person: UUID | None, at: datetime) -> int:
        times = self.times[leaf.field].get(person, []) if person else []
        until = bisect_right(times, int(at.timestamp() * 1000))
        if leaf.within_days is None:
            return until
        since = at - timedelta(days=leaf.within_days)
        return max(until - bisect_right(times, int(since.timestamp() * 1000) - 1), 0)

    def _times(self, name: str) -> dict[UUID, list[int]]:
        found: dict[UUID, list[int]] = {}
        for start in range(0, len(self.persons), ASKED):
            rows = ask(
                TIMES, Scope(self.workspace.pk), row=Times, name="automations.past_counts", table="events",
                wanted=name, ids=[str(one) for one in self.persons[start : start + ASKED]],
            ).rows  # fmt: skip
            found.update((row.person, sorted(row.times)) for row in rows)
        return found

    def _members(self, leaf: Condition) -> set[UUID]:
        if leaf.field == OPEN_CASES:
            cases = open_cases(self.persons)
            return {one for one in self.persons if compare(cases.get(one, 0), leaf.operator, leaf.values)}
        if leaf.field != SEGMENT:
            return self._asked(leaf)
        inside: dict[UUID, list[str]] = defaultdict(list)
        for value in leaf.values:
            if (condition := find_segment(self.workspace.pk, str(value))) is not None:
                for one in self._asked(condition):
                    inside[one].append(str(value))
        return {one for one in self.persons if compare(list(inside[one]), leaf.operator, leaf.values)}

    def _asked(self, condition: Condition) -> set[UUID]:
        try:
            who = people(condition, self.now)
        except NotAskable:
            return set()
        sql = f"SELECT person.customer_id AS customer_id {who.source} AND person.customer_id IN {{ids:Array(UUID)}}"
        found: set[UUID] = set()
        for start in range(0, len(self.persons), ASKED):
            rows = ask(
                sql, Scope(self.workspace.pk), row=Member, name="automations.past_people", table="customers",
                ids=[str(one) for one in self.persons[start : start + ASKED]], **who.parameters,
            ).rows  # fmt: skip
            found.update(row.customer_id for row in rows)
        return found


def _walked(program: Program, workflow_id: int, one: Happening, known: Known, zone: ZoneInfo) -> tuple[str, ...]:
    """The steps on the way of one run. A wait for a condition is judged by how things stood at its end."""
    at, position, made = one.at, program.first, list[str]()
    while position:
        node = program.nodes[position]
        step, position = node.step, node.after
        match step.kind:
            case "branch" if step.condition is not None:
                position = node.ways["then" if known.holds(step.condition, one, at) else "otherwise"]
            case "wait":
                at = end_of_wait(step, at, zone)
            case "wait_until" if step.until == "condition" and step.condition is not None:
                at = end_of_wait(step, at, zone)
                position = node.ways["then" if known.holds(step.condition, one, at) else "otherwise"]
            case "wait_until":
                at = end_of_wait(step, at, zone)
            case "split":
                position = node.ways[way_of(step, workflow_id, one.person or "")]
            case "stop":
                position = ""
        made.append(step.id)
    return tuple(made)


def _name(found: DryRun, reached: list[tuple[Happening, tuple[str, ...]]], definition: Definition) -> None:
    persons = list({one.person for one, _steps in reached if one.person})
    writes = {id_ for id_, node in program_of(definition).nodes.items() if node.step.kind in ("mail", "survey")}
    rows: dict[UUID, Customer] = {}
    for start in range(0, len(persons), 2000):
        some = Customer.objects.filter(pk__in=persons[start : start + 2000]).only("id", "name", "email")
        rows |= {row.pk: row for row in some}
    if writes:
        wanted = {one.person for one, steps in reached if one.person and writes & set(steps)}
        found.without_address = sum(1 for one in wanted if one in rows and not rows[one].email)
    for one, steps in reversed(reached[-SHOWN:]):
        customer = rows.get(one.person) if one.person else None
        found.people.append(Reached(one.at, customer.pk if customer else None, str(customer or ""), steps))


def effects_of(reached: Reached, definition: Definition) -> list[str]:
    """The kinds of the steps that would have done something."""
    nodes = program_of(definition).nodes
    return [kind for one in reached.steps if (kind := nodes[one].step.kind) in EFFECTS]
