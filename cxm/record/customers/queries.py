"""Questions about customers: the list, one person with all merged profiles, the timeline, and who may be the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet, Window
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce, RowNumber

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from .grouping import groups_of
from .linking import ANONYMOUS, TRACKED, USER, holders, log_id
from .models import Consent, Customer, Group, Identity, IdentityLink, Note, Tag, Trait
from .sayings import FIELDS, combined
from .searching import Hit, find, normalise, similarity
from .segments import find_segment, ids_as_json
from .snapshot import families, in_utc
from .traits import fit

PAGE = 50
MOST_IDS = 3000  # of one person in a question to the log: a server takes 128 KB for a parameter
MOST_DEVICES = 20
MOST_PLACES = 1000  # of one person in a question to the log; whoever has more is found in most of its blocks anyway
MOST_LETTERS = 20_000  # of the names beside them: see MOST_IDS


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which customers a list shows; every part narrows it. `value` belongs to `trait`, `consent` to `purpose`."""

    text: str = ""
    tag: str = ""
    segment: str = ""  # its id; no other finds anybody
    trait: str = ""
    value: str = ""
    purpose: str = ""
    consent: Literal["", "given", "withdrawn"] = ""
    feedback: Literal["", "yes", "no"] = ""
    sort: Literal["seen", "name"] = "seen"

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.tag or self.segment or self.trait or self.purpose or self.feedback)


def customers(workspace: Workspace, wanted: Wanted) -> QuerySet[Customer]:
    """Canonical customers that fit everything but `text`: a tag or a trait of one of the profiles is enough.

    Raises EventlogError where a segment is wanted and the log does not answer.
    """
    rows = Customer.objects.filter(workspace=workspace, canonical=None)
    if wanted.segment:
        condition = find_segment(workspace.pk, wanted.segment)
        rows = rows.filter(pk__in=_listed(ids_as_json(workspace, condition))) if condition else rows.none()
    if wanted.tag:
        rows = _of_profiles(rows, Customer.objects.filter(workspace=workspace, tags__name=wanted.tag))
    if wanted.trait:
        rows = _of_profiles(rows, _with_trait(workspace, wanted.trait, wanted.value))
    if wanted.purpose:
        rows = rows.filter(pk__in=_deciding(workspace, wanted.purpose, wanted.consent != "withdrawn"))
    if wanted.feedback:
        rows = rows.filter(answers__gt=0) if wanted.feedback == "yes" else rows.filter(answers=0)
    if wanted.sort == "name":
        return rows.order_by("name", "id")
    return rows.order_by(F("last_seen_at").desc(nulls_last=True), "id")


def search(workspace: Workspace, wanted: Wanted, *, limit: int | None = 200) -> list[Hit]:
    """The customers that fit everything, closest to `text` first."""
    within = customers(workspace, wanted) if replace(wanted, text="").narrows else None
    return find(workspace, wanted.text, within=within, limit=limit)


def in_order(hits: Sequence[Hit]) -> list[Customer]:
    """The customers of some hits, in the order of the hits."""
    rows = Customer.objects.prefetch_related("tags").in_bulk([hit.customer_id for hit in hits])
    return complete([rows[hit.customer_id] for hit in hits if hit.customer_id in rows])


def complete(rows: list[Customer]) -> list[Customer]:
    """Canonical customers as lists show them: what a profile leaves open, other profiles of the person may say."""
    lacking = {row.pk: row for row in rows if not (row.name and row.email)}
    members: dict[UUID, list[Customer]] = {}
    for member in Customer.objects.filter(canonical__in=lacking).order_by("created_at", "pk"):
        assert member.canonical_id is not None
        members.setdefault(member.canonical_id, []).append(member)
    for pk, family in members.items():
        _fill(lacking[pk], family)
    return rows


def _fill(customer: Customer, others: Sequence[Customer]) -> None:
    """In memory only: the row stays what its own sources said."""
    said = combined(others).fields
    for name in FIELDS:
        if not getattr(customer, name):
            setattr(customer, name, said[name])


