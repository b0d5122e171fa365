"""Questions about imports, mappings and sources."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet
from django.http import Http404

from cxm.accounts.access import hash_key
from cxm.accounts.models import ApiKey, Workspace

from .models import Import, Mapping, Regulation, Source, SourceKey, TrackingPlan


def imports_of(workspace: Workspace) -> QuerySet[Import]:
    return Import.objects.filter(workspace=workspace).select_related("created_by").order_by("-created_at")


def import_for(workspace: Workspace, import_id: UUID) -> Import:
    """The import, if it belongs to the workspace; else Http404."""
    one = Import.objects.select_related("workspace", "created_by").filter(workspace=workspace, pk=import_id).first()
    if one is None:
        raise Http404
    return one


def mappings_of(workspace: Workspace) -> list[Mapping]:
    """The newest version of each saved mapping."""
    newest: dict[str, Mapping] = {}
    for mapping in Mapping.objects.filter(workspace=workspace).order_by("name", "-version"):
        newest.setdefault(mapping.name, mapping)
    return list(newest.values())


def progress_of(one: Import) -> float | None:
    """From 0 to 100; None while it is not known."""
    if one.state == Import.State.DONE:
        return 100.0
    return min(99.0, 100.0 * one.bytes_read / one.file_size) if one.file_size and one.bytes_read else None


def sources_of(workspace: Workspace) -> QuerySet[Source]:
    return Source.objects.filter(workspace=workspace).select_related("workspace").order_by("name", "pk")


def source_for(workspace: Workspace, source_id: UUID) -> Source:
    """The source, if it belongs to the workspace; else Http404."""
    one = sources_of(workspace).select_related("created_by").filter(uuid=source_id).first()
    if one is None:
        raise Http404
    return one


def keys_of(source: Source) -> QuerySet[SourceKey]:
    """The living keys first, then the disabled ones."""
    return source.keys.select_related("key", "key__created_by", "source__workspace").order_by(
        F("key__revoked_at").desc(nulls_first=True), "-key__created_at"
    )


def key_for(source: Source, key_id: UUID) -> SourceKey:
    """The key, if it opens that source; else Http404."""
    one = keys_of(source).filter(key__uuid=key_id).first()
    if one is None:
        raise Http404
    return one


def plan_of(workspace: Workspace) -> TrackingPlan | None:
    """The version in force."""
    return TrackingPlan.objects.filter(workspace=workspace).select_related("created_by").first()


def plan_versions(workspace: Workspace) -> QuerySet[TrackingPlan]:
    return TrackingPlan.objects.filter(workspace=workspace).select_related("created_by").order_by("-version")


def regulations_of(workspace: Workspace) -> QuerySet[Regulation]:
    return Regulation.objects.filter(workspace=workspace).select_related("created_by").order_by("-created_at")


def regulation_for(workspace: Workspace, regulation_id: UUID) -> Regulation:
    """The regulation, if it belongs to the workspace; else Http404."""
    one = regulations_of(workspace).filter(pk=regulation_id).first()
    if one is None:
        raise Http404
    return one


def source_of_key(key: str) -> Source | None:
    """The source that a living write key opens."""
    opened = SourceKey.objects.select_related("source__workspace").filter(
        key__key_hash=hash_key(key), key__kind=ApiKey.Kind.WRITE, key__revoked_at=None,
        source__workspace__deleted_at=None,
    )  # fmt: skip
    found = opened.first() if key and key.isascii() else None
    return found.source if found else None
