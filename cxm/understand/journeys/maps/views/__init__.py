"""The pages of maps: list, editor, versions, comments, sharing, and what they share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, User
from cxm.understand.journeys.maps.queries import map_for
from cxm.understand.journeys.models import JourneyMap


def map_at(
    request: HttpRequest, slug: str, map_id: UUID, at_least: Role = Role.VIEWER
) -> tuple[Membership, JourneyMap]:  # fmt: skip
    membership = membership_for(request.user, slug, at_least)
    return membership, map_for(membership, map_id)


def person(membership: Membership) -> User:
    return membership.user


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership,
        "workspace": membership.workspace,
        "tab": "maps",
        "may_change": Role(membership.role).includes(Role.ANALYST),
        **more,
    }


def address_of(one: JourneyMap) -> str:
    """Where a map is read: with its figures if that page is there."""
    slug = one.workspace.slug
    try:
        return reverse("evidence:show", args=[slug, one.pk])
    except NoReverseMatch:
        return reverse("journeys:drawing", args=[slug, one.pk])
