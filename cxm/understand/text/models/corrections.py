"""What people said better than the reader."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer


class Correction(models.Model):
    """One thing about one text that a person corrected. Those not taken back are applied to whatever is read.

    `kind` is sentiment, emotion, intent, effort, urgency or topic. `value` is what is right: the name, `yes` or `no`
    of effort and urgency; of topics `value` is the key and `wrong` says that the text is not about it.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    event_id = models.UUIDField()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=100)
    wrong = models.BooleanField(default=False)
    before = models.CharField(max_length=100, blank=True)  # what the reader had said; of topics "yes" or "no"
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "event_id"], name="correction_of_text"),
            models.Index(fields=["workspace", "kind", "at"], name="correction_of_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"
