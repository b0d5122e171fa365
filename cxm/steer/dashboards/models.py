"""Boards: which figures the first page of a workspace shows, in which order."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxm.accounts.models import User, Workspace

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
