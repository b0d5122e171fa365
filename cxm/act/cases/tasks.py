"""What other departments are asked to do for a case: ask, hand over, finish, decline. Each is a line of its history."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Membership, Role, User

from . import noticing
from .changing import change
from .errors import Refused
from .models import Case, Notice, Task, Team
from .queries import ended_in

State = Task.State


@transaction.atomic
def ask(
    *,
    case: Case,
    text: str,
    team: Team,
    by: Actor,
    owner: User | None = None,
    due_at: datetime | None = None,
    ref: str = "",
) -> Task:
    """Ask a department for something; for a merged case, in the one where it goes on.

    With `ref`, the task that exists for it is returned instead.
    """
    require_role(case.workspace, by, Role.AGENT)
    case = ended_in(case)
    text = " ".join(text.replace("\x00", "").split())[:500]
    if not text:
        raise Refused(_("Say what is to be done."))
    _require(case, team, owner)
    if ref and (existing := Task.objects.filter(case=case, ref=ref).first()):
        return existing
    task = Task.objects.create(
        workspace=case.workspace, case=case, ref=ref, text=text, team=team, owner=owner, due_at=due_at,
        asked_by=by if isinstance(by, User) else None,
    )  # fmt: skip
    who = {"owner": str(owner)} if owner else {}
    entry = change(case, by, "task_asked", text=text, data={"task": str(task.pk), "team": team.name, **who})
    if owner:
        noticing.tell(case, owner, Notice.Kind.TASK, by=by, entry=entry)
    return task


@transaction.atomic
def hand_over(*, task: Task, team: Team, by: Actor, owner: User | None = None, reason: str = "") -> None:
    """Give a task to another department or person; who had it before stays in the history."""
    task = _open(task, by)
    _require(task.case, team, owner)
    before = {"team": task.team.name, "owner": str(task.owner) if task.owner else ""}
    task.team, task.owner = team, owner
    task.save(update_fields=["team", "owner"])
    after = {"team": team.name, "owner": str(owner) if owner else ""}
    data = {"task": str(task.pk), "what": task.text, **{name: [before[name], after[name]] for name in before}}
    entry = change(task.case, by, "task_handed_over", text=reason.strip()[:5000], data=data)
    if owner:
        noticing.tell(task.case, owner, Notice.Kind.TASK, by=by, entry=entry)


@transaction.atomic
def finish(*, task: Task, by: Actor, result: str = "", declined: bool = False) -> None:
    """It is done, or will not be done; whoever asked is told."""
    task = _open(task, by)
    result = result.replace("\x00", "").strip()[:5000]
    if declined and not result:
        raise Refused(_("Say why it will not be done."))
    task.state, task.result, task.done_at = State.DECLINED if declined else State.DONE, result, timezone.now()
    task.save(update_fields=["state", "result", "done_at"])
    kind = "task_declined" if declined else "task_done"
    entry = change(task.case, by, kind, text=result, data={"task": str(task.pk), "what": task.text})
    for user in {one for one in (task.asked_by, task.case.owner) if one}:
        noticing.tell(task.case, user, Notice.Kind.TASK_DONE, by=by, entry=entry)


def _open(task: Task, by: Actor) -> Task:
    require_role(task.workspace, by, Role.AGENT)
    task = (
        Task.objects.select_for_update(of=("self",)).select_related("team", "owner", "case__workspace").get(pk=task.pk)
    )
    if task.state != State.OPEN:
        raise Refused(_("This task is done already."))
    return task


def _require(case: Case, team: Team, owner: User | None) -> None:
    if team.workspace_id != case.workspace_id:
        raise Refused(_("This team does not exist."))
    if owner and not Membership.objects.filter(workspace=case.workspace, user=owner).exists():
        raise Refused(_("This person is no member of the workspace. Choose somebody else."))
