"""REST: channels, what comes in by them, conversations and answers."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.record.customers.access import customer_for

from . import channel_actions as actions
from .actions import Refused
from .conversations import (
    Shown,
    attachment_for,
    channel_for,
    channels_of,
    conversation_for,
    conversations_of,
    thread,
)
from .conversing import open_conversation, reply
from .files import path_of
from .kinds.email.bounded import MOST_BYTES
from .kinds.email.taking import take
from .models import Attachment, Channel, Conversation
from .receiving import File
from .registry import KINDS

router = Router(tags=["channels"])


class ChannelOut(Schema):
    id: int
    public_id: UUID
    kind: str
    name: str
    address: str
    settings: dict[str, Any]
    is_paused: bool
    error: str = Field(description="What went wrong when it was asked last; empty if nothing did")
    created_at: datetime

    @staticmethod
    def resolve_error(channel: Channel) -> str:
        return str(channel.state.get("error", ""))


class ChannelIn(Schema):
    """The fields of the form of the kind; those of passwords are kept apart and never given out."""

    kind: str = Field(max_length=20)
    fields: dict[str, Any] = Field(description="name, address, opens_cases, touchpoint, and those of the kind")


class ChannelChange(Schema):
    fields: dict[str, Any] = Field(description="What to change; what is not named stays")
    is_paused: bool | None = None


class CheckOut(Schema):
    result: str


class AttachmentOut(Schema):
    id: UUID
    name: str
    type: str
    size: int = Field(description="Bytes")


class ConversationOut(Schema):
    id: UUID
    channel_id: int | None
    kind: str
    customer_id: UUID | None
    address: str
    name: str
    subject: str
    language: str
    created_at: datetime
    last_at: datetime


class SaidOut(Schema):
    id: UUID
    conversation_id: UUID
    direction: str = Field(description="in or out")
    external_id: str
    sender: str
    author: str = Field(description="Who of us wrote it")
    text: str
    quoted: str
    html: str = Field(description="Sanitised; empty where only text came")
    score: float | None
    is_automatic: bool
    remarks: list[str] = Field(description="Codes of what looked wrong, see the guide to channels")
    state: str | None = Field(description="What became of it: the state of its message")
    attachments: list[AttachmentOut]
    at: datetime


class FileIn(Schema):
    name: str = Field(max_length=255)
    type: str = Field("application/octet-stream", max_length=100)
    content: str = Field(description="Base64")


class ReplyIn(Schema):
    text: str = Field(max_length=100_000)
    files: list[FileIn] = []


class OpenIn(Schema):
    customer_id: UUID
    subject: str = Field(max_length=300)
    channel_id: int | None = None


def channel_of(key: ApiKey, channel_id: int) -> Channel:
    if not 0 < channel_id < 2**63:
        raise Http404
    return channel_for(key.workspace, channel_id)


def checked(kind: str, fields: dict[str, Any], channel: Channel | None = None) -> dict[str, Any]:
    """What the form of the kind makes of the fields. Raises Problem 422 with what each field lacks."""
    if kind not in KINDS:
        raise Problem(422, "unknown_kind", f"kind: {', '.join(KINDS)}")
    before = {"name": channel.name, "address": channel.address, **channel.settings} if channel else {}
    form = KINDS[kind].form({**before, **fields}, channel=channel)
    if not form.is_valid():
        errors = [{"field": name, "message": " ".join(map(str, some))} for name, some in form.errors.items()]
        raise Problem(
            422, "invalid_input", " ".join(f"{one['field']}: {one['message']}" for one in errors), errors=errors
        )
    return form.kept()


def said(shown: Shown) -> dict[str, Any]:
    one = shown.message
    names = ("id", "conversation_id", "direction", "external_id", "sender", "text", "quoted", "html", "score", "at",
             "is_automatic", "remarks")  # fmt: skip
    return {
        **{name: getattr(one, name) for name in names},
        "author": str(one.author) if one.author else "",
        "state": one.delivery.state if one.delivery else None,
        "attachments": shown.attachments,
    }


@router.get("/channels", response=PageOut[ChannelOut], summary="List channels")
def list_channels(request: HttpRequest, query: Query[PageQuery]) -> dict[str, object]:
    return page_of(channels_of(require_key(request, Role.AGENT).workspace), query)


@router.post("/channels", response={201: ChannelOut}, summary="Set up a channel")
def create_channel(request: HttpRequest, body: ChannelIn) -> tuple[int, Channel]:
    key = require_key(request, Role.ADMIN)
    fields = checked(body.kind, body.fields)
    try:
        return 201, actions.create_channel(workspace=key.workspace, kind=body.kind, by=key, **fields)
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal


@router.get("/channels/{int:channel_id}", response=ChannelOut, summary="One channel")
def show_channel(request: HttpRequest, channel_id: int) -> Channel:
    return channel_of(require_key(request, Role.AGENT), channel_id)


@router.patch("/channels/{int:channel_id}", response=ChannelOut, summary="Change a channel, pause it or resume it")
def change_channel(request: HttpRequest, channel_id: int, body: ChannelChange) -> Channel:
    key = require_key(request, Role.ADMIN)
    channel = channel_of(key, channel_id)
    if body.fields:
        fields = checked(channel.kind, body.fields, channel)
        try:
            actions.change_channel(channel=channel, by=key, **fields)
        except Refused as refusal:
            raise Problem(422, "refused", str(refusal)) from refusal
    if body.is_paused is not None:
        actions.pause_channel(channel=channel, paused=body.is_paused, by=key)
    return channel_of(key, channel_id)


@router.delete("/channels/{int:channel_id}", response={204: None}, summary="Remove a channel; its conversations stay")
def remove_channel(request: HttpRequest, channel_id: int) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    actions.remove_channel(channel=channel_of(key, channel_id), by=key)
    return 204, None


@router.post("/channels/{int:channel_id}/check", response=CheckOut, summary="Test a channel")
def check_channel(request: HttpRequest, channel_id: int) -> dict[str, str]:
    key = require_key(request, Role.ADMIN)
    try:
        return {"result": actions.check_channel(channel=channel_of(key, channel_id), by=key)}
    except Refused as refusal:
        raise Problem(409, "trouble", str(refusal)) from refusal


@router.post("/channels/{int:channel_id}/mail", response={200: SaidOut, 204: None}, summary="Hand in a mail")
def hand_in(request: HttpRequest, channel_id: int) -> tuple[int, dict[str, Any] | None]:
    """The body is the mail as it came (message/rfc822). The same mail again gives the same message.

    204 for a report about a message of ours, which is applied and kept nowhere.
    """
    key = require_key(request, Role.AGENT)
    channel = channel_of(key, channel_id)
    if channel.kind != "email":
        raise Problem(409, "wrong_kind", "email")
    if len(request.body) > MOST_BYTES:
        raise Problem(413, "too_large", f"{MOST_BYTES} bytes")
    if not request.body.strip():
        raise Problem(422, "empty", "message/rfc822")
    message = take(request.body, channel=channel)
    if message is None:
        return 204, None
    return 200, said(next(one for one in thread(message.conversation) if one.message.pk == message.pk))


@router.get("/conversations", response=PageOut[ConversationOut], summary="List conversations")
def list_conversations(
    request: HttpRequest, query: Query[PageQuery], customer_id: UUID | None = None, channel_id: int | None = None
) -> dict[str, object]:
    rows = conversations_of(require_key(request, Role.AGENT).workspace)
    if customer_id:
        rows = rows.filter(customer=customer_id)
    if channel_id is not None:
        rows = rows.filter(channel=channel_id) if 0 < channel_id < 2**63 else rows.none()
    return page_of(rows, query)


@router.post("/conversations", response={201: ConversationOut}, summary="Begin a conversation with a customer")
def begin(request: HttpRequest, body: OpenIn) -> tuple[int, Conversation]:
    key = require_key(request, Role.AGENT)
    channel = channel_of(key, body.channel_id) if body.channel_id is not None else None
    customer = customer_for(key.workspace, body.customer_id)
    return 201, open_conversation(workspace=key.workspace, customer=customer, channel=channel, subject=body.subject)


@router.get("/conversations/{uuid:conversation_id}", response=ConversationOut, summary="One conversation")
def show_conversation(request: HttpRequest, conversation_id: UUID) -> Conversation:
    return conversation_for(require_key(request, Role.AGENT).workspace, conversation_id)


@router.get("/conversations/{uuid:conversation_id}/messages", response=list[SaidOut], summary="Its messages")
def list_said(request: HttpRequest, conversation_id: UUID) -> list[dict[str, Any]]:
    conversation = conversation_for(require_key(request, Role.AGENT).workspace, conversation_id)
    return [said(one) for one in thread(conversation)]


@router.post("/conversations/{uuid:conversation_id}/messages", response={201: SaidOut}, summary="Answer in it")
def say(request: HttpRequest, conversation_id: UUID, body: ReplyIn) -> tuple[int, dict[str, Any]]:
    """It leaves as a mail where the conversation has an address; elsewhere it is only noted."""
    key = require_key(request, Role.AGENT)
    conversation = conversation_for(key.workspace, conversation_id)
    try:
        files = [File(one.name, one.type, base64.b64decode(one.content, validate=True)) for one in body.files]
        message = reply(conversation=conversation, text=body.text, by=key, attachments=files)
    except binascii.Error as error:
        raise Problem(422, "bad_base64", str(error)) from error
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    return 201, said(next(one for one in thread(conversation) if one.message.pk == message.pk))


@router.get("/attachments/{uuid:attachment_id}", summary="A file that came with a message", response={200: None})
def download(request: HttpRequest, attachment_id: UUID) -> FileResponse:
    found: Attachment = attachment_for(require_key(request, Role.AGENT).workspace, attachment_id)
    path = path_of(found.key)
    if not path.is_file():
        raise Http404
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=found.name, content_type="application/octet-stream"
    )
