"""The maps of a workspace, and a map as its definition says it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import Membership, Workspace
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.models import JourneyMap, MapComment, MapEdit, MapShare, MapVersion


def maps_of(workspace: Workspace, *, archived: bool = False, search: str = "") -> QuerySet[JourneyMap]:
    """The maps by name. `search` finds parts of names, and of the texts on the maps."""
    found = JourneyMap.objects.filter(workspace=workspace, archived_at__isnull=not archived)
    if search := search.replace("\x00", "").strip()[:100]:
        found = found.filter(words__contains=search.casefold())
    return found.select_related("as_is").order_by("name", "created_at")


def map_for(where: Membership | Workspace, map_id: UUID | str) -> JourneyMap:
    """The map of that workspace, an archived one too; Http404 for any other id."""
    workspace = where.workspace if isinstance(where, Membership) else where
    try:
        key = UUID(str(map_id))
    except ValueError:
        raise Http404 from None
    rows = JourneyMap.objects.select_related("workspace", "as_is").filter(workspace=workspace)
    found = rows.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def definition_of(one: JourneyMap | MapVersion) -> MapDefinition:
    return msgspec.convert(one.definition, MapDefinition)


def partner_map(one: JourneyMap) -> JourneyMap | None:
    """The other one of the pair: what is, of what should be; what should be, of what is (the newest)."""
    if one.as_is_id:
        return one.as_is
    return one.to_be.filter(archived_at=None).order_by("-created_at").first()


def can_step(one: JourneyMap) -> tuple[bool, bool]:
    """Whether an edit can be undone, and whether one can be made again."""
    there = set(MapEdit.objects.filter(map=one).values_list("position", flat=True))
    return one.position - 1 in there, one.position + 1 in there


def version_of(one: JourneyMap, number: int) -> MapVersion | None:
    return MapVersion.objects.filter(map=one, number=number).first()


def comments_of(one: JourneyMap, *, resolved: bool = False) -> QuerySet[MapComment]:
    rows = MapComment.objects.filter(map=one, resolved_at__isnull=not resolved)
    return rows.select_related("created_by", "resolved_by").order_by("created_at")


def open_comments(one: JourneyMap) -> dict[str, int]:
    """How many comments are open at each touchpoint; under the empty key those on the map itself."""
    counts: dict[str, int] = {}
    for key in comments_of(one).values_list("touchpoint", flat=True):
        counts[key] = counts.get(key, 0) + 1
    return counts


def shares_of(one: JourneyMap) -> QuerySet[MapShare]:
    """The public addresses that were not taken back, the newest first."""
    return MapShare.objects.filter(map=one, revoked_at=None).select_related("created_by").order_by("-created_at")


def shared_map(token: str, now: datetime | None = None) -> JourneyMap | None:
    """The map that everybody with that token may read; None where it ended, was taken back, or never was."""
    if not token or "\x00" in token:
        return None
    living = Q(expires_at=None) | Q(expires_at__gt=now or timezone.now())
    share = (
        MapShare.objects.select_related("map__workspace", "map__as_is")
        .filter(living, token=token, revoked_at=None, map__archived_at=None, map__workspace__deleted_at=None)
        .first()
    )
    return share.map if share else None
