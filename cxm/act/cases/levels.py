"""The clocks of a case: which targets run, until when, and whether they were kept.

`started` and `changed` are called in the transaction of every change of a case, after the change. They make the clocks
what the case now says, so calling them twice changes nothing. What time counts is the arithmetic of calendars.py:

* **First reply** runs from the opening to the first reply of a person. A case that is resolved without one has been
  answered by that.
* **Next reply** runs whenever the customer, once answered, waits again.
* **Resolution** runs from the opening until the case is resolved, on from where it stood when it is reopened, and rests
  while the case waits for the customer, if the policy says so. It does not rest while we put a case off ourselves.
* **Promise** runs from the acknowledgement to the moment that it named, day and night.

A target is kept if no more time has counted than it allows, to the second. Whoever changes team takes the calendar of
the new one along from then on; what has counted stays. Another priority changes the target, not what has counted; one
without a target takes back what is not due yet, and never what was missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from . import conditions
from .business_hours import hours_of
from .calendars import NeverOpen
from .definition import Definition, moments_of, read
from .models import Calendar, Case, CaseClock, PolicyVersion, ServicePolicy

Kind = CaseClock.Kind
State = Case.State
OVER = (State.RESOLVED, State.CLOSED, State.MERGED)
TOLD = {
    Kind.PROMISE.value: "promise_kept",
    Kind.FIRST_REPLY.value: "first_reply_in_time",
    Kind.RESOLUTION.value: "closed_in_time",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clock as it should be."""

    kind: str
    number: int
    started_at: datetime
    target: timedelta
    ended_at: datetime | None = None
    is_paused: bool = False
    is_needed: bool = True  # not: whether it was kept is not asked any more


def started(case: Case) -> None:
    """Begin the clocks of a new case."""
    _wind(case, timezone.now())


def changed(case: Case, now: datetime | None = None) -> None:
    """Make the clocks what the case now says. `now` is when it changed, for what is not in the case itself."""
    _wind(case, now or timezone.now())


def _wind(case: Case, now: datetime) -> None:
    clocks = {(one.kind, one.number): one for one in case.clocks.select_related("version", "calendar")}
    version = version_for(case, [*clocks.values()])
    definition = read(version.definition) if version else None
    missed = {
        one.kind: timedelta(seconds=one.target_s) for one in clocks.values()
        if version and one.version_id == version.pk and one.breached_at and one.ended_at is None
    }  # fmt: skip
    for wanted in _wanted(case, definition, [*clocks.values()], now, missed):
        clock = clocks.pop((wanted.kind, wanted.number), None)
        promise = wanted.kind == Kind.PROMISE
        calendar = case.team.calendar if definition and definition.business and not promise else None
        clock = clock or CaseClock(case=case, kind=wanted.kind, number=wanted.number, started_at=wanted.started_at)
        _set(clock, wanted, calendar, None if promise else version, now)
    for left in clocks.values():  # its target has gone: another policy, or none
        if left.ended_at is None:
            _settle(left, now)
            left.ended_at, left.is_met, left.running_since, left.next_at = now, None, None, None
            left.save()
    due = [one.due_at for one in case.clocks.filter(ended_at=None, due_at__isnull=False)]
    nearest = min((one for one in due if one), default=None)
    # A case that is done keeps its place in the queue that it leaves, so that the desk finds the next one from there.
    if nearest != case.due_at and case.state not in OVER:
        case.due_at = nearest
        Case.objects.filter(pk=case.pk).update(due_at=nearest)


def version_for(case: Case, clocks: list[CaseClock]) -> PolicyVersion | None:
    """The version that holds for a case: the one that it has, as long as no policy before that one matches now."""
    kept = next((one.version for one in clocks if one.version and one.ended_at is None), None) or next(
        (one.version for one in clocks if one.version), None
    )
    memory: dict[str, Any] = {}
    for policy in ServicePolicy.objects.filter(workspace=case.workspace_id):
        if kept and kept.policy_id == policy.pk:
            if conditions.matches(read(kept.definition).condition, case, memory):
                return kept
        elif not policy.is_paused:
            newest = PolicyVersion.objects.get(policy=policy, number=policy.version)
            if conditions.matches(read(newest.definition).condition, case, memory):
                return newest
    return None


def _wanted(
    case: Case, definition: Definition | None, clocks: list[CaseClock], now: datetime, missed: Mapping[str, timedelta]
) -> list[Wanted]:
    """`missed`: targets that no change of the priority takes back, although the new one may have none."""

    def target_of(kind: Kind) -> timedelta | None:
        return definition.target(kind, case.priority) or missed.get(kind) if definition else None

    over_at = case.resolved_at or case.closed_at or now if case.state in OVER else None
    needed = case.state != State.MERGED
    found = []
    target = target_of(Kind.FIRST_REPLY)
    if target:
        ended = case.first_replied_at or over_at
        found.append(
            Wanted(Kind.FIRST_REPLY, 1, case.opened_at, target, ended, False, needed or bool(case.first_replied_at))
        )
    target = target_of(Kind.NEXT_REPLY)
    if target:
        found += _next_replies(case, target, clocks, over_at or now, needed)
    target = target_of(Kind.RESOLUTION)
    if target and definition:
        paused = definition.pauses and case.state == State.WAITING
        found.append(Wanted(Kind.RESOLUTION, 1, case.opened_at, target, over_at, paused, needed))
    if case.promised_at and case.acknowledged_at:
        promised = max(case.promised_at - case.acknowledged_at, timedelta(0))
        ended = case.first_replied_at or over_at
        found.append(
            Wanted(Kind.PROMISE, 1, case.acknowledged_at, promised, ended, False, needed or bool(case.first_replied_at))
        )
    return found


