"""REST: endpoints of webhooks, their secrets, their messages and attempts, replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage, WebhookSecret

from . import actions
from .queries import endpoint_for, endpoints_of, message_for
from .types import TEST_SCHEMA, TYPES

router = Router(tags=["webhooks"])


class EndpointIn(Schema):
    url: str = Field(max_length=2000)
    name: str = Field("", max_length=200)
    types: list[str] = Field([], description="Types, or their beginnings; none: everything")
    scheme: str = Field("v1", description="v1 (HMAC-SHA256) or v1a (ed25519)")


class EndpointPatch(Schema):
    url: str | None = Field(None, max_length=2000)
    name: str | None = Field(None, max_length=200)
    types: list[str] | None = None


class EndpointOut(Schema):
    id: UUID
    url: str
    name: str
    types: list[str]
    created_at: datetime
    off_at: datetime | None
    off_reason: str = Field(description="person, gone (it answered 410) or failing; empty while it is on")
    failing_since: datetime | None
    public_keys: list[str] = Field(description="whpk_…, of asymmetric signatures that are valid now, newest first")

    @staticmethod
    def resolve_public_keys(obj: WebhookEndpoint) -> list[str]:
        return [one.public for one in obj.secrets.filter(ends_at=None).order_by("-pk") if one.public]


class SecretOut(Schema):
    scheme: str
    secret: str = Field(description="whsec_…, shown this once; of an asymmetric signature the public key whpk_…")
    created_at: datetime

    @staticmethod
    def resolve_secret(obj: WebhookSecret) -> str:
        return obj.public or obj.secret


class NewEndpointOut(Schema):
    endpoint: EndpointOut
    secret: SecretOut


class RotateIn(Schema):
    scheme: str = Field("", description="v1 or v1a; as before where it is left out")
    overlap_s: int = Field(24 * 3600, ge=0, le=7 * 24 * 3600, description="How long the secret before signs, too")


class ReplayIn(Schema):
    since: datetime
    until: datetime
    delivered: bool = Field(False, description="Also what was delivered already")


class ReplayOut(Schema):
    messages: int


class WebhookOut(Schema):
    id: UUID
    webhook_id: str = Field(alias="public_id")
    type: str
    at: datetime
    state: str = Field(description="waiting, sending, delivered, failed or cancelled")
    attempts: int
    next_at: datetime
    created_at: datetime
    delivered_at: datetime | None


class TryOut(Schema):
    number: int
    at: datetime
    status: int | None
    error: str = Field(description="Where no answer came: name, internal, refused, timeout, certificate, broken, reply")
    answer: str
    duration_ms: int


class WholeWebhookOut(WebhookOut):
    body: str = Field(description="Exactly as it is signed and sent")
    tries: list[TryOut]

    @staticmethod
    def resolve_tries(obj: WebhookMessage) -> list[Any]:
        return list(obj.tries.order_by("pk"))


class TypeOut(Schema):
    type: str
    description: str
    data: dict[str, Any] = Field(description="JSON Schema of data")


@contextmanager
def refusing() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal


def asked(request: HttpRequest, endpoint_id: UUID) -> tuple[ApiKey, WebhookEndpoint]:
    key = require_key(request, Role.ADMIN)
    return key, endpoint_for(key.workspace, endpoint_id)


@router.get("/webhooks/types", response=list[TypeOut], summary="List types of webhooks with their schemas")
def list_types(request: HttpRequest) -> list[dict[str, Any]]:
    require_key(request, Role.VIEWER)
    known = [{"type": one.name, "description": one.text, "data": one.schema()} for one in TYPES]
    return [*known, {"type": actions.TEST, "description": "Sent by the test button.", "data": TEST_SCHEMA}]


@router.get("/webhooks/endpoints", response=PageOut[EndpointOut], summary="List webhook endpoints")
def list_endpoints(request: HttpRequest, query: Query[PageQuery]) -> dict[str, object]:
    return page_of(endpoints_of(require_key(request, Role.ADMIN).workspace), query)


@router.post("/webhooks/endpoints", response={201: NewEndpointOut}, summary="Make a webhook endpoint")
def create_endpoint(request: HttpRequest, body: EndpointIn) -> tuple[int, dict[str, Any]]:
    """The answer holds the secret, which is shown this once."""
    key = require_key(request, Role.ADMIN)
    with refusing():
        endpoint, secret = actions.create_endpoint(workspace=key.workspace, by=key, **body.dict())
    return 201, {"endpoint": endpoint, "secret": secret}


@router.get("/webhooks/endpoints/{uuid:endpoint_id}", response=EndpointOut, summary="One webhook endpoint")
def show_endpoint(request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
    return asked(request, endpoint_id)[1]


@router.patch("/webhooks/endpoints/{uuid:endpoint_id}", response=EndpointOut, summary="Change a webhook endpoint")
def change_endpoint(request: HttpRequest, endpoint_id: UUID, body: EndpointPatch) -> WebhookEndpoint:
    key, endpoint = asked(request, endpoint_id)
    with refusing():
        return actions.change_endpoint(endpoint=endpoint, by=key, **body.dict())


@router.delete("/webhooks/endpoints/{uuid:endpoint_id}", response={204: None}, summary="Remove a webhook endpoint")
def remove_endpoint(request: HttpRequest, endpoint_id: UUID) -> tuple[int, None]:
    key, endpoint = asked(request, endpoint_id)
    actions.remove_endpoint(endpoint=endpoint, by=key)
    return 204, None


@router.post("/webhooks/endpoints/{uuid:endpoint_id}/on", response=EndpointOut, summary="Switch an endpoint on")
def switch_on(request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
    key, endpoint = asked(request, endpoint_id)
    actions.switch_on(endpoint=endpoint, by=key)
    return endpoint


@router.post("/webhooks/endpoints/{uuid:endpoint_id}/off", response=EndpointOut, summary="Switch an endpoint off")
def switch_off(request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
    key, endpoint = asked(request, endpoint_id)
    actions.switch_off(endpoint=endpoint, by=key)
    return endpoint


@router.post(
    "/webhooks/endpoints/{uuid:endpoint_id}/rotate", response=SecretOut, summary="Give an endpoint a new secret"
)
def rotate(request: HttpRequest, endpoint_id: UUID, body: RotateIn) -> WebhookSecret:
    """Until the overlap ends, each message carries a signature by the old secret, too."""
    key, endpoint = asked(request, endpoint_id)
    with refusing():
        overlap = timedelta(seconds=body.overlap_s)
        return actions.rotate(endpoint=endpoint, scheme=body.scheme, overlap=overlap, by=key)


@router.post("/webhooks/endpoints/{uuid:endpoint_id}/test", response={201: WebhookOut}, summary="Send a test message")
def send_test(request: HttpRequest, endpoint_id: UUID) -> tuple[int, WebhookMessage]:
    key, endpoint = asked(request, endpoint_id)
    with refusing():
        return 201, actions.send_test(endpoint=endpoint, by=key)


@router.post("/webhooks/endpoints/{uuid:endpoint_id}/replay", response=ReplayOut, summary="Send a range of time again")
def replay_range(request: HttpRequest, endpoint_id: UUID, body: ReplayIn) -> dict[str, int]:
    """What failed or was cancelled; each message keeps its id."""
    key, endpoint = asked(request, endpoint_id)
    if body.since.tzinfo is None or body.until.tzinfo is None:
        raise Problem(422, "no_time_zone", _("Times need a zone, such as 2026-03-01T12:00:00Z."))
    with refusing():
        return {"messages": actions.replay_range(endpoint=endpoint, by=key, **body.dict())}


@router.get(
    "/webhooks/endpoints/{uuid:endpoint_id}/messages", response=PageOut[WebhookOut], summary="The log of an endpoint"
)
def list_messages(
    request: HttpRequest, endpoint_id: UUID, query: Query[PageQuery], state: str = ""
) -> dict[str, object]:
    rows = asked(request, endpoint_id)[1].messages.defer("body")
    return page_of(rows.filter(state=state) if state else rows, query)


@router.get(
    "/webhooks/endpoints/{uuid:endpoint_id}/messages/{uuid:message_id}", response=WholeWebhookOut,
    summary="One message with its attempts",
)  # fmt: skip
def show_message(request: HttpRequest, endpoint_id: UUID, message_id: UUID) -> WebhookMessage:
    return message_for(asked(request, endpoint_id)[1], message_id)


@router.post(
    "/webhooks/endpoints/{uuid:endpoint_id}/messages/{uuid:message_id}/replay", response=WebhookOut,
    summary="Send a message again",
)  # fmt: skip
def replay_message(request: HttpRequest, endpoint_id: UUID, message_id: UUID) -> WebhookMessage:
    key, endpoint = asked(request, endpoint_id)
    message = message_for(endpoint, message_id)
    with refusing():
        actions.replay(message=message, by=key)
    return message
