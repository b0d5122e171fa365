"""Journey maps: as they are being drawn, the steps back, the versions that were kept, comments, public links."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


def new_token() -> str:
    return secrets.token_urlsafe(30)


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
    position = models.PositiveIntegerField(default=0)  # among the edits that can be undone and made again
    words: models.TextField[str, str] = models.TextField(blank=True)  # name and texts in small letters, for the search
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workspace", "archived_at", "name"])]

    def __str__(self) -> str:
        return self.name


class MapEdit(models.Model):
    """The map at a position of its edits, so that they can be undone."""

    id = models.BigAutoField(primary_key=True)
    map = models.ForeignKey(JourneyMap, on_delete=models.CASCADE, related_name="edits")
    position = models.PositiveIntegerField()
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["map", "position"], name="map_edit_once")]


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


class MapComment(models.Model):
    """What a member says about a map, or about the touchpoint whose key is `touchpoint`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    map = models.ForeignKey(JourneyMap, on_delete=models.CASCADE, related_name="comments")
    touchpoint = models.CharField(max_length=60, blank=True)
    text = models.TextField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    resolved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["map", "resolved_at", "created_at"])]

    def __str__(self) -> str:
        return f"{self.map_id} {self.id}"


class MapShare(models.Model):
    """An address at which everybody who has it may read the map as it is now, until it ends or is taken back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    map = models.ForeignKey(JourneyMap, on_delete=models.CASCADE, related_name="shares")
    token = models.CharField(max_length=60, unique=True, default=new_token)
    note = models.CharField(max_length=200, blank=True)  # for whom it is
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["map", "created_at"])]

    def __str__(self) -> str:
        return f"{self.map_id} {self.note}"