def _next_replies(case: Case, target: timedelta, clocks: list[CaseClock], now: datetime, needed: bool) -> list[Wanted]:
    """Those that were, and one for the message that nobody has answered yet."""
    earlier = [one for one in clocks if one.kind == Kind.NEXT_REPLY]
    since = case.last_customer_at if case.first_replied_at and case.state not in OVER else None
    found, running = [], None
    for clock in earlier:
        if clock.ended_at is None and since is not None:
            running = clock  # a second message does not begin it anew: the customer waits since the first
            found.append(Wanted(Kind.NEXT_REPLY, clock.number, clock.started_at, target))
        else:
            found.append(
                Wanted(
                    Kind.NEXT_REPLY, clock.number, clock.started_at, timedelta(seconds=clock.target_s),
                    clock.ended_at or now, False, needed if clock.ended_at is None else clock.is_met is not None,
                )
            )  # fmt: skip
    if since is not None and running is None:
        found.append(Wanted(Kind.NEXT_REPLY, len(earlier) + 1, since, target))
    return found


def _set(
    clock: CaseClock, wanted: Wanted, calendar: Calendar | None, version: PolicyVersion | None, now: datetime
) -> None:
    was_new = clock.pk is None
    before = None if was_new else _state(clock)
    if was_new:
        clock.running_since, clock.calendar = wanted.started_at, calendar
    elif clock.ended_at is not None and wanted.ended_at is None:  # reopened: on from where it stood
        clock.ended_at, clock.is_met, clock.running_since, clock.calendar = None, None, now, calendar
    elif clock.ended_at is not None:
        return
    if (clock.calendar_id or None) != (calendar.pk if calendar else None):
        _settle(clock, now)
        clock.calendar = calendar
        clock.running_since = now
    if clock.version_id != (version.pk if version else None) and not was_new:
        clock.stage = 0  # the moments are others; what was done already is not done again, see below
    clock.version, clock.target_s = version, wanted.target.total_seconds()
    moments = moments_of(read(version.definition) if version else None, wanted.target)
    if clock.stage == 0 and not was_new:
        passed = {"warning": clock.warned_at, "breach": clock.breached_at}
        while clock.stage < len(moments) and passed.get(moments[clock.stage].kind):
            clock.stage += 1
    if wanted.ended_at is not None:
        _settle(clock, wanted.ended_at)
        clock.ended_at, clock.running_since, clock.next_at = wanted.ended_at, None, None
        clock.is_met = clock.spent_s <= clock.target_s if wanted.is_needed else None
    elif wanted.is_paused:
        _settle(clock, now)
        clock.running_since, clock.due_at, clock.next_at = None, None, None
    else:
        clock.running_since = clock.running_since or now
        _plan(clock, [moment.after for moment in moments])
    if was_new or _state(clock) != before:
        clock.save()


def _state(clock: CaseClock) -> tuple[Any, ...]:
    return tuple(getattr(clock, one.attname) for one in CaseClock._meta.concrete_fields)


def _settle(clock: CaseClock, until: datetime) -> None:
    """Count what has run; the clock stands then."""
    if clock.running_since is not None:
        clock.spent_s += hours_of(clock.calendar).between(clock.running_since, until).total_seconds()
        clock.running_since = None


def _plan(clock: CaseClock, moments: list[timedelta]) -> None:
    """When it is due, and when something is to be done next."""
    assert clock.running_since is not None
    hours, spent = hours_of(clock.calendar), timedelta(seconds=clock.spent_s)
    try:
        left = timedelta(seconds=clock.target_s) - spent
        if left > timedelta(0) or clock.due_at is None:  # what was overdue already stays due when it was
            clock.due_at = hours.after(clock.running_since, left)
        clock.next_at = (
            hours.after(clock.running_since, moments[clock.stage] - spent) if clock.stage < len(moments) else None
        )
    except NeverOpen:
        clock.due_at = clock.next_at = None


def calendar_changed(calendar: Calendar, now: datetime | None = None) -> int:
    """Plan the running clocks of a calendar anew. What counted by the old hours is counted by the new ones."""
    rows = CaseClock.objects.filter(calendar=calendar, ended_at=None, running_since__isnull=False)
    cases = Case.objects.filter(pk__in=rows.values("case"))
    for case in cases.select_related("team__calendar"):
        case.clocks.filter(calendar=calendar, ended_at=None).update(due_at=None)
        changed(case, now)
    return cases.count()


def leave_calendar(case: Case, calendar: Calendar, now: datetime | None = None) -> None:
    """Count what has run by a calendar that is going to be deleted; the clocks stand until `changed`."""
    for clock in case.clocks.filter(calendar=calendar, ended_at=None).select_related("calendar"):
        running = clock.running_since is not None
        _settle(clock, now or timezone.now())
        clock.calendar, clock.due_at = None, None
        clock.running_since = (now or timezone.now()) if running else None
        clock.save()


# What the log is told


def told(case: Case) -> dict[str, Any]:
    """Of `ticket_updated`: sla_met (yes or no), and promise_kept, first_reply_in_time, closed_in_time as texts.

    What is not decided is missing. A missed target says no at once, not when it is met at last; `sla_met` is yes when
    all were kept and the case is resolved.
    """
    found: dict[str, Any] = {}
    decided = []
    for kind, met, breached, ended in case.clocks.values_list("kind", "is_met", "breached_at", "ended_at"):
        kept = False if met is None and breached and ended is None else met
        if kept is None:
            continue
        if kind in TOLD:
            found[TOLD[kind]] = "true" if kept else "false"
        if kind != Kind.PROMISE:
            decided.append(kept)
    if False in decided:
        found["sla_met"] = False
    elif decided and case.state in OVER:
        found["sla_met"] = True
    return found
