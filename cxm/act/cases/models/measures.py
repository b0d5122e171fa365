"""The outer loop: what is changed so that a cause of cases comes up less often."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace

from .cases import Cause

CASES_PER_WEEK = "cases_per_week"  # what a measure is judged by unless it names a metric


class Measure(models.Model):
    """An improvement: against which cause, by whom, until when, and by what we see that it helps.

    `in_effect_at`: from when customers feel it; before and after are told apart there.
    """

    class State(models.TextChoices):
        PLANNED = "planned", pgettext_lazy("improvement measure", "Planned")
        IN_EFFECT = "in_effect", pgettext_lazy("improvement measure", "In effect")
        DROPPED = "dropped", pgettext_lazy("improvement measure", "Dropped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    text = models.TextField(blank=True)
    cause = models.ForeignKey(Cause, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    due_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    metric = models.CharField(max_length=60, default=CASES_PER_WEEK)  # or the key of a metric of the registry
    filters: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)  # field:operator:value
    expected = models.FloatField(null=True, blank=True)  # change in the unit of the metric, with its sign
    weeks = models.PositiveSmallIntegerField(default=12)  # before and after that are compared
    in_effect_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workspace", "state", "due_on"])]

    def __str__(self) -> str:
        return self.name
