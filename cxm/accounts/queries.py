"""Questions about workspaces, members and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from .models import ApiKey, AuditEntry, Invitation, Membership, User, Workspace


def memberships_of(user: User) -> QuerySet[Membership]:
    """The workspaces of a person, by name."""
    return (
        Membership.objects.select_related("workspace")
        .filter(user=user, workspace__deleted_at=None)
        .order_by("workspace__name", "pk")
    )


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    return workspace.memberships.select_related("user", "workspace").order_by("user__name", "user__email")


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    return (
        workspace.invitations.select_related("invited_by")
        .filter(accepted_at=None, expires_at__gt=timezone.now())
        .order_by("-created_at")
    )


def keys_of(workspace: Workspace) -> QuerySet[ApiKey]:
    """The secret keys, the living ones first. Write keys belong to sources."""
    keys = workspace.api_keys.filter(kind=ApiKey.Kind.SECRET)
    return keys.select_related("created_by").order_by("revoked_at", "-created_at")


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What to show of the audit trail; days are days of the workspace's time zone, both included."""

    person: str = ""  # the uuid of a user
    verb: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None


def audit_entries(workspace: Workspace, chosen: TrailFilter) -> QuerySet[AuditEntry]:
    """Newest first."""
    entries = AuditEntry.objects.select_related("by").filter(workspace=workspace).order_by("-id")
    if chosen.person:
        entries = entries.filter(by__uuid=chosen.person)
    if chosen.verb:
        entries = entries.filter(verb=chosen.verb)
    if chosen.subject:
        entries = entries.filter(subject=chosen.subject)
    zone = ZoneInfo(workspace.time_zone)
    if chosen.since:
        entries = entries.filter(at__gte=start_of(chosen.since, zone))
    if chosen.until:
        entries = entries.filter(at__lt=start_of(chosen.until + timedelta(days=1), zone))
    return entries


def start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def trail_choices(workspace: Workspace) -> tuple[list[User], list[str], list[str]]:
    """The people, verbs and subjects that occur in the trail of this workspace."""
    entries = AuditEntry.objects.filter(workspace=workspace).order_by()
    people = User.objects.filter(pk__in=entries.exclude(by=None).values("by").distinct()).order_by("name", "email")
    verbs = sorted(entries.values_list("verb", flat=True).distinct())
    subjects = sorted(entries.values_list("subject", flat=True).distinct())
    return list(people), verbs, subjects
