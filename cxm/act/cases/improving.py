"""The outer loop: improvement measures against causes, and whether they helped.

The measured effect is the change from as many weeks before the measure took effect to the weeks after it that are over.
It says what changed, not why: whatever else changed at the same time is in it, and a measure that was decided in a bad
month looks good by itself (regression to the mean). The page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.stats.comparison import Difference, verdicts
from cxm.stats.recovery import change_of_rate
from cxm.understand.metrics import queries as metrics
from cxm.understand.metrics.asking import read_filters

from .errors import Refused
from .models import Case, Cause, Measure
from .models.measures import CASES_PER_WEEK

WEEK: Final = timedelta(days=7)
State = Measure.State
Direction = Literal["better", "worse", "no_evidence", "too_early"]


@dataclass(frozen=True, slots=True)
class Improvement:
    """`before`, `after` and `difference` in `unit`. `weeks`: how many after it are over, of those that are wanted.

    `result`: better or worse only with evidence, when all weeks are over. `as_expected`: whether the interval of the
    difference holds what was expected; None without either. `undecided`: cases of the weeks after that have no cause
    yet, and may still add to it.
    """

    unit: str
    before: float | None
    after: float | None
    difference: Difference
    weeks: int
    result: Direction
    as_expected: bool | None
    undecided: int = 0


def improvement_of(measure: Measure, now: datetime | None = None) -> Improvement | None:
    """The measured effect; None before the measure takes effect and a week is over. Refused for an unknown filter."""
    now = now or timezone.now()
    start = measure.in_effect_at
    if start is None:
        return None
    weeks = min(int((now - start) / WEEK), measure.weeks)
    if weeks < 1:
        return None
    since, until = start - measure.weeks * WEEK, start + weeks * WEEK
    undecided = 0
    if measure.metric == CASES_PER_WEEK:
        first, second = counts(measure, since, start), counts(measure, start, until)
        difference, unit, lower = change_of_rate(first, second), "count", True
        before, after = mean_of(first), mean_of(second)
        if measure.cause_id:
            cases = Case.objects.filter(workspace=measure.workspace_id, opened_at__gte=start, opened_at__lt=until)
            undecided = cases.filter(cause=None, merged_into=None).count()
    else:
        try:
            filters = read_filters(measure.filters, measure.workspace_id)
            scope = Scope(measure.workspace_id, measure.workspace.time_zone).where(*filters)
            change = metrics.compare(measure.metric, scope.during(since, start), scope.during(start, until), now=now)
        except (metrics.Refused, UnknownField) as error:
            raise Refused(str(error)) from error
        lower = metrics.metric_called(measure.metric).direction == "lower"
        difference = Difference(
            change.difference, change.low, change.high, change.p_value, change.n_before, change.n_after
        )
        before, after, unit = change.before.value, change.after.value, change.unit
    [verdict] = verdicts([difference])
    result: Direction = "too_early" if weeks < measure.weeks else "no_evidence"
    if result == "no_evidence" and verdict != "no_evidence":
        result = "better" if (verdict == "down") == lower else "worse"
    as_expected = None
    if measure.expected is not None and difference.low is not None and difference.high is not None:
        as_expected = difference.low <= measure.expected <= difference.high
    return Improvement(unit, before, after, difference, weeks, result, as_expected, undecided)


def mean_of(counted: Sequence[int]) -> float | None:
    return sum(counted) / len(counted) if counted else None


def counts(measure: Measure, since: datetime, until: datetime) -> list[int]:
    """Cases opened in each week, with the cause of the measure or one below it; all cases where it names none."""
    cases = Case.objects.filter(
        workspace=measure.workspace_id, opened_at__gte=since, opened_at__lt=until, merged_into=None
    )
    if measure.cause_id:
        cases = cases.filter(cause__in=branch(measure.workspace_id, measure.cause_id))
    found = [0] * round((until - since) / WEEK)
    for opened_at in cases.values_list("opened_at", flat=True).iterator():
        found[int((opened_at - since) / WEEK)] += 1
    return found


def branch(workspace_id: int, cause_id: int) -> set[int]:
    """The cause and all below it."""
    below: dict[int | None, list[int]] = {}
    for pk, parent in Cause.objects.filter(workspace=workspace_id).values_list("pk", "parent_id"):
        below.setdefault(parent, []).append(pk)
    found, waiting = {cause_id}, [cause_id]
    while waiting:
        more = [one for one in below.get(waiting.pop(), []) if one not in found]
        found.update(more)
        waiting += more
    return found


@transaction.atomic
def save_measure(
    *,
    workspace: Workspace,
    by: Actor,
    name: str,
    measure: Measure | None = None,
    text: str = "",
    cause: Cause | None = None,
    owner: User | None = None,
    due_on: date | None = None,
    metric: str = CASES_PER_WEEK,
    filters: Sequence[str] = (),
    expected: float | None = None,
    weeks: int = 12,
) -> Measure:
    """A new measure, or all of one changed. Raises Refused."""
    require_role(workspace, by, Role.ANALYST)
    name = " ".join(name.split())
    if not name or len(name) > 200:
        raise Refused(_("Give the measure a name of at most 200 characters."))
    if cause and cause.workspace_id != workspace.pk:
        raise Refused(_("This root cause does not exist."))
    if owner and not Membership.objects.filter(workspace=workspace, user=owner).exists():
        raise Refused(_("The owner must be a member of this workspace."))
    if not 1 <= weeks <= 52:
        raise Refused(_("Compare 1 to 52 weeks."))
    if metric != CASES_PER_WEEK:
        try:
            metrics.metric_called(metric)
            read_filters(filters, workspace.pk)
        except metrics.Refused as error:
            raise Refused(str(error)) from error
    one = Measure.objects.select_for_update().get(pk=measure.pk) if measure else Measure(workspace=workspace)
    values: dict[str, Any] = {
        "name": name, "text": text, "cause": cause, "owner": owner, "due_on": due_on, "metric": metric,
        "filters": list(filters), "expected": expected, "weeks": weeks,
    }  # fmt: skip
    changes = {}
    for field, value in values.items():
        if getattr(one, field) != value:
            changes[field] = [_said(getattr(one, field)), _said(value)]
            setattr(one, field, value)
    if measure is None:
        one.created_by = user_behind(by)
    one.save()
    if changes or measure is None:
        audit("changed" if measure else "created", one, workspace=workspace, by=by, changes=changes if measure else {})
    return one


@transaction.atomic
def take_effect(*, measure: Measure, by: Actor, at: datetime | None = None) -> None:
    """Customers feel it from `at` on (now unless told): before and after are told apart there. Raises Refused."""
    require_role(measure.workspace, by, Role.ANALYST)
    at = at or timezone.now()
    if at > timezone.now():
        raise Refused(_("A measure takes effect now or in the past."))
    _move(measure, by, State.IN_EFFECT, "took effect", in_effect_at=at)


@transaction.atomic
def drop_measure(*, measure: Measure, by: Actor) -> None:
    """It is not done, or given up; what was measured stays readable."""
    require_role(measure.workspace, by, Role.ANALYST)
    _move(measure, by, State.DROPPED, "dropped")


def _move(measure: Measure, by: Actor, state: Measure.State, verb: str, **fields: Any) -> None:
    one = Measure.objects.select_for_update().get(pk=measure.pk)
    if one.state == State.DROPPED:
        raise Refused(_("This measure was dropped."))
    one.state = state
    for name, value in fields.items():
        setattr(one, name, value)
    one.save()
    audit(verb, one, workspace=measure.workspace, by=by, changes={name: [None, _said(v)] for name, v in fields.items()})
    measure.refresh_from_db()


def _said(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | list) else str(value)
