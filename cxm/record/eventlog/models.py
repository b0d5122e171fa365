"""The outbox: facts that a transaction stated, on their way to the log."""

from __future__ import annotations

import uuid

from django.db import models


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
