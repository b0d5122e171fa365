"""Sending what is queued. A row is claimed before the first byte leaves, and settled after the server's answer.

Settling one and claiming the next is one transaction, so a message costs one commit. What a dead process had claimed
becomes `uncertain`: it may have left, and only a person sends it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from . import actions, causes
from .mail.letter import Unusable, ascii_domain, envelope_sender, message_id_of, message_of
from .mail.smtp import Away, Rejected, Transport, Unknown, transport
from .models import Delivery, Suppression
from .queries import folded

logger = logging.getLogger(__name__)

State = Delivery.State
# After a "not now" of the server: greylisting wants minutes, a full mailbox hours. Then it has failed.
PAUSES = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 480, 960)]
AWAY = timedelta(seconds=30)  # how long a message waits whose server went away; that costs it no attempt
STALE = timedelta(days=5)  # then it has failed, whatever the reason (RFC 5321, 4.5.4.1)


@dataclass(frozen=True)
class Outcome:
    """What became of a claimed delivery."""

    delivery: Delivery
    state: Delivery.State
    error: str = ""
    not_before: datetime | None = None
    dead_address: bool = False
    free: bool = False  # nothing was tried: the attempt does not count


class Sender:
    """Sends one message after the other over one connection. For one thread; as many senders as you like."""

    def __init__(self, name: str, *, over: Transport | None = None) -> None:
        self._name = name[-80:]
        self._transport = over or transport()
        self._last: Outcome | None = None  # sent, and not yet written down

    def send_due(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Send what is due until nothing is, the hour's number is used up, or `stopping`. Returns how many left.

        Raises Away when the server cannot be reached; nothing is claimed then.
        """
        sent = 0
        while True:
            if not stopping() and self._last is None and not self._due():
                return sent
            if not stopping():
                try:
                    self._transport.open()
                except Away:
                    self.settle()
                    raise
            delivery = self._settle_and_claim(claim=not stopping())
            if delivery is None:
                return sent
            self._last = self._try(delivery)
            if self._last.state == State.SENT:
                sent += 1
            if self._last.free:
                error = self._last.error
                self.settle()
                raise Away(error)

    def close(self) -> None:
        self._transport.close()

    def settle(self) -> None:
        """Write down what became of the last one."""
        self._settle_and_claim(claim=False)

    def _due(self) -> bool:
        return Delivery.objects.filter(state=State.WAITING, not_before__lte=timezone.now()).exists()

    def _settle_and_claim(self, *, claim: bool) -> Delivery | None:
        with transaction.atomic():
            if self._last:
                write(self._last)
            claimed = self._claim() if claim else None
        self._last = None
        return claimed

    def _claim(self) -> Delivery | None:
        now = timezone.now()
        if settings.EMAIL_PER_HOUR:
            left = Delivery.objects.filter(claimed_at__gt=now - timedelta(hours=1)).count()
            if left >= settings.EMAIL_PER_HOUR:
                return None
        due = Delivery.objects.filter(state=State.WAITING, not_before__lte=now).order_by("not_before")
        found = due.select_for_update(skip_locked=True).values_list("pk", flat=True).first()
        if found is None:
            return None
        if not Delivery.objects.filter(pk=found, state=State.WAITING).update(
            state=State.SENDING, claimed_by=self._name, claimed_at=now, attempts=F("attempts") + 1
        ):
            return None
        return Delivery.objects.select_related("workspace", "customer").get(pk=found)

    def _try(self, delivery: Delivery) -> Outcome:
        try:
            if obsolete := why_not(delivery):
                return Outcome(delivery, State.CANCELLED, obsolete)
            letter = causes.make(delivery)
            if letter is None:
                return Outcome(delivery, State.CANCELLED, "obsolete")
            raw = message_of(delivery, letter)
        except Unusable as error:
            return Outcome(delivery, State.FAILED, str(error))
        delivery.message_id = message_id_of(delivery)
        try:
            self._transport.send(envelope_sender(delivery, letter), ascii_domain(delivery.to), raw)
        except Rejected as error:
            return refused(delivery, error)
        except Unknown as error:
            return Outcome(delivery, State.UNCERTAIN, str(error))
        except Away as error:
            if delivery.created_at < timezone.now() - STALE:
                return Outcome(delivery, State.FAILED, str(error))
            return Outcome(delivery, State.WAITING, str(error), timezone.now() + AWAY, free=True)
        return Outcome(delivery, State.SENT)


def why_not(delivery: Delivery) -> str:
    """A reason that has come up since it was queued; empty for none."""
    if delivery.workspace.deleted_at:
        return "workspace deleted"
    row = Suppression.objects.filter(
        workspace_id=delivery.workspace_id, kind=delivery.kind, address=folded(delivery.to)
    ).first()
    return f"suppressed: {row.reason}" if row and not actions.is_answer_to(delivery, row.reason) else ""


def refused(delivery: Delivery, error: Rejected) -> Outcome:
    """What follows from a server's no: later, never, or never to this address again."""
    if not error.permanent:
        if delivery.attempts > len(PAUSES):
            return Outcome(delivery, State.FAILED, str(error))
        pause = PAUSES[max(delivery.attempts, 1) - 1]
        return Outcome(delivery, State.WAITING, str(error), timezone.now() + pause)
    if error.about_address:
        # 5.7.x is about us (blocked, unsigned), not about the mailbox; 5.2.2 is a full one.
        dead = not any(mark in error.text for mark in ("5.7.", "5.2.2", "5.6.7"))
        return Outcome(delivery, State.BOUNCED, str(error), dead_address=dead)
    return Outcome(delivery, State.FAILED, str(error))


def write(outcome: Outcome) -> None:
    """Put an outcome into the row, and tell its cause; in the caller's transaction."""
    delivery = outcome.delivery
    delivery.state, delivery.error = outcome.state, outcome.error[:2000]
    now = timezone.now()
    if outcome.state == State.SENT:
        delivery.sent_at = now
    if outcome.not_before:
        delivery.not_before = outcome.not_before
    if outcome.free:
        delivery.attempts -= 1
    changed = Delivery.objects.filter(pk=delivery.pk, state=State.SENDING, claimed_by=delivery.claimed_by).update(
        state=delivery.state, error=delivery.error, sent_at=delivery.sent_at, not_before=delivery.not_before,
        attempts=delivery.attempts, message_id=delivery.message_id,
    )  # fmt: skip
    if not changed:  # a bounce was faster than we, or a person took it for dead
        return
    if delivery.state != State.WAITING:
        causes.tell(delivery)
    if outcome.dead_address:
        actions.suppress(workspace=delivery.workspace, address=delivery.to, reason=Suppression.Reason.BOUNCED, by=None)


def give_up_claims(is_alive: Callable[[str], bool]) -> int:
    """What processes that are gone had claimed is uncertain; returns how many. `is_alive` takes a sender's name."""
    found = 0
    names = Delivery.objects.filter(state=State.SENDING).values_list("claimed_by", flat=True).distinct().order_by()
    for name in list(names):
        if not is_alive(name):
            found += Delivery.objects.filter(state=State.SENDING, claimed_by=name).update(
                state=State.UNCERTAIN, error="The process ended while it was sending."
            )
    if found:
        logger.warning("%d messages are uncertain: the process ended while it was sending them.", found)
    return found
