"""A case and its history."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.listen.channels.models import Conversation
from cxm.record.customers.models import Customer

from .teams import Team

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts what has no target behind what has one


class Cause(models.Model):
    """A root cause, in a tree that each workspace edits. One that is not offered any more stays readable."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=200)
    is_retired = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Resolution(models.TextChoices):
    SOLVED = "solved", pgettext_lazy("of a case", "Solved")
    EXPLAINED = "explained", pgettext_lazy("of a case", "Explained")
    COMPENSATED = "compensated", pgettext_lazy("of a case", "Compensated")
    PASSED_ON = "passed_on", pgettext_lazy("of a case", "Passed on")
    NOT_REACHED = "not_reached", pgettext_lazy("of a case", "Customer not reached")
    NOTHING_TO_DO = "nothing_to_do", pgettext_lazy("of a case", "Nothing to do")
    DUPLICATE = "duplicate", pgettext_lazy("of a case", "Duplicate")


class Case(models.Model):
    """A customer needs us: why, who takes it, until when. Its history is in CaseEntry, what happened in the log."""

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("case", "New")  # nobody has answered
        OPEN = "open", pgettext_lazy("case", "Open")
        WAITING = "waiting", pgettext_lazy("case", "Waiting for the customer")
        SNOOZED = "snoozed", pgettext_lazy("case", "Snoozed")
        RESOLVED = "resolved", pgettext_lazy("case", "Resolved")  # the customer can still bring it back
        CLOSED = "closed", pgettext_lazy("case", "Closed")
        MERGED = "merged", pgettext_lazy("case", "Merged into another")

    class Priority(models.IntegerChoices):
        LOW = 1, pgettext_lazy("priority", "Low")
        NORMAL = 2, pgettext_lazy("priority", "Normal")
        HIGH = 3, pgettext_lazy("priority", "High")
        URGENT = 4, pgettext_lazy("priority", "Urgent")

    class Turn(models.TextChoices):
        US = "us", pgettext_lazy("whose turn", "Ours")
        LATER = "later", pgettext_lazy("whose turn", "Later")
        DONE = "done", pgettext_lazy("whose turn", "Done")

    OPEN_STATES = ("new", "open", "waiting", "snoozed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()  # counted per workspace: what people call it by
    subject = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    is_severe = models.BooleanField(default=False)  # never held out of a recovery, whatever the play says
    is_complaint = models.BooleanField(default=False)
    # What opened it: "answer:<event id>", "message:<message id>", "alert:<id>", "rule:<run id>", "person:<uuid>".
    opened_by = models.CharField(max_length=100)
    opener = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    category = models.CharField(max_length=60, blank=True)  # delivery, billing …: routing and service levels ask it
    channel = models.CharField(max_length=30, blank=True)
    touchpoint = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10, blank=True)
    tags: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    properties: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.RESTRICT, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    cause = models.ForeignKey(Cause, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=20, choices=Resolution.choices, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    opened_at = models.DateTimeField(default=timezone.now)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    promised_at = models.DateTimeField(null=True, blank=True)  # until when we said that somebody would answer
    first_replied_at = models.DateTimeField(null=True, blank=True)  # by a person, to the customer
    last_customer_at = models.DateTimeField(null=True, blank=True)  # since then the customer waits; null: does not
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    reassigned = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)  # the nearest target of its service level; null: none runs
    version = models.PositiveIntegerField(default=1)  # counted up by each change: stale forms are refused
    search_text = models.TextField(blank=True)  # made by searching.text_of
    # Kept by the database itself, so that every queue is a walk along an index. An instance that was changed and saved
    # still has the old values: ask `state` and `due_at` there.
    turn = models.GeneratedField(
        expression=models.Case(
            models.When(state__in=["new", "open"], then=models.Value("us")),
            models.When(state__in=["waiting", "snoozed"], then=models.Value("later")),
            default=models.Value("done"),
        ),
        output_field=models.CharField(max_length=5, choices=Turn.choices),
        db_persist=True,
    )
    queue_at = models.GeneratedField(
        expression=Coalesce("due_at", models.Value(NEVER, output_field=models.DateTimeField())),
        output_field=models.DateTimeField(),
        db_persist=True,
    )

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "turn", "queue_at", "number"], name="case_turn"),
            models.Index(fields=["workspace", "team", "turn", "queue_at", "number"], name="case_queue"),
            models.Index(fields=["workspace", "owner", "turn", "queue_at", "number"], name="case_desk"),
            models.Index(fields=["workspace", "state", "queue_at", "number"], name="case_state"),
            models.Index(fields=["workspace", "turn", "last_customer_at", "number"], name="case_patience"),
            models.Index(fields=["workspace", "turn", "-priority", "queue_at", "number"], name="case_priority"),
            models.Index(fields=["workspace", "turn", "-number"], name="case_newest"),
            models.Index(fields=["state", "snoozed_until"], name="case_wakes"),
            models.Index(fields=["workspace", "resolved_at"], name="case_resolved"),
            models.Index(fields=["workspace", "category", "turn", "queue_at", "number"], name="case_category"),
            models.Index(
                fields=["workspace", "turn", "queue_at", "number"],
                condition=models.Q(is_complaint=True),
                name="case_complaint",
            ),
            # Nearly all are null: an index of the others is small, and no planner takes it for useless.
            models.Index(fields=["merged_into"], condition=models.Q(merged_into__isnull=False), name="case_merged"),
            models.Index(fields=["workspace", "search_text", "id"], name="case_search"),
            models.Index(fields=["customer", "-opened_at"]),
            models.Index(fields=["conversation"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "number"], name="one_case_per_number"),
            # At most one case for one cause, however often the flow sees it.
            models.UniqueConstraint(fields=["workspace", "opened_by"], name="one_case_per_cause"),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.subject}"


class CaseEntry(models.Model):
    """One line of the history of a case: what was changed, by whom. Notes are lines too; messages are in channels."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    by_name = models.CharField(max_length=254, blank=True)  # of the person or the key as it was; empty: OpenCXM itself
    kind = models.CharField(max_length=30)  # opened, assigned, note, state, …
    text = models.TextField(blank=True)  # of a note
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    ref = models.CharField(max_length=100, blank=True)  # what it answers to ("message:<id>"): at most one line each

    class Meta:
        indexes = [models.Index(fields=["case", "at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "ref"], condition=~models.Q(ref=""), name="one_entry_per_cause"
            )
        ]

    def __str__(self) -> str:
        return self.kind

    @property
    def who(self) -> str:
        """What people call who did it: a person by the name that they have now, a key by the name that it had."""
        return str(self.by) if self.by else self.by_name or "OpenCXM"
