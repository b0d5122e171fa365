"""REST: alerts, their rules, trying a rule on the past days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Alert, AlertRule
from cxm.lib.conditions import Condition
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.queries import Refused as NotMeasurable

from . import actions
from .preview import preview
from .rules import CaseOf, What
from .watching import NotWatchable
from .wording import about

router = Router(tags=["alerts"])
WHAT = (
    "By kind. words: phrases. pattern: event (a name, or “contact”), times, days. late: hours. metric: metric, mode"
    " (changed or beyond), side (below, above, both), target, days, filters. silence: days. answer: nothing"
)


class AlertOut(Schema):
    id: UUID
    at: datetime
    last_at: datetime
    times: int
    kind: str
    rule: UUID | None
    rule_name: str
    about: str = Field(description="What happened, in the language of Accept-Language")
    customer: UUID | None
    case: UUID | None
    data: dict[str, Any]

    @staticmethod
    def resolve_about(one: Alert) -> str:
        return about(one)

    @staticmethod
    def resolve_rule(one: Alert) -> UUID | None:
        return one.rule_id

    @staticmethod
    def resolve_customer(one: Alert) -> UUID | None:
        return one.customer_id

    @staticmethod
    def resolve_case(one: Alert) -> UUID | None:
        return one.case_id


class RuleOut(Schema):
    id: UUID
    name: str
    kind: str
    what: dict[str, Any] = Field(description=WHAT)
    condition: dict[str, Any]
    is_on: bool
    muted_until: datetime | None
    again_after_h: int
    opens_case: bool
    case: dict[str, Any]
    users: list[int]
    teams: list[int]
    by_mail: bool
    digest: str
    quiet_from: time | None
    quiet_until: time | None
    version: int


class RuleChange(Schema):
    """What is left out stays as it is."""

    name: str | None = Field(None, max_length=100)
    what: dict[str, Any] | None = Field(None, description=WHAT)
    condition: dict[str, Any] | None = Field(None, description="See the reference of conditions; {} for none")
    is_on: bool | None = None
    again_after_h: int | None = None
    opens_case: bool | None = None
    case: dict[str, Any] | None = Field(None, description="category, priority (1–4), severe, complaint, team")
    users: list[int] | None = None
    teams: list[int] | None = None
    by_mail: bool | None = None
    digest: str | None = Field(None, description="at_once, hourly or daily")
    quiet_from: time | None = None
    quiet_until: time | None = None


class RuleIn(RuleChange):
    name: str = Field(max_length=100)
    kind: str = Field(description="answer, words, pattern, late, metric or silence")


class MuteIn(Schema):
    until: datetime | None = Field(None, description="null ends it")


class DayOut(Schema):
    day: date
    alerts: int


class PreviewOut(Schema):
    days: int
    times: int
    partly: bool = Field(description="There was more than can be looked at")
    now_silent: int | None = Field(description="Of a rule for silence: how many customers are silent now")
    by_day: list[DayOut]
    examples: list[str]


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except (NotMeasurable, UnknownField) as refused:
        raise Problem(422, "not_measurable", str(refused)) from refused
    except NotWatchable as refused:
        raise Problem(422, "not_watchable", "This metric has no single values with limits.") from refused
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_rule", f"The rule cannot be read: {error}") from error
    except EventlogError as error:
        raise Problem(503, "log_unavailable", "The event log does not answer just now.") from error


def _rule(key: ApiKey, rule_id: UUID) -> AlertRule:
    found = AlertRule.objects.select_related("workspace").filter(workspace=key.workspace, pk=rule_id).first()
    if found is None:
        raise Http404
    return found


def _fields(body: RuleChange) -> dict[str, Any]:
    """The arguments of the verbs. Raises msgspec.ValidationError."""
    said = body.dict(exclude_unset=True)
    said.pop("kind", None)
    found = {name: value for name, value in said.items() if value is not None or name.startswith("quiet_")}
    if "what" in found:
        found["what"] = msgspec.convert(found["what"], What)
    if "case" in found:
        found["case"] = msgspec.convert(found["case"], CaseOf)
    if "condition" in found:
        found["condition"] = msgspec.convert(found["condition"], Condition) if found["condition"] else None
    return found


@router.get("", response=PageOut[AlertOut], summary="Alerts, the newest first")
def list_alerts(
    request: HttpRequest, query: Query[PageQuery], rule: UUID | None = None, customer: UUID | None = None
) -> dict[str, Any]:
    rows = Alert.objects.filter(workspace=require_key(request, Role.AGENT).workspace)
    if rule:
        rows = rows.filter(rule=rule)
    if customer:
        rows = rows.filter(customer=customer)
    return page_of(rows, query, by="at", newest_first=True)


@router.get("/rules", response=list[RuleOut], summary="Alert rules, by name")
def list_rules(request: HttpRequest) -> list[AlertRule]:
    return list(AlertRule.objects.filter(workspace=require_key(request, Role.AGENT).workspace).order_by("name"))


@router.post("/rules", response={201: RuleOut}, summary="A new alert rule")
def create_rule(request: HttpRequest, body: RuleIn) -> Status[AlertRule]:
    key = require_key(request, Role.ANALYST)
    with problems():
        return Status(201, actions.create_rule(workspace=key.workspace, kind=body.kind, by=key, **_fields(body)))


@router.post("/rules/preview", response=PreviewOut, summary="How often a rule would have raised an alert in 30 days")
def try_rule(request: HttpRequest, body: RuleIn) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    with problems():
        found = preview(actions.draft(workspace=key.workspace, kind=body.kind, **_fields(body)))
    return {
        "days": found.days, "times": found.times, "partly": found.partly, "now_silent": found.now_silent,
        "by_day": [{"day": day, "alerts": n} for day, n in found.by_day],
        "examples": [one.said for one in found.examples],
    }  # fmt: skip


@router.get("/rules/{uuid:rule_id}", response=RuleOut, summary="One alert rule")
def get_rule(request: HttpRequest, rule_id: UUID) -> AlertRule:
    return _rule(require_key(request, Role.AGENT), rule_id)


@router.patch("/rules/{uuid:rule_id}", response=RuleOut, summary="Change an alert rule")
def change_rule(request: HttpRequest, rule_id: UUID, body: RuleChange) -> AlertRule:
    key = require_key(request, Role.ANALYST)
    with problems():
        return actions.change_rule(rule=_rule(key, rule_id), by=key, **_fields(body))


@router.post("/rules/{uuid:rule_id}/mute", response=RuleOut, summary="Tell nobody for a while; cases are still opened")
def mute_rule(request: HttpRequest, rule_id: UUID, body: MuteIn) -> AlertRule:
    key = require_key(request, Role.AGENT)
    return actions.mute(rule=_rule(key, rule_id), until=body.until, by=key)


@router.delete("/rules/{uuid:rule_id}", response={204: None}, summary="Delete an alert rule; its alerts stay")
def delete_rule(request: HttpRequest, rule_id: UUID) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    actions.delete_rule(rule=_rule(key, rule_id), by=key)
    return Status(204, None)


@router.get("/{uuid:alert_id}", response=AlertOut, summary="One alert")
def get_alert(request: HttpRequest, alert_id: UUID) -> Alert:
    found = Alert.objects.filter(workspace=require_key(request, Role.AGENT).workspace, pk=alert_id).first()
    if found is None:
        raise Http404
    return found
