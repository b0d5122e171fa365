"""From events to alerts: which rules an event meets, and what they have found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

from cxm.accounts.models import Workspace
from cxm.act.cases.models import Alert, AlertRule
from cxm.act.cases.text_fields import said_in
from cxm.listen.channels.models import Conversation
from cxm.record.customers.models import Customer
from cxm.record.customers.snapshot import families, ids_in_log
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.outbox import caused_by
from cxm.record.eventlog.scope import Scope
from cxm.understand.text.understanding import remember

from .customers import holds_for
from .raising import Occasion, raise_alert
from .rules import DEEPEST, FEEDBACK, Compiled, RuleBook, Seen, events_of, getter, phrase_finder, seen

Kind = AlertRule.Kind
LOOKED_AT = 1000  # events of one customer that a pattern counts at most
OLD = timedelta(days=3)  # an event that says it is older than this when it comes is history, and no alarm


@dataclass(frozen=True, slots=True)
class Met:
    """An event and the rules whose first half holds for it."""

    one: Seen
    rules: list[Compiled]


def met(book: RuleBook, events: Sequence[LogEvent]) -> list[Met]:
    """What a batch has for the rules of its workspace; needs no database."""
    found = []
    waiting = [
        seen(event) for event in events
        if book.waits_for(event.name) and event.occurred_at >= event.received_at - OLD
    ]  # fmt: skip
    if book.asks_text:
        read_ahead(waiting)
    for one in waiting:
        event = one.event
        # Followed anew (a restored log), old events come again: they were there before the rule.
        rules = [each for each in book.met(one) if each.rule.on_since <= event.received_at]
        if rules and one.depth < DEEPEST:
            found.append(Met(one, rules))
    return found


def read_ahead(some: Sequence[Seen]) -> None:
    """Read the comments of these events together, which costs a tenth of reading them one by one."""
    by_workspace: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for one in some:
        if one.event.name in FEEDBACK and (text := said_in(one.event.workspace_id, one.properties)):
            by_workspace[one.event.workspace_id].append(text)
    for workspace_id, texts in by_workspace.items():
        remember(workspace_id, texts)


def handle(workspace: Workspace, found: Met, customer: Customer | None) -> Alert | None:
    """Ask the second halves, and raise one alert for all rules that hold. Raises EventlogError."""
    held: list[tuple[Compiled, dict[str, Any]]] = []
    for each in found.rules:
        if holds_for(found.one, customer, each.second):
            data = data_of(workspace, each, found.one, customer)
            if data is not None:
                held.append((each, data))
    if not held:
        return None
    data = held[0][1]
    event = found.one.event
    order = next((said["order"] for one, said in held if one.rule.kind == Kind.LATE and said["order"]), "")
    occasion = Occasion(
        cause=f"order:{order}" if order else f"event:{event.event_id}",
        customer=customer, event_id=event.event_id, opened_by=cause_of_case(event, found.one), at=event.occurred_at,
        properties=found.one.properties, conversation=conversation_of(workspace, found.one),
    )  # fmt: skip
    with caused_by(event.event_id, found.one.depth + 1):
        return raise_alert(workspace=workspace, rules=[one.rule for one, _data in held], occasion=occasion, data=data)


def conversation_of(workspace: Workspace, one: Seen) -> Conversation | None:
    if one.event.source != "fact" or not isinstance(said := one.properties.get("conversation_id"), str):
        return None
    try:
        return Conversation.objects.filter(workspace=workspace, pk=UUID(said)).first()
    except ValueError:
        return None


def cause_of_case(event: LogEvent, one: Seen) -> str:
    """What a case that this event opens is called by: a message and an alert about it are one case."""
    message = one.properties.get("message_id")
    if event.name != "answer_given" and event.source == "fact" and isinstance(message, str):
        return f"message:{message}"
    return f"answer:{event.event_id}" if event.name == "answer_given" else f"event:{event.event_id}"


def data_of(workspace: Workspace, each: Compiled, one: Seen, customer: Customer | None) -> dict[str, Any] | None:
    """What the sentence of the alert needs; None where there is nothing to tell."""
    match each.rule.kind:
        case Kind.ANSWER:
            return {**answer_data(one), "event": one.event.name}
        case Kind.WORDS:
            return {**answer_data(one), "word": phrase_finder(each.what.phrases)(one)}
        case Kind.PATTERN:
            times = count(workspace, each, one, customer)
            return None if times < each.what.times else {
                "event": each.what.event, "times": times, "days": each.what.days, "comment": answer_data(one)["comment"]
            }  # fmt: skip
        case Kind.LATE:
            return late_data(workspace, each, one)
    return None


def answer_data(one: Seen) -> dict[str, Any]:
    names = ("metric", "score", "scale", "question", "survey", "comment", "channel", "touchpoint")
    found = {name: value for name in names if isinstance(value := one.properties.get(name), str | int | float)}
    comment = found.get("comment", "")
    return {**found, "comment": comment[:2000] if isinstance(comment, str) else ""}


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    properties: str


PATTERN = """
SELECT toString(any(e.name)) AS name, any(e.properties) AS properties FROM events AS e
WHERE $scope AND e.name IN {names:Array(String)} AND customer_id IN {ids:Array(UUID)}
GROUP BY event_id LIMIT {limit:UInt32}
"""


def count(workspace: Workspace, each: Compiled, one: Seen, customer: Customer | None) -> int:
    """How often it has happened to this customer within the days up to the event, the event with it."""
    event, names = one.event, list(events_of(each.what))
    ids = [event.customer_id]
    if customer:
        [family] = families(workspace.pk, [customer.pk])
        ids = [*ids, *ids_in_log(workspace.pk, family)]
    scope = Scope(
        workspace.pk, since=event.occurred_at - timedelta(days=each.what.days),
        until=event.occurred_at + timedelta(milliseconds=1),
    )  # fmt: skip
    rows = ask(
        PATTERN, scope, row=Row, name="alerts.pattern", table="events", names=names,
        ids=[str(pk) for pk in dict.fromkeys(ids)][:3000], limit=LOOKED_AT,
    ).rows  # fmt: skip
    return sum(each.first(seen(like(event, row.name, row.properties))) for row in rows)


def like(event: LogEvent, name: str, properties: str) -> LogEvent:
    """Another event, of which the rule asks name and properties only."""
    values = {field: getattr(event, field) for field in LogEvent.__slots__}
    return LogEvent(**{**values, "name": name, "properties": properties})


@dataclass(frozen=True, slots=True)
class Promised:
    at: datetime | None


PROMISED = """
SELECT max(promised_at) AS at FROM order_milestones WHERE $scope AND order_id = {order:String}
"""


def late_data(workspace: Workspace, each: Compiled, one: Seen) -> dict[str, Any] | None:
    order = str(getter("property.order_id")(one) or "")
    said = getter("property.promised_at")(one)
    promised = parse_time(said)
    if promised is None and order:
        rows = ask(PROMISED, Scope(workspace.pk), row=Promised, name="alerts.promised", table="order_milestones",
                   order=order).rows  # fmt: skip
        promised = rows[0].at if rows else None
        promised = promised.replace(tzinfo=UTC) if promised and promised.tzinfo is None else promised
    if promised is None:
        return None
    late = one.event.occurred_at - promised
    if late <= timedelta(hours=each.what.hours):
        return None
    return {"order": order, "hours": max(1, int(late.total_seconds() // 3600)), "delivered": True}


def parse_time(text: object) -> datetime | None:
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
