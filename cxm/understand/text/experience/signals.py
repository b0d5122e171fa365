"""What is known of each interaction, a ticket from its opening to its solution, asked of the log.

- Texts: what the customer wrote or said from an hour before the opening to the solution, with what was read out of it
  (`annotations`). Answers to surveys are left out: they are what is to be predicted.
- Waiting: hours from the opening to the first answer, and to the solution; of an open ticket, until now.
- Hand-overs: how often it was reassigned. Repeats: how often it was reopened, and how many other tickets the same
  customer opened in the 30 days before.
- Answer: the customer's first satisfaction answer within 14 days after the solution; where answers of the workspace
  name their ticket (property `ticket_id`, or `case` of a case), that one and no other.

Profiles that were merged are one customer, whoever of them opened, wrote or answered.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

MOST: Final = 20_000  # the newest tickets that are learnt from
HOUR_MS: Final = 3_600_000
BEFORE_OPENING_MS: Final = HOUR_MS
REPEAT_MS: Final = 30 * 24 * HOUR_MS
ANSWER_MS: Final = 14 * 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Interaction:
    """`sentiment` is the mean of its texts, −1 to 1, 0 without any; times in hours; `score` on `scale`, if answered."""

    ticket_id: str
    texts: int
    sentiment: float
    effort: bool
    first_answer_h: float
    solution_h: float
    handovers: int
    repeats: int
    score: float | None
    scale: str
    is_open: bool


# In the order of a row of numbers; the words are those of `wording`.
SIGNALS: Final = ("sentiment", "silent", "effort", "first_answer", "solution", "handovers", "repeats")


def numbers(one: Interaction) -> list[float]:
    """The row of the model. Times count by doublings, log2(1 + hours): the tenth hour of waiting adds less than the
    second. Hand-overs and repeats are counted up to 5, so that one wild ticket does not decide."""
    return [
        one.sentiment, float(one.texts == 0), float(one.effort), math.log2(1 + one.first_answer_h),
        math.log2(1 + one.solution_h), float(min(one.handovers, 5)), float(min(one.repeats, 5)),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ticket:
    ticket_id: str
    customer_id: UUID
    opened_ms: int
    responded_ms: int  # 0: not yet
    resolved_ms: int
    reopened: int
    reassigned: int


@dataclass(frozen=True, slots=True)
class _Answer:
    customer_id: UUID
    answered_ms: int
    scale: str
    score: float
    named: str


@dataclass(frozen=True, slots=True)
class _Text:
    customer_id: UUID
    said_ms: int
    sentiment: float
    effort: int


@dataclass(frozen=True, slots=True)
class _Merged:
    customer_id: UUID
    canonical_id: UUID


Row = TypeVar("Row", _Ticket, _Answer, _Text)

TICKETS = """
SELECT ticket_id, argMax(one.customer_id, (version, event_id)) AS customer_id,
       argMax(toUnixTimestamp64Milli(occurred_at), (version, event_id)) AS opened_ms,
       argMax(ifNull(toUnixTimestamp64Milli(first_responded_at), 0), (version, event_id)) AS responded_ms,
       argMax(ifNull(toUnixTimestamp64Milli(ifNull(resolved_at, closed_at)), 0), (version, event_id)) AS resolved_ms,
       toInt64(argMax(one.reopened, (version, event_id))) AS reopened,
       toInt64(argMax(one.reassigned, (version, event_id))) AS reassigned
FROM tickets AS one WHERE $scope {of_tickets}
GROUP BY ticket_id ORDER BY opened_ms DESC, ticket_id LIMIT {most:UInt32}
"""
ANSWERS = """
SELECT customer_id, toUnixTimestamp64Milli(occurred_at) AS answered_ms, toString(scale) AS scale,
       assumeNotNull(score) AS score,
       multiIf(toString(properties.ticket_id) != '', toString(properties.ticket_id),
               toString(properties.case) != '', concat('case-', toString(properties.case)), '') AS named
FROM feedback AS one WHERE $scope AND metric = 'csat' AND score IS NOT NULL {of_customers}
ORDER BY occurred_at DESC, event_id LIMIT {most:UInt32}
"""
TEXTS = """
SELECT any(one.customer_id) AS customer_id, any(toUnixTimestamp64Milli(occurred_at)) AS said_ms,
       toFloat64(argMax(sentiment_score, version)) AS sentiment, toInt64(argMax(one.effort, version)) AS effort
FROM annotations AS one WHERE $scope {of_customers}
  AND event_id GLOBAL IN (SELECT event_id FROM feedback AS one WHERE $scope AND score IS NULL AND comment != ''
                          AND response_id = '' {of_customers})
