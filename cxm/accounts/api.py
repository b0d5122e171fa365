"""REST: the workspace of the key, its members, its audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime

from .models import AuditEntry, Membership, Role, Workspace
from .queries import members_of
from .rest import PageOut, PageQuery, page_of, require_key

router = Router(tags=["workspace"])


class WorkspaceOut(Schema):
    uuid: UUID
    slug: str
    name: str
    time_zone: str
    currency: str
    is_sample: bool
    created_at: datetime


class MemberOut(Schema):
    uuid: UUID
    name: str
    email: str
    role: Role
    joined_at: datetime

    @staticmethod
    def resolve_uuid(member: Membership) -> UUID:
        return member.user.uuid

    @staticmethod
    def resolve_name(member: Membership) -> str:
        return member.user.name

    @staticmethod
    def resolve_email(member: Membership) -> str:
        return member.user.email

    @staticmethod
    def resolve_joined_at(member: Membership) -> datetime:
        return member.created_at


class AuditEntryOut(Schema):
    at: datetime
    by_name: str
    verb: str
    subject: str
    subject_id: str
    subject_name: str
    changes: dict[str, Any]


class AuditQuery(PageQuery):
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    verb: str = ""
    subject: str = ""


@router.get("/workspace", response=WorkspaceOut, summary="The workspace of the key")
def workspace(request: HttpRequest) -> Workspace:
    return require_key(request).workspace


@router.get("/members", response=PageOut[MemberOut], summary="The people in the workspace")
def members(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return page_of(members_of(require_key(request).workspace), query)


@router.get("/audit", response=PageOut[AuditEntryOut], summary="Who changed what, newest first; needs an admin key")
def audit(request: HttpRequest, query: Query[AuditQuery]) -> dict[str, Any]:
    """`since` is included, `until` is not."""
    entries = AuditEntry.objects.filter(workspace=require_key(request, Role.ADMIN).workspace)
    if query.since:
        entries = entries.filter(at__gte=query.since)
    if query.until:
        entries = entries.filter(at__lt=query.until)
    if query.verb:
        entries = entries.filter(verb=query.verb)
    if query.subject:
        entries = entries.filter(subject=query.subject)
    return page_of(entries, query, newest_first=True)
