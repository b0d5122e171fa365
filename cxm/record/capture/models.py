"""Imports (the file, its mapping, how far it came) and sources of the tracking API (keys, plan, schema, privacy)."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import ApiKey, User, Workspace, log_number


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


class Source(models.Model):
    """Where events come from by the tracking API: a web site, an app, a server. Its number stands in the log."""

    class Kind(models.TextChoices):
        WEBSITE = "website", _("Web site")
        MOBILE = "mobile", _("Mobile app")
        SERVER = "server", _("Server")
        OTHER = "other", pgettext_lazy("kind of source", "Something else")

    class PlanMode(models.TextChoices):
        OFF = "off", _("Do not check")
        WARN = "warn", _("Store and warn")
        BLOCK = "block", _("Refuse")

    id = models.PositiveBigIntegerField(primary_key=True, default=log_number, editable=False)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.WEBSITE)
    enabled = models.BooleanField(default=True)
    # https://shop.example, https://*.shop.example; empty: any page may send. Only browsers say an origin.
    origins: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    plan_mode = models.CharField(max_length=10, choices=PlanMode.choices, default=PlanMode.OFF)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class SourceKey(models.Model):
    """A write key of a source. There may be several, so that a new one can be rolled out before the old one ends."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")
    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.key)


class TrackingPlan(models.Model):
    """One version of what a workspace agreed to send; the newest is in force. Versions are never changed."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField(default=1)
    yaml = models.TextField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["workspace", "version"], name="one_plan_version")]

    def __str__(self) -> str:
        return f"v{self.version}"


class PropertySeen(models.Model):
    """What came from a source: one row for each type that a property of an event has had; no property: the event.

    The times only widen, so that learning from the same events twice changes nothing.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=200)
    property = models.CharField(max_length=200, blank=True)  # a.b for what lies in an object
    type = models.CharField(max_length=10)  # of schema.TYPES; of the event itself: track, page …
    first_at = models.DateTimeField()  # by the time we received it
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "event", "property", "type"], name="one_row_per_type_seen")
        ]

    def __str__(self) -> str:
        return f"{self.event}.{self.property}: {self.type}"


class Regulation(models.Model):
    """A privacy request about people by their user ids: stop taking their events, erase them, or both."""

    class Type(models.TextChoices):
        SUPPRESS_ONLY = "SUPPRESS_ONLY", _("Take no more events")
        UNSUPPRESS = "UNSUPPRESS", _("Take events again")
        SUPPRESS_WITH_DELETE = "SUPPRESS_WITH_DELETE", _("Erase, and take no more events")
        DELETE_ONLY = "DELETE_ONLY", _("Erase")
        # Elsewhere these leave connected tools alone. Nothing is connected to us, so they are the same.
        SUPPRESS_WITH_DELETE_INTERNAL = "SUPPRESS_WITH_DELETE_INTERNAL", _("Erase here, and take no more events")
        DELETE_INTERNAL = "DELETE_INTERNAL", _("Erase here")

    class Status(models.TextChoices):
        INITIALIZED = "INITIALIZED", _("Waiting")
        INVALID = "INVALID", _("Invalid")
        NOT_SUPPORTED = "NOT_SUPPORTED", _("Not supported")
        RUNNING = "RUNNING", _("Running")
        PARTIAL_SUCCESS = "PARTIAL_SUCCESS", _("Partly done")
        FAILED = "FAILED", _("Failed")
        FINISHED = "FINISHED", _("Done")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=40, choices=Type.choices)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.INITIALIZED)
    subject_ids: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # emptied once they are erased
    subjects = models.PositiveIntegerField(default=0)
    erased = models.PositiveIntegerField(default=0)  # customers that were found and erased
    problem = models.TextField(blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Suppression(models.Model):
    """A user id whose events are dropped at the door."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user_id = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user_id"], name="one_suppression_per_user")]

    def __str__(self) -> str:
        return self.user_id
