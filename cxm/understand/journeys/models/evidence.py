"""What the log said about a map, or of moments of truth, when it was last computed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cxm.accounts.models import Workspace

from .maps import JourneyMap


class MapEvidence(models.Model):
    """One for each map and each set of filters, computed anew when the log or the map moved."""

    map = models.ForeignKey(JourneyMap, on_delete=models.CASCADE, related_name="evidence")
    asked = models.CharField(max_length=64, blank=True)  # a digest of the filters; empty: none
    filters = models.CharField(max_length=2000, blank=True)  # the query string they came in
    body = models.BinaryField(default=bytes)  # evidence.figures.Evidence as JSON; empty: not computed yet
    revision = models.PositiveIntegerField(default=0)  # of the map
    mark = models.CharField(max_length=100, blank=True)  # what the log held: another mark means that it moved
    up_to = models.DateTimeField(null=True, blank=True)  # the log was read up to here
    computed_at = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True)  # somebody asked for it since; a job is on its way
    seen_at = models.DateTimeField(default=timezone.now)  # what nobody looks at any more is dropped
    problem = models.CharField(max_length=500, blank=True)  # why the last attempt failed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["map", "asked"], name="map_evidence_once")]

    def __str__(self) -> str:
        return f"{self.map_id} {self.asked}"


class KeptMoments(models.Model):
    """One for each question that the page of moments asks, counted anew when the log moved."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    asked = models.CharField(max_length=64)  # a digest of the question
    query = models.CharField(max_length=2000)  # the question, as an address has it
    body = models.BinaryField(default=bytes)  # evidence.moments_kept.Figures as JSON; empty: not counted yet
    mark = models.CharField(max_length=200, blank=True)  # what the log held: another mark means that it moved
    computed_at = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True)  # somebody asked for it since; a job is on its way
    seen_at = models.DateTimeField(default=timezone.now)  # what nobody looks at any more is dropped

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "asked"], name="kept_moments_once")]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.query}"
