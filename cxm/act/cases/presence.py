"""Who looks at a case right now, and who is writing: so that two people do not answer the same customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from cxm.accounts.models import User

from .models import Case, Presence

RENEWED_EVERY = 10  # seconds, by the page
GONE_AFTER = timedelta(seconds=25)
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Colleague:
    user: User
    types: bool


def look(case: Case, user: User, *, types: bool = False) -> None:
    """Say that the case is before the eyes of `user`; and whether a reply is being written."""
    now = timezone.now()
    fields = {"at": now, "types_at": now if types else None}
    if not Presence.objects.filter(case=case, user=user).update(**fields):
        with transaction.atomic():
            Presence.objects.update_or_create(case=case, user=user, defaults=fields)


def leave(case: Case, user: User) -> None:
    Presence.objects.filter(case=case, user=user).delete()


def colleagues(case: Case, user: User) -> list[Colleague]:
    """The others who look at the case; who is writing comes first."""
    now = timezone.now()
    rows = Presence.objects.filter(case=case, at__gt=now - GONE_AFTER).exclude(user=user).select_related("user")
    found = [Colleague(row.user, bool(row.types_at and row.types_at > now - GONE_AFTER)) for row in rows]
    return sorted(found, key=lambda one: (not one.types, str(one.user)))


def looked_at(cases: list[Case], user: User) -> dict[str, list[User]]:
    """For the list: who looks at which of these cases, by its id."""
    rows = Presence.objects.filter(case__in=cases, at__gt=timezone.now() - GONE_AFTER).exclude(user=user)
    found: dict[str, list[User]] = {}
    for row in rows.select_related("user"):
        found.setdefault(str(row.case_id), []).append(row.user)
    return found


def forget() -> int:
    """Clear away who has long gone; returns how many rows."""
    return Presence.objects.filter(at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]
