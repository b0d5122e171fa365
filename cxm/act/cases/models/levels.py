"""Within what time a customer is answered: calendars, policies with their versions, and the clocks of each case."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace

from .calendars import Calendar
from .cases import Case


class ServicePolicy(models.Model):
    """Targets for the cases for which its condition holds. They are tried in order; the first that matches counts."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    position = models.PositiveIntegerField(default=0)
    is_paused = models.BooleanField(default=False)  # takes no new cases
    version = models.PositiveIntegerField(default=1)  # the number of the newest PolicyVersion
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_policy_per_name")]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """What a policy said at a time. A case keeps the version under which it came, whatever the policy says later."""

    id = models.BigAutoField(primary_key=True)
    policy = models.ForeignKey(ServicePolicy, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()  # of policies.Definition
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="one_policy_version_per_number")]

    def __str__(self) -> str:
        return f"{self.policy_id}/{self.number}"


class CaseClock(models.Model):
    """One target of one case, and the time that has counted towards it.

    While it runs, `running_since` says since when time counts in `calendar` (null: day and night); `spent_s` counted
    before. `next_at` is when something has to be done: a warning, the breach, a step of the escalation; `stage` how
    many of these are done. All are computed anew whenever the case changes.
    """

    class Kind(models.TextChoices):
        FIRST_REPLY = "first_reply", pgettext_lazy("target", "First reply")
        NEXT_REPLY = "next_reply", pgettext_lazy("target", "Next reply")
        RESOLUTION = "resolution", pgettext_lazy("target", "Resolution")
        PROMISE = "promise", pgettext_lazy("target", "Promised answer")  # what the acknowledgement said

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="clocks")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    number = models.PositiveIntegerField(default=1)  # of the next replies
    version = models.ForeignKey(PolicyVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    calendar = models.ForeignKey(Calendar, on_delete=models.SET_NULL, null=True, related_name="+")
    target_s = models.FloatField()
    spent_s = models.FloatField(default=0)
    started_at = models.DateTimeField()
    running_since = models.DateTimeField(null=True)  # null: paused, or ended
    due_at = models.DateTimeField(null=True)  # null: paused, or the calendar never opens
    next_at = models.DateTimeField(null=True)
    stage = models.PositiveSmallIntegerField(default=0)
    warned_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True)  # when the breach was handled; `is_met` says whether there was one
    ended_at = models.DateTimeField(null=True)
    is_met = models.BooleanField(null=True)  # null: not decided, or not needed any more

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=models.Q(ended_at=None), name="clock_due")]
        constraints = [models.UniqueConstraint(fields=["case", "kind", "number"], name="one_clock_per_target")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
