"""Asking for all texts of a workspace to be read anew: after topics, own labels or the shipped models have changed."""

from __future__ import annotations

import threading
from typing import Any

from django.db import transaction
from django.utils import timezone

from cxm.accounts.models import Workspace

from .models import Rereading

waiting = threading.Event()  # set when this process has asked for something: whoever annotates wakes


@transaction.atomic
def read_again(workspace: Workspace) -> Rereading:
    """Have the texts of the workspace read anew, in the background; one that is under way begins again.

    What a person has corrected stays as it is. New texts go first.
    """
    fresh: dict[str, Any] = {"wanted_at": timezone.now(), "total": None, "done": 0, "positions": {}, "done_at": None}
    row, _new = Rereading.objects.update_or_create(workspace=workspace, defaults=fresh)
    transaction.on_commit(waiting.set)
    return row


def rereading_of(workspace: Workspace) -> Rereading | None:
    """The one that is wanted or was done last."""
    return Rereading.objects.filter(workspace=workspace).first()
