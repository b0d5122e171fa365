"""How much lies with each team, and with each of its members."""

from __future__ import annotations

from django.db.models import Count, Q

from cxm.accounts.models import Workspace

from .models import Case, Team


def open_cases(workspace: Workspace) -> dict[int, tuple[int, int]]:
    """By team: open cases, and those of them that nobody has."""
    rows = (
        Case.objects.filter(workspace=workspace, state__in=Case.OPEN_STATES)
        .values("team")
        .annotate(n=Count("pk"), of_nobody=Count("pk", filter=Q(owner=None)))
    )
    return {row["team"]: (row["n"], row["of_nobody"]) for row in rows}


def open_cases_of_members(team: Team) -> dict[int, int]:
    """By user: the new and open cases of each member, of all teams, as routing counts them."""
    people = team.members.values("user")
    rows = Case.objects.filter(workspace=team.workspace_id, owner__in=people, state__in=["new", "open"])
    return dict(rows.values_list("owner").annotate(n=Count("pk")))
