"""When a team works."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import Workspace


class Calendar(models.Model):
    """Business hours of a week, and days that are different. `business_hours.hours_of` reckons with it."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    time_zone = models.CharField(max_length=60)
    # Monday to Sunday: [["09:00", "13:00"], ["14:00", "18:00"]] each; "24:00" is the end of a day.
    week: models.JSONField[list[Any], list[Any]] = models.JSONField()
    # {"on": "2026-12-25" or, of every year, "12-25", "name": "Christmas", "hours": [] as above}
    holidays: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)  # counted up by each change
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_calendar_per_name")]

    def __str__(self) -> str:
        return self.name
