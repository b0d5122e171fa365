"""A filled contact form becomes a message. Once: the page carries an id, and sending it twice is one message."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.utils import timezone

from cxm.listen.channels.models import Channel, Message
from cxm.listen.channels.receiving import File, Incoming, receive

from .fields import Asked

SALT = "cxm.contact-form"
OLDEST_S = 7 * 24 * 3600  # of a page that somebody left open


def new_ticket(channel: Channel) -> str:
    """What a page carries: an id that nobody else can make, and when it was shown."""
    return TimestampSigner(salt=f"{SALT}:{channel.pk}").sign(uuid.uuid4().hex)


def ticket_id(channel: Channel, ticket: str) -> str:
    """The id of a ticket of ours; empty for any other, or one that is too old."""
    try:
        return TimestampSigner(salt=f"{SALT}:{channel.pk}").unsign(ticket[:200], max_age=OLDEST_S)
    except BadSignature:
        return ""


def take(
    *, channel: Channel, ticket: str, form: Asked, values: Mapping[str, str], files: Sequence[File] = (), page: str = ""
) -> Message:
    """`ticket` is an id that ticket_id gave, `values` what fields.checked passed, `page` where the form stood."""
    by_name = {one.name: one for one in form.fields}
    extras = {name[2:]: value for name, value in values.items() if name.startswith("x_") and value}
    topic = values.get("topic", "")
    label = dict(by_name["topic"].choices).get(topic, "") if topic else ""
    first = values["message"].split("\n", 1)[0].strip()
    # What has no place of its own stands below the message, as the person saw it asked.
    asked = [f"{by_name[f'x_{name}'].label}: {value}" for name, value in extras.items()]
    text = "\n\n".join(filter(None, (values["message"], "\n".join(asked))))
    told = {**extras, **({"topic": topic} if topic else {})}
    phone = values.get("phone", "")
    return receive(
        channel=channel,
        incoming=Incoming(
            external_id=ticket, at=timezone.now(), sender=values.get("email", "") or phone, name=values.get("name", ""),
            subject=label or (first if len(first) <= 80 else f"{first[:79]}…"), text=text, attachments=files,
            language=form.language, customer_ids=[("phone", phone)] if phone and not values.get("email") else [],
            properties={
                "properties": told, **({"category": topic} if topic else {}), **({"page": page} if page else {}),
                **({"phone": phone} if phone else {}), **({"consent": True} if values.get("consent") else {}),
            },
        ),
    )  # fmt: skip


@transaction.atomic
def trapped(channel: Channel) -> None:
    """Count what filled in the field that no person sees: it is not kept, and its number is not hidden."""
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    row.state["trapped"] = int(row.state.get("trapped", 0)) + 1
    row.save(update_fields=["state"])
