"""Who takes cases: teams, their members and what these can do."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace

from .calendars import Calendar


class Team(models.Model):
    """A department. Exactly one of a workspace takes what nobody else does."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    is_default = models.BooleanField(default=False)
    calendar = models.ForeignKey(Calendar, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    gives_cases = models.BooleanField(default=False)  # routing chooses an owner; else whoever takes a case has it
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="one_team_per_name"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(is_default=True), name="one_default_team_per_workspace"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """A member of a team, and what routing must know of them."""

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    capacity = models.PositiveSmallIntegerField(default=20)  # open cases at the same time
    languages: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # empty: any
    skills: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    is_away = models.BooleanField(default=False)
    last_given_at = models.DateTimeField(null=True, blank=True)  # when routing gave them a case: round robin

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_place_in_a_team")]

    def __str__(self) -> str:
        return str(self.user)