def _listed(ids: str) -> RawSQL:
    """A million ids travel as one text: neither database takes so many parameters."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [ids])
    return RawSQL("SELECT value::uuid FROM json_array_elements_text(%s::json)", [ids])


def _of_profiles(rows: QuerySet[Customer], profiles: QuerySet[Customer]) -> QuerySet[Customer]:
    return rows.filter(Q(pk__in=profiles.values("pk")) | Q(pk__in=profiles.values("canonical")))


def _with_trait(workspace: Workspace, name: str, value: str) -> QuerySet[Customer]:
    """Raises Refused for a value that the trait cannot have. Without a value: everyone who has the trait."""
    rows = Customer.objects.filter(workspace=workspace)
    kind = Trait.objects.filter(workspace=workspace, name=name).values_list("kind", flat=True).first()
    if kind is None or not value:
        return rows.filter(traits__has_key=name)
    if kind == Trait.Kind.LIST:
        # Lists are compared by parts, which SQLite cannot: its text form holds each part as JSON.
        part = json.dumps(value, ensure_ascii=True)
        return rows.alias(held=KeyTransform(name, "traits")).filter(
            Q(held__icontains=part) | Q(held__icontains=json.dumps(value, ensure_ascii=False))
        )
    return rows.alias(held=KeyTransform(name, "traits")).filter(held=fit(name, Trait.Kind(kind), value))


def _deciding(workspace: Workspace, purpose: str, granted: bool) -> QuerySet[Any, Any]:
    """Canonical ids of those whose newest decision on the purpose, over all their profiles, is this one."""
    person = Coalesce("customer__canonical_id", "customer_id")
    newest = Window(RowNumber(), partition_by=[person], order_by=[F("at").desc(), F("id").desc()])
    decisions = Consent.objects.filter(customer__workspace=workspace, purpose=purpose)
    # Two steps, because a condition beside the window's would choose rows before the window counts them.
    last = decisions.annotate(place=newest).filter(place=1).order_by().values("pk")
    return Consent.objects.filter(pk__in=last, granted=granted).order_by().values(person=person)


@dataclass(slots=True)
class Person:
    """A canonical customer with every profile that was merged into it."""

    customer: Customer  # the canonical one, with fields of other profiles where it has none; not to be saved
    family: list[Customer]  # the canonical profile first
    traits: dict[str, Any]
    identities: list[Identity]
    tags: list[Tag]
    notes: list[Note]
    consents: list[Consent]  # every decision, newest first
    groups: list[Group]

    @property
    def ids(self) -> list[UUID]:
        """Of the profiles."""
        return [member.pk for member in self.family]

    @property
    def names(self) -> list[Identity]:
        """The identities that people see. An alias counts its former name as a user's and as a device's, because
        nobody says which: where it turned out to be a user's, the device is not told."""
        users = {one.value for one in self.identities if one.kind == USER}
        return [one for one in self.identities if not (one.kind == ANONYMOUS and one.from_links and one.value in users)]

    @property
    def profile_of(self) -> dict[UUID, UUID]:
        """Each customer id under which the log has events of this person, with the profile it belongs to."""
        workspace_id = self.customer.workspace_id
        names = [one for one in self.identities if one.kind in TRACKED]
        named = {log_id(workspace_id, (one.kind, one.value)): one.customer_id for one in names}
        return dict([*((pk, pk) for pk in self.ids), *named.items()][:MOST_IDS])

    @property
    def log_ids(self) -> list[UUID]:
        return list(self.profile_of)

    @property
    def decisions(self) -> list[Consent]:
        """The newest decision on each purpose."""
        newest: dict[str, Consent] = {}
        for one in self.consents:
            newest.setdefault(one.purpose, one)
        return sorted(newest.values(), key=lambda one: one.purpose)


