"""Delivery: how long it takes, and how often it comes late.

Population: orders placed in the period, each once (its first `order_placed`), that were delivered; filters and
breakdowns look at the order as it was placed. An order counts at the time it was placed. Late means delivered after the
promised time, to the millisecond: delivered exactly then is on time; the share is taken among all delivered orders, and
those without a promise cannot be late. Time is counted in days of 24 hours from placing to the first delivery.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import ask

from .counted import HitsRow, ask_cells, hit_cells
from .durations import STATISTIC, measure_durations
from .metric import Measurement, Metric, Question
from .scores import fill

# The first time that each order was placed.
PLACED = (
    "milestone = 'placed' AND event_id GLOBAL IN"
    " (SELECT argMin(event_id, (occurred_at, event_id)) FROM order_milestones"
    " WHERE $workspace AND milestone = 'placed' GROUP BY order_id)"
)
FROM = (
    "order_milestones $join GLOBAL ANY LEFT JOIN (SELECT order_id AS course_id,"
    " minIf(toUnixTimestamp64Milli(occurred_at), milestone = 'delivered') AS delivered,"
    " max(toUnixTimestamp64Milli(ifNull(promised_at, toDateTime64(0, 3, 'UTC')))) AS promised"
    " FROM order_milestones WHERE $workspace GROUP BY order_id) AS course ON order_id = course.course_id"
)
DELIVERED = f"{PLACED} AND course.delivered >= toUnixTimestamp64Milli(occurred_at)"
PLACED_AND_DELIVERED = (
    f"{PLACED} AND order_id GLOBAL IN"
    " (SELECT order_id FROM order_milestones WHERE $workspace AND milestone = 'delivered')"
)
LATE_SQL = """
SELECT $period AS period, $by AS by,
       toUInt64(countIf(course.promised > 0 AND course.delivered > course.promised)) AS hits, toUInt64(count()) AS total
FROM $from
WHERE $scope AND $delivered
GROUP BY period, by ORDER BY period, by
"""


def delivery_days(question: Question) -> Measurement:
    return measure_durations(
        question, name="delivery", table="order_milestones", source=FROM, counted=DELIVERED,
        value="(course.delivered - toUnixTimestamp64Milli(occurred_at)) / 86400000",
    )  # fmt: skip


def late_share(question: Question) -> Measurement:
    sql = fill(LATE_SQL, **{"from": FROM, "delivered": DELIVERED})
    answer = ask_cells(question, sql, HitsRow, name="late", table="order_milestones")
    return hit_cells(answer, hits="late", total="delivered")


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    not_delivered: int
    negative: int
    without_promise: int


EXCLUDED_SQL = """
SELECT countIf(course.delivered = 0) AS not_delivered,
       countIf(course.delivered > 0 AND course.delivered < toUnixTimestamp64Milli(occurred_at)) AS negative,
       countIf(course.delivered > 0 AND course.promised = 0) AS without_promise
FROM $from WHERE $scope AND $placed
"""


def excluded(question: Question) -> dict[str, int]:
    sql = fill(EXCLUDED_SQL, **{"from": FROM, "placed": PLACED})
    row = ask(sql, question.scope, row=ExcludedRow, name="metrics.excluded", table="order_milestones").rows[0]
    return {
        "not_delivered": row.not_delivered,
        "negative": row.negative,
        "without_promise": row.without_promise,
    }


DELIVERY = Metric(
    key="delivery",
    name=_("Delivery time"),
    definition=_(
        "The time from placing an order to its delivery, in days of 24 hours, of orders placed in the period that were"
        " delivered."
    ),
    formula="mean, median or 90th percentile of (delivery − placing)",
    interval="t (mean), order_statistics (median, p90)",
    unit="days",
    direction="lower",
    table="order_milestones",
    measure=delivery_days,
    options=(STATISTIC,),
    excluded=excluded,
    counted=PLACED_AND_DELIVERED,
    events="order_placed, order_delivered",
)
LATE = Metric(
    key="late",
    name=_("Late deliveries"),
    definition=_(
        "The share of orders delivered after the promised time, among all orders placed in the period that were"
        " delivered. An order without a promise cannot be late."
    ),
    formula="100 × orders delivered after the promise / orders delivered",
    interval="wilson",
    unit="percent",
    direction="lower",
    table="order_milestones",
    measure=late_share,
    excluded=excluded,
    counted=PLACED_AND_DELIVERED,
    events="order_placed (promised_at), order_delivered",
)
