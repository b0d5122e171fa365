"""What we say: a message of a conversation and its delivery, in one transaction. It leaves after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from . import files
from .actions import Refused, queue
from .mail.letter import our_host
from .models import Channel, Conversation, Delivery, Message
from .receiving import MAILBOX, File, attach, clean, identities_of, kept
from .sanitising import safe_html

Kind = Literal["reply", "acknowledgement", "automation"]
MOST_FILES = 20
MOST_BYTES = 20_000_000  # of all files of one message: what mail servers take, after base 64
# So many messages without a person to one address in so much time: two machines talk to each other.
MOST_AUTOMATIC, AUTOMATIC_WITHIN = 6, timedelta(hours=1)
LOOP = "not_sent_loop"
NO_ADDRESS = "not_sent_no_address"


@transaction.atomic
def open_conversation(
    *, workspace: Workspace, customer: Customer | None, channel: Channel | None, subject: str
) -> Conversation:
    """A conversation that we begin: with a customer who answered a survey, for instance.

    It is by e-mail; without a channel by the first mailbox that the workspace has.
    """
    channel = channel or mailbox_of(workspace)
    return Conversation.objects.create(
        workspace=workspace, channel=channel, kind=channel.kind if channel else "email", customer=customer,
        address=address_of(customer), name=customer.name if customer else "", subject=clean(subject, 300),
        language=customer.language if customer else "",
    )  # fmt: skip


def mailbox_of(workspace: Workspace) -> Channel | None:
    """The mailbox that messages leave from where nothing else says so: the oldest one."""
    return Channel.objects.filter(workspace=workspace, kind="email", is_paused=False).order_by("pk").first()


def address_of(customer: Customer | None) -> str:
    """Where mail to a customer goes; empty if nobody knows."""
    if customer is None:
        return ""
    return customer.email or next(iter(identities_of(customer, "email")), "")


def reply(
    *,
    conversation: Conversation,
    text: str,
    by: Actor,
    kind: Kind = "reply",
    case_id: UUID | str | None = None,
    attachments: Sequence[File] = (),
    html: str = "",
) -> Message:
    """Say something in a conversation; it leaves as a mail where the conversation has an address for mail.

    Where it has none (a review) the message is only noted. A message without a person (`kind` is not reply) is kept
    but not sent when the other side seems to be a machine; its remarks say so. Raises Refused.
    """
    with files.kept_if_committed() as keys, transaction.atomic():
        return _reply(conversation, text, by, kind, case_id, attachments, html, keys)


def _reply(
    conversation: Conversation, text: str, by: Actor, kind: Kind, case_id: UUID | str | None,
    attachments: Sequence[File], html: str, keys: list[str],
) -> Message:  # fmt: skip
    workspace = conversation.workspace
    require_role(workspace, by, Role.AGENT)
    text = kept(text).strip()
    if not text:
        raise Refused(_("Write something first."))
    if len(attachments) > MOST_FILES or sum(len(one.content) for one in attachments) > MOST_BYTES:
        raise Refused(_("A message has at most 20 files of 20 MB together."))
    automatic, now, pk = kind != "reply", timezone.now(), uuid4()
    remarks = []
    if not MAILBOX.fullmatch(conversation.address):
        remarks.append(NO_ADDRESS)
    elif automatic and is_loop(conversation):
        remarks.append(LOOP)
    delivery = None
    if not remarks:
        queued = queue(
            workspace=workspace, cause=f"message:{pk.hex}", to=conversation.address, customer=conversation.customer
        )
        delivery = Delivery.objects.get(pk=queued)
    message = Message.objects.create(
        pk=pk, conversation=conversation, workspace=workspace, direction=Message.Direction.OUT,
        external_id=f"<{delivery.pk.hex}@{our_host()}>" if delivery else f"out:{pk.hex}",
        author=user_behind(by),
        text=text, html=safe_html(html), is_automatic=automatic, remarks=remarks,
        properties={"kind": kind, **({"case_id": str(case_id)} if case_id else {})}, delivery=delivery, at=now,
    )  # fmt: skip
    for one in attachments:
        attach(message, one, keys)
    Conversation.objects.filter(pk=conversation.pk).update(last_at=now)
    conversation.last_at = now
    emit(
        "message_sent", workspace_id=workspace.pk, customer_id=conversation.customer_id or NOBODY,
        message_id=str(pk), conversation_id=str(conversation.pk), channel=conversation.kind, kind=kind,
        case_id=str(case_id) if case_id else None,
    )  # fmt: skip
    return message


def is_loop(conversation: Conversation) -> bool:
    """Whether a message without a person would answer a machine, or one of too many to this address."""
    rows = Message.objects.filter(conversation=conversation)
    last = rows.filter(direction=Message.Direction.IN).order_by("-at", "-pk").first()
    if last and last.is_automatic:
        return True
    since = timezone.now() - AUTOMATIC_WITHIN
    said = Message.objects.filter(
        delivery__workspace=conversation.workspace_id, delivery__to=conversation.address, is_automatic=True,
        at__gte=since,
    )  # fmt: skip
    return said.count() >= MOST_AUTOMATIC
