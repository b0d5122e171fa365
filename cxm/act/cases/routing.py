"""Who takes a case: the team by the first rule that matches, and of the team the one whose turn it is.

Whose turn it is: of the members who are there, speak the language, have the skills that the rule asks for and have room
for one more, the one who was given a case longest ago. Choosing holds the row of the team, so that two cases that come
at once go to two people and nobody is given more than they have room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.lib.conditions import Condition

from . import conditions, levels
from .changing import change
from .errors import Refused
from .models import Calendar, Case, RoutingRule, Team, TeamMember
from .policies import check_condition, clean_name, move, put_in_order

BUSY = ("new", "open")  # what waits for the customer takes no room
AT_ONCE = 200  # cases of a team in one round of `fill`
MOST_WORDS = 50


def place(case: Case) -> None:
    """Bring a new case to its team, and to one of its people where the team wants that."""
    rule = rule_for(case)
    team = rule.team if rule else case.team
    owner = choose(team, case, rule.skills if rule else ()) if case.owner_id is None else case.owner
    data = {"rule": rule.name} if rule else None
    if team.pk != case.team_id or owner != case.owner:
        change(case, None, "routed", data=data, team=team, owner=owner)


def give(case: Case) -> bool:
    """Give a case that nobody has to the one of its team whose turn it is; whether there was one."""
    if case.owner_id is not None:
        return True
    rule = rule_for(case)
    skills = rule.skills if rule and rule.team_id == case.team_id else ()
    with transaction.atomic():
        owner = choose(case.team, case, skills)
        if owner is not None:
            change(case, None, "routed", owner=owner)
    return owner is not None


def rule_for(case: Case) -> RoutingRule | None:
    memory: dict[str, Any] = {}
    for rule in RoutingRule.objects.filter(workspace=case.workspace_id, is_paused=False).select_related("team"):
        if conditions.matches(conditions.loaded(rule.condition), case, memory):
            return rule
    return None


def choose(team: Team, case: Case, skills: Sequence[str]) -> User | None:
    """Whose turn it is; that is written down at once, so call it in the transaction in which the case is given."""
    if not team.gives_cases:
        return None
    Team.objects.select_for_update().get(pk=team.pk)
    agents = [role.value for role in Role if role.includes(Role.AGENT)]
    members = (
        TeamMember.objects.filter(team=team, is_away=False, user__is_active=True)
        .filter(user__memberships__workspace=team.workspace_id, user__memberships__role__in=agents)
        .select_related("user")
        .order_by(F("last_given_at").asc(nulls_first=True), "pk")
    )
    able = [one for one in members if speaks(one, case.language) and set(skills) <= set(one.skills)]
    load = dict(
        Case.objects.filter(workspace=team.workspace_id, owner__in=[one.user_id for one in able], state__in=BUSY)
        .values_list("owner")
        .annotate(n=Count("pk"))
    )
    for member in able:
        if load.get(member.user_id, 0) < member.capacity:
            TeamMember.objects.filter(pk=member.pk).update(last_given_at=timezone.now())
            return member.user
    return None


def speaks(member: TeamMember, language: str) -> bool:
    """Without a language on either side everybody does; "uk" and "uk-UA" are one."""
    spoken = {one.partition("-")[0].lower() for one in member.languages}
    return not spoken or not language or language.partition("-")[0].lower() in spoken


def fill() -> int:
    """Give waiting cases to people who have room again, the most urgent first; returns how many. A clock does it."""
    given = 0
    for team in Team.objects.filter(gives_cases=True, workspace__deleted_at=None):
        rows = Case.objects.filter(workspace=team.workspace_id, team=team, owner=None, turn=Case.Turn.US)
        for case in rows.select_related("team", "workspace", "customer").order_by("-priority", "queue_at", "number")[
            :AT_ONCE
        ]:
            with transaction.atomic():
                Team.objects.select_for_update().get(pk=team.pk)
                case.refresh_from_db(fields=["owner", "state", "team"])
                if case.owner_id is None and case.state in BUSY and case.team_id == team.pk:
                    given += give(case)
    return given


# What can be done with teams


@transaction.atomic
def save_team(
    *, workspace: Workspace, name: str, by: Actor, calendar: Calendar | None = None, gives_cases: bool = False,
    is_default: bool = False, team: Team | None = None,
) -> Team:  # fmt: skip
    """Make a team or change one. One that becomes the default takes that from the other. Raises Refused."""
    require_role(workspace, by, Role.ADMIN)
    if calendar and calendar.workspace_id != workspace.pk:
        raise Refused(_("This calendar does not exist."))
    new = team is None
    kept = team or Team(workspace=workspace)
    before = (kept.name, kept.calendar_id, kept.gives_cases, kept.is_default)
    if not is_default and kept.is_default and not new:
        raise Refused(_("One team takes what nobody else does. Make another one the default instead."))
    if is_default and not kept.is_default:
        Team.objects.filter(workspace=workspace, is_default=True).update(is_default=False)
    kept.name, kept.calendar, kept.gives_cases, kept.is_default = clean_name(name), calendar, gives_cases, is_default
    try:
        with transaction.atomic():
            kept.save(force_insert=new)
    except IntegrityError:
        raise Refused(_("There is one of that name already.")) from None
    after = (kept.name, kept.calendar_id, kept.gives_cases, kept.is_default)
    if new or before != after:
        audit(
            "created" if new else "changed", kept, workspace=workspace, by=by,
            changes={"team": [None if new else list(before), list(after)]},
        )  # fmt: skip
    if not new and before[1] != after[1]:
        for case in Case.objects.filter(team=kept, state__in=Case.OPEN_STATES).select_related("team__calendar"):
            levels.changed(case)
    return kept


@transaction.atomic
def delete_team(*, team: Team, by: Actor) -> None:
    """Raises Refused for the default team and for one that has or had cases: their history names it."""
    require_role(team.workspace, by, Role.ADMIN)
    if team.is_default:
        raise Refused(_("One team takes what nobody else does. Make another one the default instead."))
    if Case.objects.filter(team=team).exists():
        raise Refused(_("This team has cases. Take its members away instead: then nobody gets new ones."))
    audit("deleted", team, workspace=team.workspace, by=by)
    team.delete()


@transaction.atomic
def save_member(
    *, team: Team, user: User, by: Actor, capacity: int = 20, languages: Sequence[str] = (),
    skills: Sequence[str] = (), is_away: bool = False,
) -> TeamMember:  # fmt: skip
    """Put a person into a team, or change what routing knows of them. Raises Refused."""
    require_role(team.workspace, by, Role.ADMIN)
    membership = Membership.objects.filter(workspace=team.workspace_id, user=user, user__is_active=True).first()
    if membership is None or not Role(membership.role).includes(Role.AGENT):
        raise Refused(_("Only members of the workspace who may work on cases can be in a team."))
    if not 0 <= capacity <= 1000:
        raise Refused(_("Room for cases is a number from 0 to 1,000."))
    fields = {
        "capacity": capacity, "languages": words([one.lower() for one in languages]), "skills": words(skills),
        "is_away": is_away,
    }  # fmt: skip
    member, new = TeamMember.objects.update_or_create(team=team, user=user, defaults=fields)
    audit("added" if new else "changed", member, workspace=team.workspace, by=by, changes={"member": [None, fields]})
    return member


@transaction.atomic
def remove_member(*, member: TeamMember, by: Actor) -> None:
    """Their cases stay theirs."""
    require_role(member.team.workspace, by, Role.ADMIN)
    audit("removed", member, workspace=member.team.workspace, by=by)
    member.delete()


# What can be done with rules


@transaction.atomic
def save_rule(
    *, workspace: Workspace, name: str, team: Team, by: Actor, condition: Condition | None = None,
    skills: Sequence[str] = (), is_paused: bool = False, rule: RoutingRule | None = None,
) -> RoutingRule:  # fmt: skip
    """Make a rule, at the end of the list, or change one; it holds for cases that come from now on. Raises Refused."""
    require_role(workspace, by, Role.ADMIN)
    if team.workspace_id != workspace.pk:
        raise Refused(_("This team does not exist."))
    check_condition(condition)
    new = rule is None
    if rule is None:
        last = RoutingRule.objects.filter(workspace=workspace).aggregate(last=Max("position"))["last"]
        rule = RoutingRule(workspace=workspace, position=0 if last is None else last + 1)
    rule.name, rule.team, rule.is_paused = clean_name(name), team, is_paused
    rule.condition, rule.skills = conditions.stored(condition), words(skills)
    rule.save()
    said = {"team": team.name, "condition": rule.condition, "skills": rule.skills, "is_paused": is_paused}
    audit("created" if new else "changed", rule, workspace=workspace, by=by, changes={"rule": [None, said]})
    return rule


@transaction.atomic
def move_rule(*, rule: RoutingRule, up: bool, by: Actor) -> None:
    require_role(rule.workspace, by, Role.ADMIN)
    move(RoutingRule.objects.filter(workspace=rule.workspace_id), rule, up)
    audit("moved", rule, workspace=rule.workspace, by=by)


@transaction.atomic
def order_rules(*, workspace: Workspace, ids: Sequence[int], by: Actor) -> None:
    """Try them in this order from now on. Raises Refused unless each is named once."""
    require_role(workspace, by, Role.ADMIN)
    put_in_order(RoutingRule.objects.filter(workspace=workspace), ids, workspace, by)


@transaction.atomic
def delete_rule(*, rule: RoutingRule, by: Actor) -> None:
    require_role(rule.workspace, by, Role.ADMIN)
    audit("deleted", rule, workspace=rule.workspace, by=by)
    rule.delete()


def words(said: Sequence[str]) -> list[str]:
    """Without blanks and repetitions. Raises Refused for too many or too long ones."""
    kept = [one for one in dict.fromkeys(" ".join(one.replace("\x00", "").split()) for one in said) if one]
    if len(kept) > MOST_WORDS or any(len(one) > 60 for one in kept):
        raise Refused(_("At most %(most)d words of up to 60 letters.") % {"most": MOST_WORDS})
    return kept


def teams_of(workspace: Workspace) -> Any:
    """With the number of members, of those who are there, and of open cases without an owner."""
    there = Q(members__is_away=False)
    return (
        Team.objects.filter(workspace=workspace)
        .select_related("calendar")
        .annotate(people=Count("members", distinct=True), present=Count("members", filter=there, distinct=True))
        .order_by("-is_default", "name")
    )
