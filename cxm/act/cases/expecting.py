"""Until when somebody answers, as honestly as the past days can say it: kept four times in five, or not said at all.

The time that 80 % of the team's recent first answers took, in the hours in which it works, times how much longer than
usual its queue is now. What is usual follows from Little's law: as many wait as come in the time that one waits, so

    expected = p80 × max(1, (waiting now + 1) / (answers per hour × mean wait + 1))

Customers who still wait, and already longer than that p80, count as answers that take at least so long: else a team
that answers only the easy ones would promise what it never keeps. There is no promise with fewer than FEWEST recent
answers, when nobody of the team is there, and when it would be further away than FARTHEST.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from django.utils import timezone

from .business_hours import hours_of
from .calendars import NeverOpen
from .models import Case, Team, TeamMember

SHARE = 0.8  # of the promises shall be kept
FEWEST = 20
NEWEST = 100
RECENT = timedelta(days=28)
FARTHEST = timedelta(days=14)
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """`at` is the promise, None where none can be made; `opens_at` when the team works again, None if it works now."""

    at: datetime | None
    opens_at: datetime | None
    answers: int = 0  # recent ones behind it
    waiting: int = 0  # other customers who wait for their first answer
    p80_h: float = 0.0  # in hours of work
    expected_h: float = 0.0


def expected_wait(answered: Sequence[float], still: Sequence[float], waiting: int, span: float) -> float | None:
    """The head of this module as arithmetic, all in hours of work. None if too little is known.

    `answered` are the waits of recent first answers, `still` how long those wait who wait now, `waiting` how many they
    are, and `span` the time in which the answers were given.
    """
    if len(answered) < FEWEST or span <= 0:
        return None
    first = quantile(answered)
    p80 = quantile([*answered, *(one for one in still if one > first)])
    usual = len(answered) / span * (sum(answered) / len(answered))
    return p80 * max(1.0, (waiting + 1) / (usual + 1))


def quantile(values: Sequence[float]) -> float:
    """The smallest value that SHARE of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(SHARE * len(ordered)) - 1)]


def expectation(team: Team, *, beside: Case | None = None, now: datetime | None = None) -> Expectation:
    """What can be said to a customer who writes to this team now; `beside` is their own case."""
    now = now or timezone.now()
    hours = hours_of(team.calendar)
    try:
        opening = hours.opening(now)
    except NeverOpen:
        return Expectation(None, None)
    opens_at = opening if opening > now else None
    rows = Case.objects.filter(workspace=team.workspace_id, team=team)
    recent = list(
        rows.filter(first_replied_at__gt=now - RECENT, first_replied_at__lte=now)
        .order_by("-first_replied_at")
        .values_list("opened_at", "first_replied_at")[:NEWEST]
    )
    queue = rows.filter(state__in=["new", "open"], first_replied_at=None, last_customer_at__isnull=False)
    if beside is not None:
        queue = queue.exclude(pk=beside.pk)
    waiting = queue.count()
    still = [
        hours.between(since, now).total_seconds() / HOUR
        for since in queue.order_by("opened_at").values_list("opened_at", flat=True)[:NEWEST]
    ]
    answered = [hours.between(start, end).total_seconds() / HOUR for start, end in recent if end]
    # Of a team that began lately, the time since its first answer; of a busy one, the time of the newest answers.
    span = hours.between(recent[-1][1] or now, now).total_seconds() / HOUR if recent else 0.0
    expected = expected_wait(answered, still, waiting, span)
    present = TeamMember.objects.filter(team=team, is_away=False, user__is_active=True).exists()
    if expected is None or not present:
        return Expectation(None, opens_at, len(answered), waiting)
    try:
        at = rounded(hours.after(now, timedelta(hours=max(expected, 1 / 60))), timedelta(hours=expected))
    except NeverOpen:
        return Expectation(None, opens_at, len(answered), waiting)
    return Expectation(
        at if at - now <= FARTHEST else None, opens_at, len(answered), waiting, quantile(answered), expected
    )


def rounded(at: datetime, length: timedelta) -> datetime:
    """Up to the next quarter of an hour, or the next hour where it takes long: nobody means 14:07."""
    step = 900 if length <= timedelta(hours=2) else 3600
    return datetime.fromtimestamp(ceil(at.timestamp() / step) * step, UTC)
