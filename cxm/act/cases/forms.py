"""What the addresses and forms of the desk say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from cxm.accounts.models import Membership, Role, User, Workspace

from .errors import Refused
from .models import Case, Team, TeamMember
from .queries import HAD, QUEUES, SORTS, Wanted

OPENS_AT = time(9)  # "tomorrow" means at this time


def wanted_of(query: QueryDict | Mapping[str, str], queue: str = "todo") -> Wanted:
    """The list that an address asks for; whatever cannot be read is left out."""
    get = query.get
    priority = _number(get("priority"))
    owner = str(get("owner") or "")
    return Wanted(
        queue=str(get("queue")) if get("queue") in QUEUES else queue,
        text=str(get("q") or "").strip()[:120],
        team=_number(get("team")),
        owner=owner if owner == "nobody" or _number(owner) else "",
        state=str(get("state")) if get("state") in Case.State.values else "",
        priority=priority if priority in Case.Priority.values else None,
        category=str(get("category") or "")[:60],
        tag=str(get("tag") or "")[:60],
        channel=str(get("channel") or "")[:30],
        touchpoint=str(get("touchpoint") or "")[:100],
        topic=str(get("topic") or "")[:100],
        had=str(get("had")) if get("had") in HAD else "",
        cause=_number(get("cause")),
        complaint=get("complaint") == "1",
        customer=_uuid(get("customer")),
        sort=str(get("sort")) if get("sort") in SORTS else "",
    )


def wanted_in(text: str, queue: str = "todo") -> Wanted:
    """The same, of a query string as a form carries it."""
    return wanted_of(QueryDict(text[:1000]), queue)


def _number(text: Any) -> int | None:
    text = str(text or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def snooze_until(choice: str, at: str = "") -> datetime:
    """When a snoozed case comes back, in the workspace's time zone. Raises Refused for what is no time."""
    now = timezone.localtime()
    if choice == "3h":
        return now + timedelta(hours=3)
    days = {"tomorrow": 1, "3d": 3, "monday": 7 - now.weekday()}.get(choice)
    if days is not None:
        return timezone.make_aware(datetime.combine(now.date() + timedelta(days=days), OPENS_AT))
    try:
        moment = parse_datetime(at)
    except ValueError:
        moment = None
    if moment is None:
        raise Refused(_("Choose when it should come back."))
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def agents(workspace: Workspace) -> list[User]:
    """Who can own a case, by name."""
    able = [role for role in Role if role.includes(Role.AGENT)]
    rows = Membership.objects.filter(workspace=workspace, role__in=able, user__is_active=True).select_related("user")
    return sorted((row.user for row in rows), key=lambda user: str(user).casefold())


def choices_of_people(workspace: Workspace) -> list[tuple[Team, list[User]]]:
    """Each team with its people, as the dialog for giving a case away shows them."""
    members: dict[int, list[User]] = {}
    for row in TeamMember.objects.filter(team__workspace=workspace).select_related("user"):
        members.setdefault(row.team_id, []).append(row.user)
    teams = Team.objects.filter(workspace=workspace).order_by("-is_default", "name")
    return [(team, sorted(members.get(team.pk, []), key=lambda user: str(user).casefold())) for team in teams]


def assignee(workspace: Workspace, text: str, me: User) -> tuple[Team | None, User | None]:
    """What the dialog sends: "me", "nobody", "user:3", "team:2", "team:2:user:3". Raises Refused for anything else."""
    if text == "me":
        return None, me
    if text == "nobody":
        return None, None
    parts = text.split(":")
    pairs = dict(zip(parts[::2], parts[1::2], strict=False))
    team = Team.objects.filter(workspace=workspace, pk=_number(pairs.get("team")) or 0).first()
    owner = User.objects.filter(memberships__workspace=workspace, pk=_number(pairs.get("user")) or 0).first()
    if ("team" in pairs and team is None) or ("user" in pairs and owner is None) or not (team or owner):
        raise Refused(_("Choose a team or a person."))
    return team, owner
