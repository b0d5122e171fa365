"""What the intake must know of sources, in one question each: it keeps the answers in memory (intake/directory.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from cxm.accounts.models import ApiKey

from .models import Source, SourceKey, Suppression, TrackingPlan
from .plan import Plan, PlanError, read_plan


class SourceEntry(NamedTuple):
    """A source as one of its living write keys opens it."""

    source_id: int
    workspace_id: int
    enabled: bool
    origins: tuple[str, ...]  # empty: any
    plan_mode: str  # off · warn · block
    key_id: int  # of the ApiKey, for `keys_used`


def sources_by_key_hash() -> dict[str, SourceEntry]:
    """Every living write key of a living workspace, by the SHA-256 of the key (accounts.access.hash_key)."""
    rows = SourceKey.objects.filter(
        key__kind=ApiKey.Kind.WRITE, key__revoked_at=None, source__workspace__deleted_at=None
    ).values_list(
        "key__key_hash", "source_id", "source__workspace_id", "source__enabled", "source__origins",
        "source__plan_mode", "key_id",
    )  # fmt: skip
    return {
        key_hash: SourceEntry(source_id, workspace_id, enabled, tuple(origins), plan_mode, key_id)
        for key_hash, source_id, workspace_id, enabled, origins, plan_mode, key_id in rows
    }


def suppressed() -> Iterator[tuple[int, str]]:
    """(workspace_id, user_id) of everybody about whom nothing more is stored."""
    return Suppression.objects.values_list("workspace_id", "user_id").iterator()


def plans() -> dict[int, Plan]:
    """The plan in force, by workspace; only of workspaces where a source asks for it."""
    asking = Source.objects.exclude(plan_mode=Source.PlanMode.OFF).values("workspace_id")
    rows = TrackingPlan.objects.filter(workspace_id__in=asking).order_by("workspace_id", "version")
    found: dict[int, Plan] = {}
    for workspace_id, yaml in dict(rows.values_list("workspace_id", "yaml")).items():  # the last one counts
        with suppress(PlanError):  # saved by another release: events matter more than their plan
            found[workspace_id] = read_plan(yaml)
    return found


def keys_used(used: Mapping[int, datetime]) -> None:
    """Note when keys (by the id of the ApiKey) were last used; a time only moves on."""
    for key_id, at in used.items():
        ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=at), pk=key_id).update(last_used_at=at)
