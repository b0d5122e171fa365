"""REST: segments, their members, and counting a condition before it is kept."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, bad_cursor, require_key
from cxm.lib.conditions import Condition
from cxm.record.eventlog.engine import EventlogError

from .access import customer_for
from .errors import Refused
from .models import Customer, Segment
from .segment_actions import change_segment, create_segment, delete_segment, sound
from .segments import condition_of, count, members_after, segments_of

router = Router(tags=["segments"])
SHAPE = (
    'A tree of {"all": […]}, {"any": […]}, {"not": …} and {"field", "operator", "values", "within_days"};'
    " see the reference of conditions"
)


class SegmentOut(Schema):
    id: UUID
    name: str
    condition: dict[str, Any] = Field(description=SHAPE)
    created_at: datetime
    updated_at: datetime


class SegmentIn(Schema):
    name: str = Field(max_length=100)
    condition: dict[str, Any] = Field(description=SHAPE)


class SegmentChange(Schema):
    """What is left out stays as it is."""

    name: str | None = Field(None, max_length=100)
    condition: dict[str, Any] | None = Field(None, description=SHAPE)


class ConditionIn(Schema):
    condition: dict[str, Any] = Field(description=SHAPE)


class CountOut(Schema):
    customers: int


class MemberOut(Schema):
    id: UUID
    name: str
    email: str
    language: str
    traits: dict[str, Any]


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_unavailable", "The event log does not answer just now.") from error


def _segment(key: ApiKey, segment_id: UUID) -> Segment:
    found = Segment.objects.select_related("workspace").filter(workspace=key.workspace, pk=segment_id).first()
    if found is None:
        raise Http404
    return found


def _condition(said: dict[str, Any]) -> Condition:
    try:
        return sound(msgspec.convert(said, Condition))
    except (msgspec.ValidationError, RecursionError) as error:
        raise Problem(422, "bad_condition", f"The condition cannot be read: {error}") from error


@router.get("", response=list[SegmentOut], summary="Segments, by name")
def list_segments(request: HttpRequest) -> list[Segment]:
    return list(Segment.objects.filter(workspace=require_key(request).workspace))


@router.post("", response={201: SegmentOut}, summary="A new segment")
def create(request: HttpRequest, body: SegmentIn) -> Status[Segment]:
    key = require_key(request, Role.AGENT)
    with problems():
        condition = _condition(body.condition)
        return Status(201, create_segment(workspace=key.workspace, name=body.name, condition=condition, by=key))


@router.post("/count", response=CountOut, summary="How many customers a condition holds for")
def count_condition(request: HttpRequest, body: ConditionIn) -> dict[str, int]:
    workspace = require_key(request).workspace
    with problems():
        return {"customers": count(workspace, _condition(body.condition))}


@router.get("/of/{uuid:customer_id}", response=list[SegmentOut], summary="The segments that a customer is in")
def of_customer(request: HttpRequest, customer_id: UUID) -> list[Segment]:
    key = require_key(request)
    with problems():
        return segments_of(customer_for(key.workspace, customer_id))


@router.get("/{uuid:segment_id}", response=SegmentOut, summary="One segment")
def get(request: HttpRequest, segment_id: UUID) -> Segment:
    return _segment(require_key(request), segment_id)


@router.patch("/{uuid:segment_id}", response=SegmentOut, summary="Change the name or the condition")
def change(request: HttpRequest, segment_id: UUID, body: SegmentChange) -> Segment:
    key = require_key(request, Role.AGENT)
    segment = _segment(key, segment_id)
    with problems():
        condition = None if body.condition is None else _condition(body.condition)
        return change_segment(segment=segment, name=body.name, condition=condition, by=key)


@router.delete("/{uuid:segment_id}", response={204: None}, summary="Delete a segment; its customers stay")
def delete(request: HttpRequest, segment_id: UUID) -> Status[None]:
    key = require_key(request, Role.AGENT)
    delete_segment(segment=_segment(key, segment_id), by=key)
    return Status(204, None)


@router.get("/{uuid:segment_id}/count", response=CountOut, summary="How many customers are in it now")
def count_members(request: HttpRequest, segment_id: UUID) -> dict[str, int]:
    key = require_key(request)
    with problems():
        return {"customers": count(key.workspace, condition_of(_segment(key, segment_id)))}


@router.get("/{uuid:segment_id}/members", response=PageOut[MemberOut], summary="The customers in it now, by id")
def list_members(request: HttpRequest, segment_id: UUID, query: Query[PageQuery]) -> dict[str, Any]:
    key = require_key(request)
    condition = condition_of(_segment(key, segment_id))
    with problems():
        ids = members_after(key.workspace, condition, after=_cursor(query.cursor), limit=query.limit + 1)
    more, ids = len(ids) > query.limit, ids[: query.limit]
    rows = Customer.objects.in_bulk(ids)
    cursor = base64.urlsafe_b64encode(str(ids[-1]).encode()).decode() if more else None
    return {"items": [rows[one] for one in ids if one in rows], "next": cursor}


def _cursor(text: str) -> UUID:
    try:
        return UUID(base64.urlsafe_b64decode(text.encode("ascii")).decode()) if text else UUID(int=0)
    except (UnicodeError, binascii.Error, ValueError) as error:
        raise bad_cursor() from error
