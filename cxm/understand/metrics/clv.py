"""Customer lifetime value: what customers brought so far, and what to expect of them.

- `clv`: the money of all orders placed in the period, per customer who placed one. Cancelled orders do not count;
  orders of nobody we know neither. Merged profiles are one customer.
- `clv_predicted` and `expected_purchases`: BG/NBD for how often and Gamma–Gamma for how much (`cxm.stats.clv`), from
  the orders up to the end of the scope (or now) in weeks, orders of one day (in the workspace's time zone) being one
  purchase; or, where histories that another system summed up were reported (`purchase_history_reported`), from the
  newest of each customer. The number is the mean over customers of what to expect in the next `weeks`, without
  discount. Its interval leaves out a tenth of the customers in turn and fits again (delete-a-group jackknife), so it
  holds the doubt about the model's parameters. No group without a repeat customer: otherwise there is no interval.

The prediction is for all customers known at the end, so it has no grain: it belongs to the scope as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import Grain, Scope
from cxm.stats.clv import (
    BgNbd,
    GammaGamma,
    NotFitted,
    expected_average_value,
    expected_purchases,
    fit_bg_nbd,
    fit_gamma_gamma,
)
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, student
from cxm.stats.refusals import Floats
from cxm.stats.samples import MeanSample

from .churn import only_currency
from .counted import ask_cells
from .merges import with_customers
from .metric import Cell, Means, Measurement, Metric, Option, Question
from .refusals import BadOption
from .scores import deviation

WEEKS = Option("weeks", _("Weeks to look ahead"), "number", default=52.0, low=1, high=520)
GROUPS = 10  # of the jackknife


@dataclass(frozen=True, slots=True)
class HistoricRow:
    period: date
    by: str
    n: int
    total: float
    total_of_squares: float
    currencies: list[str]


HISTORIC_SQL = """
SELECT period, by, toUInt64(count()) AS n, sum(money) AS total, sum(money * money) AS total_of_squares,
       arraySort(groupUniqArrayArray(currencies)) AS currencies
FROM (
  SELECT $period AS period, $by AS by, $customer AS customer_key, toFloat64(sum(ifNull(amount, 0))) AS money,
         groupUniqArrayIf(2)(currency, ifNull(amount, 0) != 0) AS currencies
  FROM order_milestones $join $merges
  WHERE $scope AND milestone = 'placed' AND $known
    AND order_id GLOBAL NOT IN (SELECT order_id FROM order_milestones WHERE $workspace AND milestone = 'cancelled')
  GROUP BY period, by, customer_key
)
GROUP BY period, by ORDER BY period, by
"""


def historic(question: Question) -> Measurement:
    answer = ask_cells(question, HISTORIC_SQL, HistoricRow, name="clv", table="order_milestones")
    cells = []
    for row in answer.rows:
        sample = MeanSample(row.n, row.total, row.total_of_squares)
        cells.append(
            Cell(
                row.period,
                row.by,
                mean_of(sample),
                Means(sample),
                {"total": row.total, "deviation": deviation(sample)},
                only_currency(row.currencies),
            )
        )
    return Measurement(cells, answer.sql, answer.parameters)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """`customers` who share a history: purchases after the first, weeks, mean value of those purchases."""

    by: str
    part: int
    x: int
    t_x: float
    age: float
    value: float
    customers: int
    currencies: list[str]


SUMMARIES_SQL = """
SELECT by, toUInt8(cityHash64(customer_key) % 10) AS part, toUInt32(latest.1) AS x, latest.2 AS t_x, latest.3 AS age,
       latest.4 AS value, count() AS customers, emptyArrayString() AS currencies
FROM (
  SELECT $by AS by, $customer AS customer_key,
         argMax((repeat_purchases, recency, age, ifNull(mean_value, 0)), (occurred_at, event_id)) AS latest
  FROM purchase_histories $join $merges
  WHERE $scope AND $known
  GROUP BY by, customer_key
)
GROUP BY by, part, x, t_x, age, value ORDER BY by, part, x, t_x, age, value
"""
ORDERS_SQL = """
SELECT by, toUInt8(cityHash64(customer_key) % 10) AS part, toUInt32(length(days) - 1) AS x,
       (arrayMax(days) - arrayMin(days)) / 7 AS t_x,
       dateDiff('day', arrayMin(days), toDate({end:DateTime64(3, 'UTC')} - toIntervalMillisecond(1), $tz)) / 7 AS age,
       if(x > 0, (money - money_of_first_day) / x, 0) AS value, count() AS customers,
       arraySort(groupUniqArrayArray(kinds_of_money)) AS currencies
