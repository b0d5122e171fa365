"""Customer churn and revenue churn, on one of three bases (option `basis`). Merged profiles are one customer.

- `status` (the default, for sources that know no dates): customers with a subscription reported in the period, in its
  present state (the report with the highest version); churned when none of them is active. Revenue: the monthly amount
  of ended subscriptions among that of all reported.
- `dates`: customers with a subscription running at the start of the period (`started_at` before it, no `ended_at` up to
  it); churned when none of theirs runs at its end. Revenue: the monthly amount lost among those customers, each at most
  what it paid (a customer who pays more does not make up for another). A subscription without a start is left out.
- `inactivity`: customers with an order in the `window` days (90 unless told) before the start of the period; churned
  when they have none in the `window` days before its end. Revenue: the money of their orders in the first of those
  windows. With `activity` = events, any event counts instead of orders (customers only).

With no period given, `dates` and `inactivity` run from the first start, or the first order plus the window, to now. A
breakdown or filter looks at the subscription, the order or the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.intervals import ratio, share_of
from cxm.stats.samples import ShareSample

from .counted import ask_cells
from .merges import KNOWN
from .metric import Cell, Measurement, Metric, Option, Question
from .periods import bounds, day_in, starts, utc
from .refusals import BadOption, MixedCurrencies
from .scores import fill

BASIS = Option("basis", _("How leaving is known"), "choice", default="status", values=("status", "dates", "inactivity"))
WINDOW = Option("window", _("Days without activity"), "whole", default=90, low=1, high=3650)
ACTIVITY = Option("activity", _("What counts as activity"), "choice", default="orders", values=("orders", "events"))

PRESENT = (
    "event_id GLOBAL IN (SELECT argMax(event_id, (version, event_id)) FROM subscriptions WHERE $workspace"
    " GROUP BY subscription_id)"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Sums over customers: how many, how many lost, money at risk (x) and lost (y), and their squares."""

    period: date
    by: str
    customers: int
    lost: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float
    currencies: list[str]


SUMS = """
SELECT period, by, toUInt64(count()) AS customers, toUInt64(countIf(left)) AS lost,
       toFloat64(sum(at_risk)) AS x, toFloat64(sum(gone)) AS y, toFloat64(sum(at_risk * at_risk)) AS xx,
       toFloat64(sum(gone * gone)) AS yy, toFloat64(sum(at_risk * gone)) AS xy,
       arraySort(groupUniqArrayArray(currencies)) AS currencies
FROM ($customers_of)
GROUP BY period, by ORDER BY period, by
"""
STATUS_SQL = """
  SELECT $period AS period, $by AS by, $customer AS customer_key, countIf(status = 'active') = 0 AS left,
         sum(ifNull(amount, 0)) AS at_risk, sumIf(ifNull(amount, 0), status != 'active') AS gone,
         groupUniqArrayIf(2)(currency, ifNull(amount, 0) != 0) AS currencies
  FROM subscriptions $join $merges
  WHERE $scope AND $present AND $known
  GROUP BY period, by, customer_key
"""
# `edge` is the number of a period: 1 for the first.
DATES_SQL = """
  SELECT {days:Array(Date)}[edge] AS period, by, customer_key, after = 0 AS left, before_money AS at_risk,
         greatest(before_money - after_money, 0) AS gone, currencies
  FROM (
    SELECT edge, $by AS by, $customer AS customer_key,
           countIf(runs(begins)) AS before, countIf(runs(ends)) AS after,
           sumIf(ifNull(amount, 0), runs(begins)) AS before_money, sumIf(ifNull(amount, 0), runs(ends)) AS after_money,
           groupUniqArrayIf(2)(currency, ifNull(amount, 0) != 0) AS currencies
    FROM subscriptions $join $merges
    ARRAY JOIN arrayEnumerate({begins:Array(DateTime64(3, 'UTC'))}) AS edge
    WHERE $scope AND $present AND $known AND started_at IS NOT NULL
    GROUP BY edge, by, customer_key
    HAVING before > 0
  )
"""
INACTIVE_SQL = """
  SELECT {days:Array(Date)}[edge] AS period, by, customer_key, after = 0 AS left, money AS at_risk,
         if(after = 0, money, 0) AS gone, currencies
  FROM (
    SELECT edge, $by AS by, $customer AS customer_key,
           countIf(within(begins)) AS before, countIf(within(ends)) AS after,
           sumIf($amount, within(begins)) AS money,
           groupUniqArrayIf(2)($currency, $amount != 0) AS currencies
    FROM $from $join $merges
    ARRAY JOIN arrayEnumerate({begins:Array(DateTime64(3, 'UTC'))}) AS edge
    WHERE $scope AND $active AND $known
    GROUP BY edge, by, customer_key
    HAVING before > 0
  )
"""
RUNS = (
    "(assumeNotNull(started_at) < {{{edge}:Array(DateTime64(3, 'UTC'))}}[edge]"
    " AND (status = 'active' AND ended_at IS NULL OR ifNull(ended_at, toDateTime64(0, 3, 'UTC'))"
    " >= {{{edge}:Array(DateTime64(3, 'UTC'))}}[edge]))"
)
WITHIN = (
    "(occurred_at < {{{edge}:Array(DateTime64(3, 'UTC'))}}[edge]"
    " AND occurred_at >= {{{edge}:Array(DateTime64(3, 'UTC'))}}[edge] - toIntervalDay({{window:UInt32}}))"
)


