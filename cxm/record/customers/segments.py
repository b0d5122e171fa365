"""Segments: named sets of customers, defined by a condition; who is in one is worked out each time it is asked.

In SQL for all customers (`count`, `members`), in Python for one (`segments_of`); a test holds one against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, Value, holds, leaves
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.membership import DAY_MS, EVENT, LAST_SEEN, SAID, SEEN, counted, people, said, tally
from cxm.record.eventlog.scope import SEGMENT, Filter, Scope
from cxm.record.eventlog.snapshot import items_by_field

from .models import Customer, Segment
from .snapshot import combined_traits, families, fields_of, ids_in_log, tags_of

TOPIC = "text.topic"
PART = 50_000  # members that one question brings


def condition_of(segment: Segment) -> Condition:
    return msgspec.convert(segment.condition, Condition)


def find_segment(workspace_id: int, segment_id: str) -> Condition | None:
    """The condition of a segment of that workspace; None for any other id."""
    try:
        found = Segment.objects.filter(workspace=workspace_id, pk=UUID(segment_id)).first()
    except ValueError:
        return None
    return condition_of(found) if found else None


def with_segments(workspace_id: int, filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The filters as the log can take them: those on segments with the conditions of these segments, read now, and
    those on topics with the keys of all topics below.

    A filter on a segment that is not there stays without, and the log refuses it as a field that there is not.
    """
    filters = tuple(_with_topics(workspace_id, one) if one.field == TOPIC else one for one in filters)
    if not any(one.field == SEGMENT for one in filters):
        return filters
    known = {str(one.pk): condition_of(one) for one in Segment.objects.filter(workspace=workspace_id)}
    return tuple(
        replace(one, members=Condition(any=tuple(known[value] for value in one.values)))
        if one.field == SEGMENT and one.values and known.keys() >= set(one.values)
        else one
        for one in filters
    )


def _with_topics(workspace_id: int, one: Filter) -> Filter:
    if one.operator not in ("is", "is_not"):
        return one
    keys_under: Callable[[int, str], list[str]] = import_string(settings.TOPIC_KEYS)
    return replace(one, under=tuple(sorted({key for value in one.values for key in keys_under(workspace_id, value)})))


def each_segment(workspace_id: int) -> tuple[Filter, ...]:
    """A filter on each segment of the workspace alone, in the order of their names."""
    return with_segments(workspace_id, [Filter(SEGMENT, "is", (pk,)) for pk in segment_names(workspace_id)])


def segment_names(workspace_id: int) -> dict[str, str]:
    """The name of each segment by its id, in the order of the names."""
    return {str(pk): name for pk, name in Segment.objects.filter(workspace=workspace_id).values_list("pk", "name")}


# All customers


@dataclass(frozen=True, slots=True)
class Count:
    n: int


@dataclass(frozen=True, slots=True)
class Counts:
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    customer_id: UUID


@dataclass(frozen=True, slots=True)
class NamedMember:
    customer_id: UUID
    name: str


def count(workspace: Workspace, condition: Condition, now: datetime | None = None) -> int:
    """How many customers it holds for. Raises NotAskable, EventlogError."""
    who = people(condition, now or timezone.now())
    sql = f"SELECT count() AS n {who.source}"
    rows = ask(
        sql, Scope(workspace.pk), row=Count, name="segments.count", table="customers", **who.parameters
    ).rows  # fmt: skip
    return rows[0].n


def counts(workspace: Workspace, conditions: Sequence[Condition], now: datetime | None = None) -> list[int]:
    """How many customers each of them holds for, in one pass. Raises NotAskable, EventlogError."""
    if not conditions:
        return []
    columns, everybody = tally(conditions, now or timezone.now())
    rows = ask(
        f"SELECT [{', '.join(columns)}] AS counts {everybody.source}", Scope(workspace.pk), row=Counts,
        name="segments.counts", table="customers", **everybody.parameters,
    ).rows  # fmt: skip
    return rows[0].counts


def ids_as_json(workspace: Workspace, condition: Condition, now: datetime | None = None) -> str:
    """Every member as one JSON array of hexadecimal ids: what the operational database can join with."""
    who = people(condition, now or timezone.now())
    sql = f"SELECT toJSONString(groupArray(replaceAll(toString(person.customer_id), '-', ''))) AS text {who.source}"
    rows = ask(
        sql, Scope(workspace.pk), row=Text, name="segments.ids", table="customers", **who.parameters
    ).rows  # fmt: skip
    return rows[0].text


class MemberList(Sequence[Customer]):
    """Members by name, as a paginator walks through them: it asks for the number, and for the rows of a page."""

    def __init__(self, workspace: Workspace, condition: Condition) -> None:
        self.workspace, self.condition, self.now = workspace, condition, timezone.now()
        self.n = count(workspace, condition, self.now)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, which: Any) -> Any:
        start, stop, _step = which.indices(self.n)
        ids = member_page(self.workspace, self.condition, limit=max(stop - start, 0), offset=start, now=self.now)
        rows = Customer.objects.prefetch_related("tags").in_bulk(ids)
        return [rows[one] for one in ids if one in rows]


def member_page(
    workspace: Workspace, condition: Condition, *, limit: int, offset: int = 0, now: datetime | None = None
) -> list[UUID]:
    """Members by name, those without one last."""
    who = people(condition, now or timezone.now())
    sql = (
        "SELECT person.customer_id AS customer_id, caseFoldUTF8(person.items['name'][1]) AS name"
        f" {who.source} ORDER BY name = '', name, customer_id LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}"
    )
    rows = ask(
        sql, Scope(workspace.pk), row=NamedMember, name="segments.page", table="customers",
        limit=limit, offset=offset, **who.parameters,
    ).rows  # fmt: skip
    return [row.customer_id for row in rows]


