"""Journey maps and their versions."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class JourneyMap(models.Model):
    """A map as it is being drawn; what is computed, shared and compared is a version of it."""

    class Kind(models.TextChoices):
        AS_IS = "as_is", pgettext_lazy("journey map", "As it is")
        TO_BE = "to_be", pgettext_lazy("journey map", "As it should be")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.AS_IS)
    as_is = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="to_be")
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # MapDefinition
    revision = models.PositiveIntegerField(default=1)  # counts up with every change of the definition
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workspace", "archived_at", "name"])]

    def __str__(self) -> str:
        return self.name


class MapVersion(models.Model):
    """A map as it stood when somebody kept it."""

    map = models.ForeignKey(JourneyMap, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["map", "number"], name="map_version_once")]

    def __str__(self) -> str:
        return f"{self.map_id} {self.number}"