GROUP BY event_id ORDER BY said_ms DESC, event_id LIMIT {most:UInt32}
"""
MERGED = """
SELECT one.customer_id AS customer_id, one.canonical_id AS canonical_id
FROM customers AS one FINAL WHERE $scope AND one.canonical_id != one.customer_id {of_customers}
"""
OF_ALL: Final = "SELECT customer_id FROM tickets WHERE $workspace AND customer_id != {nobody:UUID}"
OF_ONE: Final = f"{OF_ALL} AND ticket_id = {{ticket:String}}"
# All profiles of these customers. Somebody who has just come may be in the log before the snapshot has them.
FAMILY: Final = """AND (one.customer_id GLOBAL IN ($those) OR one.customer_id GLOBAL IN (
    SELECT customer_id FROM customers FINAL WHERE $workspace AND canonical_id GLOBAL IN (
        SELECT canonical_id FROM customers FINAL WHERE $workspace AND customer_id GLOBAL IN ($those))))"""


def interactions(workspace_id: int, *, most: int = MOST, now: datetime | None = None) -> list[Interaction]:
    """The newest tickets, the newest first. Raises EventlogError."""
    return _joined(workspace_id, OF_ALL, "", most, now)


def interaction(workspace_id: int, ticket_id: str, now: datetime | None = None) -> Interaction | None:
    """One ticket; None for one that the log does not know, or whose customer nobody knows."""
    found = _joined(workspace_id, OF_ONE, ticket_id, 2_000, now)
    return next((one for one in found if one.ticket_id == ticket_id), None)


def _joined(workspace_id: int, whose: str, ticket: str, most: int, now: datetime | None) -> list[Interaction]:
    scope, now_ms = Scope(workspace_id), int((now or datetime.now(UTC)).timestamp() * 1000)
    whose = FAMILY.replace("$those", whose)
    given: dict[str, Any] = {"nobody": str(NOBODY), "ticket": ticket}
    tickets = ask(
        TICKETS.replace("{of_tickets}", whose), scope, row=_Ticket, name="text.tickets", table="tickets",
        most=most, **given,
    ).rows  # fmt: skip
    answers = ask(
        ANSWERS.replace("{of_customers}", whose), scope, row=_Answer, name="text.answers", most=10 * most, **given
    ).rows
    texts = ask(
        TEXTS.replace("{of_customers}", whose), scope, row=_Text, name="text.said", table="annotations",
        most=10 * most, **given,
    ).rows  # fmt: skip
    merged = ask(
        MERGED.replace("{of_customers}", whose), scope, row=_Merged, name="text.merged", table="customers", **given
    ).rows
    person = {one.customer_id: one.canonical_id for one in merged}
    return join(as_people(tickets, person), as_people(answers, person), as_people(texts, person), now_ms)


def as_people(rows: Sequence[Row], person: Mapping[UUID, UUID]) -> list[Row]:
    """The rows, those of profiles that were merged as rows of the customer they belong to."""
    return [
        replace(one, customer_id=person[one.customer_id]) if one.customer_id in person else one for one in rows
    ]  # fmt: skip


def join(
    tickets: Sequence[_Ticket], answers: Sequence[_Answer], texts: Sequence[_Text], now_ms: int
) -> list[Interaction]:
    """One interaction for each ticket, in order."""
    said: dict[UUID, list[_Text]] = {}
    for text in sorted(texts, key=lambda one: one.said_ms):
        said.setdefault(text.customer_id, []).append(text)
    opened: dict[UUID, list[int]] = {}
    for ticket in sorted(tickets, key=lambda one: one.opened_ms):
        opened.setdefault(ticket.customer_id, []).append(ticket.opened_ms)
    answered = _answers_of(tickets, answers)
    made = []
    for ticket in tickets:
        end = ticket.resolved_ms or now_ms
        words = said.get(ticket.customer_id, [])
        first = bisect_left(words, ticket.opened_ms - BEFORE_OPENING_MS, key=lambda one: one.said_ms)
        words = words[first : bisect_right(words, end, key=lambda one: one.said_ms)]
        times = opened[ticket.customer_id]
        earlier = bisect_left(times, ticket.opened_ms) - bisect_left(times, ticket.opened_ms - REPEAT_MS)
        answer = answered.get(ticket.ticket_id)
        made.append(
            Interaction(
                ticket_id=ticket.ticket_id,
                texts=len(words),
                sentiment=sum(one.sentiment for one in words) / len(words) if words else 0.0,
                effort=any(one.effort for one in words),
                first_answer_h=max((ticket.responded_ms or end) - ticket.opened_ms, 0) / HOUR_MS,
                solution_h=max(end - ticket.opened_ms, 0) / HOUR_MS,
                handovers=ticket.reassigned,
                repeats=ticket.reopened + earlier,
                score=answer.score if answer else None,
                scale=answer.scale if answer else "",
                is_open=not ticket.resolved_ms,
            )
        )
    return made


def _answers_of(tickets: Sequence[_Ticket], answers: Sequence[_Answer]) -> dict[str, _Answer]:
    """The answer after each ticket: by its name where answers name tickets, else the first after the solution. An
    answer belongs to one ticket only, the one that was solved last before it."""
    earliest = sorted(answers, key=lambda one: one.answered_ms)
    if any(one.named for one in earliest):
        return {one.named: one for one in reversed(earliest) if one.named}
    solved: dict[UUID, list[_Ticket]] = {}
    for ticket in sorted(tickets, key=lambda one: one.resolved_ms):
        if ticket.resolved_ms:
            solved.setdefault(ticket.customer_id, []).append(ticket)
    found: dict[str, _Answer] = {}
    for answer in earliest:
        before = solved.get(answer.customer_id, [])
        place = bisect_right(before, answer.answered_ms, key=lambda one: one.resolved_ms)
        if place and answer.answered_ms - before[place - 1].resolved_ms <= ANSWER_MS:
            found.setdefault(before[place - 1].ticket_id, answer)
    return found
