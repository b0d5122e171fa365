"""What begins by the clock: segments that customers enter or leave, dates in traits, schedules.

Every day and every change is dealt with once: how far a workflow has come is written in the transaction in which its
runs begin. When a workflow is turned on, what has been so far counts as known.
"""

from __future__ import annotations

import logging
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segments import find_segment, members
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import emit_all

from .asking import Asked
from .definition import Trigger, program_called
from .models import Watched, Workflow
from .starting import Beginning, Rule, begin

logger = logging.getLogger(__name__)
T = TypeVar("T")

OF_SEGMENTS = ("segment_entered", "segment_left")
BY_CLOCK = (*OF_SEGMENTS, "date", "schedule")
AT_ONCE = 500  # customers in one transaction
MOST_DAYS_LATE = 7  # of an installation that stood still: what is older is left
OLDEST = 120  # years


def watch(now: datetime | None = None) -> int:
    """The clock: look at every workflow that begins by itself; returns how many runs were asked for."""
    return _watch(Q(trigger__in=BY_CLOCK), now or timezone.now())


def note_members() -> int:
    """Of workflows that have just been turned on, who is in the segment already: who comes from now on is new."""
    return _watch(Q(trigger__in=OF_SEGMENTS, progress={}), timezone.now())


def _watch(which: Q, now: datetime) -> int:
    n = 0
    rows = Workflow.objects.filter(which, is_on=True, archived_at=None, workspace__deleted_at=None)
    for workflow in rows.select_related("workspace").order_by("pk"):
        program = program_called(workflow.pk, workflow.version, workflow.key)
        if program is None:
            continue
        rule = Rule(workflow.pk, workflow.version, workflow.on_since, program)
        try:
            if workflow.trigger in ("segment_entered", "segment_left"):
                n += _watch_segment(workflow, rule, now)
            else:
                n += _watch_days(workflow, rule, now)
        except EventlogError as error:
            logger.warning("The workflow %s waits for the log: %s", workflow.pk, error)
    return n


def _watch_segment(workflow: Workflow, rule: Rule, now: datetime) -> int:
    condition = find_segment(workflow.workspace_id, rule.trigger.segment)
    if condition is None:
        return 0
    current = set(members(workflow.workspace, condition, now))
    known = set(Watched.objects.filter(workflow=workflow).values_list("customer_id", flat=True))
    is_first = workflow.progress.get("segment") != rule.trigger.segment
    entered, left = current - known, known - current
    n = 0
    for some in _parts(sorted(entered | left)):
        came, went = [one for one in some if one in entered], [one for one in some if one in left]
        with transaction.atomic():
            Watched.objects.bulk_create(
                [Watched(workflow=workflow, customer_id=one) for one in came], ignore_conflicts=True
            )
            Watched.objects.filter(workflow=workflow, customer_id__in=went).delete()
            if not is_first:
                state_changes(workflow.workspace_id, rule.trigger.segment, came, went, now)
                concerned = came if rule.trigger.kind == "segment_entered" else went
                n += _begin_all(workflow, rule, concerned, f"{int(now.timestamp())}", now)
    if is_first:
        _keep(workflow, {"segment": rule.trigger.segment})
    return n


def state_changes(
    workspace_id: int, segment_id: str, came: Sequence[UUID], went: Sequence[UUID], now: datetime
) -> None:
    """Facts about a segment that is watched; several workflows that watch it state each of them once."""
    name = Segment.objects.filter(pk=segment_id).values_list("name", flat=True).first() or ""
    profiles = set(Customer.objects.filter(pk__in=[*came, *went]).values_list("pk", flat=True))
    emit_all(
        [
            OutboxFact(
                workspace_id=workspace_id, name=fact, customer_id=one, occurred_at=now,
                event_id=root_of(workspace_id, f"{fact}:{segment_id}:{one.hex}:{int(now.timestamp())}"),
                properties={"segment_id": segment_id, "segment": name},
            )
            for fact, some in (("segment_entered", came), ("segment_left", went))
            for one in some
            if one in profiles
        ]
    )  # fmt: skip


