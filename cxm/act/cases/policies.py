"""What can be done with calendars and service level policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.lib.conditions import faults
from cxm.lib.conditions_form import explained

from . import business_hours, conditions, levels
from .calendars import NeverOpen
from .definition import MOST_MINUTES, MOST_STEPS, TARGETS, Deed, Definition, deeds_of, read, written
from .errors import Refused
from .models import Calendar, Case, PolicyVersion, ServicePolicy, Team

LONGEST_NAME = 200


@transaction.atomic
def save_calendar(
    *,
    workspace: Workspace,
    name: str,
    time_zone: str,
    week: Sequence[Any],
    by: Actor,
    holidays: Sequence[Mapping[str, Any]] = (),
    calendar: Calendar | None = None,
) -> Calendar:
    """Make a calendar, or change one: what runs by it is due at other times at once. Raises Refused."""
    require_role(workspace, by, Role.ADMIN)
    try:
        hours = business_hours.read(time_zone, week, holidays)
        hours.opening(timezone.now())
    except business_hours.Unreadable as error:
        raise Refused(
            _("“%(part)s” cannot be read. Write times as 09:00-17:30 and days as 2026-12-25.") % {"part": error.part}
        ) from None
    except NeverOpen:
        raise Refused(_("By this calendar you are never open. Give at least one day opening hours.")) from None
    new = calendar is None
    kept = calendar or Calendar(workspace=workspace)
    before = None if new else [kept.name, kept.time_zone, kept.week, kept.holidays]
    kept.name, kept.time_zone = clean_name(name), time_zone
    kept.week, kept.holidays = [list(day) for day in week], [dict(one) for one in holidays]
    kept.version += 0 if new else 1
    _save(kept, new)
    now = [kept.name, kept.time_zone, kept.week, kept.holidays]
    if now != before:
        audit("created" if new else "changed", kept, workspace=workspace, by=by, changes={"calendar": [before, now]})
        if not new:
            levels.calendar_changed(kept)
    return kept


@transaction.atomic
def delete_calendar(*, calendar: Calendar, by: Actor) -> None:
    """Its teams work day and night from then on, as far as service levels go."""
    require_role(calendar.workspace, by, Role.ADMIN)
    audit("deleted", calendar, workspace=calendar.workspace, by=by)
    cases = [*Case.objects.filter(clocks__calendar=calendar, clocks__ended_at=None).distinct()]
    for case in cases:
        levels.leave_calendar(case, calendar)
    calendar.delete()
    for case in cases:
        levels.changed(Case.objects.select_related("team__calendar").get(pk=case.pk))


@transaction.atomic
def save_policy(
    *,
    workspace: Workspace,
    name: str,
    definition: Definition,
    by: Actor,
    policy: ServicePolicy | None = None,
    is_paused: bool | None = None,
) -> ServicePolicy:
    """Make a policy, at the end of the list, or write a new version of one. Cases keep the version that they have.

    Raises Refused; then nothing has changed.
    """
    require_role(workspace, by, Role.ADMIN)
    check(workspace, definition)
    content = written(definition)
    new = policy is None
    if policy is None:
        last = ServicePolicy.objects.filter(workspace=workspace).aggregate(last=Max("position"))["last"]
        policy = ServicePolicy(workspace=workspace, position=0 if last is None else last + 1)
    else:
        policy = ServicePolicy.objects.select_for_update().get(pk=policy.pk)
    newest = None if new else PolicyVersion.objects.get(policy=policy, number=policy.version)
    policy.name = clean_name(name)
    if is_paused is not None:
        policy.is_paused = is_paused
    differs = newest is None or read(newest.definition) != definition
    policy.version += differs and not new
    _save(policy, new)
    if differs:
        PolicyVersion.objects.create(
            policy=policy, number=policy.version, definition=content, made_by=by if isinstance(by, User) else None
        )
    audit(
        "created" if new else "changed", policy, workspace=workspace, by=by,
        changes={"definition": [newest.definition if newest else None, content]} if differs else {},
    )  # fmt: skip
    return policy


@transaction.atomic
def move_policy(*, policy: ServicePolicy, up: bool, by: Actor) -> None:
    """Try it one place earlier, or later: the first that matches counts."""
    require_role(policy.workspace, by, Role.ADMIN)
    move(ServicePolicy.objects.filter(workspace=policy.workspace_id), policy, up)
    audit("moved", policy, workspace=policy.workspace, by=by)


@transaction.atomic
def order_policies(*, workspace: Workspace, ids: Sequence[int], by: Actor) -> None:
    """Try them in this order from now on. Raises Refused unless each is named once."""
    require_role(workspace, by, Role.ADMIN)
    put_in_order(ServicePolicy.objects.filter(workspace=workspace), ids, workspace, by)


@transaction.atomic
def delete_policy(*, policy: ServicePolicy, by: Actor) -> None:
    """Open cases go on under the next policy that matches, if one does."""
    require_role(policy.workspace, by, Role.ADMIN)
    audit("deleted", policy, workspace=policy.workspace, by=by)
    cases = [*Case.objects.filter(clocks__version__policy=policy, clocks__ended_at=None).distinct()]
    policy.delete()
    for case in cases:
        levels.changed(Case.objects.select_related("team__calendar").get(pk=case.pk))


def check(workspace: Workspace, definition: Definition) -> None:
    """Raises Refused for what cannot hold for any case, or names what is not there."""
    given = [minutes for targets in definition.targets.values() for minutes in targets.values() if minutes]
    if not given:
        raise Refused(_("Set at least one target."))
    priorities = {str(one) for one in Case.Priority.values}
    known = definition.targets.keys() <= set(TARGETS) and all(
        targets.keys() <= priorities for targets in definition.targets.values()
    )
    if not known or any(not 0 < minutes <= MOST_MINUTES for minutes in given):
        raise Refused(_("A target is between a minute and a year, for first_reply, next_reply or resolution."))
    if not 0 <= definition.warn_at < 100:
        raise Refused(_("The warning comes after less than 100 percent of the target."))
    steps = definition.escalation
    if len(steps) > MOST_STEPS or any(not 0 < one.after <= MOST_MINUTES for one in steps):
        raise Refused(_("An escalation has at most %(most)d steps, each after the breach.") % {"most": MOST_STEPS})
    check_condition(definition.condition)
    for deed in deeds_of(definition):
        _check_deed(workspace, deed)


def check_condition(condition: Any) -> None:
    if condition is None:
        return
    if wrong := faults(condition):
        raise Refused(explained(wrong[0]))
    if field := conditions.unknown(condition):
        raise Refused(_("Cases cannot be asked for “%(field)s”.") % {"field": field})


def _check_deed(workspace: Workspace, deed: Deed) -> None:
    if deed.do == "give_to_team":
        if not deed.to.isdigit() or not Team.objects.filter(workspace=workspace, pk=int(deed.to)).exists():
            raise Refused(_("The team that shall take the case does not exist."))
    elif deed.do in ("give_to_person", "notify_person"):
        try:
            there = Membership.objects.filter(workspace=workspace, user__uuid=deed.to).exists()
        except ValueError:
            there = False
        if not there:
            raise Refused(_("The person that shall take the case or be told is no member of the workspace."))
    elif deed.do == "tag" and not 0 < len(deed.to.strip()) <= 60:
        raise Refused(_("A tag has at most %(letters)d letters.") % {"letters": 60})


def move(rows: models.QuerySet[Any], one: Any, up: bool) -> None:
    """Change places with the neighbour, and number the list anew."""
    ordered = list(rows.select_for_update())
    place = next(number for number, row in enumerate(ordered) if row.pk == one.pk)
    other = place - 1 if up else place + 1
    if 0 <= other < len(ordered):
        ordered[place], ordered[other] = ordered[other], ordered[place]
    _number(ordered)


def put_in_order(rows: models.QuerySet[Any], ids: Sequence[int], workspace: Workspace, by: Actor) -> None:
    """Number the whole list anew, in the order of these ids. Raises Refused unless each row is named once."""
    present = {row.pk: row for row in rows.select_for_update()}
    if sorted(ids) != sorted(present):
        raise Refused(_("Name each of them once, in the new order."))
    for row, before, now in _number([present[one] for one in ids]):
        audit("moved", row, workspace=workspace, by=by, changes={"position": [before, now]})


def _number(ordered: Sequence[Any]) -> list[tuple[Any, int, int]]:
    """Write the places; returns what got another one, with the old and the new place."""
    moved = [(row, row.position, number) for number, row in enumerate(ordered) if row.position != number]
    for row, _before, number in moved:
        type(row).objects.filter(pk=row.pk).update(position=number)
    return moved


def clean_name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned or len(cleaned) > LONGEST_NAME:
        raise Refused(_("A name has between 1 and %(most)d letters.") % {"most": LONGEST_NAME})
    return cleaned


def _save(row: models.Model, new: bool) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=new)
    except IntegrityError:
        raise Refused(_("There is one of that name already.")) from None
