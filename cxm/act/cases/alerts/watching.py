"""What no single event says: metrics, customers who fall silent, deliveries that do not come. The clock looks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from cxm.act.cases.models import Alert, AlertRule
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer
from cxm.record.customers.segments import members
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.stats.samples import NpsSample, ShareSample
from cxm.stats.sequential import NONE, Evidence, Side, Sums, beyond, changed
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.metric import Cell, Means, Metric
from cxm.understand.metrics.queries import Refused, metric_called, question_of

from .raising import Occasion, raise_alert
from .rules import What, condition_of, what_of

logger = logging.getLogger(__name__)

Kind = AlertRule.Kind
LONGEST = 180  # days that one watch looks back on; then what was last is the new before
MOST_SILENT = 200  # customers for whom one look raises alerts
MOST_LATE = 500
EVERYONE = Condition(all=())


@dataclass(frozen=True, slots=True)
class Bounds:
    """What 0 and 1 of the sums stand for in the unit of the metric."""

    low: float
    high: float

    def inside(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def outside(self, share: float) -> float:
        return self.low + share * (self.high - self.low)


class NotWatchable(ValueError):
    """The metric has no single values with limits."""


def watch() -> int:
    """The clock: look at every rule of this kind; returns how many alerts were raised. Safe to repeat at any time."""
    raised = 0
    rows = AlertRule.objects.filter(is_on=True, workspace__deleted_at=None).exclude(
        kind__in=[Kind.ANSWER, Kind.WORDS, Kind.PATTERN]
    )
    for rule in rows.select_related("workspace"):
        try:
            raised += len(look(rule, timezone.now()))
            problem = ""
        except (Refused, UnknownField, NotWatchable) as error:  # a question that is gone, a field that nobody has
            problem = str(error) or type(error).__name__
        except EventlogError as error:
            logger.warning("The watch over %s waits: %s", rule.pk, error)
            continue
        if problem != rule.state.get("problem", ""):
            AlertRule.objects.filter(pk=rule.pk).update(state={**rule.state, "problem": problem})
    return raised


def look(rule: AlertRule, now: datetime) -> list[Alert]:
    """What one rule sees now. Raises Refused, UnknownField, NotWatchable, EventlogError."""
    match rule.kind:
        case Kind.METRIC:
            return look_at_metric(rule, now)
        case Kind.SILENCE:
            return look_for_silence(rule, now)
        case Kind.LATE:
            return look_for_late(rule, now)
    return []


# Metrics


def sums_of(cell: Cell) -> tuple[Sums, Bounds]:
    """The values of a cell, between 0 and 1. Raises NotWatchable."""
    match cell.sample:
        case NpsSample() as one:
            half = one.passives / 2
            return Sums(one.n, one.promoters + half, one.promoters + half / 2), Bounds(-100, 100)
        case ShareSample() as one:
            return Sums(one.n, one.successes, one.successes), Bounds(0, 100)
        case Means(sample, (low, high)):
            n, width = sample.n, high - low
            squares = sample.total_of_squares - 2 * low * sample.total + n * low * low
            return Sums(n, max(sample.total - n * low, 0) / width, max(squares, 0) / width**2), Bounds(low, high)
    raise NotWatchable


def day_sums(metric: Metric, scope: Scope, now: datetime) -> tuple[dict[date, Sums], Bounds]:
    """The values of each day in the scope's time zone. Raises NotWatchable, Refused, UnknownField, EventlogError."""
    question = question_of(metric, scope, grain="day", now=now, options={})
    found: dict[date, Sums] = {}
    limits: Bounds | None = None
    for cell in metric.measure(question).cells:
        sums, bounds = sums_of(cell)
        if limits is not None and bounds != limits:
            raise NotWatchable
        found[cell.period], limits = sums, bounds
    return found, limits or Bounds(0, 1)


