"""A webhook becomes a message or an event. Once for each id, however often its sender tries."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.listen.channels.models import Channel
from cxm.listen.channels.receiving import Incoming, customer_of, receive
from cxm.record.capture.intake.arriving import LONGEST_EVENT, Event, Stamp, name_of
from cxm.record.capture.intake.meanings import MEANINGS, meaning
from cxm.record.customers.access import one_at_a_time
from cxm.record.eventlog.append import NOBODY, encode_properties
from cxm.record.eventlog.commit import Busy, writer

from .mapping import (
    Mapped,
    Understood,
    Unusable,
    is_meant,
    mapped_of,
    payload_of,
    shape_of,
    understand,
)
from .signatures import STYLES, Refused, Request, verify

LOG = 20  # arrivals that the page of the channel shows
LOG_REFUSED_EVERY = 5.0  # seconds: a stranger who knocks all day writes no more often


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered: an HTTP status and a code, and a sentence for the log of the channel."""

    status: int
    code: str
    note: str = ""


def secrets_of(channel: Channel) -> list[str]:
    """The present one, and the former one while a rotation lasts."""
    return [str(channel.secrets.get(name, "")) for name in ("secret", "former")]


def style_of(channel: Channel) -> str:
    said = str(channel.settings.get("style", ""))
    return said if said in STYLES else "standard"


def take(channel: Channel, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Check, understand and keep one request. What is answered with 2xx is stored."""
    try:
        given = verify(style_of(channel), Request(headers, body, time.time()), secrets_of(channel))
    except Refused as refused:
        return _noted(channel, Outcome(401, refused.code, reason(refused.code)), now_and_then=True)
    payload: Any = None
    try:
        payload = payload_of(body)
        outcome = _kept(channel, mapped_of(channel.settings), payload, given, body)
    except Unusable as problem:
        outcome = Outcome(400 if payload is None else 422, "unusable", str(problem))
    except Busy:
        return Outcome(503, "busy")
    return _noted(channel, outcome, payload)


def _kept(channel: Channel, mapped: Mapped, payload: Any, given: str, body: bytes) -> Outcome:
    if not is_meant(mapped, payload):
        return Outcome(200, "ignored", _("Not meant for this channel: the condition finds nothing."))
    said = understand(mapped, payload, given_id=given, body=body, now=timezone.now())
    if mapped.makes == "event":
        keep_event(channel, mapped, said)
        return Outcome(200, "event_kept")
    receive(channel=channel, incoming=incoming_of(said))
    return Outcome(200, "message_kept")


def incoming_of(said: Understood) -> Incoming:
    names = [("user_id", said.user_id)] if said.user_id else []
    if said.phone and said.sender:
        names.append(("phone", said.phone))
    return Incoming(
        external_id=said.id, at=said.at, sender=said.sender or said.phone, name=said.name,
        subject=said.subject, text=said.text, score=said.score, language=said.language[:10], customer_ids=names,
        properties={
            "properties": dict(said.properties), **({"touchpoint": said.touchpoint} if said.touchpoint else {})
        },
    )  # fmt: skip


def keep_event(channel: Channel, mapped: Mapped, said: Understood) -> None:
    """Store it as a tracked event: durable when this returns, and the flow goes on with it. Raises Unusable, Busy."""
    name = name_of(mapped.event)
    if not name:
        raise Unusable(_("The name of the event is missing in the settings of the channel."))
    properties = encode_properties(dict(said.properties)).encode()
    if len(properties) > LONGEST_EVENT:
        raise Unusable(_("The properties of an event may have %(most)d bytes.") % {"most": LONGEST_EVENT})
    with transaction.atomic():
        one_at_a_time(channel.workspace)
        customer = customer_of(channel, incoming_of(said))
    event = Event(
        "track", name, said.user_id[:300], "", f"webhook:{channel.pk}:{said.id}"[:300], properties, b"",
        said.at.astimezone(UTC).isoformat(),
    )  # fmt: skip
    if name.lower() in MEANINGS:
        meaning(event)
    stamp = Stamp(channel.workspace_id, 0, round(time.time() * 1000), None)
    outcome = writer().write_now([stamp.row(event, (customer.pk if customer else NOBODY).bytes)])
    if outcome.unstorable:
        raise Unusable(next(iter(outcome.unstorable.values())))


# The log of the channel: when, what was answered and why, and the paths of the last payload. Never a value of it.


@transaction.atomic
def _noted(channel: Channel, outcome: Outcome, payload: Any = None, *, now_and_then: bool = False) -> Outcome:
    now = timezone.now()
    row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
    if row is None:
        return outcome
    if now_and_then and _age(row.state.get("refused_at"), now) < LOG_REFUSED_EVERY:
        return outcome
    log: Sequence[Any] = row.state.get("log", [])
    row.state["log"] = [[now.isoformat(), outcome.status, outcome.code, outcome.note], *log][:LOG]
    if outcome.status == 401:
        row.state["refused_at"] = now.isoformat()
    if payload is not None:
        row.state["shape"] = shape_of(payload)
    if outcome.status >= 400:
        row.state |= {"error": outcome.note or outcome.code, "error_at": now.isoformat()}
    else:
        row.state.pop("error", None)
        row.state.pop("error_at", None)
        row.state["received_at"] = now.isoformat()
    row.save(update_fields=["state"])
    return outcome


def _age(text: object, now: datetime) -> float:
    try:
        return (now - datetime.fromisoformat(str(text))).total_seconds()
    except ValueError:
        return float("inf")


def reason(code: str) -> str:
    """A refusal in words."""
    said = {
        "signature_missing": _("The request has no signature."),
        "signature_wrong": _("The signature was not made with the secret of this channel."),
        "timestamp_wrong": _("The time of the request is missing, or too far away from ours."),
        "secret_unusable": _("The channel has no secret that can be used."),
    }
    return said.get(code, code)
