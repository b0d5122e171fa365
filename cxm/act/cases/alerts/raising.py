"""Raising an alert: once for each cause, with its case, and everybody told, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation

from cxm.accounts.models import Workspace
from cxm.act.cases.actions import open_case, set_priority
from cxm.act.cases.models import Alert, AlertHit, AlertRule, Case, Team
from cxm.act.cases.queries import case_of_thread
from cxm.act.cases.text_fields import with_text
from cxm.listen.channels.models import Conversation
from cxm.record.customers.access import one_at_a_time
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from .notices import tell
from .rules import case_of
from .wording import SHORT, sentence


@dataclass(frozen=True, slots=True)
class Occasion:
    """What rules have found. `cause` names it once and for all; `opened_by` the case that it may open."""

    cause: str
    customer: Customer | None
    event_id: UUID | None = None
    opened_by: str = ""
    at: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)  # of the event: channel, touchpoint, language
    conversation: Conversation | None = None


@transaction.atomic
def raise_alert(
    *, workspace: Workspace, rules: Sequence[AlertRule], occasion: Occasion, data: Mapping[str, Any]
) -> Alert | None:
    """The alert of an occasion that these rules have seen; repeating it changes nothing. `data`: for its sentence.

    A rule that has just raised one about the same customer adds to that one instead (`again_after_h`), as long as the
    case of that one, if it has any, is still open. None where everything was known before and its alert is gone.
    """
    one_at_a_time(workspace)
    now = timezone.now()
    if occasion.event_id is not None:
        known = set(
            AlertHit.objects.filter(event_id=occasion.event_id, rule__in=rules).values_list("rule_id", flat=True)
        )
        rules = [rule for rule in rules if rule.pk not in known]
    present = Alert.objects.filter(workspace=workspace, cause=occasion.cause[:150]).first()
    if not rules or (occasion.event_id is None and present):
        return present
    alert, is_new = present or _recent(rules, occasion.customer, now), False
    if alert is None:
        alert, is_new = _made(workspace, rules[0], occasion, data, now), True
    elif alert is not present:
        Alert.objects.filter(pk=alert.pk).update(times=F("times") + 1, last_at=now)
    if occasion.event_id is not None:
        AlertHit.objects.bulk_create(
            [AlertHit(rule=rule, event_id=occasion.event_id, alert=alert) for rule in rules], ignore_conflicts=True
        )
    if alert.case_id is None:
        _open(alert, rules, occasion, data)
    if is_new:
        emit(
            "alert_raised",
            workspace_id=workspace.pk,
            customer_id=occasion.customer.pk if occasion.customer else NOBODY,
            alert_id=str(alert.pk), rule=alert.rule_name, rule_id=str(rules[0].pk), kind=alert.kind,
            about=_said(alert.kind, data), case_id=str(alert.case_id or ""),
        )  # fmt: skip
    tell(alert, rules, now)
    return alert


def _recent(rules: Sequence[AlertRule], customer: Customer | None, now: datetime) -> Alert | None:
    if customer is None:
        return None
    for rule in rules:
        if not rule.again_after_h:
            continue
        rows = Alert.objects.filter(
            customer=customer, hits__rule=rule, at__gt=now - timedelta(hours=rule.again_after_h)
        )
        found = rows.select_related("case", "workspace").order_by("-at").first()
        if found and (found.case is None or found.case.state in Case.OPEN_STATES):
            return found
    return None


def _made(workspace: Workspace, rule: AlertRule, occasion: Occasion, data: Mapping[str, Any], now: datetime) -> Alert:
    return Alert.objects.create(
        workspace=workspace, rule=rule, rule_name=rule.name, kind=rule.kind, cause=occasion.cause[:150],
        customer=occasion.customer, data=dict(data), at=now, last_at=now,
    )  # fmt: skip


def _open(alert: Alert, rules: Sequence[AlertRule], occasion: Occasion, data: Mapping[str, Any]) -> None:
    """The case that the most urgent of the rules asks for."""
    asking = [(case_of(rule), rule) for rule in rules if rule.opens_case]
    if not asking:
        return
    wanted, rule = max(asking, key=lambda pair: (pair[0].severe, pair[0].priority))
    case = case_of_thread(alert.workspace, occasion.conversation.pk) if occasion.conversation else None
    if case and case.state in Case.OPEN_STATES:
        alert.case = case  # the message is in a case already
        alert.save(update_fields=["case"])
        if case.priority < wanted.priority:
            set_priority(case=case, priority=wanted.priority, by=None)
        return
    team = Team.objects.filter(workspace=alert.workspace_id, pk=wanted.team).first() if wanted.team else None
    said = {key: value for key, value in data.items() if key != "comment"}
    alert.case = open_case(
        workspace=alert.workspace,
        subject=_said(alert.kind, data, SHORT) or rule.name,
        opened_by=occasion.opened_by or f"alert:{alert.pk}",
        customer=occasion.customer,
        conversation=occasion.conversation,
        category=wanted.category,
        priority=wanted.priority,
        severe=wanted.severe,
        complaint=wanted.complaint,
        team=team,
        channel=_text(occasion.properties, "channel"),
        touchpoint=_text(occasion.properties, "touchpoint"),
        language=_text(occasion.properties, "language"),
        properties={
            "alert": str(alert.pk),
            "rule": rule.name,
            **said,
            **with_text(alert.workspace_id, occasion.properties),
        },
        by=None,
    )
    alert.save(update_fields=["case"])


def _said(kind: str, data: Mapping[str, Any], words: int = 200) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return sentence(kind, data, words=words)


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    return value if isinstance(value, str) else ""
