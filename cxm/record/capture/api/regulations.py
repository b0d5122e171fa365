"""REST: privacy requests in the form of Segment's Public API, so that programs written for it need a new address only.

(https://docs.segmentapis.com/tag/Deletion-and-Suppression) The same is at /regulations and /suppressions without the
prefix of our API.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import Role
from cxm.accounts.rest import Problem, bad_cursor, require_key
from cxm.record.capture import jobs, regulating
from cxm.record.capture.actions import Refused
from cxm.record.capture.models import Regulation, Suppression
from cxm.record.capture.queries import regulation_for

router = Router(tags=["privacy"])


class RegulationIn(Schema):
    regulationType: str = Field(description="SUPPRESS_ONLY, UNSUPPRESS, SUPPRESS_WITH_DELETE or DELETE_ONLY")
    subjectType: str = Field("USER_ID", description="USER_ID")
    subjectIds: list[str | int] = Field(description="User ids, 5,000 at most")


class Made(Schema):
    regulateId: str


class MadeOut(Schema):
    data: Made


class OfDestination(Schema):
    name: str
    id: str
    status: str
    errString: str
    finishedAt: datetime | None


class OfStream(Schema):
    id: str
    destinationStatus: list[OfDestination]


class RegulationShape(Schema):
    id: str
    workspaceId: str
    overallStatus: str = Field(
        description="INITIALIZED, INVALID, NOT_SUPPORTED, RUNNING, PARTIAL_SUCCESS, FAILED or FINISHED"
    )
    createdAt: datetime
    finishedAt: datetime | None
    streamStatus: list[OfStream] = Field(description="One entry: this installation")


class RegulationBody(Schema):
    regulation: RegulationShape


class RegulationOut(Schema):
    data: RegulationBody


class Suppressed(Schema):
    subjectType: str
    subjectIds: list[str]


class Pagination(Schema):
    current: str
    next: str | None
    totalEntries: int


class SuppressionsBody(Schema):
    suppressed: list[Suppressed]
    pagination: Pagination


class SuppressionsOut(Schema):
    data: SuppressionsBody


class SuppressionsQuery(Schema):
    count: int = Field(200, ge=1, le=1000, alias="pagination[count]")
    cursor: str = Field("", max_length=200, alias="pagination[cursor]")


@router.post("/regulations", response=MadeOut, summary="Suppress people, erase them, or both")
def create_regulation(request: HttpRequest, body: RegulationIn) -> dict[str, Any]:
    """Suppression counts at once; erasing runs in the background. Needs a key with the role of an administrator."""
    key = require_key(request, Role.ADMIN)
    if body.regulationType not in Regulation.Type.values:
        raise Problem(
            422,
            "unknown_type",
            _("There is no regulation of the type “%(type)s”.") % {"type": body.regulationType[:60]},
        )
    if body.subjectType != "USER_ID":
        raise Problem(422, "not_supported", _("People are named by their user ids: subjectType is USER_ID."))
    try:
        made = regulating.create_regulation(
            workspace=key.workspace, kind=Regulation.Type(body.regulationType),
            subject_ids=[str(one) for one in body.subjectIds], by=key,
        )  # fmt: skip
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    if regulating.needs_job(made):
        jobs.run_regulation.enqueue(str(made.pk))
    return {"data": {"regulateId": str(made.pk)}}


@router.get("/regulations/{uuid:regulation_id}", response=RegulationOut, summary="How far a regulation is")
def show_regulation(request: HttpRequest, regulation_id: UUID) -> dict[str, Any]:
    key = require_key(request)
    one = regulation_for(key.workspace, regulation_id)
    here = {
        "name": "OpenCXM", "id": str(key.workspace.uuid), "status": one.status, "errString": one.problem,
        "finishedAt": one.finished_at,
    }  # fmt: skip
    return {
        "data": {
            "regulation": {
                "id": str(one.pk), "workspaceId": str(key.workspace.uuid), "overallStatus": one.status,
                "createdAt": one.created_at, "finishedAt": one.finished_at,
                "streamStatus": [{"id": str(key.workspace.uuid), "destinationStatus": [here]}],
            }
        }
    }  # fmt: skip


@router.get("/suppressions", response=SuppressionsOut, summary="Whose events are dropped")
def list_suppressions(request: HttpRequest, query: Query[SuppressionsQuery]) -> dict[str, Any]:
    key = require_key(request)
    every = Suppression.objects.filter(workspace=key.workspace).order_by("pk")
    rows = every.filter(pk__gt=read_cursor(query.cursor))
    found = list(rows.values_list("pk", "user_id")[: query.count + 1])
    page = found[: query.count]
    suppressed = [{"subjectType": "USER_ID", "subjectIds": [user_id for _pk, user_id in page]}] if page else []
    return {
        "data": {
            "suppressed": suppressed,
            "pagination": {
                "current": query.cursor or write_cursor(0),
                "next": write_cursor(page[-1][0]) if len(found) > len(page) else None,
                "totalEntries": every.count(),
            },
        }
    }


def write_cursor(after: int) -> str:
    return base64.urlsafe_b64encode(str(after).encode()).decode()


def read_cursor(cursor: str) -> int:
    """Raises Problem 400 for one that we did not give."""
    try:
        after = int(base64.b64decode(cursor.encode("ascii"), b"-_", validate=True)) if cursor else 0
    except (UnicodeError, binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if not 0 <= after < 2**63:
        raise bad_cursor()
    return after