FROM (
  SELECT by, customer_key, groupArray(day) AS days, sum(spent) AS money, argMin(spent, day) AS money_of_first_day,
         groupUniqArrayArray(kinds) AS kinds_of_money
  FROM (
    SELECT $by AS by, $customer AS customer_key, toDate(occurred_at, $tz) AS day, sum(ifNull(amount, 0)) AS spent,
           groupUniqArrayIf(2)(currency, ifNull(amount, 0) != 0) AS kinds
    FROM order_milestones $join $merges
    WHERE $scope AND milestone = 'placed' AND $known
      AND order_id GLOBAL NOT IN (SELECT order_id FROM order_milestones WHERE $workspace AND milestone = 'cancelled')
    GROUP BY by, customer_key, day
  )
  GROUP BY by, customer_key
)
GROUP BY by, part, x, t_x, age, value ORDER BY by, part, x, t_x, age, value
"""


@dataclass(frozen=True, slots=True)
class SomeRow:
    n: int


def histories(question: Question) -> Answer[HistoryRow]:
    """Purchase histories, from summaries where there are any in scope, else from orders."""
    end = min(question.scope.until or question.now, question.now)
    scope = question.scope.during(question.scope.since, end)
    some = ask(
        "SELECT count() AS n FROM purchase_histories WHERE $scope", Scope(question.scope.workspace_id),
        row=SomeRow, name="metrics.clv", table="purchase_histories",
    ).rows[0].n  # fmt: skip
    table = "purchase_histories" if some else "order_milestones"
    more: dict[str, Any] = {} if some else {"end": end}
    return ask(
        with_customers(SUMMARIES_SQL if some else ORDERS_SQL, scope), scope, row=HistoryRow, name="metrics.clv",
        table=table, by=question.by, **more,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of one group as columns."""

    part: Floats
    x: Floats
    t_x: Floats
    age: Floats
    value: Floats
    customers: Floats

    @staticmethod
    def of(rows: list[HistoryRow]) -> Histories:
        table = np.array(
            [(row.part, row.x, row.t_x, row.age, row.value, row.customers) for row in rows], dtype=np.float64
        )
        return Histories(*table.reshape(-1, 6).T)

    def without(self, part: int) -> Histories:
        kept = self.part != part
        return Histories(*(getattr(self, name)[kept] for name in self.__slots__))


def fit_purchases(of: Histories) -> BgNbd:
    return fit_bg_nbd(of.x, of.t_x, of.age, of.customers)


def fit_values(of: Histories) -> GammaGamma:
    again = (of.x > 0) & (of.value > 0)
    return fit_gamma_gamma(of.x[again], of.value[again], of.customers[again])


def mean_purchases(of: Histories, weeks: float) -> float:
    expected = expected_purchases(fit_purchases(of), weeks, of.x, of.t_x, of.age)
    return float(np.average(expected, weights=of.customers))


def mean_value(of: Histories, weeks: float) -> float:
    expected = expected_purchases(fit_purchases(of), weeks, of.x, of.t_x, of.age)
    spent = expected_average_value(fit_values(of), np.where(of.value > 0, of.x, 0.0), of.value)
    return float(np.average(expected * spent, weights=of.customers))


def jackknifed(of: Histories, number: Callable[[Histories], float]) -> Estimate:
    """The number with a delete-a-group jackknife interval (Shao and Tu, The Jackknife and Bootstrap, 1995, 2.3).

    No value where the model cannot be fitted to all customers; no interval where it cannot without some group.
    """
    n = int(of.customers.sum())
    try:
        value = number(of)
    except ValueError:  # NotFitted, or an infinite mean value: these customers do not carry the model
        return Estimate(None, None, None, n, "none")
    try:
        others = [number(of.without(part)) for part in range(GROUPS)]
    except ValueError:
        return Estimate(value, None, None, n, "none")
    spread = math.sqrt((GROUPS - 1) / GROUPS * sum((other - sum(others) / GROUPS) ** 2 for other in others))
    half = student(GROUPS - 1) * spread
    return Estimate(value, max(value - half, 0.0), value + half, n, "jackknife")


