"""What we do to win a customer back, and for whom chance said that we do not, so that we learn whether it helps."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.listen.surveys.models import Invitation, Survey
from cxm.record.customers.models import Customer

from .cases import Case


def new_secret() -> str:
    return secrets.token_hex(16)


class Play(models.Model):
    """A way to win customers back. With a hold-out, chance keeps some of the first `customers` out: a test.

    What defines the test (everything but name, text, cost and position) stays as it is once it runs.
    """

    class Kind(models.TextChoices):
        CALL = "call", pgettext_lazy("recovery play", "Call")
        APOLOGY = "apology", pgettext_lazy("recovery play", "Apology")
        REFUND = "refund", pgettext_lazy("recovery play", "Refund")
        FIX = "fix", pgettext_lazy("recovery play", "Fix")
        OTHER = "other", pgettext_lazy("recovery play", "Something else")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("recovery play", "Draft")
        RUNNING = "running", pgettext_lazy("recovery play", "Running")
        ENDED = "ended", pgettext_lazy("recovery play", "Ended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CALL)
    text = models.TextField(blank=True)  # what is to be done, for whoever takes the case
    # Which cases it is for, in the fields of conditions.py; empty: all.
    condition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    hold_out = models.FloatField(default=0.2, validators=[MinValueValidator(0), MaxValueValidator(0.5)])
    customers = models.PositiveIntegerField(default=400)  # in the test, both arms together; then nobody is held out
    window_days = models.PositiveSmallIntegerField(default=30)  # how long after it the outcomes are looked at
    cost = models.FloatField(default=0)  # of carrying it out once, in `currency`
    currency = models.CharField(max_length=3, blank=True)
    position = models.PositiveSmallIntegerField(default=0)  # the first play that fits a case takes it
    secret = models.CharField(max_length=32, default=new_secret)  # of the dealing: nobody can foresee an arm
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    full_at = models.DateTimeField(null=True, blank=True)  # since then the test has all its customers
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="one_play_per_name"),
            models.CheckConstraint(
                condition=models.Q(hold_out__gte=0, hold_out__lte=0.5), name="at_most_half_held_out"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlayAssignment(models.Model):
    """What a case got. `place`: of its customer in the test; null: chance had no say, so it does not count there."""

    class Arm(models.TextChoices):
        PLAY = "play", pgettext_lazy("arm of a test", "Play")
        HELD_OUT = "held_out", pgettext_lazy("arm of a test", "Held out")

    class Reason(models.TextChoices):
        CHANCE = "chance", pgettext_lazy("why a case got a play", "By chance")
        AGAIN = "again", pgettext_lazy("why a case got a play", "As the customer's first case in the test")
        SEVERE = "severe", pgettext_lazy("why a case got a play", "Severe cases always get it")
        NO_TEST = "no_test", pgettext_lazy("why a case got a play", "No test, or the test has all its customers")

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="play")
    play = models.ForeignKey(Play, on_delete=models.CASCADE, related_name="assignments")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")  # the canonical one
    arm = models.CharField(max_length=10, choices=Arm.choices)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    place = models.PositiveIntegerField(null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True, blank=True)  # held out, then found severe: it gets the play after all
    # Of a case that was held out: somebody did it all the same. It stays in its arm when the effect is told.
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    cost = models.FloatField(null=True, blank=True)

    @property
    def is_held_out(self) -> bool:
        """Whether the customer is to get the ordinary service only, now."""
        return self.arm == self.Arm.HELD_OUT and self.released_at is None

    class Meta:
        indexes = [models.Index(fields=["play", "customer"])]
        constraints = [models.UniqueConstraint(fields=["play", "place"], name="one_customer_per_place")]

    def __str__(self) -> str:
        return f"{self.play}: {self.arm}"


class Aftercare(models.Model):
    """How a workspace asks after a case: were you satisfied with the resolution?"""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    survey = models.ForeignKey(Survey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    delay_hours = models.PositiveSmallIntegerField(default=0)
    is_on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return str(self.survey)


class CaseSurvey(models.Model):
    """A customer is asked about one case, once."""

    class State(models.TextChoices):
        PLANNED = "planned", pgettext_lazy("invitation", "Planned")
        SENT = "sent", pgettext_lazy("invitation", "Sent")
        SKIPPED = "skipped", pgettext_lazy("invitation", "Skipped")

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="survey")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    due_at = models.DateTimeField()
    reason = models.TextField(blank=True)  # why it was skipped, as a sentence
    invitation = models.ForeignKey(Invitation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return self.state