@dataclass(frozen=True, slots=True)
class Look:
    """What a watch knows: `since` when it compares, with the days `before`, and what it has found."""

    since: date
    before: Sums
    days: list[Sums]
    bounds: Bounds
    evidence: Evidence
    changed_on: date | None
    after: Sums


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def evaluate(
    what: What, days: dict[date, Sums], bounds: Bounds, *, before: tuple[date, date], since: date, today: date,
    side: Side,
) -> Look:  # fmt: skip
    """One look at the days from `since` to today; `before`: the first day to compare with, and that after the last."""
    rows = [days.get(since + timedelta(n), NONE) for n in range((today - since).days + 1)]
    known = total(days.get(before[0] + timedelta(n), NONE) for n in range(max((before[1] - before[0]).days, 0)))
    if what.mode == "beyond" and what.target is not None:
        evidence = beyond(rows, min(max(bounds.inside(what.target), 0.0), 1.0), side)
    else:
        evidence = changed(known, rows, side)
    start = evidence.start if evidence.start is not None else 0
    return Look(
        since, known, rows, bounds, evidence,
        since + timedelta(start) if evidence.alarm else None, total(rows[start:]),
    )  # fmt: skip


def total(sums: Any) -> Sums:
    found = NONE
    for one in sums:
        found += one
    return found


OPPOSITE: dict[Side, Side] = {"below": "above", "above": "below", "both": "both"}


def look_at_metric(rule: AlertRule, now: datetime) -> list[Alert]:
    """A watch goes on until it finds something; then what it found is the new before, and it begins anew.

    Beyond a target, the next watch is for the way back, and raises no alert.
    """
    workspace, what = rule.workspace, what_of(rule)
    zone = workspace.time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    state = rule.state
    since = date.fromisoformat(state["since"]) if "since" in state else rule.on_since.astimezone(ZoneInfo(zone)).date()
    before = date.fromisoformat(state["before"]) if "before" in state else since - timedelta(what.days)
    crossed = bool(state.get("crossed"))
    metric = metric_called(what.metric)
    scope = Scope(
        workspace.pk, zone, midnight(before, zone), midnight(today + timedelta(1), zone),
        read_filters(what.filters, workspace.pk),
    )  # fmt: skip
    days, bounds = day_sums(metric, scope, now)
    side = OPPOSITE[what.side] if crossed else what.side
    seen = evaluate(what, days, bounds, before=(before, since), since=since, today=today, side=side)
    new: dict[str, Any] | None = None
    raised: list[Alert] = []
    with transaction.atomic():
        if seen.evidence.alarm and seen.changed_on and seen.after.n:
            beyond_target = what.mode == "beyond"
            new = {"before": seen.changed_on.isoformat(), "since": (today + timedelta(1)).isoformat(),
                   "crossed": beyond_target and not crossed}  # fmt: skip
            if not crossed:
                data = {
                    "metric": what.metric, "mode": what.mode, "now": bounds.outside(seen.after.mean), "n": seen.after.n,
                    "since": seen.changed_on.isoformat(), "target": what.target, "n_before": seen.before.n,
                    "before": bounds.outside(seen.before.mean) if seen.before.n else None,
                }  # fmt: skip
                alert = raise_alert(
                    workspace=workspace, rules=[rule], data=data,
                    occasion=Occasion(cause=f"metric:{rule.pk}:{since.isoformat()}", customer=None),
                )  # fmt: skip
                raised = [alert] if alert else []
        elif (today - since).days >= LONGEST and not crossed:
            new = {"before": (today - timedelta(what.days)).isoformat(), "since": (today + timedelta(1)).isoformat()}
        if new is not None:
            # Unless the rule was changed meanwhile: then it begins anew by itself.
            AlertRule.objects.filter(pk=rule.pk, version=rule.version).update(state=new)
            rule.state = new
    return raised


# Silence


