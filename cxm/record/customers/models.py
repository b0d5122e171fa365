"""Customers: who they are, by which names we know them, what they agreed to, and what we noted."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace

ANALYTICS = "analytics"  # the purpose whose refusal stops captured events


if TYPE_CHECKING:
    Ids = models.UUIDField[Any, Any]
else:
    Ids = models.UUIDField  # of which there are kinds for a type checker only


class PersonField(Ids):
    """A customer id as events carry it, which no foreign key can follow: the row goes with the person all the same."""

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.UUIDField", args, options


class Customer(models.Model):
    """A profile. `traits` is what identify events, imports and manual edits say together; the newest saying counts.

    `merged_into` is a reversible link that a person made: a merged profile keeps its own identities and traits.
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
    # To whom merges and identity links lead; null for a customer that stands for itself. Kept by linking.py only.
    canonical = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="members")
    # What the log said when it was last asked (snapshot.refresh_activity), over all members of a canonical customer.
    last_seen_at = models.DateTimeField(null=True, blank=True)
    answers = models.PositiveIntegerField(default=0)
    created_by_import = models.UUIDField(null=True, blank=True)
    traits_at = models.DateTimeField(null=True, blank=True)  # when that was true which has no time of its own below
    # Trait, or ":" and field -> when it was said and by which event; see sayings.py. A trait that was erased is here.
    trait_times: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
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
    from_links = models.BooleanField(default=False)  # follows from IdentityLinks, and is made and removed with them
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_by_import"])]
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "value"], name="one_customer_per_identity")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"


class IdentityLink(models.Model):
    """An event said that two names mean the same person: an identify or an alias call, or an e-mail address as a trait.

    The set of these rows is the truth; who belongs to whom follows from it (linking.py), in whatever order they came.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    from_kind = models.CharField(max_length=60)  # user_id · anonymous_id · email
    from_value = models.CharField(max_length=300)
    to_kind = models.CharField(max_length=60)  # user_id; of an e-mail address also anonymous_id
    to_value = models.CharField(max_length=300)
    at = models.DateTimeField()  # of the first event that said so
    event_id = models.UUIDField()
    undone_at = models.DateTimeField(null=True, blank=True)  # a person said that it is not true

    class Meta:
        indexes = [models.Index(fields=["workspace", "to_kind", "to_value"])]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "from_kind", "from_value", "to_kind", "to_value"], name="one_link_per_pair"
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_kind}: {self.from_value} → {self.to_kind}: {self.to_value}"


class Segment(models.Model):
    """A named set of customers: all for whom a condition on traits and events holds, now and later."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    condition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_segment_per_name")]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """A firm, a team or a household that group calls speak of."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=300)
    traits: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    trait_times: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="one_group_per_key")]

    def __str__(self) -> str:
        return str(self.traits.get("name") or self.key)


class GroupMember(models.Model):
    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "customer"], name="once_in_a_group")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.customer_id}"


class Overwritten(models.Model):
    """What an import found in a profile and replaced, so that undoing the import can give it back."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    import_id = models.UUIDField(db_index=True)
    before: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()  # see bulk._value for the keys
    after: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    def __str__(self) -> str:
        return f"{self.customer_id}: {', '.join(self.before)}"


class Consent(models.Model):
    """One decision of a customer on one purpose; the newest counts, the rest is its history."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=60)  # ANALYTICS · surveys · marketing · profiling, or the firm's own
    granted = models.BooleanField()
    source = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    event_id = models.UUIDField(null=True, blank=True)  # the event that said so, if no person did

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "purpose", "event_id"], name="one_decision_per_event")
        ]

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
