"""Imports: the file, the mapping that was used, how far it came, and what was refused."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class Mapping(models.Model):
    """A saved mapping from columns to customers and events; every change is a new version."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    version = models.PositiveIntegerField(default=1)
    yaml = models.TextField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name", "version"], name="one_mapping_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Import(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", _("Being prepared")
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Stopped")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    file_name = models.CharField(max_length=300)
    file_path = models.CharField(max_length=500)  # in the data directory, until the import is done
    file_size = models.PositiveBigIntegerField(default=0)  # bytes
    file_sha256 = models.CharField(max_length=64, blank=True)
    dataset = models.CharField(max_length=200, blank=True)  # the name in the mapping: what its event ids are made from
    mapping_yaml = models.TextField(blank=True)  # as it was used
    bytes_read = models.PositiveBigIntegerField(default=0)
    rows_read = models.PositiveBigIntegerField(default=0)
    rows_rejected = models.PositiveBigIntegerField(default=0)
    rows_known = models.PositiveBigIntegerField(default=0)  # nothing new in them
    events_added = models.PositiveBigIntegerField(default=0)
    customers_added = models.PositiveBigIntegerField(default=0)
    rejected_bytes = models.PositiveBigIntegerField(default=0)  # of the file of rejected rows, up to rows_read
    notes: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True)  # why it stopped, in the language of its owner
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return self.file_name
