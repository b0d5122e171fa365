"""What a decision about the contact budget has to know, in three short questions to the database.

They are written as SQL because they are asked before every single question that a visitor might see: composing such a
query through the ORM takes several times as long as answering it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from cxm.lib.conditions import Condition
from cxm.record.customers.models import Consent, Customer

from .models import Contact, ContactRule, Survey

PURPOSE = "surveys"  # the purpose whose refusal stops every question
ASKED = 900  # ids in one question to the database


@dataclass(frozen=True, slots=True)
class Rule:
    """A ContactRule, ready to be asked. `surveys` are keys."""

    id: int
    name: str
    most: int
    days: int
    channels: frozenset[str]
    surveys: frozenset[str]
    condition: Condition | None

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days)

    def concerns(self, survey: str, channel: str) -> bool:
        return (not self.surveys or survey in self.surveys) and (not self.channels or channel in self.channels)


@dataclass(frozen=True, slots=True)
class Past:
    at: datetime
    survey: str  # its key
    name: str
    channel: str


@dataclass(slots=True)
class Person:
    """A canonical customer with all ids under which they may have been asked; a visitor has only their own."""

    ids: list[UUID]
    refused: bool = False  # the newest word on surveys is no
    traits: dict[str, Any] | None = None
    language: str = ""


def rules_of(workspace_id: int) -> list[Rule]:
    """The active rules of a workspace; parsed again only when a row has changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, name, most, days, channels, surveys, condition FROM {ContactRule._meta.db_table}"
            " WHERE workspace_id = %s AND active ORDER BY id",
            [workspace_id],
        )
        return [_rule(*row) for row in cursor.fetchall()]


@lru_cache(maxsize=1000)
def _rule(pk: int, name: str, most: int, days: int, channels: str, surveys: str, condition: str) -> Rule:
    tree = json.loads(condition)
    return Rule(
        pk, name, most, days, frozenset(json.loads(channels)), frozenset(json.loads(surveys)),
        msgspec.convert(tree, Condition) if tree else None,
    )  # fmt: skip


PEOPLE = (
    "SELECT c.id, c.canonical_id, {traits} said.granted, said.at"
    f" FROM {Customer._meta.db_table} c LEFT JOIN {Consent._meta.db_table} said"
    "   ON said.customer_id = c.id AND said.purpose = %s"
    " WHERE c.{column} IN ({ids})"
)


def people_of(asked: Iterable[UUID], *, traits: bool) -> tuple[dict[UUID, UUID], dict[UUID, Person]]:
    """To whom each id leads, and who they are. Ids that are no customer's stand for themselves."""
    leads = {one: one for one in asked}
    rows = _people("id", leads, traits=traits)
    for pk, canonical, *_more in rows:
        if canonical:
            leads[pk] = canonical
    people = {one: Person([one]) for one in leads.values()}
    newest: dict[UUID, datetime] = {}
    rows += _people("id", people.keys() - leads.keys(), traits=traits)
    asked_before = {row[0] for row in rows}
    rows += [row for row in _people("canonical_id", people, traits=traits) if row[0] not in asked_before]
    for pk, canonical, own_traits, language, granted, said_at in rows:
        person = people[canonical if canonical in people else pk]
        if pk not in person.ids:
            person.ids.append(pk)
        if pk in people:
            person.traits, person.language = own_traits, language
        root = person.ids[0]
        if said_at is not None and (root not in newest or said_at >= newest[root]):
            newest[root], person.refused = said_at, not granted  # rows of one customer come oldest first
    return leads, people


def _people(column: str, ids: Iterable[UUID], *, traits: bool) -> list[tuple[Any, ...]]:
    """(id, canonical id, traits, language, granted, said at), once for each word on surveys, oldest first."""
    extra = "c.traits, c.language," if traits else "NULL, NULL,"
    found = []
    for some in _chunks(ids):
        sql = PEOPLE.format(traits=extra, column=column, ids=", ".join(["%s"] * len(some)))
        with connection.cursor() as cursor:
            cursor.execute(sql + " ORDER BY said.at, said.id", [PURPOSE, *map(_as_key, some)])
            found += [
                (_uuid(pk), _uuid(canonical) if canonical else None, json.loads(own) if own else None, language or "",
                 bool(granted), _time(at) if at else None)
                for pk, canonical, own, language, granted, at in cursor.fetchall()
            ]  # fmt: skip
    return found


def past_of(workspace_id: int, people: Iterable[Person], since: datetime) -> dict[UUID, list[Past]]:
    """The contacts of these people since then, under the first of their ids."""
    whose = {one: person.ids[0] for person in people for one in person.ids}
    found: dict[UUID, list[Past]] = {}
    for some in _chunks(whose):
        sql = (
            f"SELECT a.person, a.at, a.channel, s.key, s.name FROM {Contact._meta.db_table} a"
            f" JOIN {Survey._meta.db_table} s ON s.id = a.survey_id"
            f" WHERE a.workspace_id = %s AND a.at > %s AND a.person IN ({', '.join(['%s'] * len(some))})"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [workspace_id, connection.ops.adapt_datetimefield_value(since), *map(_as_key, some)])
            for person, at, channel, key, name in cursor.fetchall():
                found.setdefault(whose[_uuid(person)], []).append(Past(_time(at), key, name, channel))
    return found


def _chunks(ids: Iterable[UUID]) -> Iterable[Sequence[UUID]]:
    ordered = list(ids)
    return (ordered[start : start + ASKED] for start in range(0, len(ordered), ASKED))


def _as_key(one: UUID) -> Any:
    return one if connection.features.has_native_uuid_field else one.hex


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(hex=value)


def _time(value: Any) -> datetime:
    """SQLite keeps times in UTC, without saying so: some columns as text, some read by Django's driver."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
