"""Recovery plays: which case gets one, whom chance holds out, and what was done.

`assign`, `changed` and `told` are called in the transaction that opens or changes a case (hooks.py). A play is chosen
by its condition, the first in order that fits; in a test, chance says whether the customer gets it. What never happens:
a severe case is not held out, nobody is held out once the test has all its customers, and a case that is held out
misses nothing of the ordinary service. Each customer has one arm in a test, that of their first case, until their
outcome is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.lib.conditions import Condition, faults
from cxm.record.customers.models import Customer
from cxm.record.eventlog.outbox import emit
from cxm.stats.recovery import is_held_out

from .changing import signed
from .conditions import loaded, matches, stored, unknown
from .errors import Refused
from .models import Case, CaseEntry, Play, PlayAssignment

Arm, Reason, State = PlayAssignment.Arm, PlayAssignment.Reason, Play.State
FRESH: Final = timedelta(days=1)  # an older case came in from elsewhere: nothing can be tried with it any more
LEAST, MOST = 40, 1_000_000  # customers of a test
FIXED: Final = ("kind", "condition", "hold_out", "customers", "window_days")  # once the play runs


def assign(case: Case) -> PlayAssignment | None:
    """Give a new case its play, if one fits. A second call changes nothing."""
    if case.customer is None or case.opened_at < timezone.now() - FRESH:
        return None
    memory: dict[str, Any] = {}
    running = Play.objects.filter(workspace=case.workspace_id, state=State.RUNNING)
    fitting = next((one for one in running if matches(loaded(one.condition), case, memory)), None)
    if fitting is None:
        return None
    # Locked: places of a test are counted without gaps, also by several processes.
    play = Play.objects.select_for_update().get(pk=fitting.pk)
    if found := PlayAssignment.objects.filter(case=case).first():
        return found
    customer = case.customer.canonical or case.customer
    arm, reason, place = _deal(play, case, customer)
    if place == play.customers:
        Play.objects.filter(pk=play.pk).update(full_at=timezone.now())
    made = PlayAssignment.objects.create(
        case=case, play=play, customer=customer, arm=arm, reason=reason, place=place, at=timezone.now()
    )
    CaseEntry.objects.create(case=case, at=made.at, kind="play", data={"play": play.name, "arm": arm, "reason": reason})
    emit(
        "play_assigned", workspace_id=case.workspace_id, customer_id=customer.pk, occurred_at=made.at,
        play_id=str(play.pk), play=play.name, kind=play.kind, arm=str(arm), reason=str(reason), place=place or 0,
        case_id=str(case.pk), number=case.number,
    )  # fmt: skip
    return made


def _deal(play: Play, case: Case, customer: Customer) -> tuple[str, str, int | None]:
    if case.is_severe:
        return Arm.PLAY, Reason.SEVERE, None
    if not play.hold_out:
        return Arm.PLAY, Reason.NO_TEST, None
    tested = PlayAssignment.objects.filter(play=play, place__isnull=False)
    if earlier := tested.filter(customer=customer).first():
        # As long as we look at what follows, they stay in their arm; then nothing is learnt by holding them out.
        if earlier.at + timedelta(days=play.window_days) > timezone.now():
            return earlier.arm, Reason.AGAIN, None
        return Arm.PLAY, Reason.NO_TEST, None
    if play.full_at:
        return Arm.PLAY, Reason.NO_TEST, None
    last = tested.aggregate(last=Max("place"))["last"] or 0
    held_out = is_held_out(play.secret, customer.pk, play.hold_out)
    return Arm.HELD_OUT if held_out else Arm.PLAY, Reason.CHANCE, last + 1


def changed(case: Case) -> None:
    """A case that turns out to be severe is not held out any longer. It stays in its arm when the effect is told."""
    if not case.is_severe:
        return
    held_out = PlayAssignment.objects.filter(case=case, arm=Arm.HELD_OUT, released_at=None)
    if held_out.update(released_at=timezone.now()):
        CaseEntry.objects.create(case=case, kind="play_released")


def told(case: Case) -> dict[str, str]:
    """What `ticket_updated` says more of a case: its play and its arm."""
    found = PlayAssignment.objects.filter(case=case).select_related("play").first()
    return {"play": found.play.name, "arm": found.arm} if found else {}


@transaction.atomic
def save_play(
    *,
    workspace: Workspace,
    by: Actor,
    name: str,
    play: Play | None = None,
    condition: Condition | None = None,
    **values: Any,
) -> Play:
    """A new play as a draft, or a change of one: kind, text, hold_out, customers, window_days, cost, currency, order.

    Raises Refused, also for a change of what defines a test that has begun.
    """
    require_role(workspace, by, Role.ANALYST)
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise Refused(_("Give the play a name of at most 100 characters."))
    others = Play.objects.exclude(pk=play.pk) if play else Play.objects.all()
    if others.filter(workspace=workspace, name=name).exists():
        raise Refused(_("There is a play of this name already."))
    if condition is not None and (faults(condition) or unknown(condition)):
        raise Refused(_("The condition is not complete."))
    one = (
        Play.objects.select_for_update().get(pk=play.pk)
        if play
        else Play(workspace=workspace, created_by=user_behind(by))
    )
    before = {field: getattr(one, field) for field in (*FIXED, "name", "text", "cost", "currency", "position")}
    # As the table keeps it, so that the same condition is no change.
    wanted = {**values, "name": name, "condition": msgspec.json.decode(msgspec.json.encode(stored(condition)))}
    changes = {field: [old, wanted[field]] for field, old in before.items() if field in wanted and old != wanted[field]}
    _check({**before, **wanted})
    if one.state != State.DRAFT and set(changes) & set(FIXED):
        raise Refused(
            _("This play has begun: whom it is for and how it is tested stay as they are. End it and begin a new one.")
        )
    for field in changes:
        setattr(one, field, wanted[field])
    one.save()
    if changes or play is None:
        audit("changed" if play else "created", one, workspace=workspace, by=by, changes=changes if play else {})
    return one


def _check(values: Mapping[str, Any]) -> None:
    if values["kind"] not in Play.Kind.values:
        raise Refused(_("Choose what kind of play it is."))
    if not 0 <= values["hold_out"] <= 0.5:
        raise Refused(_("Hold out at most half of the customers."))
    if values["hold_out"] and not LEAST <= values["customers"] <= MOST:
        raise Refused(_("A test takes from %(least)d to %(most)d customers.") % {"least": LEAST, "most": MOST})
    if not 1 <= values["window_days"] <= 365:
        raise Refused(_("Look at what follows for 1 to 365 days."))
    if not 0 <= values["cost"] <= 1e9:
        raise Refused(_("Write what the play costs each time, 0 or more."))


@transaction.atomic
def start_play(*, play: Play, by: Actor) -> None:
    """From now on it is given to new cases."""
    require_role(play.workspace, by, Role.ANALYST)
    if not Play.objects.filter(pk=play.pk, state=State.DRAFT).update(state=State.RUNNING, started_at=timezone.now()):
        raise Refused(_("Only a draft can be started."))
    play.refresh_from_db()
    audit("started", play, workspace=play.workspace, by=by)


@transaction.atomic
def end_play(*, play: Play, by: Actor) -> None:
    """New cases do not get it any more. A test that ends before it has all its customers passes no verdict."""
    require_role(play.workspace, by, Role.ANALYST)
    if not Play.objects.filter(pk=play.pk, state=State.RUNNING).update(state=State.ENDED, ended_at=timezone.now()):
        raise Refused(_("Only a play that runs can be ended."))
    play.refresh_from_db()
    audit("ended", play, workspace=play.workspace, by=by)


@transaction.atomic
def remove_play(*, play: Play, by: Actor) -> None:
    """A draft only: what was tried stays on record."""
    require_role(play.workspace, by, Role.ANALYST)
    if not Play.objects.filter(pk=play.pk, state=State.DRAFT).exists():
        raise Refused(_("Only a draft can be removed."))
    audit("removed", play, workspace=play.workspace, by=by)
    play.delete()


@transaction.atomic
def carry_out(*, case: Case, by: Actor, cost: float | None = None) -> PlayAssignment:
    """The play was done for this case; `cost`, where it was another than usual. Repeating it changes nothing.

    Of a case that was held out, too: whoever must help, helps. The effect is told by what chance said.
    """
    require_role(case.workspace, by, Role.AGENT)
    found = PlayAssignment.objects.select_for_update(of=("self",)).select_related("play").filter(case=case).first()
    if found is None:
        raise Refused(_("No play was chosen for this case."))
    if found.done_at is not None:
        return found
    if cost is not None and not 0 <= cost <= 1e9:
        raise Refused(_("Write what the play cost, 0 or more."))
    found.done_at, found.done_by = timezone.now(), user_behind(by)
    found.cost = cost if cost is not None else found.play.cost
    found.save(update_fields=["done_at", "done_by", "cost"])
    CaseEntry.objects.create(
        case=case, at=found.done_at, kind="play_done", data={"play": found.play.name}, **signed(by)
    )
    audit("carried out", found.play, workspace=case.workspace, by=by, changes={"case": [None, f"#{case.number}"]})
    emit(
        "play_carried_out", workspace_id=case.workspace_id, customer_id=found.customer_id, occurred_at=found.done_at,
        play_id=str(found.play_id), play=found.play.name, kind=found.play.kind, arm=found.arm, cost=found.cost,
        case_id=str(case.pk), number=case.number,
    )  # fmt: skip
    return found
