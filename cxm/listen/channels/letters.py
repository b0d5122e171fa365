"""The mails of conversations: the owner of deliveries whose cause is `message:<id>`, see causes.py."""

from __future__ import annotations

from uuid import UUID

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from .conversing import mailbox_of
from .files import path_of
from .mail.letter import Letter, Unusable
from .models import Conversation, Delivery, Message
from .tokens import reply_token

MOST_REFERENCES = 20
AUTOMATIC = {"acknowledgement": "auto-replied", "automation": "auto-generated"}


def make(delivery: Delivery) -> Letter | None:
    """The mail of a message; None when the message is gone."""
    message = message_of(delivery)
    if message is None:
        return None
    conversation = message.conversation
    channel = conversation.channel
    if channel is None or channel.kind != "email":  # of a form: answers come from a mailbox, so that theirs come back
        channel = mailbox_of(delivery.workspace)
    before = thread_before(message)
    own = channel.settings if channel else {}
    subject = conversation.subject or str(own.get("subject", "")) or delivery.workspace.name
    return Letter(
        subject=subject if not before or subject.lower().startswith("re:") else f"Re: {subject}",
        text=message.text + signature_of(own),
        html=message.html,
        sender_name=str(own.get("sender_name", "")) or delivery.workspace.name,
        sender_address=channel.address if channel else "",
        reply_to=reply_address(channel.address, conversation) if channel and own.get("plus_addresses") else "",
        language=conversation.language,
        in_reply_to=before[-1] if before else "",
        references=before,
        files=[(one.name, one.type, path_of(one.key)) for one in message.attachments.all()],
        automatic=AUTOMATIC.get(str(message.properties.get("kind", "")), ""),
        bulk=False,
    )


def settled(delivery: Delivery) -> None:
    """What became of it stands in the delivery, which the conversation shows; that it did not arrive is a fact."""
    if delivery.state not in {Delivery.State.BOUNCED, Delivery.State.FAILED}:
        return
    if message := message_of(delivery):
        conversation = message.conversation
        emit(
            "message_returned", workspace_id=delivery.workspace_id, customer_id=conversation.customer_id or NOBODY,
            message_id=str(message.pk), conversation_id=str(conversation.pk), channel=conversation.kind,
            kind=str(message.properties.get("kind") or ""), reason=delivery.error[:300],
        )  # fmt: skip


def message_of(delivery: Delivery) -> Message | None:
    try:
        pk = UUID(hex=delivery.cause.partition(":")[2])
    except ValueError as error:
        raise Unusable(f"{delivery.cause!r} names no message.") from error
    return Message.objects.select_related("conversation__channel").filter(pk=pk).first()


def thread_before(message: Message) -> list[str]:
    """The Message-IDs that a mail refers to, the oldest first: the first of the thread and the last ones."""
    rows = message.conversation.messages.filter(at__lte=message.at, external_id__startswith="<").exclude(pk=message.pk)
    ids = list(rows.order_by("at", "pk").values_list("external_id", flat=True))
    return ids if len(ids) <= MOST_REFERENCES else [ids[0], *ids[-MOST_REFERENCES + 1 :]]


def reply_address(address: str, conversation: Conversation) -> str:
    """An address of the mailbox that names the conversation: support+<token>@example.com."""
    name, _at, domain = address.rpartition("@")
    return f"{name}+{reply_token(conversation.pk)}@{domain}"


def signature_of(own: dict[str, object]) -> str:
    words = str(own.get("signature", "")).strip()
    return f"\n\n-- \n{words}\n" if words else "\n"
