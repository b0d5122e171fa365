"""The model that a workspace asks for a third opinion, if any."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from cxm.accounts.models import Workspace
from cxm.accounts.sealing import SealedTextField


class OpinionEndpoint(models.Model):
    """An address that speaks OpenAI's chat completions. Without a row, or with `is_on` false, nothing is sent."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+", primary_key=True)
    is_on = models.BooleanField(_("Ask this model about hard texts"), default=False)
    address = models.CharField(_("Address"), max_length=500)
    model = models.CharField(_("Model"), max_length=200)
    key = SealedTextField(_("Key"), blank=True)
    most_per_hour = models.PositiveIntegerField(
        _("Texts an hour at most"), default=200, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    # What it has done, for the page.
    hour_at = models.DateTimeField(null=True)
    asked_in_hour = models.PositiveIntegerField(default=0)
    asked = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)  # sentiments that are another one since
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.workspace}: {self.address}"