def churn_rows(question: Question, revenue: bool) -> tuple[list[Row], str, Mapping[str, Any]]:
    basis, orders = question.options["basis"], question.options["activity"] == "orders"
    if basis == "status":
        sql = fill(SUMS, customers_of=fill(STATUS_SQL, present=PRESENT))
        answer = ask_cells(question, sql, Row, name="churn.status", table="subscriptions")
        return answer.rows, answer.sql, answer.parameters
    if revenue and basis == "inactivity" and not orders:
        raise BadOption(str(_("Events have no money: revenue churn by inactivity needs orders as activity.")))
    table = "subscriptions" if basis == "dates" else "order_milestones" if orders else "events"
    active = "milestone = 'placed'" if table == "order_milestones" else "1"
    edges = edges_of(question, table, active, question.options["window"] if basis == "inactivity" else 0)
    if not edges:
        return [], "", {}
    if basis == "dates":
        inner = fill(DATES_SQL, present=PRESENT)
        inner = inner.replace("runs(begins)", RUNS.format(edge="begins")).replace(
            "runs(ends)", RUNS.format(edge="ends")
        )
    else:
        money = (
            {"amount": "ifNull(amount, 0)", "currency": "currency"} if orders else {"amount": "0.", "currency": "''"}
        )
        inner = fill(INACTIVE_SQL, **{"from": table, "active": active, **money})
        for edge in ("begins", "ends"):
            inner = inner.replace(f"within({edge})", WITHIN.format(edge=edge))
    answer = ask_cells(
        question, fill(SUMS, customers_of=inner), Row, name=f"churn.{basis}", table=table,
        scope=question.scope.during(None, None), days=[day.isoformat() for day, _, _ in edges],
        begins=[begin for _, begin, _ in edges], ends=[end for _, _, end in edges],
        **({"window": question.options["window"]} if basis == "inactivity" else {}),
    )  # fmt: skip
    return answer.rows, answer.sql, answer.parameters


@dataclass(frozen=True, slots=True)
class FirstRow:
    n: int
    first: datetime


