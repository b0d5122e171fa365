"""What became of customers with a case, asked of the log: one row per customer.

Who: customers to whom a play was assigned (facts `play_assigned`), in a test those with a place in it; merged profiles
are one customer, with the arm and the time of their first. For difference-in-differences, the others are customers with
a case (`case_opened`) in the time of the play that got no play at all. When: the `days` after the case, for customers
whose days are over; before: as many days up to the case.

- `next_score`: the first score (nps, csat, ces, rating) after the case, as percent of its scale; None without one.
  Answers about the resolution itself (touchpoint "resolution") do not count: they ask about the case, not about us.
  `score_before`: the last one up to the case, however long ago.
- `recovered`: that next score lies in the upper third of its scale (7 of 0–10, 4 of 1–5, 5 of 1–7). Who does not
  answer is not recovered, so that the figure is over all customers, whoever answers.
- `contacts`: cases and tickets opened or reopened after the case; the case itself does not count.
- `churned`: of those with a subscription running at the case, whether none runs when the days are over. None: had none.
- `revenue`: money of orders placed in those days and not cancelled, in the currency that most of them have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import fill

RECOVERED_FROM = 200 / 3  # percent of the scale


@dataclass(frozen=True, slots=True)
class Row:
    """`arm`: play, held_out, or other (no play). Times in UTC."""

    person: UUID
    arm: str
    began: datetime
    next_score: float | None
    score_before: float | None
    contacts: int
    contacts_before: int
    churned: bool | None
    revenue: float
    revenue_before: float

    @property
    def recovered(self) -> bool:
        return self.next_score is not None and self.next_score >= RECOVERED_FROM


TESTED = """
  SELECT $customer AS person, argMin(JSONExtractString(properties, 'arm'), (occurred_at, event_id)) AS arm,
         min(occurred_at) AS began, argMin(JSONExtractString(properties, 'case_id'), (occurred_at, event_id)) AS own
  FROM events $merges
  WHERE $scope AND $known AND name = 'play_assigned' AND JSONExtractString(properties, 'play_id') = {play:String}
    AND (JSONExtractUInt(properties, 'place') > 0 OR {everybody:Bool})
  GROUP BY person
"""
# With the play, and without any: from the cases of the same time.
SIDE_BY_SIDE = """
  SELECT $customer AS person, if(max(name = 'play_assigned') = 1, 'play', 'other') AS arm,
         if(arm = 'play', minIf(occurred_at, name = 'play_assigned'), min(occurred_at)) AS began,
         argMin(JSONExtractString(properties, 'case_id'), (occurred_at, event_id)) AS own
  FROM events $merges
  WHERE $scope AND $known AND name IN ('play_assigned', 'case_opened')
  GROUP BY person
  HAVING countIf(name = 'play_assigned' AND (JSONExtractString(properties, 'play_id') != {play:String}
                                             OR JSONExtractString(properties, 'arm') != 'play')) = 0
"""
SQL = """
SELECT chosen.person AS person, chosen.arm AS arm, chosen.began AS began,
       if(countIf(kind = 'score' AND $after) = 0, NULL, argMinIf(x, at, kind = 'score' AND $after)) AS next_score,
       if(countIf(kind = 'score' AND $earlier) = 0, NULL, argMaxIf(x, at, kind = 'score' AND $earlier)) AS score_before,
       toUInt64(countIf(kind = 'contact' AND ref != chosen.own AND $after)) AS contacts,
       toUInt64(countIf(kind = 'contact' AND ref != chosen.own AND $before)) AS contacts_before,
       if(countIf(kind = 'plan' AND $running) = 0, NULL,
          countIf(kind = 'plan' AND at <= $end AND (until = 0 OR until > toUnixTimestamp64Milli($end))) = 0) AS churned,
       toFloat64(sumIf(x, kind = 'order' AND ref = currency AND $after)) AS revenue,
       toFloat64(sumIf(x, kind = 'order' AND ref = currency AND $before)) AS revenue_before
