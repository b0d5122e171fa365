"""REST: maps with their definitions, versions, comments and public addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.understand.journeys.models import JourneyMap, MapComment, MapShare, MapVersion

from . import actions, talking
from .board import board_of
from .checking import read_definition
from .drawing import svg_of
from .errors import Refused
from .queries import comments_of, definition_of, map_for, maps_of, shares_of, version_of
from .starter import starter_maps

router = Router(tags=["journey maps"])
SHAPE = "The map: stages with touchpoints, and what binds them to events, answers, topics and tickets; see the guide"


class MapOut(Schema):
    id: UUID
    name: str
    kind: str = Field(description="as_is or to_be")
    as_is: UUID | None = Field(None, alias="as_is_id", description="Of a map of what should be: the map of what is")
    revision: int = Field(description="Counts up with every change")
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


class WholeMapOut(MapOut):
    definition: dict[str, Any] = Field(description=SHAPE)


class MapIn(Schema):
    name: str = Field("", max_length=200, description="Empty: the name of the template")
    kind: str = Field("as_is", description="as_is or to_be")
    template: str = Field("", description="retail, telecom, bank_loan, clinic, saas_onboarding or car_credit")
    definition: dict[str, Any] = Field({}, description=SHAPE)


class MapChangeIn(Schema):
    name: str | None = Field(None, max_length=200)
    definition: dict[str, Any] | None = Field(None, description=SHAPE)
    revision: int | None = Field(None, ge=1, description="Refused with 409 if the map has been changed since that one")


class StarterOut(Schema):
    key: str
    name: str
    about: str


class VersionOut(Schema):
    number: int
    note: str
    created_at: datetime


class WholeVersionOut(VersionOut):
    definition: dict[str, Any]


class VersionIn(Schema):
    note: str = Field("", max_length=300)


class CommentOut(Schema):
    id: UUID
    touchpoint: str = Field(description="Key of the touchpoint; empty: the whole map")
    text: str
    author: str = Field(description="E-mail; empty: somebody who has left")
    created_at: datetime
    resolved_at: datetime | None

    @staticmethod
    def resolve_author(one: MapComment) -> str:
        return one.created_by.email if one.created_by else ""


class CommentIn(Schema):
    text: str = Field(max_length=talking.LONGEST_COMMENT)
    touchpoint: str = Field("", max_length=60)


class CommentChangeIn(Schema):
    resolved: bool


class CommentQuery(PageQuery):
    resolved: bool = Field(False, description="The settled ones, not the open ones")


class MapQuery(PageQuery):
    archived: bool = False
    search: str = Field("", max_length=100)


class ShareOut(Schema):
    id: UUID
    address: str
    note: str
    expires_at: datetime | None
    created_at: datetime

    @staticmethod
    def resolve_address(one: MapShare) -> str:
        return f"{settings.BASE_URL}{reverse('shared_map', args=[one.token])}"


class ShareIn(Schema):
    note: str = Field("", max_length=200)
    expires_at: datetime | None = None


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal


def _asked(request: HttpRequest, map_id: UUID, at_least: Role = Role.VIEWER) -> tuple[ApiKey, JourneyMap]:
    key = require_key(request, at_least)
    return key, map_for(key.workspace, map_id)


@router.get("/journeys/templates", response=list[StarterOut], summary="List the templates of maps")
def list_templates(request: HttpRequest) -> list[Any]:
    require_key(request)
    return list(starter_maps().values())


@router.get("/journeys/maps", response=PageOut[MapOut], summary="List journey maps")
def list_maps(request: HttpRequest, query: Query[MapQuery]) -> dict[str, Any]:
    workspace = require_key(request).workspace
    return page_of(maps_of(workspace, archived=query.archived, search=query.search), query)


@router.post("/journeys/maps", response={201: WholeMapOut}, summary="Make a journey map")
def create_map(request: HttpRequest, body: MapIn) -> tuple[int, JourneyMap]:
    """From a template, or from a definition."""
    key = require_key(request, Role.ANALYST)
    starter = starter_maps().get(body.template)
    if body.template and starter is None:
        raise Problem(422, "unknown_template", _("There is no such template."))
    with refusals():
        definition = starter.definition if starter and not body.definition else read_definition(body.definition)
        name = body.name or (starter.name if starter else "")
        return 201, actions.create_map(
            workspace=key.workspace, name=name, definition=definition, by=key, kind=body.kind
        )  # fmt: skip


@router.get("/journeys/maps/{uuid:map_id}", response=WholeMapOut, summary="Get a journey map")
def get_map(request: HttpRequest, map_id: UUID) -> JourneyMap:
    return _asked(request, map_id)[1]


@router.patch("/journeys/maps/{uuid:map_id}", response=WholeMapOut, summary="Change a journey map")
def change_map(request: HttpRequest, map_id: UUID, body: MapChangeIn) -> JourneyMap:
    """Its name, its whole definition, or both."""
    key, drawn = _asked(request, map_id, Role.ANALYST)
    if body.revision is not None and body.revision != drawn.revision:
        raise Problem(409, "changed_meanwhile", _("The map has been changed since that revision."))
    with refusals():
        if body.definition is not None:
            drawn = actions.put_definition(journey_map=drawn, definition=read_definition(body.definition), by=key)
        if body.name is not None:
            drawn = actions.rename_map(journey_map=drawn, name=body.name, by=key)
    return drawn


@router.delete("/journeys/maps/{uuid:map_id}", response={204: None}, summary="Remove a map that is in the archive")
def remove_map(request: HttpRequest, map_id: UUID) -> tuple[int, None]:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    with refusals():
        actions.remove_map(journey_map=drawn, by=key)
    return 204, None


@router.post("/journeys/maps/{uuid:map_id}/archive", response=MapOut, summary="Put a map into the archive")
def archive_map(request: HttpRequest, map_id: UUID) -> JourneyMap:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    return actions.archive_map(journey_map=drawn, by=key)


@router.post("/journeys/maps/{uuid:map_id}/unarchive", response=MapOut, summary="Take a map out of the archive")
def unarchive_map(request: HttpRequest, map_id: UUID) -> JourneyMap:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    return actions.unarchive_map(journey_map=drawn, by=key)


@router.post("/journeys/maps/{uuid:map_id}/to-be", response={201: WholeMapOut}, summary="Copy a map as it should be")
def copy_as_to_be(request: HttpRequest, map_id: UUID) -> tuple[int, JourneyMap]:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    with refusals():
        return 201, actions.copy_as_to_be(journey_map=drawn, by=key)


@router.get("/journeys/maps/{uuid:map_id}/drawing", summary="Get a map as a picture (SVG)")
def get_drawing(request: HttpRequest, map_id: UUID) -> HttpResponse:
    _key, drawn = _asked(request, map_id)
    picture = svg_of(board_of(definition_of(drawn), drawn.workspace), drawn.name)
    return HttpResponse(picture, content_type="image/svg+xml; charset=utf-8")


@router.get("/journeys/maps/{uuid:map_id}/versions", response=PageOut[VersionOut], summary="List versions of a map")
def list_versions(request: HttpRequest, map_id: UUID, query: Query[PageQuery]) -> dict[str, Any]:
    _key, drawn = _asked(request, map_id)
    return page_of(MapVersion.objects.filter(map=drawn), query, by="number")


@router.post("/journeys/maps/{uuid:map_id}/versions", response={201: VersionOut}, summary="Keep a version of a map")
def keep_version(request: HttpRequest, map_id: UUID, body: VersionIn) -> tuple[int, MapVersion]:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    with refusals():
        return 201, actions.keep_version(journey_map=drawn, by=key, note=body.note)


@router.get(
    "/journeys/maps/{uuid:map_id}/versions/{int:number}", response=WholeVersionOut, summary="Get a version of a map"
)
def get_version(request: HttpRequest, map_id: UUID, number: int) -> MapVersion:
    version = version_of(_asked(request, map_id)[1], min(number, 2**31 - 1))
    if version is None:
        raise Http404
    return version


@router.post(
    "/journeys/maps/{uuid:map_id}/versions/{int:number}/restore", response=WholeMapOut, summary="Restore a version"
)
def restore_version(request: HttpRequest, map_id: UUID, number: int) -> JourneyMap:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    with refusals():
        return actions.restore_version(journey_map=drawn, number=min(number, 2**31 - 1), by=key)


@router.get("/journeys/maps/{uuid:map_id}/comments", response=PageOut[CommentOut], summary="List comments on a map")
def list_comments(request: HttpRequest, map_id: UUID, query: Query[CommentQuery]) -> dict[str, Any]:
    _key, drawn = _asked(request, map_id)
    return page_of(comments_of(drawn, resolved=query.resolved), query)


@router.post("/journeys/maps/{uuid:map_id}/comments", response={201: CommentOut}, summary="Comment on a map")
def add_comment(request: HttpRequest, map_id: UUID, body: CommentIn) -> tuple[int, MapComment]:
    key, drawn = _asked(request, map_id, Role.AGENT)
    with refusals():
        return 201, talking.add_comment(journey_map=drawn, text=body.text, by=key, touchpoint=body.touchpoint)


@router.patch(
    "/journeys/maps/{uuid:map_id}/comments/{uuid:comment_id}", response=CommentOut, summary="Settle a comment"
)
def settle_comment(request: HttpRequest, map_id: UUID, comment_id: UUID, body: CommentChangeIn) -> MapComment:
    key, drawn = _asked(request, map_id, Role.AGENT)
    comment = _part(MapComment.objects.filter(map=drawn).select_related("map__workspace", "created_by"), comment_id)
    return talking.resolve_comment(comment=comment, by=key, resolved=body.resolved)


@router.get("/journeys/maps/{uuid:map_id}/shares", response=PageOut[ShareOut], summary="List public addresses of a map")
def list_shares(request: HttpRequest, map_id: UUID, query: Query[PageQuery]) -> dict[str, Any]:
    _key, drawn = _asked(request, map_id, Role.ANALYST)
    return page_of(shares_of(drawn), query)


@router.post("/journeys/maps/{uuid:map_id}/shares", response={201: ShareOut}, summary="Share a map publicly")
def share_map(request: HttpRequest, map_id: UUID, body: ShareIn) -> tuple[int, MapShare]:
    """`expires_at` without a zone is in UTC."""
    key, drawn = _asked(request, map_id, Role.ANALYST)
    expires_at = body.expires_at
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    with refusals():
        return 201, talking.share_map(journey_map=drawn, by=key, note=body.note, expires_at=expires_at)


@router.delete(
    "/journeys/maps/{uuid:map_id}/shares/{uuid:share_id}", response={204: None}, summary="Take a public address back"
)
def revoke_share(request: HttpRequest, map_id: UUID, share_id: UUID) -> tuple[int, None]:
    key, drawn = _asked(request, map_id, Role.ANALYST)
    share = _part(MapShare.objects.filter(map=drawn).select_related("map__workspace"), share_id)
    talking.revoke_share(share=share, by=key)
    return 204, None


def _part(rows: QuerySet[Any], pk: UUID) -> Any:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
