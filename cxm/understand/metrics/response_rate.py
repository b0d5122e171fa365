"""Response rate: invitations that were answered.

Population: invitations (`survey_invited` or `survey_sent`) that went out in the period; those with the same
`response_id` (or, without one, `invitation_id`) are one, counted at the first, because a reminder is no second chance.
Answered means: an answer has that `response_id`; or, for an invitation without one, the same customer answered the
same survey within `window` days (30 unless told) after it. Several answers of one response count once. An answer
without an invitation does not count. Filters and breakdowns look at the invitation (`property.survey`,
`property.channel` …) and its customer's traits.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .counted import HitsRow, ask_cells, hit_cells
from .metric import Measurement, Metric, Option, Question
from .scores import fill

WINDOW = Option("window", _("Days to answer"), "whole", default=30, low=1, high=3650)
RESPONSE = (
    "if(JSONHas(properties, 'response_id'), JSONExtractString(properties, 'response_id'),"
    " JSONExtractString(properties, 'invitation_id'))"
)
INVITED = "name IN ('survey_invited', 'survey_sent')"
SQL = """
SELECT $period AS period, $by AS by, toUInt64(countIf(
         if($response != '',
            $response GLOBAL IN (SELECT response_id FROM feedback WHERE $workspace AND response_id != ''),
            $known AND arrayExists(at -> at >= occurred_at AND at < occurred_at + toIntervalDay({window:UInt32}),
                                   given.times))
       )) AS hits, toUInt64(count()) AS total
FROM events $join
GLOBAL ANY LEFT JOIN (
  SELECT customer_id AS given_by, survey AS given_to, groupArray(occurred_at) AS times
  FROM feedback WHERE $workspace GROUP BY given_by, given_to
) AS given ON customer_id = given.given_by AND JSONExtractString(properties, 'survey') = given.given_to
WHERE $scope AND $invited AND event_id GLOBAL IN (
  SELECT argMin(event_id, (occurred_at, event_id)) FROM events WHERE $workspace AND $invited
  GROUP BY if($response = '', toString(event_id), $response))
GROUP BY period, by ORDER BY period, by
"""


def response_rate(question: Question) -> Measurement:
    sql = fill(SQL, response=RESPONSE, invited=INVITED)
    answer = ask_cells(question, sql, HitsRow, name="response_rate", table="events", window=question.options["window"])
    return hit_cells(answer, hits="answered", total="invitations")


RESPONSE_RATE = Metric(
    key="response_rate",
    name=_("Response rate"),
    definition=_(
        "The share of survey invitations sent in the period that were answered: by an answer with the same response"
        " number, or, for an invitation without one, by an answer of the same customer to the same survey within some"
        " days (30 unless told). Reminders of one invitation count once."
    ),
    formula="100 × invitations answered / invitations",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="events",
    measure=response_rate,
    options=(WINDOW,),
    counted=INVITED,
    events="survey_invited or survey_sent, answer_given (response_id, survey)",
)
