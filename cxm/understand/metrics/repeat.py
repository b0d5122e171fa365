"""Repeat rate: customers with two or more orders.

Population: customers with at least one order placed in the period, merged profiles as one customer; orders of nobody we
know do not count. A customer repeats with two or more different orders placed within the same period and group, so a
short period finds fewer. Cancelled orders count: they were placed.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .counted import HitsRow, ask_cells, hit_cells
from .metric import Measurement, Metric, Question

SQL = """
SELECT period, by, toUInt64(countIf(orders >= 2)) AS hits, toUInt64(count()) AS total
FROM (
  SELECT $period AS period, $by AS by, $customer AS customer_key, uniqExact(order_id) AS orders
  FROM order_milestones $join $merges
  WHERE $scope AND milestone = 'placed' AND $known
  GROUP BY period, by, customer_key
)
GROUP BY period, by ORDER BY period, by
"""


def repeat_rate(question: Question) -> Measurement:
    answer = ask_cells(question, SQL, HitsRow, name="repeat", table="order_milestones")
    return hit_cells(answer, hits="repeaters", total="customers")


REPEAT = Metric(
    key="repeat",
    name=_("Repeat customers"),
    definition=_(
        "The share of customers with two or more orders placed in the period, among those with one or more. Merged"
        " customers count once; orders of unknown customers do not count."
    ),
    formula="100 × customers with two or more orders / customers with an order",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="order_milestones",
    measure=repeat_rate,
    counted="milestone = 'placed'",
    events="order_placed",
)
