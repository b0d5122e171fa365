"""What came in becomes a message of a conversation, an event of its customer, and feedback. Every kind ends here.

Whoever writes is found by the names that the kind gives (an e-mail address, a phone number, an id), else made.
A message joins a conversation when it names one of its messages, and either comes from the person of that conversation
or names a message that only its recipients have seen (our Message-IDs are 122 random bits, and so are our reply
addresses). What names a conversation without either is a stranger's: it gets a conversation of its own and a remark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from cxm.record.capture.models import Suppression
from cxm.record.customers.access import one_at_a_time
from cxm.record.customers.actions import clean_identity, create_customer
from cxm.record.customers.errors import Refused
from cxm.record.customers.models import Customer, Identity
from cxm.record.customers.queries import customer_by_identity
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from . import files
from .models import Attachment, Channel, Conversation, Message
from .queries import folded

MOST_TEXT = 200_000  # characters that are kept of a message
MOST_SAID = 20_000  # characters that go to the log
MOST_NAMED = 50  # references that are looked at
MOST_REMARKS = 20
AHEAD = timedelta(minutes=5)  # a clock of somebody else may be so fast
MAILBOX = re.compile(r"[^\s@<>(),:;\"\[\]\\\x00-\x1f]{1,64}@[^\s@<>(),:;\"\[\]\\\x00-\x1f]{1,253}")
PHONE = re.compile(r"\+?[0-9][0-9\s().\-/]{4,24}")
# Remarks that this module makes; the kinds have more of their own.
SPOOFED, OTHER_SENDER, UNVERIFIED = "spoofed_thread", "other_sender", "sender_not_verified"


@dataclass(frozen=True)
class File:
    """A file that came with a message."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True)
class Incoming:
    """What a kind understood. Times are aware; `html` is sanitised already; `text` is the new text only."""

    external_id: str
    at: datetime
    sender: str = ""
    name: str = ""
    subject: str = ""
    text: str = ""
    quoted: str = ""
    html: str = ""
    attachments: Sequence[File] = ()
    is_automatic: bool = False
    remarks: Sequence[str] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    in_reply_to: str = ""
    references: Sequence[str] = ()
    score: float | None = None
    language: str = ""
    customer_ids: Sequence[tuple[str, str]] = ()  # (kind, value) of identities: ("user_id", "42"), ("phone", "+48…")
    conversation_id: UUID | None = None  # proven by the kind, by a reply address of ours for instance
    # No fact is stated: of history, which the log gets as an import, and of what is not understood yet, a recording.
    is_told: bool = True


def receive(*, channel: Channel, incoming: Incoming) -> Message:
    """Keep a message that came in by `channel`, once: the same `external_id` again gives the message that is there.

    Finds or makes the customer and the conversation, keeps the attachments, states the fact, all in one transaction.
    Automatic messages (out-of-office notes, reports) make no customer and state no fact.
    """
    key = external_key(channel, incoming.external_id)
    if found := present(channel, key):
        return found
    with files.kept_if_committed() as keys, transaction.atomic():
        one_at_a_time(channel.workspace)  # two messages of a new customer at once make one customer
        if found := present(channel, key):
            return found
        return _keep(channel, key, incoming, keys)


def external_key(channel: Channel, external_id: str) -> str:
    """As Message.external_id has it. A Message-ID is unique in the world, other ids are in their channel."""
    own = external_id if channel.kind == "email" else f"{channel.kind}:{channel.pk}:{external_id}"
    return own if len(own) <= 250 else f"sha256:{hashlib.sha256(own.encode('utf-8', 'replace')).hexdigest()}"


def present(channel: Channel, key: str) -> Message | None:
    return (
        Message.objects.select_related("conversation")
        .filter(workspace_id=channel.workspace_id, external_id=key)
        .first()
    )


def _keep(channel: Channel, key: str, incoming: Incoming, keys: list[str]) -> Message:
    suppressed = is_suppressed(channel, incoming)
    now = timezone.now()
    at = incoming.at if incoming.at <= now + AHEAD else now
    customer = None if suppressed else customer_of(channel, incoming)
    conversation, remarks = _thread(channel, incoming, customer)
    language = clean(incoming.language, 10) or (customer.language if customer else "")
    if conversation is None:
        conversation = Conversation.objects.create(
            workspace=channel.workspace, channel=channel, kind=channel.kind, customer=customer,
            address=clean(incoming.sender, 320), name=clean(incoming.name, 300), subject=clean(incoming.subject, 300),
            language=language, created_at=at, last_at=at,
        )  # fmt: skip
    elif at > conversation.last_at:
        conversation.last_at = at
        conversation.save(update_fields=["last_at"])
    message = Message.objects.create(
        conversation=conversation, workspace=channel.workspace, direction=Message.Direction.IN, external_id=key,
        sender=clean(incoming.sender, 320), text=kept(incoming.text), quoted=kept(incoming.quoted),
        html=storable(incoming.html), score=incoming.score, is_automatic=incoming.is_automatic,
        remarks=list(dict.fromkeys([*incoming.remarks, *remarks]))[:MOST_REMARKS],
        properties={**storable(incoming.properties), "subject": clean(incoming.subject, 300), "channel": channel.name,
                    "name": clean(incoming.name, 300), **({"suppressed": True} if suppressed else {})},
        at=at,
    )  # fmt: skip
    for one in incoming.attachments:
        attach(message, one, keys)
    if incoming.is_told and not incoming.is_automatic and not suppressed:
        name, properties = fact_of(channel, message, language)
        emit(
            name, workspace_id=channel.workspace_id, occurred_at=at, event_id=message.event_id, **properties,
            customer_id=customer.pk if customer else conversation.customer_id or NOBODY,
        )  # fmt: skip
    return message


