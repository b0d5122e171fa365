"""Privacy requests about people by their user ids, in Segment's terms: suppress, erase, or both.

(https://segment.com/docs/privacy/user-deletion-and-suppression/) Suppression counts at once; erasing is a job.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.record.customers.actions import remove_customers
from cxm.record.customers.models import Customer, Identity
from cxm.record.customers.versions import bump_directory
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.forget import forget_customer, forget_rejections
from cxm.record.eventlog.ids import customer_id_of

from .actions import Refused
from .models import Regulation, Suppression

MOST_SUBJECTS = 5_000
LONGEST_ID = 300  # as the intake takes them
CHUNK = 500
# Every process hears of a suppression within a second; what it let in before is in the log after that.
SETTLED = timedelta(seconds=3)
GIVE_UP = timedelta(days=1)

Type, Status = Regulation.Type, Regulation.Status
SUPPRESSING = {Type.SUPPRESS_ONLY, Type.SUPPRESS_WITH_DELETE, Type.SUPPRESS_WITH_DELETE_INTERNAL}
DELETING = {
    Type.SUPPRESS_WITH_DELETE, Type.SUPPRESS_WITH_DELETE_INTERNAL, Type.DELETE_ONLY, Type.DELETE_INTERNAL,
}  # fmt: skip


@transaction.atomic
def create_regulation(
    *, workspace: Workspace, kind: Regulation.Type, subject_ids: Iterable[str], by: Actor
) -> Regulation:
    """A request about these user ids. Whoever calls it hands one that erases to the job (`needs_job`).

    Raises Refused for no ids, too many, or one that is no user id; then nothing has changed.
    """
    require_role(workspace, by, Role.ADMIN)
    ids = list(dict.fromkeys(one.strip() for one in subject_ids))
    if not ids or "" in ids:
        raise Refused(_("Name the user ids; an empty one is none."))
    if len(ids) > MOST_SUBJECTS:
        raise Refused(_("Name at most %(most)d user ids at once.") % {"most": MOST_SUBJECTS})
    if any(len(one) > LONGEST_ID or "\x00" in one for one in ids):
        raise Refused(_("A user id has at most %(most)d characters.") % {"most": LONGEST_ID})
    deletes = kind in DELETING
    made = Regulation.objects.create(
        workspace=workspace, type=kind, subject_ids=ids if deletes else [], subjects=len(ids),
        status=Status.INITIALIZED if deletes else Status.FINISHED, finished_at=None if deletes else timezone.now(),
        created_by=user_behind(by),
    )  # fmt: skip
    if kind in SUPPRESSING:
        Suppression.objects.bulk_create(
            [Suppression(workspace=workspace, user_id=one) for one in ids], ignore_conflicts=True, batch_size=CHUNK
        )
    elif kind == Type.UNSUPPRESS:
        for some in chunks(ids):
            Suppression.objects.filter(workspace=workspace, user_id__in=some).delete()
    audit("created", made, workspace=workspace, by=by, changes={"type": [None, made.type], "people": [None, len(ids)]})
    bump_directory()
    return made


def needs_job(regulation: Regulation) -> bool:
    return regulation.type in DELETING


def run(regulation_id: UUID) -> None:
    """Erase the people of a request. Safe to repeat after a crash; what is done already is not there to find."""
    one = Regulation.objects.select_related("workspace").filter(pk=regulation_id).first()
    if one is None or one.status not in {Status.INITIALIZED, Status.RUNNING}:
        return
    Regulation.objects.filter(pk=one.pk).update(status=Status.RUNNING)
    time.sleep(max(0.0, (one.created_at + SETTLED - timezone.now()).total_seconds()))
    try:
        while one.subject_ids:
            some = one.subject_ids[:CHUNK]
            erased = erase(one.workspace, some)
            one.subject_ids, one.erased = one.subject_ids[CHUNK:], one.erased + erased
            one.save(update_fields=["subject_ids", "erased"])
    except EventlogError as error:
        one.problem = str(error)[:2000]
        over = not error.retry or one.created_at < timezone.now() - GIVE_UP
        stopped = Status.PARTIAL_SUCCESS if one.erased else Status.FAILED
        one.status = stopped if over else Status.INITIALIZED  # a clock hands it to the job again
        one.finished_at = timezone.now() if over else None
        one.save(update_fields=["problem", "status", "finished_at"])
        return
    one.status, one.problem, one.finished_at = Status.FINISHED, "", timezone.now()
    one.save(update_fields=["status", "problem", "finished_at"])


def erase(workspace: Workspace, user_ids: Sequence[str]) -> int:
    """Erase everybody known by these user ids, and what nobody was made of yet; returns how many customers."""
    named = [customer_id_of(workspace.pk, "user_id", one) for one in user_ids]
    held = Identity.objects.filter(workspace=workspace, kind="user_id", value__in=user_ids)
    customers = set(held.values_list("customer_id", flat=True))
    customers |= set(Customer.objects.filter(workspace=workspace, pk__in=named).values_list("pk", flat=True))
    erased = remove_customers(workspace=workspace, customer_ids=sorted(customers), by=None)
    forget_customer(workspace.pk, named)
    forget_rejections(workspace.pk, list(user_ids))
    return erased


def chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