def person_of(customer: Customer) -> Person:
    [family] = families(customer.workspace_id, [customer.pk])
    notes = Note.objects.filter(customer__in=family, removed_at=None).select_related("by", "customer")
    shown = copy(family[0])
    _fill(shown, family[1:])
    return Person(
        customer=shown,
        family=family,
        traits=dict(sorted(combined(family).traits.items())),
        identities=list(Identity.objects.filter(customer__in=family).order_by("kind", "value")),
        tags=list(Tag.objects.filter(customers__in=family).distinct().order_by("name")),
        notes=list(notes),
        consents=list(Consent.objects.filter(customer__in=family).select_related("by")),
        groups=groups_of(family),
    )


@dataclass(frozen=True, slots=True)
class SharedDevice:
    """An anonymous id that events linked to this person and to others: what was done there belongs to nobody."""

    value: str
    link_id: int  # the newest link to this person
    others: list[Customer]


def shared_devices(person: Person) -> list[SharedDevice]:
    workspace_id = person.customer.workspace_id
    mine = {one.value for one in person.identities if one.kind == USER}
    held = {one.value for one in person.identities if one.kind == ANONYMOUS}
    live = IdentityLink.objects.filter(workspace=workspace_id, from_kind=ANONYMOUS, to_kind=USER, undone_at=None)
    to_me = live.filter(to_value__in=mine).exclude(from_value__in=held).order_by("id")[: MOST_DEVICES * 10]
    links = dict(to_me.values_list("from_value", "id"))
    others: dict[str, set[str]] = {}
    for device, user in (
        live.filter(from_value__in=links)
        .exclude(to_value__in=mine)
        .values_list("from_value", "to_value")[: MOST_DEVICES * 20]
    ):
        others.setdefault(device, set()).add(user)
    names = {(USER, user) for users in others.values() for user in users}
    holder = {name: log_id(workspace_id, name) for name in names} | holders(workspace_id, names)
    rows = Customer.objects.select_related("canonical").in_bulk(list(holder.values()))
    found = []
    for device, users in sorted(others.items())[:MOST_DEVICES]:
        people = {(one.canonical or one) for user in users if (one := rows.get(holder[USER, user]))}
        whole = complete(sorted(people - set(person.family), key=lambda one: str(one.pk)))
        if whole:
            found.append(SharedDevice(device, links[device], whole))
    return found


def customer_by_identity(workspace: Workspace, kind: str, value: str) -> Customer | None:
    """The canonical customer whom a system knows by that name."""
    held = Identity.objects.select_related("customer__canonical")
    found = held.filter(workspace=workspace, kind=kind, value=value).first()
    return (found.customer.canonical or found.customer) if found else None


# The timeline


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event of a page; the next page is what lies before it."""

    at: datetime
    event_id: str

    def __str__(self) -> str:
        return f"{int(self.at.timestamp() * 1000)}_{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None for the first page, and for a text that is no cursor."""
        milliseconds, _mark, event_id = text.partition("_")
        try:
            at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
            return cls(at, str(UUID(event_id)))
        except (ValueError, OverflowError, OSError):
            return None


@dataclass(frozen=True, slots=True)
class EventRow:
    event_id: UUID
    name: str
    occurred_at: datetime
    customer_id: UUID
    source: str
    properties: str


@dataclass(frozen=True, slots=True)
class Page:
    events: list[EventRow]  # newest first
    next: Cursor | None