def attach(message: Message, file: File, keys: list[str]) -> Attachment:
    key = files.keep(file.content)
    keys.append(key)
    return Attachment.objects.create(
        message=message, name=clean(file.name, 255) or "file", type=clean(file.type, 100), size=len(file.content),
        key=key,
    )  # fmt: skip


def fact_of(channel: Channel, message: Message, language: str) -> tuple[str, dict[str, Any]]:
    """Name and properties of what we state about a message that came in."""
    more = message.properties
    told = {
        "message_id": str(message.pk), "conversation_id": str(message.conversation_id), "channel": channel.kind,
        "channel_name": channel.name, "comment": message.text[:MOST_SAID], "language": language,
        "touchpoint": str(more.get("touchpoint") or channel.settings.get("touchpoint") or ""),
    }  # fmt: skip
    if isinstance(more.get("properties"), dict):
        told["properties"] = more["properties"]  # fields of a form, by which metrics filter and break down
    if channel.kind == "reviews":
        return "review_received", {
            **told, "review_id": str(more.get("review_id", "")), "metric": "rating", "question": "review",
            "scale": "1-5", "score": message.score, "place": more.get("place", ""), "url": more.get("url", ""),
        }  # fmt: skip
    if channel.kind == "calls":
        return "call_transcribed", {
            **told, "metric": "text", "question": "call", "duration_s": more.get("duration_s")
        }  # fmt: skip
    return "message_received", {
        **told, "subject": str(more.get("subject", "")), "metric": "text", "question": "message", "automatic": False
    }  # fmt: skip


# Who and where


def names_of(incoming: Incoming) -> list[tuple[str, str]]:
    """The names by which the sender is known, the surest first, each once and as identities are stored."""
    wanted = list(incoming.customer_ids)
    if MAILBOX.fullmatch(incoming.sender):
        wanted.append(("email", incoming.sender))
    elif PHONE.fullmatch(incoming.sender):
        wanted.append(("phone", incoming.sender))
    names = []
    for kind, value in wanted:
        try:
            name = clean_identity(kind, value)
            if kind == "email":
                validate_email(name[1])
            names.append(name)
        except (Refused, ValidationError):
            continue
    return list(dict.fromkeys(names))


def is_suppressed(channel: Channel, incoming: Incoming) -> bool:
    """Whether a privacy regulation says that nothing is stored about this person: by a user id that a program names,
    or by the address that they write from, where that is their user id.

    What they wrote is kept, for somebody may have to answer it; it belongs to no profile and is no fact.
    """
    names = [*incoming.customer_ids, ("email", clean(incoming.sender, 320)), *names_of(incoming)]
    ids = {value for kind, value in names if value and kind in {"user_id", "email"}}
    return bool(ids) and Suppression.objects.filter(workspace=channel.workspace, user_id__in=ids).exists()


def customer_of(channel: Channel, incoming: Incoming) -> Customer | None:
    """The customer who wrote; made if nobody is known by these names. None for machines and the nameless."""
    names = names_of(incoming)
    for kind, value in names:
        if found := customer_by_identity(channel.workspace, kind, value):
            return found
    if incoming.is_automatic or not names:
        return None
    contact = dict(reversed(names))
    return create_customer(
        workspace=channel.workspace, by=None, name=clean(incoming.name, 300), email=contact.get("email", "")[:254],
        phone=contact.get("phone", "")[:40], language=clean(incoming.language, 10), identities=names,
    )  # fmt: skip


def _thread(
    channel: Channel, incoming: Incoming, customer: Customer | None
) -> tuple[Conversation | None, Sequence[str]]:
    """The conversation that a message belongs to, if it proves it, and what looked wrong about that."""
    if incoming.conversation_id:
        proven = Conversation.objects.filter(workspace=channel.workspace, pk=incoming.conversation_id).first()
        if proven:
            return proven, () if _is_theirs(proven, incoming, customer) else (OTHER_SENDER,)
    named = [one for one in (incoming.in_reply_to, *reversed(incoming.references)) if one][:MOST_NAMED]
    keys = list(dict.fromkeys(external_key(channel, one) for one in named))
    if not keys:
        return None, ()
    rows = Message.objects.select_related("conversation").filter(workspace=channel.workspace, external_id__in=keys)
    found = {row.external_id: row for row in rows}
    verified = UNVERIFIED not in incoming.remarks
    for key in keys:
        if (row := found.get(key)) is None:
            continue
        theirs = _is_theirs(row.conversation, incoming, customer)
        if theirs and (verified or row.direction == Message.Direction.OUT):
            return row.conversation, ()
        if row.direction == Message.Direction.OUT:
            return row.conversation, (OTHER_SENDER,)
    return None, (SPOOFED,) if found else ()


def _is_theirs(conversation: Conversation, incoming: Incoming, customer: Customer | None) -> bool:
    if customer and conversation.customer_id:
        family = {customer.pk, customer.canonical_id}
        own = Customer.objects.filter(pk=conversation.customer_id).values_list("pk", "canonical_id").first()
        if own and family & set(own) - {None}:
            return True
    return bool(conversation.address) and folded(conversation.address) == folded(incoming.sender)


def clean(text: str, most: int) -> str:
    """One line that a database and a page can hold."""
    return " ".join(str(storable(text)).split())[:most]


def kept(text: str) -> str:
    return str(storable(text)).replace("\r\n", "\n")[:MOST_TEXT]


def storable(value: Any) -> Any:
    """A text, or all texts of lists and objects, without what no database takes: NUL and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(one) for one in value]
    return value


def identities_of(customer: Customer, kind: str) -> list[str]:
    """What a customer is known by, of one kind, the oldest first."""
    rows = Identity.objects.filter(customer=customer, kind=kind).order_by("pk")
    return list(rows.values_list("value", flat=True))
