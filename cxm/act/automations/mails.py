"""The letters of workflows that are not part of a conversation: advertisements, with the way out of them."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from cxm.listen.channels.mail.blocks import Block, Foot, Words, as_html, as_text
from cxm.listen.channels.mail.letter import Letter, unsubscribe_address
from cxm.listen.channels.models import Delivery


def make(delivery: Delivery) -> Letter:
    """From the words that the step queued."""
    said = delivery.message
    language = str(said.get("language") or "en")
    sender = delivery.workspace.name
    with translation.override(language if language in dict(settings.LANGUAGES) else "en"):
        foot = _("%(sender)s sent you this because you are a customer.") % {"sender": sender}
        blocks: list[Block] = [
            Words(str(said.get("text", ""))),
            Foot(foot, [(_("Unsubscribe"), unsubscribe_address(delivery))]),
        ]
    subject = str(said.get("subject", ""))
    return Letter(
        subject=subject, text=as_text(blocks), html=as_html(blocks, title=subject, language=language),
        sender_name=sender, language=language, feedback_id=f"{delivery.batch}:{delivery.workspace_id}:opencxm",
    )  # fmt: skip


def settled(delivery: Delivery) -> None:
    """The run has gone on long ago: what became of the message is to be seen among the messages."""
