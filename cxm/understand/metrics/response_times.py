"""First response time and resolution time of tickets, in calendar hours.

Population: tickets opened in the period, each once, in its present state (the report with the highest version), that
were answered, or resolved. The time runs from opening to the first response, or to the (last) resolution, day and
night, weekends included. A ticket counts at the time it was opened, so the newest periods hold few and quick ones;
`excluded` counts those still open. Times before the opening are errors of the source: left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import ask

from .durations import STATISTIC, measure_durations
from .metric import Measurement, Metric, Question
from .scores import fill
from .tickets import PRESENT


def ticket_hours(question: Question, ended: str) -> Measurement:
    return measure_durations(
        question, name=ended, table="tickets", source="tickets $join",
        value=f"dateDiff('millisecond', occurred_at, assumeNotNull({ended})) / 3600000",
        counted=f"{PRESENT} AND {ended} IS NOT NULL AND {ended} >= occurred_at",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    waiting: int
    negative: int


EXCLUDED_SQL = """
SELECT countIf($ended IS NULL) AS waiting, countIf($ended < occurred_at) AS negative
FROM tickets $join WHERE $scope AND $present
"""


def excluded(question: Question, ended: str) -> dict[str, int]:
    sql = fill(EXCLUDED_SQL, ended=ended, present=PRESENT)
    row = ask(sql, question.scope, row=ExcludedRow, name="metrics.excluded", table="tickets").rows[0]
    return {"waiting": row.waiting, "negative": row.negative}


FIRST_RESPONSE = Metric(
    key="first_response",
    name=_("First response time"),
    definition=_(
        "The time from opening a ticket to the first response, in calendar hours (nights and weekends count), of"
        " tickets opened in the period that were answered. Tickets still waiting do not count. Of a case, it is the"
        " first answer of a person; the automatic acknowledgement does not count."
    ),
    formula="mean, median or 90th percentile of (first response − opening)",
    interval="t (mean), order_statistics (median, p90)",
    unit="hours",
    direction="lower",
    table="tickets",
    measure=partial(ticket_hours, ended="first_responded_at"),
    options=(STATISTIC,),
    excluded=partial(excluded, ended="first_responded_at"),
    counted=f"{PRESENT} AND first_responded_at >= occurred_at",
    events="ticket_updated (opened_at, first_responded_at)",
)
RESOLUTION = Metric(
    key="resolution",
    name=_("Resolution time"),
    definition=_(
        "The time from opening a ticket to its resolution, in calendar hours (nights and weekends count), of tickets"
        " opened in the period that are resolved. Tickets still open do not count."
    ),
    formula="mean, median or 90th percentile of (resolution − opening)",
    interval="t (mean), order_statistics (median, p90)",
    unit="hours",
    direction="lower",
    table="tickets",
    measure=partial(ticket_hours, ended="resolved_at"),
    options=(STATISTIC,),
    excluded=partial(excluded, ended="resolved_at"),
    counted=f"{PRESENT} AND resolved_at >= occurred_at",
    events="ticket_updated (opened_at, resolved_at)",
)
