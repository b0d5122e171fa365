"""The audit trail: `audit` writes one entry inside the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from .models import ApiKey, AuditEntry, User, Workspace

Actor = User | ApiKey | None  # None: the system itself (a timer, a command on the server)


def user_behind(by: Actor) -> User | None:
    """The person who acts, or who made the key that acts; None for the system itself."""
    return by if isinstance(by, User) else by.created_by if isinstance(by, ApiKey) else None


def audit(
    verb: str,
    subject: models.Model,
    *,
    workspace: Workspace | None,
    by: Actor,
    changes: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> AuditEntry:
    """Record that `by` did `verb` (past tense: created, renamed, removed) to `subject`.

    `changes` maps a field to [before, after]; secrets never belong there.
    """
    return AuditEntry.objects.create(
        workspace=workspace,
        by=user_behind(by),
        by_name=str(by) if by else "OpenCXM",
        verb=verb,
        subject=subject._meta.model_name or "",
        subject_id=str(getattr(subject, "uuid", None) or subject.pk or ""),
        subject_name=(name if name is not None else str(subject))[:300],
        changes=dict(changes or {}),
    )
