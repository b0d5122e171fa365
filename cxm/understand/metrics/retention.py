"""Cohort retention: how many new customers come back in a later stretch of days.

Cohort: customers by their first order ever (merged profiles as one; unknown customers do not count); it belongs to the
period of that order. Retained are those with another order from `after` days (30 unless told) to before `after` +
`length` days (30) following it. Customers whose stretch has not wholly passed by the end of the scope, or by now, are
left out, so that a young cohort is not taken for a bad one. Filters and breakdowns choose among all orders before the
first is looked for: "first order in the web shop".
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

from .counted import HitsRow, ask_cells, hit_cells
from .metric import Measurement, Metric, Option, Question

AFTER = Option("after", _("Days after the first order"), "whole", default=30, low=1, high=3650)
LENGTH = Option("length", _("Length of the stretch in days"), "whole", default=30, low=1, high=3650)

SQL = """
SELECT $period AS period, by, toUInt64(countIf(back)) AS hits, toUInt64(count()) AS total
FROM (
  SELECT by, customer_key, arrayMin(times) AS occurred_at,
         arrayExists(at -> at >= occurred_at + toIntervalDay({after:UInt32})
           AND at < occurred_at + toIntervalDay({after:UInt32}) + toIntervalDay({length:UInt32}), times) AS back
  FROM (
    SELECT $by AS by, $customer AS customer_key, groupArray(order_milestones.occurred_at) AS times
    FROM order_milestones $join $merges
    WHERE $scope AND milestone = 'placed' AND $known
    GROUP BY by, customer_key
  )
)
WHERE occurred_at >= {first:DateTime64(3, 'UTC')}
  AND occurred_at + toIntervalDay({after:UInt32}) + toIntervalDay({length:UInt32}) <= {seen_until:DateTime64(3, 'UTC')}
GROUP BY period, by ORDER BY period, by
"""


def retention(question: Question) -> Measurement:
    until = min(question.scope.until or question.now, question.now)
    answer = ask_cells(
        question, SQL, HitsRow, name="retention", table="order_milestones", scope=question.scope.during(None, until),
        after=question.options["after"], length=question.options["length"], seen_until=until,
        first=question.scope.since or datetime(1900, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return hit_cells(answer, hits="retained", total="customers")


RETENTION = Metric(
    key="retention",
    name=_("Retention of new customers"),
    definition=_(
        "Of the customers whose first order lies in the period, the share with another order in a later stretch of days"
        " (from day 30 to day 60 unless told). Customers whose stretch is not over yet are left out. Merged customers"
        " count once; unknown customers do not count."
    ),
    formula="100 × customers with an order in the stretch / customers of the cohort",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="order_milestones",
    measure=retention,
    options=(AFTER, LENGTH),
    counted="milestone = 'placed'",
    events="order_placed",
)
