"""Questions about imports and mappings."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from cxm.accounts.models import Workspace

from .models import Import, Mapping


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
