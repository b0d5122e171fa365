"""How often a rule would have raised an alert in the past days: for the editor, before anybody is disturbed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from cxm.act.cases.models import AlertRule
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer
from cxm.record.customers.segments import count
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.scope import Scope
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.queries import metric_called

from .customers import customers_of, holds_for
from .matching import answer_data, data_of, read_ahead
from .rules import Seen, compile_rule, condition_of, seen, what_of
from .watching import EVERYONE, day_sums, evaluate, midnight
from .wording import sentence

Kind = AlertRule.Kind
DAYS = 30
MOST_EVENTS = 20_000
MOST_PEOPLE = 300  # customers who are asked one by one
EXAMPLES = 5
READ_AT_ONCE = 1_000  # texts


@dataclass(frozen=True, slots=True)
class Example:
    at: datetime
    said: str
    customer: Customer | None


@dataclass(slots=True)
class Preview:
    """`times`: alerts in the `days` before now, all about one customer within `again_after_h` taken together.

    `by_day` has a number for each day, the oldest first. `partly`: there was too much to look at all of it.
    """

    days: int
    times: int = 0
    by_day: list[tuple[date, int]] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    partly: bool = False
    now_silent: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    event_id: UUID
    name: str
    customer_id: UUID
    occurred_at: datetime
    user_id: str
    anonymous_id: str
    properties: str


EVENTS = """
SELECT event_id, toString(name) AS name, customer_id, occurred_at, user_id, anonymous_id, properties FROM events
WHERE $scope AND name IN {names:Array(String)}
ORDER BY occurred_at DESC LIMIT 1 BY event_id LIMIT {limit:UInt32}
"""


def preview(rule: AlertRule, *, now: datetime | None = None, days: int = DAYS) -> Preview:
    """Of a rule that need not be saved. Raises EventlogError, and for a metric what measuring it raises."""
    now = now or timezone.now()
    found = Preview(days)
    if rule.kind == Kind.METRIC:
        _metric(rule, now, found)
    elif rule.kind == Kind.SILENCE:
        what = what_of(rule)
        found.now_silent = count(
            rule.workspace,
            Condition(all=(condition_of(rule) or EVERYONE,
                           Condition(field="last_seen_days", operator="at_least", values=(float(what.days),)))),
            now,
        )  # fmt: skip
    else:
        _events(rule, now, found)
    return found


def _events(rule: AlertRule, now: datetime, found: Preview) -> None:
    workspace, compiled = rule.workspace, compile_rule(rule)
    zone = ZoneInfo(workspace.time_zone)
    rows = ask(
        EVENTS, Scope(workspace.pk, since=now - timedelta(days=found.days), until=now), row=Row, name="alerts.preview",
        table="events", names=list(compiled.names), limit=MOST_EVENTS + 1,
    ).rows  # fmt: skip
    found.partly = len(rows) > MOST_EVENTS
    happened = [seen(_event(workspace.pk, row)) for row in reversed(rows[:MOST_EVENTS])]
    some: list[Seen] = []
    for start in range(0, len(happened), READ_AT_ONCE):
        part = happened[start : start + READ_AT_ONCE]
        if compiled.asks_text:
            read_ahead(part)
        some += [one for one in part if compiled.first(one)]
    last: dict[UUID, datetime] = {}
    per_day: Counter[date] = Counter()
    hits: list[tuple[Seen, dict[str, Any], Customer | None]] = []
    asked = 0
    for one, customer in _with_customers(workspace.pk, some):
        event = one.event
        whose = customer.pk if customer else event.customer_id
        again = timedelta(hours=rule.again_after_h)
        if customer and whose in last and event.occurred_at - last[whose] < again:
            continue
        if compiled.second is not None or rule.kind in (Kind.PATTERN, Kind.LATE):
            asked += 1
            if asked > MOST_PEOPLE:
                found.partly = True
                break
        if not holds_for(one, customer, compiled.second):
            continue
        data = data_of(workspace, compiled, one, customer)
        if data is None:
            continue
        last[whose] = event.occurred_at
        per_day[event.occurred_at.astimezone(zone).date()] += 1
        hits = [*hits[-(EXAMPLES - 1) :], (one, data, customer)]
    _fill(found, per_day, now.astimezone(zone).date())
    found.examples = [
        Example(one.event.occurred_at, sentence(rule.kind, data) or answer_data(one)["comment"], customer)
        for one, data, customer in reversed(hits)
    ]


def _with_customers(workspace_id: int, some: list[Seen]) -> list[tuple[Seen, Customer | None]]:
    customers = customers_of(workspace_id, [one.event for one in some])
    return [(one, customers.get(one.event.customer_id)) for one in some]


def _event(workspace_id: int, row: Row) -> LogEvent:
    at = row.occurred_at if row.occurred_at.tzinfo else row.occurred_at.replace(tzinfo=UTC)
    return LogEvent(
        workspace_id=workspace_id, event_id=row.event_id, name=row.name, source="", type="", source_id=0,
        user_id=row.user_id, anonymous_id=row.anonymous_id, customer_id=row.customer_id, occurred_at=at, received_at=at,
        properties=row.properties, context="", block=0,
    )  # fmt: skip


def _metric(rule: AlertRule, now: datetime, found: Preview) -> None:
    """As if the rule had been switched on so many days ago and looked at once a day."""
    workspace, what = rule.workspace, what_of(rule)
    zone = workspace.time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    since = today - timedelta(found.days - 1)
    before = since - timedelta(what.days)
    scope = Scope(workspace.pk, zone, midnight(before, zone), midnight(today + timedelta(1), zone),
                  read_filters(what.filters, workspace.pk))  # fmt: skip
    days, bounds = day_sums(metric_called(what.metric), scope, now)
    per_day: Counter[date] = Counter()
    for n in range(found.days):
        look = evaluate(what, days, bounds, before=(before, since), since=since, today=since + timedelta(n),
                        side=what.side)  # fmt: skip
        if look.evidence.alarm:
            per_day[since + timedelta(n)] += 1
            break
    _fill(found, per_day, today)


def _fill(found: Preview, per_day: Counter[date], today: date) -> None:
    found.by_day = [(day, per_day[day]) for n in range(found.days - 1, -1, -1) if (day := today - timedelta(n))]
    found.times = sum(per_day.values())