def _watch_days(workflow: Workflow, rule: Rule, now: datetime) -> int:
    """Every day since the last one that was dealt with, or since it was turned on, at its hour."""
    trigger, zone = rule.trigger, ZoneInfo(workflow.workspace.time_zone)
    last_due = _last_due(trigger, now.astimezone(zone))
    if "day" not in workflow.progress:
        since = min(workflow.on_since or now, now)
        _keep(workflow, {"day": _last_due(trigger, since.astimezone(zone)).isoformat()})
    day = max(
        date.fromisoformat(workflow.progress["day"]) + timedelta(days=1), last_due - timedelta(days=MOST_DAYS_LATE)
    )
    n = 0
    while day <= last_due:
        if trigger.kind == "date" or is_day_of(trigger, day):
            for some in _parts(concerned_on(workflow.workspace, trigger, day, now)):
                with transaction.atomic():
                    n += _begin_all(workflow, rule, some, day.isoformat(), now)
        _keep(workflow, {"day": day.isoformat()})
        day += timedelta(days=1)
    return n


def _last_due(trigger: Trigger, local: datetime) -> date:
    """The last day whose hour has come by then."""
    return local.date() if local.hour >= trigger.hour else local.date() - timedelta(days=1)


def is_day_of(trigger: Trigger, day: date) -> bool:
    """Whether a schedule has this day."""
    match trigger.every:
        case "week":
            return day.isoweekday() == trigger.day
        case "month":
            return day.day == min(trigger.day, monthrange(day.year, day.month)[1])
    return True


def concerned_on(workspace: Any, trigger: Trigger, day: date, now: datetime) -> Iterator[UUID | None]:
    """For whom it begins on that day; a schedule without a segment begins once, for nobody."""
    if trigger.kind == "date":
        yield from members(workspace, condition_of_day(trigger, day), now)
        return
    if not trigger.segment:
        yield None
        return
    condition = find_segment(workspace.pk, trigger.segment)
    if condition is not None:
        yield from members(workspace, condition, now)


def condition_of_day(trigger: Trigger, day: date) -> Condition:
    """Who has such a date in the trait. Who was born on 29 February has their day on the 28th in other years."""
    wanted = day - timedelta(days=trigger.days)
    if not trigger.yearly:
        return Condition(field=f"trait.{trigger.trait}", operator="is", values=(wanted.isoformat(),))
    days = {(wanted.month, wanted.day)}
    if days == {(2, 28)} and monthrange(wanted.year, 2)[1] == 28:
        days.add((2, 29))
    values = tuple(
        f"{year:04}-{month:02}-{number:02}"
        for year in range(wanted.year - OLDEST, wanted.year + 1)
        for month, number in sorted(days)
    )
    return Condition(field=f"trait.{trigger.trait}", operator="is", values=values)


def _begin_all(workflow: Workflow, rule: Rule, concerned: Sequence[UUID | None], slot: str, now: datetime) -> int:
    """Begin it for those for whom its condition holds; in the caller's transaction."""
    people = Customer.objects.in_bulk([one for one in concerned if one])
    context = {"event": rule.trigger.kind, "at": now.isoformat(), "properties": {"day": slot}}
    condition = rule.program.definition.condition
    chosen = []
    for one in concerned:
        customer = people.get(one) if one else None
        if (one and customer is None) or not Asked(workflow.workspace_id, {}, customer, now).holds(condition):
            continue
        key = f"{rule.trigger.kind}:{one.hex if one else ''}:{slot}"
        chosen.append(Beginning(rule, key, one, root_of(workflow.pk, key), 1, context))
    return begin(workflow.workspace_id, chosen)


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    left = iter(values)
    while some := list(islice(left, AT_ONCE)):
        yield some


def root_of(workflow_id: int, key: str) -> UUID:
    """What a run goes back to that no event began."""
    return UUID(bytes=blake2b(f"{workflow_id}\x1f{key}".encode(), digest_size=16).digest())


def _keep(workflow: Workflow, progress: dict[str, Any]) -> None:
    workflow.progress = progress
    # Only while it is the version that was looked at: another one begins anew.
    Workflow.objects.filter(pk=workflow.pk, version=workflow.version, is_on=True).update(progress=progress)


def days_of(trigger: Trigger, first: date, last: date) -> Iterable[date]:
    """The days between these two on which it begins."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [one for one in days if trigger.kind == "date" or is_day_of(trigger, one)]
