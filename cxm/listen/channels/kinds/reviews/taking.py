"""A review becomes a message of a conversation of its own, once; and what the company answered on the site is noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.models import Channel, Conversation, Message
from cxm.listen.channels.receiving import Incoming, external_key, fact_of, kept, receive
from cxm.record.eventlog.append import NOBODY, Event, append, encode_properties
from cxm.record.eventlog.ids import event_id_of
from cxm.record.eventlog.outbox import emit

from .rows import Review

MOST_ANSWER = 20_000


def take(*, channel: Channel, review: Review, is_told: bool = True, by: Actor = None, import_id: str = ""
) -> tuple[Message, bool]:  # fmt: skip
    """The message of a review, and whether it is new. A known one stays as it is; an answer is noted all the same.

    `is_told` is False for history: see `tell_as_history`. `import_id` names the file that brought it.
    """
    key = external_key(channel, review.id)
    known = Message.objects.filter(workspace_id=channel.workspace_id, external_id=key).exists()
    title = review.title or (review.place and _("Review of %(place)s") % {"place": review.place}) or review.text[:80]
    names = [("user_id", review.user_id)] if review.user_id else []
    message = receive(
        channel=channel,
        incoming=Incoming(
            external_id=review.id, at=review.at, sender=review.email, name=review.name, subject=title or review.site,
            text="\n\n".join(filter(None, (review.title, review.text))), score=review.rating,
            language=review.language, customer_ids=names, is_told=is_told,
            properties={
                "review_id": review.id, "place": review.place, "url": review.url, "site": review.site,
                "rated": review.rated, **({} if is_told else {"history": True, "import": import_id}),
                "properties": {
                    name: value for name, value in (("place", review.place), ("site", review.site)) if value
                },
            },
        ),
    )  # fmt: skip
    if review.answer:
        note_answer(message=message, text=review.answer, at=review.answered_at, by=by, is_told=is_told)
    return message, not known


def tell_as_history(channel: Channel, messages: Sequence[Message], import_id: UUID) -> int:
    """Put the facts of reviews into the log as an import does: they count, and no rule runs. Safe to repeat."""
    events = []
    for message in messages:
        if message.properties.get("suppressed"):
            continue
        name, told = fact_of(channel, message, message.conversation.language)
        events.append(
            Event(
                workspace_id=channel.workspace_id, event_id=event_id_of(channel.workspace_id, f"review:{message.pk}"),
                name=name, customer_id=message.conversation.customer_id or NOBODY, occurred_at=message.at,
                source="import", import_id=import_id, properties=encode_properties(told),
            )
        )  # fmt: skip
    return append(events)


@transaction.atomic
def note_answer(*, message: Message, text: str, by: Actor, at: datetime | None = None, is_told: bool = True) -> Message:
    """Note what the company answered to a review on the site; noting it again changes the text. Raises Refused."""
    workspace = message.workspace
    require_role(workspace, by, Role.AGENT)
    text = kept(text).strip()
    if not text:
        raise Refused(_("Write something first."))
    if len(text) > MOST_ANSWER:
        raise Refused(_("An answer has at most %(most)d characters.") % {"most": MOST_ANSWER})
    conversation = Conversation.objects.select_for_update().get(pk=message.conversation_id)
    now = timezone.now()
    moment = min(max(at or now, message.at), now)  # nobody answers what is not written yet
    answer, is_new = Message.objects.get_or_create(
        workspace=workspace, external_id=f"answer:{message.pk.hex}",
        defaults={
            "conversation": conversation, "direction": Message.Direction.OUT, "text": text, "at": moment,
            "author": user_behind(by),
            "properties": {"kind": "reply"},
        },
    )  # fmt: skip
    if not is_new:
        if answer.text == text:
            return answer
        audit("changed", answer, workspace=workspace, by=by, changes={"text": [answer.text[:300], text[:300]]})
        answer.text = text
        answer.save(update_fields=["text"])
        return answer
    if answer.at > conversation.last_at:
        conversation.last_at = answer.at
        conversation.save(update_fields=["last_at"])
    if is_told:
        emit(
            "message_sent", workspace_id=workspace.pk, customer_id=conversation.customer_id or NOBODY,
            occurred_at=answer.at, message_id=str(answer.pk), conversation_id=str(conversation.pk),
            channel=conversation.kind, kind="reply", case_id=None,
        )  # fmt: skip
    return answer
