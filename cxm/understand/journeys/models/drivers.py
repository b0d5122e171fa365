"""Driver models: which outcome is explained by which drivers, and what came out."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class DriverModel(models.Model):
    """A question about drivers with its newest answer. A change of the definition has it computed anew."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # DriverDefinition
    result: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)  # Findings
    problem: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)  # a refusal
    wanted_at = models.DateTimeField(default=timezone.now)  # when it was last asked for
    computed_at = models.DateTimeField(null=True, blank=True)  # when the newest computation began
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="driver_model_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_under_way(self) -> bool:
        return self.computed_at is None or self.computed_at < self.wanted_at
