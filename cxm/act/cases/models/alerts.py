"""Alert rules, the alerts that they raised, and who is told."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer

from .cases import Case


class AlertRule(models.Model):
    """When somebody must be told. What it looks at is in `what` (alerts/rules.py), what follows in the other fields."""

    class Kind(models.TextChoices):
        ANSWER = "answer", pgettext_lazy("alert", "An answer")
        WORDS = "words", pgettext_lazy("alert", "Words in a comment")
        PATTERN = "pattern", pgettext_lazy("alert", "An event that repeats")
        LATE = "late", pgettext_lazy("alert", "A late delivery")
        METRIC = "metric", pgettext_lazy("alert", "A metric")
        SILENCE = "silence", pgettext_lazy("alert", "A customer who falls silent")

    class Digest(models.TextChoices):
        AT_ONCE = "at_once", pgettext_lazy("e-mails", "At once")
        HOURLY = "hourly", pgettext_lazy("e-mails", "Once an hour")
        DAILY = "daily", pgettext_lazy("e-mails", "Once a day")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    what: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    condition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # empty: always
    is_on = models.BooleanField(default=True)
    on_since = models.DateTimeField(default=timezone.now)  # what was so before it was switched on is no news
    muted_until = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)  # counted up by each change
    # The next one about the same customer within so many hours belongs to the alert that there is.
    again_after_h = models.PositiveIntegerField(default=24)
    # What follows
    opens_case = models.BooleanField(default=False)
    case: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # see rules.CaseOf
    users: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    teams: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    by_mail = models.BooleanField(default=True)
    digest = models.CharField(max_length=10, choices=Digest.choices, default=Digest.AT_ONCE)
    quiet_from = models.TimeField(null=True, blank=True)  # in the time zone of the workspace
    quiet_until = models.TimeField(null=True, blank=True)
    state: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # what a watch remembers
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["is_on"])]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_alert_rule_per_name")]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Something that people should know. One cause is one alert, whichever rules see it and however often."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    rule = models.ForeignKey(AlertRule, on_delete=models.SET_NULL, null=True, related_name="+")  # that saw it first
    rule_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=AlertRule.Kind.choices)
    cause = models.CharField(max_length=150)  # "event:<id>", "metric:<rule>:<day>", "silence:<rule>:<customer>:<day>"
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, related_name="+")
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # what its sentence needs
    times = models.PositiveIntegerField(default=1)
    at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-at"]),
            models.Index(fields=["rule", "-at"]),
            models.Index(fields=["customer", "-at"]),
        ]
        constraints = [models.UniqueConstraint(fields=["workspace", "cause"], name="one_alert_per_cause")]

    def __str__(self) -> str:
        return self.rule_name


class AlertHit(models.Model):
    """That a rule saw an event: it never counts twice."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="+")
    event_id = models.UUIDField()
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="hits")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["event_id"])]
        constraints = [models.UniqueConstraint(fields=["rule", "event_id"], name="one_hit_per_rule_and_event")]

    def __str__(self) -> str:
        return str(self.event_id)


class AlertNotice(models.Model):
    """One person is told of one alert, once: in the bell until seen, and by e-mail when it is due."""

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)
    mail_at = models.DateTimeField(null=True, blank=True)  # when its e-mail is due; null: none, or it was queued
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "workspace", "seen_at"]),
            models.Index(fields=["mail_at"]),
            models.Index(fields=["user", "mailed_at"]),
        ]
        constraints = [models.UniqueConstraint(fields=["alert", "user"], name="one_notice_per_person")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.alert_id}"
