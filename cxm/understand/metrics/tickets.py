"""Shares of tickets: solved at first contact, reopened, within service level, complaints.

Population: tickets opened in the period, each once, in its present state (the report with the highest version); filters
and breakdowns look at that state too. A ticket is counted at the time it was opened. One that was merged into another
(state `merged`) is none of its own.

- First contact (`first_contact`): those neither reassigned nor reopened, resolved or not.
  It is a proxy, named as such: nobody asked the customer whether one contact was enough.
- Reopening (`reopening`): those reopened at least once.
- Service level (`sla`): those that met it, among tickets that say whether they did.
- Complaints (`complaint_rate`): those marked as complaint, among tickets that say whether they are one.
"""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from .counted import HitsRow, ask_cells, hit_cells
from .metric import Measurement, Metric, Question
from .scores import fill

# One row per ticket: the report with the highest version (of two with the same version, either, but always the same).
PRESENT = (
    "event_id GLOBAL IN (SELECT argMax(event_id, (version, event_id)) FROM tickets WHERE $workspace GROUP BY ticket_id)"
    " AND state != 'merged'"
)
SQL = """
SELECT $period AS period, $by AS by, toUInt64(countIf($hit)) AS hits, toUInt64(countIf($counted)) AS total
FROM tickets $join
WHERE $scope AND $present
GROUP BY period, by HAVING total > 0 ORDER BY period, by
"""


def ticket_share(question: Question, hit: str, counted: str, hits: str) -> Measurement:
    sql = fill(SQL, hit=f"({counted}) AND ({hit})", counted=counted, present=PRESENT)
    answer = ask_cells(question, sql, HitsRow, name=hits, table="tickets")
    return hit_cells(answer, hits=hits, total="tickets")


FIRST_CONTACT = Metric(
    key="first_contact",
    name=_("First-contact resolution (proxy)"),
    definition=_(
        "The share of tickets that were neither reassigned nor reopened, among all tickets opened in the period, in"
        " their present state. This is a proxy: it does not ask the customer whether one contact was enough."
    ),
    formula="100 × tickets with no reassignment and no reopening / tickets",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="tickets",
    measure=partial(ticket_share, hit="reassigned = 0 AND reopened = 0", counted="1", hits="first_contact"),
    counted=PRESENT,
    events="ticket_updated",
)
REOPENING = Metric(
    key="reopening",
    name=_("Reopened tickets"),
    definition=_("The share of tickets reopened at least once, among all tickets opened in the period."),
    formula="100 × tickets with one reopening or more / tickets",
    interval="wilson",
    unit="percent",
    direction="lower",
    table="tickets",
    measure=partial(ticket_share, hit="reopened > 0", counted="1", hits="reopened"),
    counted=PRESENT,
    events="ticket_updated",
)
SLA = Metric(
    key="sla",
    name=_("Service level attained"),
    definition=_(
        "The share of tickets that met their service level, among the tickets opened in the period that say whether"
        " they did, in their present state."
    ),
    formula="100 × tickets within their service level / tickets that say so or not",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="tickets",
    measure=partial(
        ticket_share, hit="ifNull(sla_met, false)", counted="sla_met IS NOT NULL", hits="within_service_level"
    ),
    counted=f"{PRESENT} AND sla_met IS NOT NULL",
    events="ticket_updated (sla_met)",
)
COMPLAINT_RATE = Metric(
    key="complaint_rate",
    name=_("Complaints among tickets"),
    definition=_(
        "The share of complaints among the tickets opened in the period that say whether they are one, in their present"
        " state."
    ),
    formula="100 × complaints / tickets that say whether they are one",
    interval="wilson",
    unit="percent",
    direction="lower",
    table="tickets",
    measure=partial(ticket_share, hit="ifNull(complaint, false)", counted="complaint IS NOT NULL", hits="complaints"),
    counted=f"{PRESENT} AND complaint IS NOT NULL",
    events="ticket_updated (complaint)",
)
