"""How well the loop is closed: acknowledged at once, promises kept, answered in time, closed in time.

Population: tickets opened in the period, each once, in its present state, that say yes or no; one of which that is not
decided yet does not count, and one that has missed its target counts as missed at once, also while it is still open.
What counts as in time is what the service level of the case said (docs/guide/service-levels.md), in its business hours.
By team, root cause or category: break down by `property.team`, `property.root_cause`, `property.category`.

Beside them stand `first_response` (of a case: the first answer of a person, never the acknowledgement), `resolution`,
`reopening`, `first_contact`, `sla` and `resolution_satisfaction`.
"""

from __future__ import annotations

from functools import partial

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .metric import Metric
from .tickets import PRESENT, ticket_share


def loop_metric(key: str, name: Promise, definition: Promise, formula: str) -> Metric:
    said = f"properties['{key}']"
    counted = f"{said} IN ('true', 'false')"
    return Metric(
        key=key,
        name=name,
        definition=definition,
        formula=formula,
        interval="wilson",
        unit="percent",
        direction="higher",
        table="tickets",
        measure=partial(ticket_share, hit=f"{said} = 'true'", counted=counted, hits="in_time"),
        counted=f"{PRESENT} AND {counted}",
        events=f"ticket_updated (properties.{key}), as cases state it",
    )


ACKNOWLEDGED = loop_metric(
    "acknowledged_in_time",
    _("Acknowledged at once"),
    _(
        "The share of cases in which the customer heard from us, by an acknowledgement or a person, within the time"
        " that counts as at once, among the cases opened in the period by a message or an answer."
    ),
    "100 × cases acknowledged in time / cases that were, or for which it is too late",
)
PROMISES = loop_metric(
    "promise_kept",
    _("Promises kept"),
    _(
        "The share of cases in which a person answered by the time that the acknowledgement named, among the cases"
        " opened in the period with such a promise that was kept or broken."
    ),
    "100 × promises kept / promises kept or broken",
)
ANSWERED = loop_metric(
    "first_reply_in_time",
    _("Answered in time"),
    _(
        "The share of cases whose first answer by a person came within the target of their service level, among the"
        " cases opened in the period that had such a target and met or missed it."
    ),
    "100 × first answers in time / first answers in time or late",
)
CLOSED = loop_metric(
    "closed_in_time",
    _("Closed in time"),
    _(
        "The share of cases that were resolved within the target of their service level, among the cases opened in the"
        " period that had such a target and met or missed it."
    ),
    "100 × cases resolved in time / cases resolved in time or late",
)
