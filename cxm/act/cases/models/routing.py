"""Which team takes a case, and what the customer is told at once."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import Workspace

from .teams import Team


class RoutingRule(models.Model):
    """Cases for which its condition holds go to its team. Tried in order; the first that matches counts."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    position = models.PositiveIntegerField(default=0)
    is_paused = models.BooleanField(default=False)
    condition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # empty: all cases
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    # Only members who have all of these get such a case; without one of them it waits for somebody to take it.
    skills: models.JSONField[list[str], list[str]] = models.JSONField(default=list)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class Acknowledgement(models.Model):
    """What customers are told as soon as their message is here. One of each workspace; without it nothing is sent."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    is_on = models.BooleanField(default=True)
    within_s = models.PositiveIntegerField(default=120)  # what counts as at once
    promises = models.BooleanField(default=True)  # says until when somebody will answer, where that can be said
    # By language: {"subject", "text"}, instead of our own words; {customer.name}, {case.number}, {answer} … stand for …
    texts: models.JSONField[dict[str, dict[str, str]], dict[str, dict[str, str]]] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"acknowledgement of {self.workspace_id}"
