"""Customers: who they are, by which names we know them, what they agreed to, and what we noted."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class Customer(models.Model):
    """A profile. `traits` is what the identify events and manual edits say together, newest first to count.

    `merged_into` is a reversible link: a merged profile keeps its own identities and traits.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=300, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    traits: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    search_text = models.TextField(blank=True)  # made by searching.search_text_of
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="merged")
    # Where the chain of merged_into ends; null for a customer that stands for itself. Kept by merging.py only.
    canonical = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="members")
    # What the log said when it was last asked (snapshot.refresh_activity), over all members of a canonical customer.
    last_seen_at = models.DateTimeField(null=True, blank=True)
    answers = models.PositiveIntegerField(default=0)
    created_by_import = models.UUIDField(null=True, blank=True)
    traits_at = models.DateTimeField(null=True, blank=True)  # when the newest saying about fields and traits was true
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "name", "id"]),
            models.Index(fields=["workspace", "-last_seen_at", "id"]),
            models.Index(fields=["workspace", "email"]),
            models.Index(fields=["created_by_import"]),
        ]

    def __str__(self) -> str:
        return self.name or self.email or str(self.id)[:8]


class Trait(models.Model):
    """What a workspace calls one of its traits, and the kind of value it holds: learnt from the first value."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        YES_NO = "yes_no", _("Yes or no")
        DATE = "date", _("Date")
        LIST = "list", _("List")

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_kind_per_trait")]

    def __str__(self) -> str:
        return self.name


class Identity(models.Model):
    """A name by which a system knows a customer: kind `user_id`, `email`, `customer_id` …, unique in a workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=60)
    value = models.CharField(max_length=300)
    created_by_import = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_by_import"])]
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "value"], name="one_customer_per_identity")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"


class Overwritten(models.Model):
    """What an import found in a profile and replaced, so that undoing the import can give it back."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    import_id = models.UUIDField(db_index=True)
    before: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()  # field, or trait.NAME, to value
    after: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    def __str__(self) -> str:
        return f"{self.customer_id}: {', '.join(self.before)}"


class Consent(models.Model):
    """One decision of a customer on one purpose; the newest counts, the rest is its history."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=60)  # analytics · surveys · marketing · profiling, or the firm's own
    granted = models.BooleanField()
    source = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.purpose}: {'yes' if self.granted else 'no'}"


class Tag(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=60)
    customers = models.ManyToManyField(Customer, related_name="tags")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(_("note"), max_length=10_000)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.text[:60]


class DirectoryVersion(models.Model):
    """One row, whose number grows with every change of what the intake keeps in memory; see versions.py."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
