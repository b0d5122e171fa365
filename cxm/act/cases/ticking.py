"""What is done when a target is near, missed, and missed for long: each moment of each clock exactly once.

`tick` is one of the clocks of web/timers.py. A moment is taken by counting up the stage of its clock, in the
transaction of all that follows from it: of two processes one finds it done, and after a kill it is as if nobody had
begun.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from cxm.accounts.models import User
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from . import levels, noticing
from .actions import add_tags, assign, set_priority
from .changing import change, locked
from .definition import Deed, Moment, moments_of, read
from .errors import Refused
from .models import Case, CaseClock, Notice, Team, TeamMember

logger = logging.getLogger(__name__)
AT_ONCE = 500
LONGEST = 20.0  # seconds of one call: other clocks tick in the same thread


def tick(now: datetime | None = None) -> int:
    """Do what is due; returns how many moments that were. A clock that cannot be handled holds up no other."""
    moment, until = now or timezone.now(), time.monotonic() + LONGEST
    due = CaseClock.objects.filter(ended_at=None, next_at__lte=moment, case__workspace__deleted_at=None)
    done, before = 0, -1
    while before < done and time.monotonic() < until:  # after a long absence there is more than one round
        before = done
        for pk, case_id in list(due.order_by("next_at", "pk").values_list("pk", "case_id")[:AT_ONCE]):
            try:
                while _next(pk, case_id, moment):
                    done += 1
            except Exception:
                logger.exception("The clock %s of the case %s cannot be handled", pk, case_id)
    return done


@transaction.atomic
def _next(pk: int, case_id: UUID, now: datetime) -> bool:
    """Do the next moment of this clock, if it has come."""
    case = locked(Case(pk=case_id))
    clock = CaseClock.objects.select_related("version").filter(pk=pk, ended_at=None, next_at__lte=now).first()
    if clock is None:
        return False
    definition = read(clock.version.definition) if clock.version else None
    moments = moments_of(definition, timedelta(seconds=clock.target_s))
    if clock.stage >= len(moments):
        CaseClock.objects.filter(pk=pk).update(next_at=None)
        return False
    stage, moment = clock.stage, moments[clock.stage]
    taken = CaseClock.objects.filter(pk=pk, stage=stage, ended_at=None).update(
        stage=stage + 1,
        **({"warned_at": now} if moment.kind == "warning" else {}),
        **({"breached_at": now} if moment.kind == "breach" else {}),
    )
    if taken:
        _happen(case, clock, stage, moment)
        levels.changed(case, now)
    return bool(taken)


def _happen(case: Case, clock: CaseClock, stage: int, moment: Moment) -> None:
    kind = {"warning": "warned", "breach": "breached", "escalation": "escalated"}[moment.kind]
    due = clock.due_at.isoformat() if clock.due_at else ""
    data = {"target": clock.kind, "number": clock.number, "due_at": due}
    change(case, None, kind, ref=f"clock:{clock.pk}:{stage}", data=data)
    if kind != "escalated":
        emit(
            f"sla_{kind}", workspace_id=case.workspace_id, customer_id=case.customer_id or NOBODY,
            case_id=str(case.pk), number=case.number, subject=case.subject, target=clock.kind, due_at=due,
            team=case.team.name,
        )  # fmt: skip
    for deed in moment.deeds:
        try:
            with transaction.atomic():
                _do(deed, case, Notice.Kind.WARNED if kind == "warned" else Notice.Kind.BREACHED)
        except (Refused, PermissionDenied) as refusal:  # the team or the person is not there any more
            change(case, None, "not_done", data={"do": deed.do, "why": str(refusal)[:300]})


def _do(deed: Deed, case: Case, notice: Notice.Kind) -> None:
    match deed.do:
        case "raise_priority":
            if case.priority < max(Case.Priority.values):
                set_priority(case=case, priority=case.priority + 1, by=None)
        case "tag":
            add_tags(case=case, tags=[deed.to], by=None)
        case "give_to_team":
            team = Team.objects.filter(workspace=case.workspace_id, pk=int(deed.to)).first()
            if team and team.pk != case.team_id:
                assign(case=case, team=team, by=None)
        case "give_to_person":
            for user in _person(case, deed.to):
                assign(case=case, owner=user, by=None)
        case _:
            for user in _told(deed, case):
                noticing.tell(case, user, notice, by=None)


def _told(deed: Deed, case: Case) -> Iterator[User]:
    if deed.do == "notify_owner" and case.owner:
        yield case.owner
    elif deed.do == "notify_team" or (deed.do == "notify_owner" and not case.owner):
        # A case of nobody is everybody's.
        members = TeamMember.objects.filter(team=case.team_id, is_away=False, user__is_active=True)
        yield from (member.user for member in members.select_related("user").order_by("pk"))
    elif deed.do == "notify_watchers":
        yield from (watcher.user for watcher in case.watchers.select_related("user"))
    elif deed.do == "notify_person":
        yield from _person(case, deed.to)


def _person(case: Case, uuid: str) -> list[User]:
    return list(User.objects.filter(uuid=uuid, memberships__workspace=case.workspace_id, is_active=True))
