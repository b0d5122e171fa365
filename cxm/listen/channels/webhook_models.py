"""Outgoing webhooks: who wants to hear, what was queued for them, and each attempt to tell them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.accounts.sealing import SealedTextField
from cxm.record.customers.models import Customer


class WebhookEndpoint(models.Model):
    """An address of another system that wants to hear of some types of events. It has a queue of its own."""

    class Reason(models.TextChoices):
        PERSON = "person", pgettext_lazy("why an endpoint is off", "Switched off by a person")
        GONE = "gone", pgettext_lazy("why an endpoint is off", "It answered 410: nothing more is wanted")
        FAILING = "failing", pgettext_lazy("why an endpoint is off", "It took nothing for several days")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    url = models.CharField(max_length=2000)
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200, blank=True)
    types: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # or their beginnings; empty: all
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    off_at = models.DateTimeField(null=True, blank=True)
    off_reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)  # the first failure after the last success
    told_at = models.DateTimeField(null=True, blank=True)  # when the owner was told of that
    rests_until = models.DateTimeField(null=True, blank=True)  # it asked for a pause

    class Meta:
        indexes = [models.Index(fields=["workspace", "created_at"])]

    def __str__(self) -> str:
        return self.name or self.url


class WebhookSecret(models.Model):
    """What messages to an endpoint are signed with. During a rotation the old one signs beside the new one."""

    class Scheme(models.TextChoices):
        SYMMETRIC = "v1", pgettext_lazy("signature", "Symmetric (v1, HMAC-SHA256)")
        ASYMMETRIC = "v1a", pgettext_lazy("signature", "Asymmetric (v1a, ed25519)")

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    scheme = models.CharField(max_length=3, choices=Scheme.choices)
    secret = SealedTextField()  # whsec_… or whsk_…; shown once (the second: never)
    public = models.CharField(max_length=120, blank=True)  # whpk_…
    created_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)  # no new signatures from then on

    def __str__(self) -> str:
        return f"{self.scheme} of {self.created_at:%Y-%m-%d}"


class WebhookMessage(models.Model):
    """One event for one endpoint. Made in the transaction of what it tells, sent at least once after the commit."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("message", "Waiting")
        SENDING = "sending", pgettext_lazy("message", "Sending")
        DELIVERED = "delivered", pgettext_lazy("message", "Delivered")
        FAILED = "failed", pgettext_lazy("message", "Failed")
        CANCELLED = "cancelled", pgettext_lazy("message", "Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="messages")
    # Of the event: the same for every endpoint, every attempt and every replay; receivers know repetitions by it.
    event_id = models.UUIDField()
    type = models.CharField(max_length=100)
    body = models.TextField()  # the exact text that is signed and sent
    at = models.DateTimeField()  # when it happened
    # Who is erased leaves no message behind.
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)  # of this round: a replay begins a new one
    next_at = models.DateTimeField(default=timezone.now)
    claimed_by = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "state", "next_at"]),
            models.Index(fields=["endpoint", "-created_at"]),
            models.Index(fields=["created_at"]),
            models.Index(fields=["claimed_by"], condition=models.Q(state="sending"), name="webhooks_being_sent"),
        ]
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="one_message_per_event")]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"

    @property
    def public_id(self) -> str:
        """What stands in the header `webhook-id`."""
        return f"msg_{self.event_id.hex}"


class WebhookAttempt(models.Model):
    """One request to an endpoint, and what it answered. Only added, never changed."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)  # of HTTP; null: no answer came
    error = models.CharField(max_length=20, blank=True)  # a code of cxm.lib.http, where no answer came
    answer = models.TextField(blank=True)  # the beginning of its body
    duration_ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.number}: {self.status or self.error}"

    def shown(self) -> dict[str, Any]:
        return {"number": self.number, "at": self.at, "status": self.status, "error": self.error,
                "answer": self.answer, "duration_ms": self.duration_ms}  # fmt: skip
