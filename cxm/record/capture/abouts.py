"""What the log knows of the orders and tickets that rows refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from .cells import json_text


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    customer: UUID
    late: bool | None


@dataclass(frozen=True, slots=True)
class Ticket:
    ticket_id: str
    customer: UUID
    priority: str


# A delivery counts as late when it came after the promise; without one of the two times, nothing is said.
ORDERS = """
SELECT order_id, argMax(customer_id, customer_id != toUUID('00000000-0000-0000-0000-000000000000')) AS customer,
       if(countIf(milestone = 'delivered') = 0 OR count(promised_at) = 0, NULL,
          minIf(occurred_at, milestone = 'delivered') > max(promised_at)) AS late
FROM order_milestones WHERE $scope AND order_id IN {ids:Array(String)} GROUP BY order_id
"""
TICKETS = """
SELECT ticket_id, argMax(customer_id, version) AS customer, argMax(t.priority, version) AS priority
FROM tickets AS t WHERE $scope AND ticket_id IN {ids:Array(String)} GROUP BY ticket_id
"""
FIELD = 100_000  # bytes of ids in one question: a server takes 128 KiB in one field over HTTP
PARAMETER = 60_000  # bytes: a server takes 128 KB, and each may need escaping
# A fragment is escaped as the lines for the log are (see cells.json_text).
TRUTH = {True: "true", False: "false"}


def facts_of(workspace_id: int, kind: str, ids: list[str]) -> Mapping[str, tuple[UUID, str]]:
    """For each known order or ticket: its customer, and what it adds to the properties of a row about it."""
    found: dict[str, tuple[UUID, str]] = {}
    part: list[str] = []
    size = 0
    for one in ids:
        if size + len(one) > FIELD:
            found |= facts_of_part(workspace_id, kind, part)
            part, size = [], 0
        part.append(one)
        size += 4 * len(one) + 4  # an id may be escaped, or not in Latin letters
    return found | facts_of_part(workspace_id, kind, part)


def facts_of_part(workspace_id: int, kind: str, ids: list[str]) -> dict[str, tuple[UUID, str]]:
    scope = Scope(workspace_id)
    facts: dict[str, tuple[UUID, str]] = {}
    for part in _parts(ids):
        if kind == "order":
            orders = ask(ORDERS, scope, row=Order, name="imports.orders", table="order_milestones", ids=part).rows
            for order in orders:
                late = f'"order_late":{TRUTH[bool(order.late)]},' if order.late is not None else ""
                facts[order.order_id] = order.customer, late
        else:
            tickets = ask(TICKETS, scope, row=Ticket, name="imports.tickets", table="tickets", ids=part).rows
            for ticket in tickets:
                priority = f'"ticket_priority":{json_text(ticket.priority)},' if ticket.priority else ""
                facts[ticket.ticket_id] = ticket.customer, priority
    return facts


def _parts(ids: list[str]) -> Iterator[list[str]]:
    """The ids in parts that fit into one parameter of a question."""
    part: list[str] = []
    size = 0
    for one in ids:
        size += len(one.encode()) + 4
        if size > PARAMETER and part:
            yield part
            part, size = [], len(one.encode()) + 4
        part.append(one)
    if part:
        yield part
