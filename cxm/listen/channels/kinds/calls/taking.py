"""A call becomes a message: what the customer said is its text, who said what and when stands beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.models import Channel, Message
from cxm.listen.channels.receiving import File, Incoming, fact_of, kept, receive
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from .speaking import roles, turns, words_of
from .transcripts import Segment, Transcript

UNKNOWN_SPEAKERS = "speakers_unknown"  # a remark: the text holds what everybody said
RECORDINGS = {  # endings of files that may be recordings, and their types
    ".aac": "audio/aac", ".amr": "audio/amr", ".flac": "audio/flac", ".gsm": "audio/x-gsm", ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/opus", ".wav": "audio/wav",
    ".weba": "audio/webm", ".wma": "audio/x-ms-wma",
}  # fmt: skip
MOST_RECORDING = 200 * 2**20  # bytes
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """What is known about a call beside its words. `customer` and `agents` say which speakers are who."""

    id: str = ""
    at: datetime | None = None
    phone: str = ""
    email: str = ""
    user_id: str = ""
    name: str = ""
    subject: str = ""
    language: str = ""
    customer: Collection[str] = ()
    agents: Collection[str] = ()


def take(
    *, channel: Channel, call: Call, transcript: Transcript | None = None, recording: File | None = None
) -> Message:
    """The message of a call, once for each id. A recording without words is kept and tells nothing until it has some.

    Without an id the words, or the bytes of the recording, say which call it is. Raises Refused.
    """
    if transcript is None and recording is None:
        raise Refused(_("A call needs a transcript or a recording."))
    if call.at is not None and call.at < EARLIEST:
        raise Refused(_("This call would be older than calls can be."))
    if recording is not None and len(recording.content) > MOST_RECORDING:
        raise Refused(_("A recording may have %(most)d MB.") % {"most": MOST_RECORDING // 2**20})
    more: dict[str, Any] = {"customer": _plain(call.customer), "agents": _plain(call.agents)}
    text, remarks = "", []
    if transcript is not None:
        told = spoken(channel, transcript, call.customer, call.agents)
        text, more = told.pop("text"), {**more, **told}
        remarks = [] if more["known"] else [UNKNOWN_SPEAKERS]
    sender = call.email or call.phone
    names = [("user_id", call.user_id)] if call.user_id else []
    if call.phone and call.email:
        names.append(("phone", call.phone))
    return receive(
        channel=channel,
        incoming=Incoming(
            external_id=call.id.replace("\x00", "") or _made_id(text, more.get("turns"), recording),
            at=call.at or timezone.now(),
            sender=sender, name=call.name, subject=call.subject or _("Call"), text=text,
            attachments=[recording] if recording else [], properties=more, remarks=remarks,
            language=call.language or (transcript.language if transcript else ""), customer_ids=names,
            is_told=transcript is not None,
        ),
    )  # fmt: skip


def _plain(names: Collection[str]) -> list[str]:
    return [one.replace("\x00", "") for one in names]


def _made_id(text: str, said: object, recording: File | None) -> str:
    content = recording.content if recording else repr((text, said)).encode("utf-8", "replace")
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def spoken(
    channel: Channel, transcript: Transcript, customer: Collection[str] = (), agents: Collection[str] = ()
) -> dict[str, Any]:
    """What a message keeps of a transcript: text, turns, duration_s, format, known (whether the customer is)."""
    ours = agents or [one for one in str(channel.settings.get("agents", "")).splitlines() if one.strip()]
    found = roles(transcript, customer, ours)
    return {
        "text": words_of(transcript, found), "turns": turns(transcript, found), "format": transcript.format,
        "duration_s": transcript.duration_s, "known": "customer" in found.values(),
    }  # fmt: skip


@transaction.atomic
def tell_recording(message: Message, transcript: Transcript, attachment_id: object) -> None:
    """Add the words of a recording to the message that it came with, and state them. Once: the caller sees to that."""
    rows = Message.objects.select_for_update(of=("self",))
    message = rows.select_related("conversation__channel").get(pk=message.pk)
    conversation = message.conversation
    channel = conversation.channel or Channel(workspace=message.workspace, kind=conversation.kind)
    more = message.properties
    told = spoken(channel, transcript, more.get("customer", ()), more.get("agents", ()))
    text = told.pop("text")
    if conversation.kind == "calls":
        message.text = kept(text)
        message.properties = {**more, **told}
        message.remarks = [*message.remarks, *([] if told["known"] else [UNKNOWN_SPEAKERS])]
    else:  # a voicemail that came by mail: the words of the mail stay what they are
        message.properties = {**more, "transcripts": {**more.get("transcripts", {}), str(attachment_id): told}}
    message.save(update_fields=["text", "properties", "remarks"])
    if transcript.language and not conversation.language:
        conversation.language = transcript.language
        conversation.save(update_fields=["language"])
    as_call = Channel(workspace=message.workspace, kind="calls", name=channel.name, settings=channel.settings)
    stated = Message(
        pk=message.pk, conversation_id=conversation.pk, text=kept(text), properties={**more, **told}, at=message.at
    )
    name, properties = fact_of(as_call, stated, conversation.language or transcript.language)
    emit(
        name, workspace_id=message.workspace_id, customer_id=conversation.customer_id or NOBODY,
        occurred_at=message.at, **properties,
    )  # fmt: skip


@transaction.atomic
def name_speakers(*, message: Message, customer: Collection[str], by: Actor) -> Message:
    """Say which speakers are the customer, where the transcript did not. What was stated already stays stated.

    Raises Refused.
    """
    require_role(message.workspace, by, Role.AGENT)
    message = Message.objects.select_for_update().get(pk=message.pk)
    said = message.properties.get("turns")
    if not said:
        raise Refused(_("This call has no transcript."))
    segments = tuple(Segment(one["speaker"], one["start_s"], one["end_s"], one["text"]) for one in said)
    transcript = Transcript(str(message.properties.get("format", "")), segments)
    found = roles(transcript, customer)
    if "customer" not in found.values():
        raise Refused(_("Choose who of them is the customer."))
    before = message.text
    message.text = kept(words_of(transcript, found))
    message.properties = {**message.properties, "turns": turns(transcript, found), "known": True}
    message.remarks = [one for one in message.remarks if one != UNKNOWN_SPEAKERS]
    message.save(update_fields=["text", "properties", "remarks"])
    if before != message.text:
        audit("changed", message, workspace=message.workspace, by=by, changes={"customer": [None, sorted(customer)]})
    return message