TIMELINE = """
SELECT event_id, name, occurred_at, customer_id, source, properties
FROM events
-- Told apart from the rest, so that of a large log only the rows of these people are read any further.
PREWHERE $scope AND customer_id IN {ids:Array(UUID)}@places
  -- The state of a case of our own, for the metrics: what happened to the case is a fact beside it.
WHERE NOT (name = 'ticket_updated' AND source = 'fact')
  AND (empty({names:Array(String)}) OR name IN {names:Array(String)})
  AND ({text:String} = '' OR arrayExists(
    pair -> positionCaseInsensitiveUTF8(pair.2, {text:String}) > 0, JSONExtractKeysAndValuesRaw(properties)))
  AND (toUnixTimestamp64Milli(occurred_at), toString(event_id)) < ({before_ms:Int64}, {before_id:String})
ORDER BY occurred_at DESC, toString(event_id) DESC
LIMIT {limit:UInt32}
"""
# The log is in the order of names and times: where those are known, only a few blocks of a large log are looked at.
PLACES = """ AND (name, occurred_at) IN (SELECT arrayJoin(arrayFlatten(arrayMap(
    (one, times) -> arrayMap(ms -> (one, fromUnixTimestamp64Milli(ms, 'UTC')), times),
    {at_names:Array(String)}, {at_ms:Array(Array(Int64))}))))"""
NO_INDEX = "SETTINGS use_skip_indexes = 0"  # of those few blocks, the index by customer keeps nearly every one
# TRICKY: a projection still has what was deleted. So it only says where to look; nothing that is shown comes from it.
PLACES_OF = """
SELECT name, toUnixTimestamp64Milli(occurred_at) AS ms FROM events
WHERE $scope AND customer_id IN {ids:Array(UUID)} LIMIT {limit:UInt32}
SETTINGS optimize_use_projections = 1, preferred_optimize_projection_name = 'by_customer'
"""
END_OF_TIME = 2**62


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    ms: int  # since 1970


def _places_of(workspace: Workspace, ids: Sequence[UUID]) -> list[Place] | None:
    """Where the log has every event of these profiles, and perhaps had more; None where there are too many to say."""
    places = ask(
        PLACES_OF, Scope(workspace.pk), row=Place, name="customers.places", table="events",
        ids=[str(one) for one in ids], limit=MOST_PLACES + 1,
    ).rows  # fmt: skip
    names = {one.name for one in places}
    return None if len(places) > MOST_PLACES or sum(map(len, names)) > MOST_LETTERS else places


def _only_there(sql: str, places: Sequence[Place] | None) -> tuple[str, dict[str, Any]]:
    """The question with its mark @places filled, and the parameters for that."""
    if places is None:
        return sql.replace("@places", ""), {}
    times: dict[str, list[int]] = {}
    for one in places:
        times.setdefault(one.name, []).append(one.ms)
    return sql.replace("@places", PLACES) + NO_INDEX, {"at_names": list(times), "at_ms": list(times.values())}


def timeline(
    workspace: Workspace,
    ids: Sequence[UUID],
    *,
    names: Sequence[str] = (),
    text: str = "",
    before: Cursor | None = None,
    limit: int = PAGE,
    kinds: Sequence[KindCount] | None = None,
) -> Page:
    """Events of these profiles, newest first; `names` keeps some kinds, `text` those with it in a value.

    `kinds`, if known, says where in the log the first page is, of PAGE events at most.
    """
    scope = Scope(workspace.pk, workspace.time_zone)
    if kinds is None or names or text or before:
        places = _places_of(workspace, ids)
    else:
        newest = sorted((ms for one in kinds for ms in one.newest), reverse=True)[: PAGE + 1]
        places = [Place(one.name, ms) for one in kinds for ms in one.newest if ms >= newest[-1]]
    sql, there = _only_there(TIMELINE, places)
    if before:
        # The engine's index knows times to the second; the exact place is the comparison of pairs.
        scope = scope.during(None, before.at + timedelta(seconds=1))
    rows = ask(
        sql, scope, row=EventRow, name="customers.timeline", table="events",
        ids=[str(one) for one in ids], names=list(names), text=text.strip()[:200].replace("\x00", ""),
        before_ms=int(before.at.timestamp() * 1000) if before else END_OF_TIME,
        before_id=before.event_id if before else "", limit=limit + 1, **there,
    ).rows  # fmt: skip
    more = len(rows) > limit
    rows = [replace(row, occurred_at=in_utc(row.occurred_at)) for row in rows[:limit]]
    return Page(rows, Cursor(rows[-1].occurred_at, str(rows[-1].event_id)) if more else None)


