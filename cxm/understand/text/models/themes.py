"""Themes that were found in the texts of a workspace, and the runs that found them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy

from cxm.accounts.models import User, Workspace


class ThemeRun(models.Model):
    """One look through all texts for themes. The newest that is done holds: by its space new texts find their theme."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("search for themes", "Waiting")
        RUNNING = "running", pgettext_lazy("search for themes", "Running")
        DONE = "done", pgettext_lazy("search for themes", "Done")
        STOPPED = "stopped", pgettext_lazy("search for themes", "Stopped")
        FAILED = "failed", pgettext_lazy("search for themes", "Failed")

    UNDER_WAY = (State.WAITING, State.RUNNING)

    class Phase(models.TextChoices):
        READING = "reading", pgettext_lazy("search for themes", "Reading the texts")
        ENCODING = "encoding", pgettext_lazy("search for themes", "Looking at their meaning")
        GROUPING = "grouping", pgettext_lazy("search for themes", "Grouping what is alike")
        NAMING = "naming", pgettext_lazy("search for themes", "Naming the groups")
        ASSIGNING = "assigning", pgettext_lazy("search for themes", "Giving each text its theme")

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.READING)
    share = models.FloatField(default=0)  # of the phase that is done, 0–1
    texts = models.PositiveIntegerField(default=0)  # that were looked through
    themed = models.PositiveIntegerField(default=0)  # of them
    themes = models.PositiveIntegerField(default=0)
    encoder = models.CharField(max_length=60, blank=True)  # whose vectors stood beside the words; empty: words alone
    space = models.BinaryField(null=True, blank=True)  # themes/space.py
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = [models.Index(fields=["workspace", "state", "-id"], name="theme_run_newest")]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state in self.UNDER_WAY


class Theme(models.Model):
    """A theme. Its number is in the log beside its texts and stays when a later run finds it again."""

    class State(models.TextChoices):
        PROPOSED = "proposed", pgettext_lazy("theme", "Found")
        ADOPTED = "adopted", pgettext_lazy("theme", "Adopted as a topic")
        DISMISSED = "dismissed", pgettext_lazy("theme", "Dismissed")

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    is_current = models.BooleanField(default=True)  # the newest run found it
    label = models.CharField(max_length=80, blank=True)  # as a person named it
    # By language of texts: the name that was found, and the telling words, the best first.
    names: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    words: models.JSONField[dict[str, list[str]], dict[str, list[str]]] = models.JSONField(default=dict)
    typical: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # ids of events
    topic = models.ForeignKey("text.Topic", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    merged_into = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="merged")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)
        indexes = [models.Index(fields=["workspace", "is_current"], name="theme_current")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As a person named it; else in the language of the page, else in that of most of its texts."""
        language = "zh" if (get_language() or "").startswith("zh") else get_language() or "en"
        return self.label or self.names.get(language) or next(iter(self.names.values()), "") or str(self.pk)

    def changed(self, **fields: Any) -> None:
        """Write some fields down."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.updated_at = timezone.now()
        self.save(update_fields=[*fields, "updated_at"])
