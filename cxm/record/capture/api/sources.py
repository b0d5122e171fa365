"""REST: sources of the tracking API and their write keys, for keys of administrators."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.record.capture import source_actions as actions
from cxm.record.capture.actions import Refused
from cxm.record.capture.models import Source, SourceKey
from cxm.record.capture.origins import read_origins
from cxm.record.capture.queries import keys_of, source_for, sources_of

router = Router(tags=["sources"])


class SourceIn(Schema):
    name: str = Field(min_length=1, max_length=200)
    kind: str = Field("server", description="website, mobile, server or other")
    origins: list[str] = Field([], description="https://shop.example or https://*.shop.example; empty: any page")


class SourceChange(Schema):
    name: str | None = Field(None, min_length=1, max_length=200)
    kind: str | None = None
    origins: list[str] | None = None
    enabled: bool | None = Field(None, description="false: all its events are refused")


class SourceOut(Schema):
    id: UUID = Field(alias="uuid")
    name: str
    kind: str
    origins: list[str]
    enabled: bool
    plan_mode: str = Field(description="off, warn or block")
    created_at: datetime


class SourceMade(SourceOut):
    key: str = Field(description="The first write key, which is shown this once")


class KeyIn(Schema):
    name: str = Field(min_length=1, max_length=200)


class KeyOut(Schema):
    id: UUID
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyMade(KeyOut):
    key: str = Field(description="The write key, which is shown this once")


def _kind(name: str) -> Source.Kind:
    try:
        return Source.Kind(name)
    except ValueError as error:
        raise Problem(422, "bad_kind", _("A source is website, mobile, server or other.")) from error


def _origins(texts: list[str]) -> list[str]:
    try:
        return read_origins("\n".join(texts))
    except ValidationError as error:
        raise Problem(422, "bad_origin", " ".join(error.messages)) from error


def _key(one: SourceKey) -> dict[str, object]:
    key = one.key
    return {
        "id": key.uuid, "name": key.name, "prefix": key.prefix, "created_at": key.created_at,
        "last_used_at": key.last_used_at, "revoked_at": key.revoked_at,
    }  # fmt: skip


@router.get("/sources", response=PageOut[SourceOut], summary="List sources")
def list_sources(request: HttpRequest, query: Query[PageQuery]) -> dict[str, object]:
    return page_of(sources_of(require_key(request).workspace), query)


@router.post("/sources", response={201: SourceMade}, summary="Make a source with its first write key")
def create_source(request: HttpRequest, body: SourceIn) -> Status[dict[str, object]]:
    key = require_key(request, Role.ADMIN)
    source, clear = actions.create_source(
        workspace=key.workspace, name=body.name, kind=_kind(body.kind), origins=_origins(body.origins), by=key
    )
    shown = SourceOut.from_orm(source).dict(by_alias=True)
    return Status(201, {**shown, "key": clear})


@router.get("/sources/{source_id}", response=SourceOut, summary="One source")
def get_source(request: HttpRequest, source_id: UUID) -> Source:
    return source_for(require_key(request).workspace, source_id)


@router.patch("/sources/{source_id}", response=SourceOut, summary="Change a source, or switch it off or on")
def change_source(request: HttpRequest, source_id: UUID, body: SourceChange) -> Source:
    key = require_key(request, Role.ADMIN)
    source = source_for(key.workspace, source_id)
    actions.change_source(
        source=source, name=body.name or source.name, kind=_kind(body.kind or source.kind), by=key,
        origins=source.origins if body.origins is None else _origins(body.origins),
    )  # fmt: skip
    if body.enabled is not None:
        actions.switch_source(source=source, enabled=body.enabled, by=key)
    return source


@router.delete("/sources/{source_id}", response={204: None}, summary="Delete a source and its keys; its events stay")
def delete_source(request: HttpRequest, source_id: UUID) -> Status[None]:
    key = require_key(request, Role.ADMIN)
    actions.delete_source(source=source_for(key.workspace, source_id), by=key)
    return Status(204, None)


@router.get("/sources/{source_id}/keys", response=list[KeyOut], summary="The write keys of a source")
def list_keys(request: HttpRequest, source_id: UUID) -> list[dict[str, object]]:
    key = require_key(request, Role.ADMIN)
    return [_key(one) for one in keys_of(source_for(key.workspace, source_id))]


@router.post("/sources/{source_id}/keys", response={201: KeyMade}, summary="Make one more write key")
def create_key(request: HttpRequest, source_id: UUID, body: KeyIn) -> Status[dict[str, object]]:
    """Rotate by it: make a key, put it where the old one is, disable the old one. 409 where there are too many."""
    key = require_key(request, Role.ADMIN)
    try:
        made, clear = actions.create_key(source=source_for(key.workspace, source_id), name=body.name, by=key)
    except Refused as refusal:
        raise Problem(409, "too_many_keys", str(refusal)) from refusal
    return Status(201, {**_key(made), "key": clear})


@router.delete("/sources/{source_id}/keys/{key_id}", response={204: None}, summary="Disable a write key")
def disable_key(request: HttpRequest, source_id: UUID, key_id: UUID) -> Status[None]:
    key = require_key(request, Role.ADMIN)
    found = keys_of(source_for(key.workspace, source_id)).filter(key__uuid=key_id).first()
    if found is None:
        raise Http404
    actions.disable_key(key=found, by=key)
    return Status(204, None)
