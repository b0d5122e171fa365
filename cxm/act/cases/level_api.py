"""REST: teams and their members, routing rules, calendars, service level policies, the acknowledgement, clocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema

from cxm.accounts.models import ApiKey, Role, User
from cxm.accounts.rest import Problem, require_key
from cxm.lib.conditions import Condition

from . import acknowledging, policies, routing
from .definition import Definition
from .errors import Refused
from .expecting import expectation
from .models import Calendar, Case, PolicyVersion, RoutingRule, ServicePolicy, Team, TeamMember

router = Router(tags=["service levels"])
CONDITION = "A tree of conditions over the fields of cases; left out or null: all cases"
DEFINITION = (
    "targets: minutes by first_reply, next_reply, resolution and priority (1 to 4); condition; business; pauses;"
    " warn_at (percent); on_warning, on_breach and escalation: lists of {do, to} and {after, deeds}"
)


class TeamOut(Schema):
    id: int
    name: str
    calendar_id: int | None
    gives_cases: bool
    is_default: bool


class TeamIn(Schema):
    name: str = Field(max_length=200)
    calendar_id: int | None = None
    gives_cases: bool = False
    is_default: bool = False


class MemberOut(Schema):
    id: int
    person: UUID = Field(description="The UUID of the member of the workspace")
    name: str
    capacity: int
    languages: list[str]
    skills: list[str]
    is_away: bool

    @staticmethod
    def resolve_person(row: TeamMember) -> UUID:
        return row.user.uuid

    @staticmethod
    def resolve_name(row: TeamMember) -> str:
        return row.user.name


class MemberIn(Schema):
    person: UUID
    capacity: int = 20
    languages: list[str] = []
    skills: list[str] = []
    is_away: bool = False


class RuleOut(Schema):
    id: int
    name: str
    position: int
    team_id: int
    condition: dict[str, Any]
    skills: list[str]
    is_paused: bool


class RuleIn(Schema):
    name: str = Field(max_length=200)
    team_id: int
    condition: dict[str, Any] | None = Field(None, description=CONDITION)
    skills: list[str] = []
    is_paused: bool = False


class OrderIn(Schema):
    ids: list[int] = Field(description="All of them, each once: the first that matches a case counts")


class CalendarOut(Schema):
    id: int
    name: str
    time_zone: str
    week: list[list[tuple[str, str]]] = Field(description='Monday to Sunday: [["09:00", "13:00"], …] each')
    holidays: list[dict[str, Any]] = Field(description='{"on": "2026-12-25" or yearly "12-25", "name", "hours"}')


class CalendarIn(Schema):
    name: str = Field(max_length=200)
    time_zone: str = Field(max_length=60)
    week: list[list[tuple[str, str]]]
    holidays: list[dict[str, Any]] = []


class PolicyOut(Schema):
    id: int
    name: str
    position: int
    version: int
    is_paused: bool
    definition: dict[str, Any] = Field(description=DEFINITION)


class PolicyIn(Schema):
    name: str = Field(max_length=200)
    definition: dict[str, Any] = Field(description=DEFINITION)
    is_paused: bool = False


class ExpectationOut(Schema):
    """What a customer of this team would be promised now."""

    at: datetime | None
    opens_at: datetime | None
    answers: int
    waiting: int


class AcknowledgementOut(Schema):
    is_on: bool
    promises: bool
    within_s: int
    texts: dict[str, dict[str, str]] = Field(description='By language: {"text"}')


class ClockOut(Schema):
    kind: str = Field(description="first_reply, next_reply, resolution or promise")
    number: int
    policy_version: int | None
    target_s: float
    spent_s: float = Field(description="Counted before running_since")
    started_at: datetime
    running_since: datetime | None
    due_at: datetime | None
    breached_at: datetime | None
    ended_at: datetime | None
    is_met: bool | None

    @staticmethod
    def resolve_policy_version(row: Any) -> int | None:
        return row.version.number if row.version else None


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid_input", _("Some values cannot be used: %(why)s") % {"why": error}) from error


def condition_in(said: dict[str, Any] | None) -> Condition | None:
    return msgspec.convert(said, Condition) if said else None


def calendar_in(key: ApiKey, calendar_id: int | None) -> Calendar | None:
    return get_object_or_404(Calendar, workspace=key.workspace, pk=calendar_id) if calendar_id is not None else None


@router.get("/teams", response=list[TeamOut], summary="List teams")
def list_teams(request: HttpRequest) -> Any:
    return Team.objects.filter(workspace=require_key(request, Role.AGENT).workspace).order_by("pk")


@router.post("/teams", response={201: TeamOut}, summary="Make a team")
def add_team(request: HttpRequest, body: TeamIn) -> Any:
    return 201, _team(request, body, None)


@router.put("/teams/{int:team_id}", response=TeamOut, summary="Change a team")
def change_team(request: HttpRequest, team_id: int, body: TeamIn) -> Any:
    return _team(request, body, team_id)


def _team(request: HttpRequest, body: TeamIn, team_id: int | None) -> Team:
    key = require_key(request, Role.ADMIN)
    team = get_object_or_404(Team, workspace=key.workspace, pk=team_id) if team_id is not None else None
    with refusals():
        return routing.save_team(
            workspace=key.workspace, team=team, name=body.name, calendar=calendar_in(key, body.calendar_id),
            gives_cases=body.gives_cases, is_default=body.is_default, by=key,
        )  # fmt: skip


@router.delete("/teams/{int:team_id}", response={204: None}, summary="Delete a team that never had a case")
def remove_team(request: HttpRequest, team_id: int) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    with refusals():
        routing.delete_team(team=get_object_or_404(Team, workspace=key.workspace, pk=team_id), by=key)
    return 204, None


@router.get("/teams/{int:team_id}/members", response=list[MemberOut], summary="List the members of a team")
def list_members(request: HttpRequest, team_id: int) -> Any:
    key = require_key(request, Role.AGENT)
    team = get_object_or_404(Team, workspace=key.workspace, pk=team_id)
    return team.members.select_related("user").order_by("pk")


@router.put("/teams/{int:team_id}/members", response=MemberOut, summary="Put a person into a team, or change them")
def put_member(request: HttpRequest, team_id: int, body: MemberIn) -> Any:
    key = require_key(request, Role.ADMIN)
    team = get_object_or_404(Team, workspace=key.workspace, pk=team_id)
    user = get_object_or_404(User, uuid=body.person, memberships__workspace=key.workspace)
    with refusals():
        return routing.save_member(
            team=team, user=user, capacity=body.capacity, languages=body.languages, skills=body.skills,
            is_away=body.is_away, by=key,
        )  # fmt: skip


@router.delete("/teams/{int:team_id}/members/{uuid:person}", response={204: None}, summary="Take a person out")
def remove_member(request: HttpRequest, team_id: int, person: UUID) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    member = get_object_or_404(TeamMember, team=team_id, team__workspace=key.workspace, user__uuid=person)
    routing.remove_member(member=member, by=key)
    return 204, None


@router.get("/teams/{int:team_id}/expected-answer", response=ExpectationOut, summary="What could be promised now")
def show_expectation(request: HttpRequest, team_id: int) -> Any:
    key = require_key(request, Role.AGENT)
    return expectation(get_object_or_404(Team.objects.select_related("calendar"), workspace=key.workspace, pk=team_id))


@router.get("/routing-rules", response=list[RuleOut], summary="List routing rules, in order")
def list_rules(request: HttpRequest) -> Any:
    return RoutingRule.objects.filter(workspace=require_key(request, Role.AGENT).workspace)


@router.post("/routing-rules", response={201: RuleOut}, summary="Make a routing rule, at the end of the list")
def add_rule(request: HttpRequest, body: RuleIn) -> Any:
    return 201, _rule(request, body, None)


@router.put("/routing-rules/{int:rule_id}", response=RuleOut, summary="Change a routing rule")
def change_rule(request: HttpRequest, rule_id: int, body: RuleIn) -> Any:
    return _rule(request, body, rule_id)


@router.put("/routing-rules/order", response=list[RuleOut], summary="Put routing rules in order")
def order_rules(request: HttpRequest, body: OrderIn) -> Any:
    key = require_key(request, Role.ADMIN)
    with refusals():
        routing.order_rules(workspace=key.workspace, ids=body.ids, by=key)
    return list_rules(request)


def _rule(request: HttpRequest, body: RuleIn, rule_id: int | None) -> RoutingRule:
    key = require_key(request, Role.ADMIN)
    rule = get_object_or_404(RoutingRule, workspace=key.workspace, pk=rule_id) if rule_id is not None else None
    team = get_object_or_404(Team, workspace=key.workspace, pk=body.team_id)
    with refusals():
        return routing.save_rule(
            workspace=key.workspace, rule=rule, name=body.name, team=team, condition=condition_in(body.condition),
            skills=body.skills, is_paused=body.is_paused, by=key,
        )  # fmt: skip


@router.delete("/routing-rules/{int:rule_id}", response={204: None}, summary="Delete a routing rule")
def remove_rule(request: HttpRequest, rule_id: int) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    routing.delete_rule(rule=get_object_or_404(RoutingRule, workspace=key.workspace, pk=rule_id), by=key)
    return 204, None


@router.get("/calendars", response=list[CalendarOut], summary="List calendars")
def list_calendars(request: HttpRequest) -> Any:
    return Calendar.objects.filter(workspace=require_key(request, Role.AGENT).workspace)


@router.post("/calendars", response={201: CalendarOut}, summary="Make a calendar")
def add_calendar(request: HttpRequest, body: CalendarIn) -> Any:
    return 201, _calendar(request, body, None)


@router.put("/calendars/{int:calendar_id}", response=CalendarOut, summary="Change a calendar")
def change_calendar(request: HttpRequest, calendar_id: int, body: CalendarIn) -> Any:
    """What is due in open cases is worked out anew at once."""
    return _calendar(request, body, calendar_id)


def _calendar(request: HttpRequest, body: CalendarIn, calendar_id: int | None) -> Calendar:
    key = require_key(request, Role.ADMIN)
    with refusals():
        return policies.save_calendar(
            workspace=key.workspace, calendar=calendar_in(key, calendar_id), name=body.name, time_zone=body.time_zone,
            week=[[list(span) for span in day] for day in body.week], holidays=body.holidays, by=key,
        )  # fmt: skip


@router.delete("/calendars/{int:calendar_id}", response={204: None}, summary="Delete a calendar")
def remove_calendar(request: HttpRequest, calendar_id: int) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    policies.delete_calendar(calendar=get_object_or_404(Calendar, workspace=key.workspace, pk=calendar_id), by=key)
    return 204, None


def policy_out(policy: ServicePolicy) -> dict[str, Any]:
    newest = PolicyVersion.objects.get(policy=policy, number=policy.version)
    return {
        "id": policy.pk, "name": policy.name, "position": policy.position, "version": policy.version,
        "is_paused": policy.is_paused, "definition": newest.definition,
    }  # fmt: skip


@router.get("/service-levels", response=list[PolicyOut], summary="List service level policies, in order")
def list_policies(request: HttpRequest) -> Any:
    rows = ServicePolicy.objects.filter(workspace=require_key(request, Role.AGENT).workspace)
    return [policy_out(one) for one in rows]


@router.post("/service-levels", response={201: PolicyOut}, summary="Make a policy, at the end of the list")
def add_policy(request: HttpRequest, body: PolicyIn) -> Any:
    return 201, _policy(request, body, None)


@router.put("/service-levels/{int:policy_id}", response=PolicyOut, summary="Write a new version of a policy")
def change_policy(request: HttpRequest, policy_id: int, body: PolicyIn) -> Any:
    """Open cases keep the version that they have."""
    return _policy(request, body, policy_id)


@router.put("/service-levels/order", response=list[PolicyOut], summary="Put policies in order")
def order_policies(request: HttpRequest, body: OrderIn) -> Any:
    """Open cases keep the policy that they have."""
    key = require_key(request, Role.ADMIN)
    with refusals():
        policies.order_policies(workspace=key.workspace, ids=body.ids, by=key)
    return list_policies(request)


def _policy(request: HttpRequest, body: PolicyIn, policy_id: int | None) -> dict[str, Any]:
    key = require_key(request, Role.ADMIN)
    policy = get_object_or_404(ServicePolicy, workspace=key.workspace, pk=policy_id) if policy_id is not None else None
    with refusals():
        definition = msgspec.convert(body.definition, Definition)
        return policy_out(
            policies.save_policy(
                workspace=key.workspace, policy=policy, name=body.name, definition=definition,
                is_paused=body.is_paused, by=key,
            )
        )  # fmt: skip


@router.delete("/service-levels/{int:policy_id}", response={204: None}, summary="Delete a policy")
def remove_policy(request: HttpRequest, policy_id: int) -> tuple[int, None]:
    key = require_key(request, Role.ADMIN)
    policies.delete_policy(policy=get_object_or_404(ServicePolicy, workspace=key.workspace, pk=policy_id), by=key)
    return 204, None


@router.get("/acknowledgement", response=AcknowledgementOut, summary="What customers are told at once")
def show_acknowledgement(request: HttpRequest) -> Any:
    return acknowledging.setting_of(require_key(request, Role.AGENT).workspace)


@router.put("/acknowledgement", response=AcknowledgementOut, summary="Change what customers are told at once")
def change_acknowledgement(request: HttpRequest, body: AcknowledgementOut) -> Any:
    key = require_key(request, Role.ADMIN)
    with refusals():
        return acknowledging.save_setting(workspace=key.workspace, by=key, **body.dict())


@router.get("/cases/{int:number}/clocks", response=list[ClockOut], summary="The targets of a case")
def list_clocks(request: HttpRequest, number: int) -> Any:
    key = require_key(request, Role.AGENT)
    case = get_object_or_404(Case, workspace=key.workspace, number=number)
    return case.clocks.select_related("version").order_by("pk")
