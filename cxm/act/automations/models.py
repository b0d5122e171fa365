"""Workflows, their published versions, and what they did."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer, PersonField


def new_key() -> str:
    return secrets.token_urlsafe(24)  # 192 bits: who knows the address may start it


class Workflow(models.Model):
    """A rule with its draft. What runs is a published `WorkflowVersion`."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    recipe = models.CharField(max_length=40, blank=True)  # what it was made from
    draft: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # a Definition
    revision = models.PositiveIntegerField(default=0)  # of the draft: stale forms are refused
    version = models.PositiveIntegerField(default=0)  # the published one; 0: none yet
    is_on = models.BooleanField(default=False)
    on_since = models.DateTimeField(null=True, blank=True)  # what happened before starts nothing
    # Of the published version, so that what begins a run is found by an index.
    trigger = models.CharField(max_length=20, blank=True)
    event = models.CharField(max_length=200, blank=True)  # the name that the flow looks for; empty: a clock begins it
    key = models.CharField(max_length=40, unique=True, default=new_key)  # of the address that a webhook trigger has
    # How far its clock has come: the last slot of a schedule, whether the members of its segment are known.
    progress: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "is_on", "event"])]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=models.Q(archived_at=None), name="one_workflow_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """What was published: never changed. A run stays with the version it began with."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    published_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="one_workflow_version_per_number")]

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.number}"


class Run(models.Model):
    """One workflow at work for one customer, or for nobody in particular. The row is its durable timer."""

    class State(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("run", "Going on")  # its next step is due at `due_at`
        DONE = "done", pgettext_lazy("run", "Done")
        STOPPED = "stopped", pgettext_lazy("run", "Stopped")  # by a person
        FAILED = "failed", pgettext_lazy("run", "Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="runs")
    version = models.PositiveIntegerField()
    # What began it ("event:<id>", "date:<customer>:<day>" …): however often it is seen, it begins one run.
    key = models.CharField(max_length=120)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    position = models.CharField(max_length=20, blank=True)  # id of the step that comes next
    due_at = models.DateTimeField(null=True)  # when; null: never
    waits_for = models.CharField(max_length=10, blank=True)  # "condition": an event may end the waiting before `due_at`
    wait_until = models.DateTimeField(null=True)  # when the step it waits in gives up
    cause = models.UUIDField()  # the event at the root of it all: no workflow runs twice for one
    depth = models.PositiveSmallIntegerField(default=1)
    context: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # see running.py
    attempts = models.PositiveSmallIntegerField(default=0)  # of the step that comes next
    error = models.TextField(blank=True)
    began_at = models.DateTimeField(null=True)  # when its first step was made: what the limit of an hour counts
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["workflow", "-created_at"]),
            models.Index(fields=["workflow", "began_at"]),
            models.Index(fields=["workflow", "cause"]),
            models.Index(fields=["customer", "-created_at"]),
            models.Index(fields=["workspace"], name="run_waits", condition=models.Q(waits_for="condition")),
        ]
        constraints = [models.UniqueConstraint(fields=["workflow", "key"], name="one_run_per_cause")]

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key}"


class RunStep(models.Model):
    """What one step of a run did, written in the transaction in which it did it: a step is made once."""

    class Outcome(models.TextChoices):
        DONE = "done", pgettext_lazy("step", "Done")
        SKIPPED = "skipped", pgettext_lazy("step", "Skipped")
        FAILED = "failed", pgettext_lazy("step", "Failed")

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    step = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    detail: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="one_deed_per_step")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.step}"


class Watched(models.Model):
    """A customer who is in the segment that a workflow watches, as it was seen last."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="+")
    customer_id = PersonField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "customer_id"], name="watched_once")]

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.customer_id}"
