"""What the log needs beside the engine: facts on their way to it, and how far its followers have come."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy


class OutboxFact(models.Model):
    """Written inside the caller's transaction by `emit`, removed once the log has it."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(default=uuid.uuid4, unique=True)
    workspace_id = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200)
    customer_id = models.UUIDField()
    occurred_at = models.DateTimeField()
    properties = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"


class FollowCursor(models.Model):
    """How far a follower has come on each node of the log, who follows now, and how it goes."""

    name = models.CharField(max_length=60, primary_key=True)
    # Number of the node -> {"table": id of its table, "block": the last block that was handled}
    positions: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    holder = models.CharField(max_length=80, blank=True)  # the process that follows; see follow.Follower
    held_until = models.DateTimeField(default=timezone.now)
    handled = models.PositiveBigIntegerField(default=0)  # events, ever
    last_event_at = models.DateTimeField(null=True)  # when the newest handled event was received
    health: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # see web/flow.py
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class DeadLetter(models.Model):
    """An event that a step of the flow could not handle. It holds no copy of the event, only its name in the log."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("of an event that failed", "Waiting")
        DISMISSED = "dismissed", pgettext_lazy("of an event that failed", "Dismissed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    step = models.CharField(max_length=60)
    workspace_id = models.PositiveBigIntegerField()
    event_id = models.UUIDField()
    customer_id = models.UUIDField()
    name = models.CharField(max_length=300)
    error = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-last_at", "-id"]
        indexes = [models.Index(fields=["workspace_id", "state", "-last_at"])]
        constraints = [models.UniqueConstraint(fields=["step", "event_id"], name="one_dead_letter_per_step")]

    def __str__(self) -> str:
        return f"{self.step}: {self.name} {self.event_id}"


class LogCheckpoint(models.Model):
    """Up to which block of each node something has looked at the log (`repair`)."""

    name = models.CharField(max_length=60, primary_key=True)
    positions: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
