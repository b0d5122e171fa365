"""What a survey may know of the person who answers: traits, segments, earlier answers. Asked only where it matters."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from django.utils import timezone

from cxm.record.customers.models import Customer, Identity
from cxm.record.customers.segments import segments_of
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.ids import customer_id_of

from ..models import Response
from ..runtime import Facts
from .directory import Prepared
from .tokens import Start
from .words import ours, words

logger = logging.getLogger(__name__)

EARLIER = 50  # newest completed responses that are looked at


def facts_for(start: Start, prepared: Prepared) -> Facts:
    """Asks the database where the survey's conditions or texts name what is there."""
    language = words(ours(start.language))
    traits: dict[str, Any] = {}
    segments: list[str] = []
    earlier: dict[str, dict[str, Any]] = {}
    if start.customer is not None and prepared.needs:
        customer = Customer.objects.filter(pk=start.customer).select_related("canonical").first()
        if customer is not None:
            person = customer.canonical or customer
            traits = {**customer.traits, **person.traits} if "trait." in prepared.needs else {}
            segments = _segments(person) if "segment" in prepared.needs else []
            earlier = _earlier(person, start.response) if "survey." in prepared.needs else {}
    return Facts(
        hidden=dict(start.hidden), traits=traits, segments=segments, channel=start.channel,
        device=start.device or "desktop", url=start.address, earlier=earlier, full=start.full,
        words={"yes": language.yes, "no": language.no},
    )  # fmt: skip


def _segments(customer: Customer) -> list[str]:
    try:
        return [str(one.pk) for one in segments_of(customer)]
    except EventlogError as error:  # a segment of events, while the log is away: nobody waits for it
        logger.warning("Segments are not known now: %s", error)
        return []


def _earlier(person: Customer, but: uuid.UUID) -> dict[str, dict[str, Any]]:
    """By key of the survey: the answers of the newest completed response, and under `days` how long ago it was."""
    family = [person.pk, *person.members.values_list("pk", flat=True)]
    rows = Response.objects.filter(
        customer__in=family, state=Response.State.COMPLETED, test=False, archived_at=None
    ).exclude(pk=but)
    found: dict[str, dict[str, Any]] = {}
    now = timezone.now()
    for key, answers, at in rows.order_by("-completed_at").values_list("survey__key", "answers", "completed_at")[
        :EARLIER
    ]:
        found.setdefault(key, {**answers, "days": _days(now, at)})
    return found


def _days(now: datetime, at: datetime | None) -> float:
    return float((now - (at or now)).days)


def identified(
    workspace: int, *, user_id: str = "", anonymous_id: str = ""
) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """(the customer id that facts carry, the customer if there is one) of a name that a client says."""
    kind, value = ("user_id", user_id) if user_id else ("anonymous_id", anonymous_id)
    if not value:
        return None, None
    person = customer_id_of(workspace, kind, value)
    holder = Identity.objects.filter(workspace=workspace, kind=kind, value=value).values_list("customer", flat=True)
    found = (
        holder.first() or Customer.objects.filter(pk=person, workspace=workspace).values_list("pk", flat=True).first()
    )
    return person, found
