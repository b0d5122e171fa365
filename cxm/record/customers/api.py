"""REST: customers, their traits, consent, tags, merges and timeline."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from django.http import Http404, HttpRequest, StreamingHttpResponse
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.access import sees_personal
from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, bad_cursor, page_of, require_key
from cxm.record.eventlog.engine import EventlogError

from .access import customer_for
from .actions import add_identity, change_profile, clean_identity, create_customer, remove_customer, remove_identity
from .belongings import export
from .consent import set_consent
from .errors import IdentityTaken, Refused
from .marks import tag, untag
from .merging import merge_customers, unmerge
from .models import Consent, Identity
from .queries import Cursor, Person, Wanted, customer_by_identity, customers, in_order, person_of, search, timeline
from .timeline import moment

router = Router(tags=["customers"])


class IdentityIn(Schema):
    kind: str = Field(max_length=60)
    value: str = Field(max_length=300)


class ConsentOut(Schema):
    purpose: str
    granted: bool
    source: str
    at: datetime


class CustomerOut(Schema):
    id: UUID
    name: str
    email: str
    phone: str
    language: str
    traits: dict[str, Any]
    answers: int = Field(description="Answers in the log, when it was last counted")
    last_seen_at: datetime | None
    created_at: datetime
    updated_at: datetime


class PersonOut(CustomerOut):
    """The canonical customer; traits, identities and tags are those of all merged profiles."""

    identities: list[IdentityIn]
    tags: list[str]
    consents: list[ConsentOut] = Field(description="The newest decision on each purpose")
    merged: list[UUID] = Field(description="Profiles that were merged into this customer")


class CustomerIn(Schema):
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str = ""
    traits: dict[str, Any] = {}
    identities: list[IdentityIn] = []


class CustomerChange(Schema):
    """What is left out stays as it is; a trait with null is removed."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    traits: dict[str, Any] = {}


class ListQuery(PageQuery):
    q: str = Field("", max_length=300, description="Search; the answer is ranked, has no next and at most 200 items")
    tag: str = Field("", max_length=60)
    segment: UUID | None = Field(None, description="Id of a segment")
    trait: str = Field("", max_length=60)
    value: str = Field("", max_length=200, description="Value of the trait")
    purpose: str = Field("", max_length=60, description="Purpose of a consent")
    consent: Literal["given", "withdrawn"] = "given"
    feedback: Literal["", "yes", "no"] = ""


class ConsentIn(Schema):
    granted: bool
    source: str = Field("", max_length=200)


class MergeIn(Schema):
    other: UUID = Field(description="The profile that is the same person; it is linked below this customer")


class TimelineQuery(PageQuery):
    kind: list[str] = Field([], max_length=50, description="Names of events; repeat it for several")
    q: str = Field("", max_length=200, description="A text in any value of the event")


class EventOut(Schema):
    id: UUID
    name: str
    at: datetime
    title: str
    customer: UUID = Field(description="The profile that the event came under")
    properties: dict[str, Any]


@contextmanager
def problems() -> Iterator[None]:
    """What the verbs refuse, as a Problem."""
    try:
        yield
    except IdentityTaken as taken:
        more = {"customer": str(taken.customer.pk)} if taken.customer else {}
        raise Problem(409, "identity_taken", str(taken), **more) from taken
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_unavailable", "The event log does not answer just now.") from error


def _person(key: ApiKey, customer_id: UUID) -> Person:
    customer = customer_for(key.workspace, customer_id)
    return person_of(customer.canonical or customer)


def _out(person: Person) -> dict[str, Any]:
    one = person.customer
    return {
        "id": one.pk, "name": one.name, "email": one.email, "phone": one.phone, "language": one.language,
        "traits": person.traits, "answers": one.answers, "last_seen_at": one.last_seen_at,
        "created_at": one.created_at, "updated_at": one.updated_at,
        "identities": [{"kind": row.kind, "value": row.value} for row in person.names],
        "tags": [row.name for row in person.tags], "consents": person.decisions,
        "merged": [row.pk for row in person.family[1:]],
    }  # fmt: skip


def _text(value: str) -> str:
    """Texts of a query, without what no database column can hold."""
    return value.replace("\x00", "")


