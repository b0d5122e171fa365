"""All metrics, in the order in which a page shows them. A new one is a module and a line here."""

from __future__ import annotations

from . import (
    ces,
    churn,
    clv,
    complaints,
    csat,
    delivery,
    loop,
    nps,
    repeat,
    response_rate,
    response_times,
    retention,
    sentiment,
    survival,
    tickets,
    volume,
)
from .metric import Metric
from .refusals import UnknownMetric

METRICS: tuple[Metric, ...] = (
    nps.NPS,
    csat.CSAT,
    csat.CSAT_MEAN,
    ces.CES,
    ces.CES_EASY,
    csat.RATING,
    csat.RATING_TOP,
    volume.MEDIAN_SCORE,
    response_rate.RESPONSE_RATE,
    volume.ANSWERS,
    volume.RESPONDENTS,
    volume.COMMENTED,
    sentiment.SENTIMENT,
    sentiment.NEGATIVE,
    tickets.COMPLAINT_RATE,
    complaints.COMPLAINTS_PER_100,
    complaints.RESOLUTION_SATISFACTION,
    response_times.FIRST_RESPONSE,
    response_times.RESOLUTION,
    tickets.FIRST_CONTACT,
    tickets.REOPENING,
    tickets.SLA,
    loop.ACKNOWLEDGED,
    loop.PROMISES,
    loop.ANSWERED,
    loop.CLOSED,
    volume.TICKETS,
    churn.CHURN,
    churn.REVENUE_CHURN,
    retention.RETENTION,
    survival.SURVIVAL,
    repeat.REPEAT,
    delivery.DELIVERY,
    delivery.LATE,
    volume.ORDERS,
    clv.CLV,
    clv.CLV_PREDICTED,
    clv.EXPECTED_PURCHASES,
    volume.CUSTOMERS,
    volume.EVENTS,
)
BY_KEY = {metric.key: metric for metric in METRICS}


def metric_called(key: str) -> Metric:
    """The metric of this key; UnknownMetric if there is none."""
    try:
        return BY_KEY[key]
    except KeyError:
        raise UnknownMetric(key) from None