def predicted(question: Question, number: Callable[[Histories, float], float], money: bool) -> Measurement:
    check_grain(question.grain)
    answer = histories(question)
    groups: dict[str, list[HistoryRow]] = {}
    for row in answer.rows:
        groups.setdefault(row.by, []).append(row)
    cells = []
    for by, rows in groups.items():
        currencies = sorted({currency for row in rows for currency in row.currencies})
        currency = only_currency(currencies) if money else ""
        estimate = jackknifed(Histories.of(rows), lambda of: number(of, question.options["weeks"]))
        cells.append(Cell(date(1970, 1, 1), by, estimate, None, {}, currency))
    return Measurement(cells, answer.sql, answer.parameters)


def check_grain(grain: Grain) -> None:
    if grain != "all":
        raise BadOption(_now("A prediction is made for all customers at the end of the period: choose no steps."))


def predicted_purchases(question: Question) -> Measurement:
    return predicted(question, mean_purchases, money=False)


def predicted_value(question: Question) -> Measurement:
    return predicted(question, mean_value, money=True)


@dataclass(frozen=True, slots=True)
class Model:
    """What was fitted: BG/NBD (r, alpha in weeks, a, b) and Gamma–Gamma (p, q, v), each None where it failed."""

    purchases: BgNbd | None
    values: GammaGamma | None
    customers: int
    returning: int
    sql: str
    problem: str


def fit(question: Question) -> Model:
    """Both models for the customers of a scope; `problem` says why one is missing."""
    check_grain(question.grain)
    answer = histories(question)
    of = Histories.of(answer.rows)
    problems, purchases, values = [], None, None
    try:
        purchases = fit_purchases(of)
    except NotFitted as error:
        problems.append(str(error))
    try:
        values = fit_values(of)
    except NotFitted as error:
        problems.append(str(error))
    returning = int(of.customers[of.x > 0].sum())
    return Model(purchases, values, int(of.customers.sum()), returning, answer.sql, "; ".join(problems))


CLV = Metric(
    key="clv",
    name=_("Customer value so far"),
    definition=_(
        "The money of orders placed in the period per customer who placed one. Cancelled orders and orders of unknown"
        " customers do not count; merged customers count once."
    ),
    formula="money of orders / customers with an order",
    interval="t",
    unit="money",
    direction="higher",
    table="order_milestones",
    measure=historic,
    counted="milestone = 'placed'",
    events="order_placed (amount), order_cancelled",
)
CLV_PREDICTED = Metric(
    key="clv_predicted",
    name=_("Predicted customer value"),
    definition=_(
        "The money to expect per customer in the next weeks (52 unless told): expected purchases by BG/NBD times the"
        " expected value of a purchase by Gamma–Gamma, without discount, from all orders up to the end of the period"
        " or from purchase histories that were reported."
    ),
    formula="mean over customers of (expected purchases × expected value of a purchase)",
    interval="jackknife",
    unit="money",
    direction="higher",
    table="order_milestones",
    measure=predicted_value,
    options=(WEEKS,),
    source="Fader, Hardie and Lee, Marketing Science 24, 2005; Fader and Hardie, 2013",
    counted="milestone = 'placed'",
    events="order_placed (amount), or purchase_history_reported",
)
EXPECTED_PURCHASES = Metric(
    key="expected_purchases",
    name=_("Expected purchases"),
    definition=_(
        "The purchases to expect per customer in the next weeks (52 unless told), by the BG/NBD model, from all orders"
        " up to the end of the period or from purchase histories that were reported."
    ),
    formula="mean over customers of the expected purchases",
    interval="jackknife",
    unit="purchases",
    direction="higher",
    table="order_milestones",
    measure=predicted_purchases,
    options=(WEEKS,),
    source="Fader, Hardie and Lee, Marketing Science 24, 2005",
    counted="milestone = 'placed'",
    events="order_placed, or purchase_history_reported",
)
