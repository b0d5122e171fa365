"""Questions about channels and conversations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, QuerySet
from django.http import Http404

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer

from .models import Attachment, Channel, Conversation, Message
from .remarks import in_words


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a page shows it; `remarks` are pairs of how serious and a sentence."""

    message: Message
    remarks: list[tuple[str, str]]
    attachments: list[Attachment]

    @property
    def is_ours(self) -> bool:
        return self.message.direction == Message.Direction.OUT


def thread(conversation: Conversation) -> list[Shown]:
    """All messages of a conversation, the oldest first, in three questions."""
    return thread_of([conversation.pk])


def thread_of(conversation_ids: Iterable[UUID]) -> list[Shown]:
    """The messages of several conversations (of merged cases) as one."""
    rows = Message.objects.filter(conversation__in=list(conversation_ids)).select_related("author", "delivery")
    return [
        Shown(one, in_words(one.remarks), list(one.attachments.all()))
        for one in rows.prefetch_related("attachments").order_by("at", "pk")
    ]


def conversations_of(workspace: Workspace) -> QuerySet[Conversation]:
    return Conversation.objects.filter(workspace=workspace).select_related("customer", "channel")


def conversations_with(customer: Customer) -> QuerySet[Conversation]:
    """Of the customer and of whom was merged into them, the newest first."""
    root = customer.canonical_id or customer.pk
    family = Customer.objects.filter(canonical=root).values_list("pk", flat=True)
    rows = Conversation.objects.filter(customer__in=[root, *family]).select_related("channel")
    return rows.order_by("-last_at")


def conversation_for(workspace: Workspace, conversation_id: UUID) -> Conversation:
    found = conversations_of(workspace).filter(pk=conversation_id).first()
    if found is None:
        raise Http404
    return found


def channels_of(workspace: Workspace) -> QuerySet[Channel]:
    return Channel.objects.filter(workspace=workspace).order_by("name")


def channel_for(workspace: Workspace, channel_id: int) -> Channel:
    found = channels_of(workspace).select_related("workspace").filter(pk=channel_id).first()
    if found is None:
        raise Http404
    return found


def attachment_for(workspace: Workspace, attachment_id: UUID) -> Attachment:
    found = Attachment.objects.filter(message__workspace=workspace, pk=attachment_id).first()
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True, slots=True)
class Traffic:
    conversations: int
    last_at: object


def traffic(workspace: Workspace) -> dict[int, Traffic]:
    """Channel -> how many conversations it has and when something was said in one of them."""
    rows = Conversation.objects.filter(workspace=workspace, channel__isnull=False).order_by().values("channel")
    return {row["channel"]: Traffic(row["n"], row["at"]) for row in rows.annotate(n=Count("pk"), at=Max("last_at"))}