@router.get("", response=PageOut[CustomerOut], summary="Customers, all or those that fit")
def list_customers(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    workspace = require_key(request).workspace
    wanted = Wanted(
        text=_text(query.q).strip(), tag=_text(query.tag),
        segment=str(query.segment) if query.segment else "", trait=_text(query.trait), value=_text(query.value),
        purpose=_text(query.purpose), consent=query.consent if query.purpose else "", feedback=query.feedback,
    )  # fmt: skip
    with problems():
        if wanted.text:
            return {"items": in_order(search(workspace, wanted, limit=min(query.limit, 200))), "next": None}
        if query.cursor and not _is_uuid_cursor(query.cursor):
            raise bad_cursor()
        return page_of(customers(workspace, wanted), query, by="id")


def _is_uuid_cursor(cursor: str) -> bool:
    try:
        UUID(base64.urlsafe_b64decode(cursor.encode("ascii")).decode())
    except ValueError:
        return False
    return True


@router.get("/by-identity", response=PersonOut, summary="The customer whom a system knows by that name")
def get_by_identity(request: HttpRequest, kind: str, value: str) -> dict[str, Any]:
    workspace = require_key(request).workspace
    with problems():
        found = customer_by_identity(workspace, *clean_identity(kind, value))
    if found is None:
        raise Http404
    return _out(person_of(found))


@router.post("", response={201: PersonOut}, summary="A new customer")
def create(request: HttpRequest, body: CustomerIn) -> Status[dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    given = body.dict(exclude={"identities"})
    identities = [(one.kind, one.value) for one in body.identities]
    with problems():
        customer = create_customer(workspace=key.workspace, by=key, identities=identities, **given)
    return Status(201, _out(person_of(customer)))


@router.get("/{uuid:customer_id}", response=PersonOut, summary="One customer, with all merged profiles")
def get(request: HttpRequest, customer_id: UUID) -> dict[str, Any]:
    return _out(_person(require_key(request), customer_id))


@router.patch("/{uuid:customer_id}", response=PersonOut, summary="Change fields and traits of a profile")
def change(request: HttpRequest, customer_id: UUID, body: CustomerChange) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        change_profile(customer=customer_for(key.workspace, customer_id), by=key, **body.dict())
    return _out(_person(key, customer_id))


@router.delete("/{uuid:customer_id}", response={204: None}, summary="Erase the person, all profiles and events")
def erase(request: HttpRequest, customer_id: UUID) -> Status[None]:
    key = require_key(request, Role.AGENT)
    with problems():
        remove_customer(customer=customer_for(key.workspace, customer_id), by=key)
    return Status(204, None)


@router.get("/{uuid:customer_id}/export", summary="Everything about the person as a file, unmasked")
def export_person(request: HttpRequest, customer_id: UUID) -> StreamingHttpResponse:
    key = require_key(request, Role.ANALYST)
    with problems():
        pieces = export(customer=customer_for(key.workspace, customer_id), by=key)
    return StreamingHttpResponse(pieces, content_type="application/json")


@router.post("/{uuid:customer_id}/identities", response=PersonOut, summary="One more identity")
def put_identity(request: HttpRequest, customer_id: UUID, body: IdentityIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        add_identity(customer=customer_for(key.workspace, customer_id), kind=body.kind, value=body.value, by=key)
    return _out(_person(key, customer_id))


@router.delete("/{uuid:customer_id}/identities", response=PersonOut, summary="Remove an identity")
def drop_identity(request: HttpRequest, customer_id: UUID, kind: str, value: str) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    person = _person(key, customer_id)
    with problems():
        kind, value = clean_identity(kind, value)
        held = Identity.objects.select_related("customer__workspace")
        identity = held.filter(customer__in=person.family, kind=kind, value=value).first()
        if identity is None:
            raise Http404
        remove_identity(identity=identity, by=key)
    return _out(_person(key, customer_id))


@router.get("/{uuid:customer_id}/consents", response=list[ConsentOut], summary="Every decision, newest first")
def consents(request: HttpRequest, customer_id: UUID) -> list[Consent]:
    return _person(require_key(request), customer_id).consents


@router.put("/{uuid:customer_id}/consents/{purpose}", response=ConsentOut, summary="Record a decision on a purpose")
def put_consent(request: HttpRequest, customer_id: UUID, purpose: str, body: ConsentIn) -> Consent:
    key = require_key(request, Role.AGENT)
    customer = customer_for(key.workspace, customer_id)
    with problems():
        return set_consent(customer=customer, purpose=purpose, granted=body.granted, source=body.source, by=key)


@router.get("/{uuid:customer_id}/timeline", response=PageOut[EventOut], summary="Events of all profiles, newest first")
def get_timeline(request: HttpRequest, customer_id: UUID, query: Query[TimelineQuery]) -> dict[str, Any]:
    key = require_key(request)
    person = _person(key, customer_id)
    before = Cursor.parse(query.cursor)
    if query.cursor and before is None:
        raise bad_cursor()
    with problems():
        page = timeline(
            key.workspace, person.log_ids, names=query.kind, text=_text(query.q), before=before, limit=query.limit
        )
    personal = sees_personal(key)
    items = [
        {"id": row.event_id, "name": row.name, "at": row.occurred_at, "title": moment(row, personal=personal).title,
         "customer": row.customer_id, "properties": cast(dict[str, Any], json.loads(row.properties))}
        for row in page.events
    ]  # fmt: skip
    return {"items": items, "next": str(page.next) if page.next else None}


@router.put("/{uuid:customer_id}/tags/{name}", response=PersonOut, summary="Put a tag on the customer")
def put_tag(request: HttpRequest, customer_id: UUID, name: str) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        tag(workspace=key.workspace, customers=[customer_for(key.workspace, customer_id)], name=name, by=key)
    return _out(_person(key, customer_id))


@router.delete("/{uuid:customer_id}/tags/{name}", response=PersonOut, summary="Take a tag away")
def drop_tag(request: HttpRequest, customer_id: UUID, name: str) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        untag(workspace=key.workspace, customers=_person(key, customer_id).family, name=name, by=key)
    return _out(_person(key, customer_id))


@router.post("/{uuid:customer_id}/merge", response=PersonOut, summary="Merge another profile into this customer")
def merge(request: HttpRequest, customer_id: UUID, body: MergeIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    into, other = customer_for(key.workspace, customer_id), customer_for(key.workspace, body.other)
    with problems():
        return _out(person_of(merge_customers(customer=other, into=into, by=key)))


@router.post("/{uuid:customer_id}/unmerge", response=PersonOut, summary="Separate a merged profile again")
def separate(request: HttpRequest, customer_id: UUID) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        return _out(person_of(unmerge(customer=customer_for(key.workspace, customer_id), by=key)))