def edges_of(question: Question, table: str, active: str, window: int) -> list[tuple[date, datetime, datetime]]:
    """Each period's first day, start and end; a period that has not ended yet ends now."""
    zone, since = question.scope.time_zone, question.scope.since
    until = min(question.scope.until or question.now, question.now)
    if since is None:
        time = "ifNull(started_at, occurred_at)" if table == "subscriptions" else "occurred_at"
        sql = f"SELECT count() AS n, min({time}) AS first FROM {table} WHERE $scope AND {active} AND {KNOWN}"
        row = ask(sql, Scope(question.scope.workspace_id), row=FirstRow, name="metrics.first", table=table).rows[0]
        if not row.n:
            return []
        since = utc(row.first) + timedelta(days=window, milliseconds=1)
    if since >= until:
        return []
    if question.grain == "all":
        return [(date(1970, 1, 1), since, until)]
    found = []
    for day in starts(day_in(since, zone), day_in(until, zone), question.grain):
        begin, end = bounds(day, question.grain, zone, since, until)
        assert begin and end
        if begin < end:
            found.append((day, begin, end))
    return found


def customer_churn(question: Question) -> Measurement:
    rows, sql, parameters = churn_rows(question, revenue=False)
    cells = []
    for row in rows:
        sample = ShareSample(row.lost, row.customers)
        cells.append(Cell(row.period, row.by, share_of(sample), sample, {"lost": row.lost, "customers": row.customers}))
    return Measurement(cells, sql, parameters)


def revenue_churn(question: Question) -> Measurement:
    rows, sql, parameters = churn_rows(question, revenue=True)
    cells = []
    for row in rows:
        currency = only_currency(row.currencies)
        estimate = ratio(row.customers, row.y, row.x, row.yy, row.xx, row.xy, (0.0, 1.0))
        cells.append(Cell(row.period, row.by, estimate, None, {"lost": row.y, "revenue": row.x}, currency))
    return Measurement(cells, sql, parameters)


def only_currency(currencies: list[str]) -> str:
    if len(currencies) > 1:
        raise MixedCurrencies(currencies)
    return currencies[0] if currencies else ""


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    without_amount: int
    without_start: int
    nobody: int


EXCLUDED_SQL = f"""
SELECT countIf(amount IS NULL) AS without_amount, countIf(started_at IS NULL) AS without_start,
       countIf(NOT ({KNOWN})) AS nobody
FROM subscriptions $join WHERE $scope AND {PRESENT}
"""


def excluded(question: Question) -> dict[str, int]:
    if question.options["basis"] == "inactivity":
        return {}
    scope = question.scope if question.options["basis"] == "status" else question.scope.during(None, None)
    row = ask(EXCLUDED_SQL, scope, row=ExcludedRow, name="metrics.excluded", table="subscriptions").rows[0]
    return {"without_amount": row.without_amount, "without_start": row.without_start, "nobody": row.nobody}


CHURN = Metric(
    key="churn",
    name=_("Customer churn"),
    definition=_(
        "The share of customers who left. By status: of customers with a subscription reported in the period, those"
        " without an active one now. By dates: of customers with a running subscription at the start of the period,"
        " those without one at its end. By inactivity: of customers active in the days before the start of the period"
        " (90 unless told), those not active in as many days before its end. Merged customers count once; unknown"
        " customers do not count."
    ),
    formula="100 × customers who left / customers at risk",
    interval="wilson",
    unit="percent",
    direction="lower",
    table="subscriptions",
    measure=customer_churn,
    options=(BASIS, WINDOW, ACTIVITY),
    excluded=excluded,
    counted=PRESENT,
    events="subscription_updated, or order_placed, or any event",
)
REVENUE_CHURN = Metric(
    key="revenue_churn",
    name=_("Revenue churn"),
    definition=_(
        "The share of money that left with customers or their subscriptions. By status: the monthly amount of ended"
        " subscriptions among all reported in the period. By dates: the monthly amount that customers at the start of"
        " the period no longer pay at its end. By inactivity: the money of orders in the days before the start of the"
        " period that came from customers without an order in as many days before its end. An unknown amount counts"
        " as nothing."
    ),
    formula="100 × money lost / money at risk",
    interval="ratio_t",
    unit="percent",
    direction="lower",
    table="subscriptions",
    measure=revenue_churn,
    options=(BASIS, WINDOW, ACTIVITY),
    excluded=excluded,
    source="Cochran, Sampling Techniques, 1977, section 6.4",
    counted=PRESENT,
    events="subscription_updated (amount), or order_placed (amount)",
)
