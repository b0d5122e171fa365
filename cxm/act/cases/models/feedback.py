"""What people did with texts of the feedback inbox, and the lists that they keep."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer, PersonField

from .cases import Case


class FeedbackMark(models.Model):
    """One text that somebody dealt with: handled or not, whose it is, its tags, its case. The text is in the log.

    The log has a copy, by which lists are told apart; `in_log` is false until it has the newest.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    event_id = models.UUIDField()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    log_customer_id = PersonField()  # as the event carries it; nil: nobody we know
    import_id = models.UUIDField()
    occurred_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    assigned_to = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tags: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    case = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    version = models.PositiveBigIntegerField(default=1)
    in_log = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["workspace"], condition=models.Q(in_log=False), name="feedback_not_in_log")]
        constraints = [models.UniqueConstraint(fields=["workspace", "event_id"], name="one_mark_per_text")]

    def __str__(self) -> str:
        return str(self.event_id)


class FeedbackDeed(models.Model):
    """One deed on one or many texts, with what was before, so that it can be undone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=20)
    before: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "at"], name="feedback_deeds")]

    def __str__(self) -> str:
        return self.verb


class FeedbackView(models.Model):
    """A saved list of the inbox: its address under a name; everybody's, or of one person."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)  # as in the address
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "owner", "name"], name="one_feedback_view_per_name")
        ]

    def __str__(self) -> str:
        return self.name
