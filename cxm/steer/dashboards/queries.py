"""What a workspace has recorded: which figures a board can show, and from when to when there is data."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.metrics.metric import Metric

from .address import View
from .models import Board, Tiles
from .periods import Days

MOST_AUTOMATIC: Final = 15
MOST_QUESTIONS: Final = {"nps": 2, "csat": 3, "ces": 2, "rating": 3}
LEAST_ANSWERS: Final = 10  # fewer make no tile by themselves


@dataclass(frozen=True, slots=True)
class QuestionRow:
    metric: str
    question: str
    scales: int
    n: int


QUESTIONS_SQL = """
SELECT toString(metric) AS metric, toString(question) AS question, toUInt32(uniqExact(scale)) AS scales,
       toUInt64(sum(n)) AS n
FROM feedback_rollup WHERE $scope
GROUP BY metric, question ORDER BY n DESC, question
LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class TicketRow:
    n: int
    complaints: int
    responded: int
    resolved: int
    levels: int


TICKETS_SQL = """
SELECT count() AS n, countIf(complaint IS NOT NULL) AS complaints, countIf(first_responded_at IS NOT NULL) AS responded,
       countIf(resolved_at IS NOT NULL) AS resolved, countIf(sla_met IS NOT NULL) AS levels
FROM tickets WHERE $scope
"""


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    n: int
    dated: int
    paid: int


SUBSCRIPTIONS_SQL = """
SELECT count() AS n, countIf(started_at IS NOT NULL) AS dated, countIf(ifNull(amount, 0) > 0) AS paid
FROM subscriptions WHERE $scope
"""


@dataclass(frozen=True, slots=True)
class OrderRow:
    n: int
    paid: int


ORDERS_SQL = """
SELECT countIf(milestone = 'placed') AS n, countIf(milestone = 'placed' AND ifNull(amount, 0) > 0) AS paid
FROM order_milestones WHERE $scope
"""


def tiles_of(workspace: Workspace) -> tuple[Tiles, Board | None]:
    """The tiles of the home board: as somebody arranged them, else by the data that there is."""
    board = Board.objects.filter(workspace=workspace).first()
    if board is not None and board.tiles is not None:
        return board.tiles, board
    return automatic_tiles(workspace), board


def automatic_tiles(workspace: Workspace) -> Tiles:
    """The figures that the recorded data can give: feedback first, then service, then loyalty."""
    scope = Scope(workspace.pk)
    with ThreadPoolExecutor(max_workers=4) as pool:
        feedback = pool.submit(
            ask, QUESTIONS_SQL, scope, row=QuestionRow, name="board.questions", table="feedback_rollup", time="bucket"
        )
        tickets = pool.submit(ask, TICKETS_SQL, scope, row=TicketRow, name="board.tickets", table="tickets")
        subscriptions = pool.submit(
            ask, SUBSCRIPTIONS_SQL, scope, row=SubscriptionRow, name="board.subscriptions", table="subscriptions"
        )
        orders = pool.submit(ask, ORDERS_SQL, scope, row=OrderRow, name="board.orders", table="order_milestones")
    tiles = [
        *_question_tiles(feedback.result().rows),
        *_ticket_tiles(tickets.result().rows[0]),
        *_loyalty_tiles(subscriptions.result().rows[0], orders.result().rows[0]),
    ]
    return tiles[:MOST_AUTOMATIC]


def basis_of(workspace: Workspace) -> dict[str, tuple[tuple[str, str], ...]]:
    """The options that fit the recorded data, metric by metric: an overview must say what the home board says."""
    answered = ask(
        SUBSCRIPTIONS_SQL, Scope(workspace.pk), row=SubscriptionRow, name="board.subscriptions", table="subscriptions"
    )
    basis = subscription_basis(answered.rows[0])
    return {"churn": basis, "revenue_churn": basis}


def tile(metric: str, *options: tuple[str, str], title: str = "") -> dict[str, str]:
    return {"metric": metric, "query": View(options=options).query, "title": title}


def _question_tiles(rows: list[QuestionRow]) -> Iterator[dict[str, str]]:
    """A tile for the most answered questions of each kind; one tile without a question where there is only one."""
    enough = [row for row in rows if row.n >= LEAST_ANSWERS] or rows  # the first answers of a company are shown too
    for kind, most in MOST_QUESTIONS.items():
        asked = [row for row in enough if row.metric == kind]
        for row in asked[:most]:
            options = (("question", row.question),) if len(asked) > 1 and row.question else ()
            yield tile(_metric_of(kind, row), *options)


def _metric_of(kind: str, row: QuestionRow) -> str:
    """Shares may mix scales, means may not."""
    return {"ces": "ces_easy", "rating": "rating_top"}.get(kind, kind) if row.scales > 1 else kind


def _ticket_tiles(row: TicketRow) -> Iterator[dict[str, str]]:
    if not row.n:
        return
    if row.complaints:
        yield tile("complaint_rate")
    if row.responded:
        yield tile("first_response")
    if row.resolved:
        yield tile("resolution")
    if row.levels:
        yield tile("sla")
    yield tile("reopening")


def subscription_basis(row: SubscriptionRow) -> tuple[tuple[str, str], ...]:
    """Subscriptions that mostly carry dates are counted by dates, others by the status that was reported."""
    return (("basis", "dates"),) if row.dated * 2 > row.n else ()


def _loyalty_tiles(subscriptions: SubscriptionRow, orders: OrderRow) -> Iterator[dict[str, str]]:
    if subscriptions.n:
        basis = subscription_basis(subscriptions)
        yield tile("churn", *basis)
        if subscriptions.paid:
            yield tile("revenue_churn", *basis)
    if orders.n:
        yield tile("repeat")
    if orders.paid:
        yield tile("clv")


@dataclass(frozen=True, slots=True)
class ExtentRow:
    n: int
    first: datetime
    last: datetime


EXTENT_SQL = "SELECT count() AS n, min(occurred_at) AS first, max(occurred_at) AS last FROM {table} WHERE $scope{kinds}"


def days_with_data(workspace: Workspace, metric: Metric | None = None) -> Days | None:
    """From the first to the last day with anything that a metric (or any) could count; None without."""
    table = metric.table if metric else "events"
    kinds = metric.kinds if metric and table == "feedback" else ()
    parameters: dict[str, Any] = {"kinds": list(kinds)} if kinds else {}
    sql = EXTENT_SQL.replace("{table}", table)
    sql = sql.replace("{kinds}", " AND metric IN {kinds:Array(String)}" if kinds else "")
    row = ask(sql, Scope(workspace.pk), row=ExtentRow, name="board.extent", table=table, **parameters).rows[0]
    if not row.n:
        return None
    return Days(_day(row.first, workspace), _day(row.last, workspace))


def first_day_before(workspace: Workspace, days: Days) -> date | None:
    """The first day with any data before a period; None without."""
    zone = workspace.time_zone
    since, _until = days.moments(zone)
    scope = Scope(workspace.pk, zone, None, since)
    sql = EXTENT_SQL.replace("{table}", "events").replace("{kinds}", "")
    row = ask(sql, scope, row=ExtentRow, name="board.extent", table="events").rows[0]
    return _day(row.first, workspace) if row.n else None


def _day(moment: datetime, workspace: Workspace) -> date:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(workspace.time_zone)).date()
