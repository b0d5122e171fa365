"""REST: messages and what became of them, addresses that must not be written to, reports of mail servers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key

from . import actions
from .models import Delivery, Suppression
from .queries import deliveries_of, delivery_for, suppressions_of
from .reports import take

router = Router(tags=["messages"])
MOST_BYTES = 2_000_000  # of a report


class MessageOut(Schema):
    id: UUID
    to: str
    customer_id: UUID | None
    cause: str = Field(description="What it was sent for: invitation:…, reminder:…")
    state: str = Field(description="waiting, sending, sent, failed, bounced, uncertain or cancelled")
    attempts: int
    error: str
    message_id: str
    created_at: datetime
    sent_at: datetime | None


class SuppressionOut(Schema):
    id: int
    address: str
    reason: str = Field(description="unsubscribed, bounced, complained or manual")
    at: datetime


class SuppressionIn(Schema):
    address: str = Field(max_length=254)


class ReportOut(Schema):
    taken: int = Field(description="How many of our messages it concerned; 0 for what is no report about one of them")


@router.get("/messages", response=PageOut[MessageOut], summary="List messages")
def list_messages(request: HttpRequest, query: Query[PageQuery], state: str = "") -> dict[str, object]:
    rows = deliveries_of(require_key(request, Role.AGENT).workspace).defer("message")
    return page_of(rows.filter(state=state) if state else rows, query)


@router.get("/messages/{uuid:delivery_id}", response=MessageOut, summary="One message")
def show_message(request: HttpRequest, delivery_id: UUID) -> Delivery:
    return delivery_for(require_key(request, Role.AGENT).workspace, delivery_id)


@router.post("/messages/{uuid:delivery_id}/cancel", response=MessageOut, summary="Do not send a message that waits")
def cancel_message(request: HttpRequest, delivery_id: UUID) -> Delivery:
    key = require_key(request, Role.ANALYST)
    try:
        actions.cancel(delivery=delivery_for(key.workspace, delivery_id), by=key)
    except actions.Refused as refusal:
        raise Problem(409, "wrong_state", str(refusal)) from refusal
    return delivery_for(key.workspace, delivery_id)


@router.post("/messages/reports", response=ReportOut, summary="Hand in a bounce or a complaint")
def take_report(request: HttpRequest) -> dict[str, int]:
    """The body is the message of the mail server as it came (message/rfc822): RFC 3464 or RFC 5965."""
    key = require_key(request, Role.ANALYST)
    if len(request.body) > MOST_BYTES:
        raise Problem(413, "too_large", actions.too_large())
    return {"taken": len(take(request.body, workspace=key.workspace))}


@router.get(
    "/messages/suppressions", response=PageOut[SuppressionOut], summary="List addresses that must not be written to"
)
def list_suppressions(request: HttpRequest, query: Query[PageQuery]) -> dict[str, object]:
    return page_of(suppressions_of(require_key(request, Role.AGENT).workspace), query)


@router.post("/messages/suppressions", response={201: SuppressionOut}, summary="Never write to an address again")
def add_suppression(request: HttpRequest, body: SuppressionIn) -> Status[Suppression]:
    key = require_key(request, Role.ANALYST)
    try:
        made = actions.suppress(workspace=key.workspace, address=body.address, reason=Suppression.Reason.MANUAL, by=key)
    except actions.Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    return Status(201, made)


@router.delete("/messages/suppressions/{int:suppression_id}", response={204: None}, summary="Allow an address again")
def remove_suppression(request: HttpRequest, suppression_id: int) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    row = suppressions_of(key.workspace).filter(pk=suppression_id).first()
    if row is None:
        raise Http404
    actions.release(suppression=row, by=key)
    return Status(204, None)