def members_after(
    workspace: Workspace, condition: Condition, *, after: UUID, limit: int, now: datetime | None = None
) -> list[UUID]:
    """Members in the order of their ids as text, from the one after `after`."""
    who = people(condition, now or timezone.now())
    sql = (
        f"SELECT person.customer_id AS customer_id {who.source} AND toString(person.customer_id) > {{after:String}}"
        " ORDER BY toString(person.customer_id) LIMIT {limit:UInt32}"
    )
    rows = ask(
        sql, Scope(workspace.pk), row=Member, name="segments.members", table="customers",
        after=str(after), limit=limit, **who.parameters,
    ).rows  # fmt: skip
    return [row.customer_id for row in rows]


def members(workspace: Workspace, condition: Condition, now: datetime | None = None) -> Iterator[UUID]:
    """Every member; a part at a time, so that a million take little memory."""
    now, after = now or timezone.now(), UUID(int=0)
    while True:
        some = members_after(workspace, condition, after=after, limit=PART, now=now)
        yield from some
        if len(some) < PART:
            return
        after = some[-1]


# One customer


@dataclass(frozen=True, slots=True)
class Did:
    counts: list[int]
    seen: int


@dataclass(frozen=True, slots=True)
class Heard:
    said: list[list[str]]


def segments_of(customer: Customer, now: datetime | None = None) -> list[Segment]:
    """The segments that this customer is in, by name. Raises EventlogError where a segment asks for events."""
    found = list(Segment.objects.filter(workspace=customer.workspace_id))
    conditions = [condition_of(one) for one in found]
    ask_for = Answers(customer, conditions, now or timezone.now())
    return [one for one, condition in zip(found, conditions, strict=True) if holds(condition, ask_for)]


def is_in(customer: Customer, segment: Segment, now: datetime | None = None) -> bool:
    condition = condition_of(segment)
    return holds(condition, Answers(customer, [condition], now or timezone.now()))


class Answers:
    """What these conditions ask of one customer: the log is asked once, and only if a condition is about events."""

    def __init__(self, customer: Customer, conditions: Iterable[Condition], now: datetime) -> None:
        asked = [leaf for condition in conditions for leaf in leaves(condition)]
        self.events = list({(leaf.field, leaf.within_days): leaf for leaf in asked if leaf.field.startswith(EVENT)})
        seen = any(leaf.field == LAST_SEEN for leaf in asked)
        self.items: Mapping[str, list[str]] = {}
        self.counts: dict[tuple[str, int | None], int] = {}
        self.told: dict[tuple[str, int | None], list[str]] = {}
        texts = list({(leaf.field, leaf.within_days): leaf for leaf in asked if leaf.field in SAID})
        if not asked:
            return
        [family] = families(customer.workspace_id, [customer.pk])
        tags = tags_of(member.pk for member in family)
        self.items = items_by_field(combined_traits(family), fields_of(family, tags))
        if texts:
            self.told = dict(zip(texts, self._heard(customer.workspace_id, family, texts, now), strict=True))
        if not self.events and not seen:
            return
        did = self._ask(customer.workspace_id, family, now)
        self.counts = dict(zip(self.events, did.counts, strict=True))
        if did.seen:
            days = max(int(now.timestamp() * 1000) - did.seen, 0) // DAY_MS
            self.items = {**self.items, LAST_SEEN: [str(days)]}

    def _heard(
        self, workspace_id: int, family: Sequence[Customer], asked: Sequence[tuple[str, int | None]], now: datetime
    ) -> list[list[str]]:
        """For each field and number of days, what was read in the texts of the customer."""
        columns, values = said([Condition(field=name, within_days=days) for name, days in asked], now)
        sql = (
            f"SELECT [{', '.join(columns)}] AS said FROM annotations FINAL"
            " WHERE $scope AND customer_id IN {ids:Array(UUID)}"
        )
        found: list[list[str]] = [[] for _one in asked]
        ids = ids_in_log(workspace_id, family)
        for start in range(0, len(ids), 3000):
            [row] = ask(
                sql, Scope(workspace_id), row=Heard, name="segments.said", table="annotations",
                ids=[str(one) for one in ids[start : start + 3000]], **values,
            ).rows  # fmt: skip
            found = [[*some, *more] for some, more in zip(found, row.said, strict=True)]
        return found

    def _ask(self, workspace_id: int, family: Sequence[Customer], now: datetime) -> Did:
        leaves_asked = [Condition(field=field, within_days=days) for field, days in self.events]
        columns, values = counted(leaves_asked, now)
        counts = "[" + ", ".join(columns) + "]" if columns else "emptyArrayUInt64()"
        sql = (
            f"SELECT {counts} AS counts, {SEEN} AS seen FROM events WHERE $scope AND customer_id IN {{ids:Array(UUID)}}"
        )
        total = Did([0] * len(columns), 0)
        ids = ids_in_log(workspace_id, family)
        for start in range(0, len(ids), 3000):
            [row] = ask(
                sql, Scope(workspace_id), row=Did, name="segments.of_one", table="events",
                ids=[str(one) for one in ids[start : start + 3000]], **values,
            ).rows  # fmt: skip
            total = Did([a + b for a, b in zip(total.counts, row.counts, strict=True)], max(total.seen, row.seen))
        return total

    def __call__(self, leaf: Condition) -> Value:
        if leaf.field.startswith(EVENT):
            return self.counts.get((leaf.field, leaf.within_days), 0)
        if leaf.field in SAID:
            return list(self.told.get((leaf.field, leaf.within_days), ()))
        return list(self.items.get(leaf.field, ()))
