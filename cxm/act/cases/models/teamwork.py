"""What people do on a case together: who follows it, who looks at it, what others were asked to do."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace

from .cases import Case, CaseEntry
from .teams import Team


class Watcher(models.Model):
    """Somebody who is told what happens to a case that is not theirs."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="watchers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_watch_per_case")]

    def __str__(self) -> str:
        return str(self.user)


class Notice(models.Model):
    """Something for one person: they were named in a note, given a case or a task. Read when the case is opened."""

    class Kind(models.TextChoices):
        MENTIONED = "mentioned", pgettext_lazy("notice", "You were mentioned")
        ASSIGNED = "assigned", pgettext_lazy("notice", "You were given this case")
        TASK = "task", pgettext_lazy("notice", "You were asked to do something")
        TASK_DONE = "task_done", pgettext_lazy("notice", "What you asked for is done")
        WATCHED = "watched", pgettext_lazy("notice", "Something happened on a case you watch")
        WARNED = "warned", pgettext_lazy("notice", "A target is near")
        BREACHED = "breached", pgettext_lazy("notice", "A target was missed")
        WOKE = "woke", pgettext_lazy("notice", "A snoozed case is back")

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    entry = models.ForeignKey(CaseEntry, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "workspace", "read_at", "-at"], name="notice_unread"),
            models.Index(fields=["case", "user"], name="notice_case"),
        ]

    def __str__(self) -> str:
        return self.kind


class Task(models.Model):
    """What another department is asked to do for a case. Its hand-overs are lines of the case's history."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("of a task", "To do")
        DONE = "done", pgettext_lazy("of a task", "Done")
        DECLINED = "declined", pgettext_lazy("of a task", "Declined")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="tasks")
    ref = models.CharField(max_length=100, blank=True)  # what asked for it: a rule asks once
    text = models.CharField(max_length=500)
    team = models.ForeignKey(Team, on_delete=models.RESTRICT, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    due_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    result = models.TextField(blank=True)  # what came of it, or why not
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "state", "due_at"], name="task_due"),
            models.Index(fields=["workspace", "team", "state"], name="task_team"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case", "ref"], condition=~models.Q(ref=""), name="one_task_per_cause")
        ]

    def __str__(self) -> str:
        return self.text


class Link(models.Model):
    """Two cases that belong together; kept once, the lower number first."""

    id = models.BigAutoField(primary_key=True)
    one = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="one_link_per_pair_of_cases")]

    def __str__(self) -> str:
        return f"{self.one_id} – {self.other_id}"


class Presence(models.Model):
    """Who has a case before their eyes: renewed every few seconds, and worth nothing soon after."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    types_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="presence_at")]
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_presence_per_case")]

    def __str__(self) -> str:
        return str(self.user)


class View(models.Model):
    """A saved list: the address of a filtered desk under a name; everybody's, or of one person."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=60)
    query = models.CharField(max_length=1000)  # as in the address
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "owner", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name


class SavedReply(models.Model):
    """A text that is written often, in each language; `{customer.name}` and such are filled in when it is used."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    texts: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)  # language -> text
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")  # null: all
    used = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_reply_per_name")]

    def __str__(self) -> str:
        return self.name


class Macro(models.Model):
    """Several verbs under one name: [{"do": "tag", "tag": "vip"}, {"do": "resolve", "resolution": "solved"}]."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    steps: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_macro_per_name")]

    def __str__(self) -> str:
        return self.name
