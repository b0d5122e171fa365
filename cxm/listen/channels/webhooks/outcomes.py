"""What follows from what an endpoint answered: delivered, tried again, given up, rested, switched off."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from cxm.listen.channels.webhook_models import WebhookAttempt, WebhookEndpoint, WebhookMessage

from . import actions

State = WebhookMessage.State
# Before each of the ten attempts, counted from the one before: about 76 hours in all.
PAUSES = [timedelta(seconds=0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30),
          *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24))]  # fmt: skip
JITTER = 0.1  # of a pause, added at random, so that what failed together does not come again together
THROTTLE = {429, 502, 503, 504}  # the whole endpoint is left alone for a moment
REST = timedelta(seconds=30)  # how long, where it does not say
LONGEST_REST = timedelta(hours=24)  # however long a Retry-After asks for
WARN_AFTER = timedelta(days=1)
LONG = timedelta(days=3)  # a message that fails for good while nothing else was taken for so long: switched off


@dataclass(frozen=True)
class Outcome:
    """What became of one claimed message. `status` None: no answer; `cut`: we ended it ourselves, it does not count."""

    message_id: UUID
    endpoint_id: UUID
    number: int
    at: datetime
    duration_ms: int
    status: int | None = None
    error: str = ""
    answer: str = ""
    retry_after: str = ""
    cut: bool = False

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def settle(outcomes: Sequence[Outcome], holder: str) -> None:
    """Write down what became of messages that `holder` had claimed; in the caller's transaction."""
    ids = [one.message_id for one in outcomes]
    ours = WebhookMessage.objects.select_for_update().filter(pk__in=ids, state=State.SENDING, claimed_by=holder)
    held = set(ours.values_list("pk", flat=True))
    outcomes = [one for one in outcomes if one.message_id in held]  # the others were removed meanwhile
    WebhookAttempt.objects.bulk_create([_attempt(one) for one in outcomes if not one.cut])
    now = timezone.now()
    by_endpoint: dict[UUID, list[Outcome]] = {}
    for one in outcomes:
        by_endpoint.setdefault(one.endpoint_id, []).append(one)
    good = [one.message_id for one in outcomes if one.delivered]
    WebhookMessage.objects.filter(pk__in=good).update(state=State.DELIVERED, delivered_at=now, claimed_by="")
    for one in outcomes:
        if one.cut:
            WebhookMessage.objects.filter(pk=one.message_id).update(
                state=State.WAITING, attempts=max(one.number - 1, 0), claimed_by="", next_at=now
            )
    for endpoint_id, some in sorted(by_endpoint.items()):  # in one order, so that two processes do not deadlock
        _settle_endpoint(endpoint_id, some, now)


def _attempt(one: Outcome) -> WebhookAttempt:
    return WebhookAttempt(
        message_id=one.message_id, number=one.number, at=one.at, status=one.status, error=one.error[:20],
        answer=one.answer, duration_ms=one.duration_ms,
    )  # fmt: skip


def _settle_endpoint(endpoint_id: UUID, outcomes: Sequence[Outcome], now: datetime) -> None:
    bad = [one for one in outcomes if not one.delivered and not one.cut]
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id)
    if any(one.delivered for one in outcomes):
        endpoint.exclude(failing_since=None).update(failing_since=None, told_at=None)
    if not bad:
        return
    exhausted = False
    for one in bad:
        if one.number >= len(PAUSES):
            exhausted = True
            WebhookMessage.objects.filter(pk=one.message_id).update(state=State.FAILED, claimed_by="")
        else:
            WebhookMessage.objects.filter(pk=one.message_id).update(
                state=State.WAITING, claimed_by="", next_at=now + pause_after(one, now)
            )
    if rests := [max(asked_pause(one.retry_after, now), REST) for one in bad if one.status in THROTTLE]:
        endpoint.update(rests_until=now + max(rests))
    if any(one.delivered for one in outcomes):
        return
    endpoint.update(failing_since=Coalesce("failing_since", min(one.at for one in bad)))
    row = endpoint.select_related("workspace").get()
    assert row.failing_since is not None
    if any(one.status == 410 for one in bad):
        actions.gone(row)
    elif exhausted and now - row.failing_since >= LONG:
        actions.given_up(row)
    elif now - row.failing_since >= WARN_AFTER and row.told_at is None:
        actions.warn(row)


def pause_after(one: Outcome, now: datetime) -> timedelta:
    """From this attempt to the next: by the schedule, or longer where the endpoint asked for it."""
    planned = PAUSES[one.number] * (1 + JITTER * random.random())
    return max(planned, asked_pause(one.retry_after, now))


def asked_pause(retry_after: str, now: datetime) -> timedelta:
    """What the header Retry-After asks for, in seconds or as a date; zero for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), LONGEST_REST)
    try:
        at = parsedate_to_datetime(text)
        return min(max(at - now, timedelta(0)), LONGEST_REST)
    except (ValueError, TypeError, OverflowError):  # also for a date without a zone
        return timedelta(0)


@transaction.atomic
def put_back(holder: str) -> int:
    """What a process that is gone had claimed waits again: at least once; the id tells receivers. Returns how many."""
    rows = WebhookMessage.objects.filter(state=State.SENDING, claimed_by=holder)
    return rows.update(state=State.WAITING, claimed_by="", next_at=timezone.now())
