"""Waves of a mailing that repeats: when they begin, and making them. A wave is an ordinary mailing of its own.

A wave has the day for which it was made, and each day of a series has at most one. What was missed (the process was
away, the survey paused, the wave before still leaving) is made up for by one wave, never by several.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.models import Invitation, Mailing, Repeat, Survey

from .running import batch_of

State = Mailing.State
MONTHS = {"month": 1, "quarter": 3}
DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92}  # at most between two waves
# What each wave takes over from its series as it is at that time.
SAME = ("survey_id", "name", "segment", "also_in", "not_in", "subject", "text", "remind_after_days", "sample",
        "per_hour", "created_by_id")  # fmt: skip


def day_of(repeat: Repeat, number: int) -> date:
    """The day of a wave, the first of them number 0. A month without such a day has its wave on its last."""
    first = repeat.first_on
    if repeat.every not in MONTHS:
        return first + timedelta(days=number * DAYS[repeat.every])
    months = first.year * 12 + first.month - 1 + number * MONTHS[repeat.every]
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(first.day, monthrange(year, month)[1]))


def begins_at(repeat: Repeat, day: date, zone: str) -> datetime:
    """In UTC. A time that the clocks skip comes as much later (2:30 is 3:30); of one that they show twice the first."""
    return datetime.combine(day, repeat.at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def waves_from(repeat: Repeat, moment: datetime, zone: str) -> Iterator[tuple[date, datetime]]:
    """Days and beginnings in order, until the last: from one that is no later than `moment`, or from the first."""
    last = repeat.until or date.max
    passed = (min(moment.astimezone(ZoneInfo(zone)).date(), last) - repeat.first_on).days
    number = max(0, passed // DAYS[repeat.every] - 1)
    while (day := day_of(repeat, number)) <= last:
        yield day, begins_at(repeat, day, zone)
        number += 1


def next_after(repeat: Repeat, moment: datetime, zone: str) -> datetime | None:
    """When the first wave after `moment` begins; None after the last."""
    return next((at for _day, at in waves_from(repeat, moment, zone) if at > moment), None)


def missed(repeat: Repeat, now: datetime, zone: str) -> date | None:
    """The day of the newest wave that should have begun by now."""
    found = None
    for day, at in waves_from(repeat, now, zone):
        if at > now:
            break
        found = day
    return found


def begin_due(stopping: Callable[[], bool] = lambda: False) -> int:
    """Make the waves that are due; returns how many."""
    now, made = timezone.now(), 0
    due = Repeat.objects.filter(
        next_at__lte=now, mailing__state=State.REPEATING, mailing__survey__state=Survey.State.LIVE,
        mailing__survey__workspace__deleted_at=None,
    )  # fmt: skip
    for repeat in due.select_related("mailing__survey__workspace").order_by("next_at"):
        if stopping():
            break
        if not is_leaving(repeat.mailing):
            made += begin(repeat, now)
    return made


def is_leaving(series: Mailing) -> bool:
    """Whether a wave of it is still to be decided, or has messages that were never tried."""
    for wave in Mailing.objects.filter(series=series, state=State.SENDING):
        if wave.started_at is None or wave.invitations.filter(state=Invitation.State.PLANNED).exists():
            return True
        untried = Delivery.objects.filter(batch=batch_of(wave), state=Delivery.State.WAITING, attempts=0)
        if untried.exists():
            return True
    return False


@transaction.atomic
def begin(repeat: Repeat, now: datetime) -> int:
    """Make the newest wave that is due and set the clock to the next, together or not at all; 0: another has."""
    zone = repeat.mailing.survey.workspace.time_zone
    following = next_after(repeat, now, zone)
    claimed = Repeat.objects.filter(pk=repeat.pk, next_at=repeat.next_at, mailing__state=State.REPEATING)
    if not claimed.update(next_at=following):
        return 0
    day = missed(repeat, now, zone)
    n = 0
    if day is not None and not Mailing.objects.filter(series=repeat.mailing, wave_on=day).exists():
        same = {name: getattr(repeat.mailing, name) for name in SAME}
        Mailing.objects.create(**same, series=repeat.mailing, wave_on=day, state=State.SENDING)
        n = 1
    if following is None:
        over = Mailing.objects.filter(pk=repeat.mailing_id, state=State.REPEATING)
        over.update(state=State.SENT, finished_at=now)
    return n
