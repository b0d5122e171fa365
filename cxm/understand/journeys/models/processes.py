"""Processes: which events of the log are the steps of which journeys."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class Process(models.Model):
    """Its number (`id`) is in the table of steps. A change of the definition builds the steps anew."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # ProcessDefinition
    generation = models.PositiveIntegerField(default=0)  # counts up with every building of its steps
    # The newest blocks of the log when that began, node by node: what is in them need not be taken in once more.
    built_to: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    # Of a map: the steps are its touchpoints, and it is changed and removed with the map.
    map = models.OneToOneField("JourneyMap", on_delete=models.CASCADE, null=True, blank=True, related_name="process")
    wanted_at = models.DateTimeField(default=timezone.now)  # when its steps were last wanted anew
    built_at = models.DateTimeField(null=True, blank=True)  # null: they are being built for the first time
    progress: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="process_name_once")]

    def __str__(self) -> str:
        return self.name
