"""What a workspace has taught: versions of its own heads, and of its experience score."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace


class OwnModel(models.Model):
    """Heads that were trained on the labels of a workspace. At most one version is used; none: the shipped heads.

    `labels` counts what it learnt from, by source. `report` is what `learning.training.Report` says, by kind of tag.
    `weights` is empty once the version is too old to be used again.
    """

    class State(models.TextChoices):
        TRAINING = "training", pgettext_lazy("own model", "Training")
        READY = "ready", pgettext_lazy("own model", "Ready")
        REFUSED = "refused", pgettext_lazy("own model", "Not trained")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINING)
    is_used = models.BooleanField(default=False)
    progress = models.FloatField(default=0)  # 0 to 100
    problem = models.TextField(blank=True)
    reader = models.CharField(max_length=60, blank=True)  # the shipped weights that it was compared with
    labels: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    report: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    weights = models.BinaryField(default=bytes)
    seconds = models.FloatField(null=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(fields=["workspace", "number"], name="text_own_number"),
            models.UniqueConstraint(fields=["workspace"], condition=models.Q(is_used=True), name="text_own_one_used"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(state="training"), name="text_own_one_training"
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)


class ExperienceModel(models.Model):
    """The experience score of a workspace, as it was calibrated last. `fitted` is what `experience.fitting` stores.

    `enough`: whether it predicts unseen answers better than their mean; only then are interactions scored.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("experience score", "Being calibrated")
        DONE = "done", pgettext_lazy("experience score", "Calibrated")
        REFUSED = "refused", pgettext_lazy("experience score", "Not enough answers yet")

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+", primary_key=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    enough = models.BooleanField(default=False)
    answers = models.PositiveIntegerField(default=0)  # interactions with an answer after them
    fitted: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    asked_at = models.DateTimeField(default=timezone.now)
    calibrated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.workspace)
