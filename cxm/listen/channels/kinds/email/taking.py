"""One mail that arrived, by whichever way: applied if it reports about a message of ours, else received."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.utils import timezone

from cxm.listen.channels.models import Channel, Message
from cxm.listen.channels.receiving import File, Incoming, external_key, present, receive
from cxm.listen.channels.reports import take as take_report

from .understanding import incoming_of

logger = logging.getLogger(__name__)

MOST_OF_A_REPORT = 2_000_000  # bytes
MOST_KEPT = 1_000_000  # bytes of a mail that could not be read
BEYOND = {"too_large", "too_many_parts", "unreadable", "long_headers"}


def take(
    raw: bytes, *, channel: Channel, received_at: datetime | None = None, recipients: Sequence[str] = (),
    cut: bool = False,
) -> Message | None:  # fmt: skip
    """Take a mail for a mailbox; None for a report about one of our messages. The same mail twice is one message."""
    incoming = understood(raw, channel, received_at or timezone.now(), recipients, cut=cut)
    if (
        "report" in incoming.remarks
        and not BEYOND & set(incoming.remarks)
        and len(raw) <= MOST_OF_A_REPORT
        and take_report(raw, workspace=channel.workspace)
    ):
        return None
    before = present(channel, external_key(channel, incoming.external_id))
    if before and before.direction == Message.Direction.IN:
        if before.properties.get("digest") == incoming.properties.get("digest"):
            return before
        # Another mail under an id that was used: a careless program, or somebody who wants it to be overlooked.
        incoming = replace(
            incoming, external_id=f"<sha256-{hashlib.sha256(raw).hexdigest()}@none>",
            remarks=[*incoming.remarks, "repeated_id"],
        )  # fmt: skip
    return receive(channel=channel, incoming=incoming)


def understood(
    raw: bytes, channel: Channel, received_at: datetime, recipients: Sequence[str], *, cut: bool
) -> Incoming:
    """What a mail says; of one that no bound foresaw, its bytes as a file, so that it stops no other."""
    try:
        return incoming_of(
            raw, received_at=received_at, mailbox=channel.address, own=own_addresses(channel),
            authority=str(channel.settings.get("authority", "")), recipients=recipients, cut=cut,
        )  # fmt: skip
    except Exception:
        logger.exception("A mail for the channel %s cannot be read", channel.pk)
        return Incoming(
            f"<sha256-{hashlib.sha256(raw).hexdigest()}@none>", received_at, is_automatic=True, remarks=["unreadable"],
            attachments=[File("message.eml", "message/rfc822", raw[:MOST_KEPT])],
        )  # fmt: skip


def own_addresses(channel: Channel) -> set[str]:
    """Where our own mail comes from: a mail from there is a loop."""
    rows = Channel.objects.filter(workspace=channel.workspace, kind="email").values_list("address", flat=True)
    return {*rows, parseaddr(settings.DEFAULT_FROM_EMAIL)[1].casefold()} - {""}
