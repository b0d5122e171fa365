"""Boards: which figures the first page of a workspace shows, in which order."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.listen.surveys.models import Survey

Tiles = list[dict[str, str]]


class Board(models.Model):
    """The home board of a workspace, once somebody arranged it.

    `tiles` is a list of {"metric", "query", "title"}, in order, where `query` is the query string of the metric page
    (question, filters, options); None means "choose by the data that there is". `history` holds earlier `tiles`, the
    newest last, for undo. `version` counts changes, so that two people do not overwrite each other unseen.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+")
    tiles: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    history: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=0)
    changed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)

    def __str__(self) -> str:
        return f"{self.workspace}"


class ResultsExport(models.Model):
    """The responses to a survey as a file, made in the background and kept for some days. Its id names the file."""

    class Form(models.TextChoices):
        CSV = "csv", _("CSV, for spreadsheets and programs")
        XLSX = "xlsx", _("Excel (XLSX)")
        JSON = "json", _("JSON, with the questions")
        JSONL = "jsonl", _("JSON lines")
        SAV = "sav", _("SPSS (SAV), with labels")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export", "Waiting")
        RUNNING = "running", pgettext_lazy("export", "Running")
        DONE = "done", pgettext_lazy("export", "Done")
        FAILED = "failed", pgettext_lazy("export", "Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="+")
    form = models.CharField(max_length=5, choices=Form.choices)
    language = models.CharField(max_length=10)  # of titles and labels
    codes = models.BooleanField(default=False)  # codes in place of labels, where the file has no place for both
    personal = models.BooleanField(default=False)  # what people wrote as it is; else personal data in it is masked
    query = models.TextField(blank=True)  # the view whose responses it holds, as its address
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)  # responses
    total = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["survey", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.survey} ({self.form})"
