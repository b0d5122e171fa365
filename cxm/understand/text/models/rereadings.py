"""Reading the texts of a workspace anew, and how far that has come."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from cxm.accounts.models import Workspace


class Rereading(models.Model):
    """One at most for each workspace; what was read before `wanted_at` is read again."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+", primary_key=True)
    wanted_at = models.DateTimeField(default=timezone.now)
    total = models.PositiveBigIntegerField(null=True)  # texts; None: it has not begun
    done = models.PositiveBigIntegerField(default=0)
    # Number of the node -> {"until": its last block when this began, "place": see record.eventlog.texts}
    positions: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["done_at", "wanted_at"], name="text_rereading_waiting")]

    def __str__(self) -> str:
        return f"{self.workspace} {self.wanted_at}"

    @property
    def percent(self) -> float:
        """0 to 100."""
        if self.done_at is not None:
            return 100.0
        return min(100.0 * self.done / self.total, 99.0) if self.total else 0.0