FROM ($chosen) AS chosen
GLOBAL LEFT JOIN (
  SELECT $customer AS person, 'score' AS kind, occurred_at AS at, '' AS ref, toInt64(0) AS until,
         100 * (assumeNotNull(score) - low) / (high - low) AS x
  FROM (
    SELECT customer_id, occurred_at, score,
           extractGroups(if(scale = '', if(metric = 'nps', '0-10', '1-5'), toString(scale)),
                         '^ *(-?[0-9.]+) *[-–] *(-?[0-9.]+) *$') AS ends,
           toFloat64OrZero(ends[1]) AS low, toFloat64OrZero(ends[2]) AS high
    FROM feedback
    WHERE $workspace AND metric IN ('nps', 'csat', 'ces', 'rating') AND score IS NOT NULL AND touchpoint != 'resolution'
      AND $known
  ) AS scored $merges
  WHERE length(ends) = 2 AND high > low AND score BETWEEN low AND high AND $mine
  UNION ALL
  SELECT $customer AS person, 'contact' AS kind, occurred_at AS at, JSONExtractString(properties, 'case_id') AS ref,
         toInt64(0) AS until, toFloat64(0) AS x
  FROM events $merges WHERE $workspace AND name IN ('case_opened', 'case_reopened') AND $known
    AND $mine
  UNION ALL
  SELECT person, 'contact' AS kind, min(opened) AS at, ticket_id AS ref, toInt64(0) AS until, toFloat64(0) AS x
  FROM (SELECT $customer AS person, occurred_at AS opened, ticket_id FROM tickets $merges
        WHERE $workspace AND NOT startsWith(ticket_id, 'case-') AND $known AND $mine)
  GROUP BY person, ticket_id
  UNION ALL
  SELECT person, 'plan' AS kind, assumeNotNull(begins) AS at, '' AS ref,
         toInt64(if(ends IS NULL, 0, toUnixTimestamp64Milli(assumeNotNull(ends)))) AS until, toFloat64(0) AS x
  FROM (
    SELECT argMax($customer, (version, event_id)) AS person, argMax(tuple(started_at), (version, event_id)).1 AS begins,
           argMax(tuple(ended_at), (version, event_id)).1 AS ends
    FROM subscriptions $merges WHERE $workspace AND $known AND $mine GROUP BY subscription_id)
  WHERE begins IS NOT NULL
  UNION ALL
  SELECT person, 'order' AS kind, placed AS at, its_currency AS ref, toInt64(0) AS until, money AS x
  FROM (
    SELECT $customer AS person, order_id, minIf(occurred_at, milestone = 'placed') AS placed,
           toFloat64(sumIf(ifNull(amount, 0), milestone = 'placed')) AS money,
           anyIf(toString(currency), milestone = 'placed') AS its_currency
    FROM order_milestones $merges WHERE $workspace AND $known AND $mine
    GROUP BY person, order_id
    HAVING countIf(milestone = 'placed') > 0 AND countIf(milestone = 'cancelled') = 0)
) AS happened USING (person)
CROSS JOIN (
  SELECT topK(1)(toString(currency))[1] AS currency FROM order_milestones WHERE $workspace AND milestone = 'placed'
) AS usual
WHERE $end <= {now:DateTime64(3, 'UTC')}
GROUP BY chosen.person, chosen.arm, chosen.began ORDER BY began, person
"""
MARKS = {
    "end": "(chosen.began + toIntervalDay({days:UInt32}))",
    "after": "at > chosen.began AND at <= (chosen.began + toIntervalDay({days:UInt32}))",
    "before": "at <= chosen.began AND at > (chosen.began - toIntervalDay({days:UInt32}))",
    "earlier": "at <= chosen.began AND at > toDateTime64(0, 3, 'UTC')",
    "running": "at <= chosen.began AND (until = 0 OR until > toUnixTimestamp64Milli(chosen.began))",
}


def of_test(workspace_id: int, play: UUID, days: int, now: datetime, *, everybody: bool = False) -> Answer[Row]:
    """The customers of a test whose days are over; `everybody`: all who got the play, also outside the test."""
    return _ask(TESTED, Scope(workspace_id), play, days, now, everybody)


def beside_others(
    workspace_id: int, play: UUID, days: int, now: datetime, since: datetime, until: datetime | None
) -> Answer[Row]:
    """Who got the play, and who had a case from `since` to `until` without any play."""
    return _ask(SIDE_BY_SIDE, Scope(workspace_id, since=since, until=until), play, days, now, True)


def _ask(chosen: str, scope: Scope, play: UUID, days: int, now: datetime, everybody: bool) -> Answer[Row]:
    # Before the join, so that what all others did is not put into order for nothing.
    mine = f"$customer GLOBAL IN (SELECT person FROM ({chosen}) AS ours)"
    sql = with_customers(fill(fill(SQL, chosen=chosen, mine=mine), **MARKS), scope)
    return ask(
        sql, scope, row=Row, name="cases.outcomes", table="events", play=str(play), days=days, now=now,
        everybody=everybody,
    )  # fmt: skip