def look_for_silence(rule: AlertRule, now: datetime) -> list[Alert]:
    """Customers whose silence has reached the days since the rule was switched on."""
    workspace, what = rule.workspace, what_of(rule)
    newest = what.days + max((now - rule.on_since).days, 0)
    silent = Condition(
        all=(
            condition_of(rule) or EVERYONE,
            Condition(field="last_seen_days", operator="at_least", values=(float(what.days),)),
            Condition(field="last_seen_days", operator="at_most", values=(float(newest),)),
        )
    )
    raised = []
    for pk in members(workspace, silent, now):
        customer = Customer.objects.select_related("workspace").filter(pk=pk).first()
        if customer is None:
            continue
        seen_on = customer.last_seen_at.date().isoformat() if customer.last_seen_at else "never"
        cause = f"silence:{rule.pk}:{pk}:{seen_on}"
        if Alert.objects.filter(workspace=workspace, cause=cause).exists():
            continue
        alert = raise_alert(
            workspace=workspace, rules=[rule], data={"days": what.days},
            occasion=Occasion(cause=cause, customer=customer),
        )  # fmt: skip
        raised += [alert] if alert else []
        if len(raised) >= MOST_SILENT:
            break
    return raised


# Deliveries that have not come


@dataclass(frozen=True, slots=True)
class LateOrder:
    order_id: str
    customer_id: UUID
    promised: datetime


LATE = """
SELECT order_id, any(customer_id) AS customer_id, assumeNotNull(max(promised_at)) AS promised
FROM order_milestones WHERE $scope AND order_id != ''
GROUP BY order_id
HAVING countIf(milestone IN ('delivered', 'cancelled')) = 0 AND max(promised_at) >= {first:DateTime64(3, 'UTC')}
   AND max(promised_at) < {last:DateTime64(3, 'UTC')}
ORDER BY promised LIMIT {limit:UInt32}
"""


def look_for_late(rule: AlertRule, now: datetime) -> list[Alert]:
    """Orders that were promised for after the rule was switched on, and have neither come nor been cancelled."""
    workspace, hours = rule.workspace, timedelta(hours=what_of(rule).hours)
    if rule.condition:
        return []  # a condition asks for the event of the delivery, which has not come
    rows = ask(
        LATE, Scope(workspace.pk, since=rule.on_since - timedelta(days=365)), row=LateOrder, name="alerts.late",
        table="order_milestones", first=rule.on_since, last=now - hours, limit=MOST_LATE,
    ).rows  # fmt: skip
    known = set(
        Alert.objects.filter(
            workspace=workspace, cause__in=[f"order:{row.order_id}"[:150] for row in rows]
        ).values_list("cause", flat=True)
    )
    rows = [row for row in rows if f"order:{row.order_id}"[:150] not in known]
    owners = _owners(workspace.pk, rows) if rows else {}
    raised = []
    for row in rows:
        promised = row.promised.replace(tzinfo=UTC) if row.promised.tzinfo is None else row.promised
        late = int((now - promised).total_seconds() // 3600)
        alert = raise_alert(
            workspace=workspace, rules=[rule], data={"order": row.order_id, "hours": max(late, 1), "delivered": False},
            occasion=Occasion(cause=f"order:{row.order_id}", customer=owners.get(row.customer_id)),
        )  # fmt: skip
        raised += [alert] if alert else []
    return raised


@dataclass(frozen=True, slots=True)
class Owner:
    customer_id: UUID
    canonical_id: UUID


OWNERS = "SELECT customer_id, canonical_id FROM customers FINAL WHERE $scope AND customer_id IN {ids:Array(UUID)}"


def _owners(workspace_id: int, rows: Sequence[LateOrder]) -> dict[UUID, Customer]:
    """The customer behind the ids that orders carry: of a profile, or of a name of a tracking client."""
    ids = [str(row.customer_id) for row in rows]
    said = ask(OWNERS, Scope(workspace_id), row=Owner, name="alerts.owners", table="customers", ids=ids).rows
    people = Customer.objects.in_bulk({row.canonical_id for row in said})
    return {row.customer_id: people[row.canonical_id] for row in said if row.canonical_id in people}