@dataclass(frozen=True, slots=True)
class KindCount:
    name: str
    n: int
    seen_at: datetime | None  # the newest that is not a fact of our own
    newest: Sequence[int]  # milliseconds since 1970 of its newest PAGE + 1, with repetitions


KINDS = f"""
SELECT name, count() AS n, if(countIf(source != 'fact') = 0, NULL, maxIf(occurred_at, source != 'fact')) AS seen_at,
       arrayMap(ms -> -ms, groupArraySorted({PAGE + 1})(-toUnixTimestamp64Milli(occurred_at))) AS newest
FROM events PREWHERE $scope AND customer_id IN {{ids:Array(UUID)}}@places
WHERE NOT (name = 'ticket_updated' AND source = 'fact')
GROUP BY name ORDER BY n DESC, name
"""


def kinds_of_events(workspace: Workspace, ids: Sequence[UUID]) -> list[KindCount]:
    sql, there = _only_there(KINDS, _places_of(workspace, ids))
    rows = ask(
        sql, Scope(workspace.pk), row=KindCount, name="customers.kinds", table="events",
        ids=[str(one) for one in ids], **there,
    ).rows  # fmt: skip
    return [replace(row, seen_at=in_utc(row.seen_at)) if row.seen_at else row for row in rows]


@dataclass(frozen=True, slots=True)
class Score:
    occurred_at: datetime
    metric: str
    question: str
    scale: str
    score: float | None
    channel: str
    touchpoint: str
    comment: str


SCORES = """
SELECT occurred_at, metric, question, scale, score, channel, touchpoint, comment
FROM feedback WHERE $scope AND customer_id IN {ids:Array(UUID)}
ORDER BY occurred_at DESC, response_id LIMIT {limit:UInt32}
"""


def scores(workspace: Workspace, ids: Sequence[UUID], limit: int = 20) -> list[Score]:
    """What these profiles answered, newest first."""
    rows = ask(
        SCORES, Scope(workspace.pk), row=Score, name="customers.scores", ids=[str(one) for one in ids], limit=limit
    ).rows
    return [replace(row, occurred_at=in_utc(row.occurred_at)) for row in rows]


# Who may be the same person


@dataclass(frozen=True, slots=True)
class Suggestion:
    customer: Customer
    reason: Literal["email", "phone", "name"]


def merge_suggestions(person: Person, limit: int = 5) -> list[Suggestion]:
    """Other customers with the same e-mail address or phone number, or with a very similar name."""
    workspace, mine = person.customer.workspace, person.family
    emails = {one.email for one in mine if one.email} | {i.value for i in person.identities if i.kind == "email"}
    phones = {one.phone for one in mine if one.phone}
    others = Customer.objects.filter(workspace=workspace).exclude(pk__in=person.ids).select_related("canonical")
    found: dict[UUID, Suggestion] = {}

    def suggest(rows: QuerySet[Customer], reason: Literal["email", "phone", "name"]) -> None:
        for row in rows[:limit]:
            whole = row.canonical or row
            found.setdefault(whole.pk, Suggestion(whole, reason))

    if emails:
        suggest(others.filter(email__in=emails), "email")
    for phone in phones:
        close = [hit.customer_id for hit in find(workspace, phone, limit=limit) if hit.closeness == 0]
        suggest(others.filter(pk__in=close), "phone")
    name = normalise(person.customer.name)
    if len(name.split()) > 1:
        hits = find(workspace, person.customer.name, limit=20)
        alike = [hit.customer_id for hit in hits if similarity(name, normalise(hit.name)) >= 0.85]
        suggest(others.filter(pk__in=alike), "name")
    return [one for key, one in found.items() if key not in person.ids][:limit]
