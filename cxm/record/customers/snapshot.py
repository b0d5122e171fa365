"""What the log must know of customers, and what customers must know of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.snapshot import CustomerRow, customer_row, put_customers, version_now

from .linking import TRACKED, Name, existing, log_id, parts
from .models import Customer, Identity, Tag
from .sayings import combined

BATCH = 10_000
ASKED = 3000  # ids in one question to the log: a server takes 128 KB for a parameter


def combined_traits(family: Iterable[Customer]) -> dict[str, Any]:
    """The traits of one person over all profiles: of each the newest saying, the canonical profile's if equally new."""
    return combined(family).traits


def fields_of(family: Iterable[Customer], tags: Mapping[UUID, Sequence[str]]) -> dict[str, Any]:
    """What conditions may ask of one person beside the traits: of each field the saying that counts, and all tags."""
    family = list(family)
    said: dict[str, Any] = dict(combined(family).fields)
    return {**said, "tag": sorted({tag for one in family for tag in tags.get(one.pk, ())})}


def tags_of(customer_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The tags of each of these profiles."""
    found: dict[UUID, list[str]] = defaultdict(list)
    for part in parts(sorted(customer_ids)):
        rows = Tag.customers.through.objects.filter(customer__in=part)
        for customer, name in rows.values_list("customer_id", "tag__name"):
            found[customer].append(name)
    return found


def families(workspace_id: int, customer_ids: Iterable[UUID]) -> list[list[Customer]]:
    """Every family (canonical customer first, then its members by age) that one of these customers belongs to."""
    asked = Customer.objects.filter(workspace_id=workspace_id, pk__in=list(customer_ids))
    roots = {canonical or own for own, canonical in asked.values_list("pk", "canonical_id")}
    found: dict[UUID, list[Customer]] = defaultdict(list)
    # Families lie within a workspace: if it were named here once more, SQLite would read all customers of it.
    rows = Customer.objects.filter(Q(pk__in=roots) | Q(canonical__in=roots))
    for customer in rows.order_by("created_at", "pk"):
        found[customer.canonical_id or customer.pk].append(customer)
    return [sorted(family, key=lambda one: one.canonical_id is not None) for family in found.values()]


def tracked_names(members: Sequence[Customer]) -> dict[UUID, list[Name]]:
    """The user ids and anonymous ids of each of these customers."""
    found: dict[UUID, list[Name]] = defaultdict(list)
    for part in parts([member.pk for member in members]):
        rows = Identity.objects.filter(customer__in=part, kind__in=TRACKED)
        for customer, kind, value in rows.values_list("customer_id", "kind", "value"):
            found[customer].append((kind, value))
    return found


def ids_in_log(workspace_id: int, family: Sequence[Customer]) -> list[UUID]:
    """Every customer id under which the log has events of this person: of the profiles and of their tracked names."""
    names = [name for some in tracked_names(family).values() for name in some]
    return list(dict.fromkeys([*(member.pk for member in family), *(log_id(workspace_id, name) for name in names)]))


def put_snapshot(workspace_id: int, customer_ids: Iterable[UUID], names: Iterable[Name] = ()) -> None:
    """Write these customers, and all who are merged with them, into the log: every member with the combined traits.

    So a number that is split by a trait counts the events of one person under one value. Each user id and anonymous
    id of theirs gets a row too, because captured events carry its id. `names` are told whoever they belong to now,
    and forgotten if that is nobody.
    """
    version = version_now()  # before reading: of two who write at once, the one that has read later counts
    wanted, nobodies = set(customer_ids), set[UUID]()
    if names := set(names):
        owners = _owners(workspace_id, names)
        wanted |= set(owners.values())
        nobodies = {log_id(workspace_id, name) for name in names if name not in owners}
        profiles = set(existing(sorted(nobodies)))
        wanted |= profiles
        nobodies -= profiles
    rows = {one: customer_row(workspace_id, one, {}, gone=True, version=version) for one in nobodies}
    for part in parts(sorted(wanted), BATCH):
        named: dict[UUID, CustomerRow] = {}
        groups = families(workspace_id, part)
        members = [member for family in groups for member in family]
        tracked, tags = tracked_names(members), tags_of(member.pk for member in members)
        for family in groups:
            traits, fields, root = combined_traits(family), fields_of(family, tags), family[0].pk
            for member in family:
                rows[member.pk] = customer_row(
                    workspace_id, member.pk, traits, fields=fields, canonical_id=member.canonical_id, version=version
                )
                for name in tracked.get(member.pk, ()):
                    one = log_id(workspace_id, name)
                    named[one] = customer_row(
                        workspace_id, one, traits, fields=fields, canonical_id=root, version=version
                    )
        # A name can have moved away from the customer whose id follows from it; its events went with it.
        put_customers([*{**rows, **named}.values()])
        rows = {}
    put_customers(rows.values())


def _owners(workspace_id: int, names: Iterable[Name]) -> dict[Name, UUID]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, value in names:
        by_kind[kind].append(value)
    found: dict[Name, UUID] = {}
    for kind, values in by_kind.items():
        for part in parts(values):
            rows = Identity.objects.filter(workspace=workspace_id, kind=kind, value__in=part)
            found.update(((kind, value), customer) for value, customer in rows.values_list("value", "customer_id"))
    return found


class _Wanted:
    """Of whom a transaction has yet to tell, by workspace."""

    def __init__(self) -> None:
        self.customers: dict[int, set[UUID]] = defaultdict(set)
        self.names: dict[int, set[Name]] = defaultdict(set)

    def put(self) -> None:
        """The first call does it for all that the transaction has registered."""
        customers, names = self.customers, self.names
        self.customers, self.names = defaultdict(set), defaultdict(set)
        for workspace_id, some in sorted(customers.items()):
            if some or names[workspace_id]:
                put_snapshot(workspace_id, some, names[workspace_id])


def put_snapshot_after_commit(workspace_id: int, customer_ids: Iterable[UUID], names: Iterable[Name] = ()) -> None:
    """Tell the log of all of a transaction at once when it has committed: an insert costs the same for one as for many.

    Whom a savepoint was about that did not hold may be told as well, as the database has them: that does no harm.
    """
    registered = (getattr(entry[1], "__self__", None) for entry in connection.run_on_commit)
    wanted = next((one for one in registered if isinstance(one, _Wanted)), None) or _Wanted()
    wanted.customers[workspace_id].update(customer_ids)
    wanted.names[workspace_id].update(names)
    transaction.on_commit(wanted.put)  # each time: one that was registered in a savepoint may be dropped with it


@dataclass(frozen=True, slots=True)
class Activity:
    customer_id: UUID
    last_seen_at: datetime
    answers: int


def in_utc(moment: datetime) -> datetime:
    """TRICKY: the engine's client returns times in UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ACTIVITY = """
SELECT customer_id, max(occurred_at) AS last_seen_at, countIf(name = 'answer_given') AS answers
FROM events WHERE $scope AND source != 'fact'
  AND (empty({ids:Array(UUID)}) OR customer_id IN {ids:Array(UUID)}) AND customer_id != {nobody:UUID}
GROUP BY customer_id
"""


def refresh_activity(workspace_id: int, customer_ids: Sequence[UUID] = ()) -> int:
    """Copy last seen and number of answers from the log, for these customers or for all; returns how many changed.

    What our own people did (facts) does not count as the customer being seen. Call it when an import has finished or
    was undone. Safe to repeat.
    """
    ids = [one.pk for family in families(workspace_id, customer_ids) for one in family] if customer_ids else []
    if customer_ids and not ids:
        return 0
    owner = owner_by_log_id(workspace_id, ids)
    seen: list[Activity] = []
    for some in parts(sorted({*ids, *owner}), ASKED) if ids else ([],):
        seen += ask(
            ACTIVITY, Scope(workspace_id), row=Activity, name="customers.activity", table="events",
            ids=[str(one) for one in some], nobody=str(NOBODY),
        ).rows  # fmt: skip
    rows = Customer.objects.filter(workspace_id=workspace_id)
    if customer_ids:
        rows = rows.filter(pk__in=ids)
    root = dict(rows.filter(canonical__isnull=False).values_list("pk", "canonical_id"))
    now: dict[UUID, tuple[datetime, int]] = {}
    for one in seen:
        at = in_utc(one.last_seen_at)
        profile = owner.get(one.customer_id, one.customer_id)
        for pk in {profile, root.get(profile, profile)}:
            when, answers = now.get(pk, (at, 0))
            now[pk] = max(when, at), answers + one.answers
    changed = [
        (*now.get(pk, (None, 0)), pk)
        for pk, when, answers in rows.values_list("pk", "last_seen_at", "answers")
        if now.get(pk, (None, 0)) != (when, answers)
    ]
    for start in range(0, len(changed), BATCH):
        store(changed[start : start + BATCH])
    return len(changed)


@dataclass(frozen=True, slots=True)
class Answers:
    customer_id: UUID
    answers: int


ANSWERS = """
SELECT customer_id, count() AS answers FROM events
WHERE $scope AND name = 'answer_given' AND customer_id IN {ids:Array(UUID)}
GROUP BY customer_id
"""


def refresh_answers(workspace_id: int, customer_ids: Iterable[UUID]) -> None:
    """Count the answers of these customers and their families anew; cheaper than refresh_activity. Safe to repeat."""
    for part in parts(sorted(customer_ids), 1000):
        asked = Customer.objects.filter(workspace_id=workspace_id, pk__in=part)
        roots = {canonical or own for own, canonical in asked.values_list("pk", "canonical_id")}
        family = Customer.objects.filter(Q(pk__in=roots) | Q(canonical__in=roots))
        members = list(family.values_list("pk", "canonical_id", "answers"))
        owner = owner_by_log_id(workspace_id, [pk for pk, _canonical, _answers in members])
        counted: dict[UUID, int] = defaultdict(int)
        for ids in parts(sorted({*owner, *(pk for pk, _canonical, _answers in members)}), ASKED):
            rows = ask(
                ANSWERS, Scope(workspace_id), row=Answers, name="customers.answers", table="events",
                ids=[str(one) for one in ids],
            ).rows  # fmt: skip
            for row in rows:
                counted[owner.get(row.customer_id, row.customer_id)] += row.answers
        whole: dict[UUID, int] = defaultdict(int)
        for pk, canonical, _answers in members:
            whole[canonical or pk] += counted[pk]
        changed = [
            (now, pk)
            for pk, canonical, answers in members
            if (now := counted[pk] if canonical else whole[pk]) != answers
        ]
        store(changed, ["answers"])


def owner_by_log_id(workspace_id: int, customer_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The customer behind each id that captured events carry: of these customers, or of all."""
    rows = Identity.objects.filter(workspace=workspace_id, kind__in=TRACKED)
    found: dict[UUID, UUID] = {}
    for part in parts(customer_ids) if customer_ids else (None,):
        some = rows.filter(customer__in=part) if part else rows
        for kind, value, customer in some.values_list("kind", "value", "customer_id").iterator(BATCH):
            found[log_id(workspace_id, (kind, value))] = customer
    return found


def store(rows: list[tuple[Any, ...]], names: Sequence[str] = ("last_seen_at", "answers")) -> None:
    """One prepared UPDATE for many rows, each the values and the id: bulk_update takes ten times as long."""
    columns = [Customer._meta.get_field(name) for name in (*names, "id")]
    values = [
        [column.get_db_prep_save(value, connection) for column, value in zip(columns, row, strict=True)]  # type: ignore[union-attr]  # plain columns
        for row in rows
    ]
    sets = ", ".join(f"{name} = %s" for name in names)
    if not values:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f"UPDATE customers_customer SET {sets} WHERE id = %s", values)
