"""What people do with texts, one or many at once: assign, tag, mark handled, open a case; and undo it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.act.cases.actions import cleaned_tags
from cxm.act.cases.actions import open_case as open_one
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Case, FeedbackDeed, FeedbackMark
from cxm.record.customers.models import Customer

from .queries import Row, by_id, customers_of

MOST_AT_ONCE: Final = 1_000
MOST_CASES: Final = 50
UNDOABLE: Final = timedelta(hours=24)
FIELDS: Final = ("handled_at", "handled_by_id", "assigned_to_id", "tags", "case_id")
Change = Callable[[FeedbackMark], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the deed, by which it can be undone, and how many texts it changed."""

    deed: FeedbackDeed
    n: int


@transaction.atomic
def assign(*, workspace: Workspace, event_ids: Iterable[UUID], to: User | None, by: Actor) -> Done:
    """Make them the task of a member, or nobody's. Raises Refused."""
    require_role(workspace, by, Role.AGENT)
    if to is not None and not Membership.objects.filter(workspace=workspace, user=to, user__is_active=True).exists():
        raise Refused(_("This person is no member of the workspace. Choose somebody else."))

    def change(mark: FeedbackMark) -> None:
        mark.assigned_to = to

    return _change(workspace, event_ids, "assigned", change, by, {"to": str(to) if to else ""})


@transaction.atomic
def mark_handled(*, workspace: Workspace, event_ids: Iterable[UUID], handled: bool, by: Actor) -> Done:
    require_role(workspace, by, Role.AGENT)
    now = timezone.now()

    def change(mark: FeedbackMark) -> None:
        if handled != bool(mark.handled_at):
            mark.handled_at = now if handled else None
            mark.handled_by = by if handled and isinstance(by, User) else None

    return _change(workspace, event_ids, "handled" if handled else "reopened", change, by, {})


@transaction.atomic
def tag(
    *, workspace: Workspace, event_ids: Iterable[UUID], by: Actor, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> Done:
    """Give them these tags, and take those off. Raises Refused for too many or too long ones."""
    require_role(workspace, by, Role.AGENT)
    added, removed = cleaned_tags(add), set(cleaned_tags(remove))
    if not added and not removed:
        raise Refused(_("Say which tags."))

    def change(mark: FeedbackMark) -> None:
        mark.tags = cleaned_tags([*(one for one in mark.tags if one not in removed), *added])

    return _change(workspace, event_ids, "tagged", change, by, {"added": added, "removed": sorted(removed)})


@transaction.atomic
def open_cases(*, workspace: Workspace, event_ids: Iterable[UUID], by: Actor) -> Done:
    """A case for each text, or the one that it has already. Raises Refused for more than MOST_CASES."""
    require_role(workspace, by, Role.AGENT)
    ids = list(dict.fromkeys(event_ids))
    if len(ids) > MOST_CASES:
        raise Refused(_("Open at most %(most)d cases at once.") % {"most": MOST_CASES})
    rows = {one.event_id: one for one in by_id(workspace, ids)}
    people = customers_of(workspace, {one.customer_id for one in rows.values()})

    def change(mark: FeedbackMark) -> None:
        if mark.case_id is None:
            row = rows[mark.event_id]
            mark.case = _case_for(workspace, row, people.get(row.customer_id), mark.tags, by)

    return _change(workspace, ids, "case_opened", change, by, {})


def _case_for(workspace: Workspace, row: Row, customer: Any, tags: Sequence[str], by: Actor) -> Case:
    return open_one(
        workspace=workspace, subject=Truncator(row.comment).chars(120), opened_by=f"answer:{row.event_id}", by=by,
        customer=customer, channel=row.channel, touchpoint=row.touchpoint, language=row.language, tags=tags,
        properties={"comment": row.comment[:2000]},
    )  # fmt: skip


@transaction.atomic
def undo(*, deed: FeedbackDeed, by: Actor) -> int:
    """Put back what was before; returns for how many texts. What was changed since stays. Cases stay open.

    Raises Refused for a deed that was undone, or is too old.
    """
    require_role(deed.workspace, by, Role.AGENT)
    deed = FeedbackDeed.objects.select_for_update().select_related("workspace").get(pk=deed.pk)
    if deed.undone_at is not None or deed.at < timezone.now() - UNDOABLE:
        raise Refused(_("This cannot be undone any more."))
    before = {one["mark"]: one for one in deed.before}
    changed = []
    for mark in FeedbackMark.objects.select_for_update().filter(workspace=deed.workspace, pk__in=before):
        entry = before[mark.pk]
        if mark.version == entry["version"]:
            for name, value in entry["values"].items():
                setattr(mark, name, parse_datetime(value) if name == "handled_at" and value else value)
            mark.version, mark.in_log = mark.version + 1, False
            changed.append(mark)
    FeedbackMark.objects.bulk_update(changed, [*_saved(), "version", "in_log"], batch_size=200)
    deed.undone_at = timezone.now()
    deed.save(update_fields=["undone_at"])
    audit("undid", deed, workspace=deed.workspace, by=by, changes={"texts": [None, len(changed)]}, name=deed.verb)
    return len(changed)


def _saved() -> list[str]:
    return ["handled_at", "handled_by", "assigned_to", "tags", "case"]


def _change(
    workspace: Workspace, event_ids: Iterable[UUID], verb: str, change: Change, by: Actor, said: Mapping[str, Any]
) -> Done:  # fmt: skip
    ids = list(dict.fromkeys(event_ids))
    if not ids:
        raise Refused(_("Choose at least one text."))
    if len(ids) > MOST_AT_ONCE:
        raise Refused(_("Choose at most %(most)d texts at once.") % {"most": MOST_AT_ONCE})
    marks = _marks(workspace, ids)
    if not marks:
        raise Refused(_("These texts are not there any more."))
    before, changed = [], []
    for mark in marks:
        was = _values(mark)
        change(mark)
        if _values(mark) != was:
            mark.version, mark.in_log = mark.version + 1, False
            before.append({"mark": mark.pk, "version": mark.version, "values": was})
            changed.append(mark)
    FeedbackMark.objects.bulk_update(changed, [*_saved(), "version", "in_log"], batch_size=200)
    deed = FeedbackDeed.objects.create(
        workspace=workspace, by=by if isinstance(by, User) else None, verb=verb, before=before
    )
    changes = {"texts": [None, len(changed)], **{name: [None, value] for name, value in said.items() if value}}
    if len(ids) == 1:
        changes["text"] = [None, str(ids[0])]
    audit(verb, deed, workspace=workspace, by=by, changes=changes, name="")
    return Done(deed, len(changed))


def _values(mark: FeedbackMark) -> dict[str, Any]:
    """What can be put back; JSON."""
    at = mark.handled_at.isoformat() if mark.handled_at else None
    return {**{name: getattr(mark, name) for name in FIELDS}, "handled_at": at, "tags": list(mark.tags),
            "case_id": str(mark.case_id) if mark.case_id else None}  # fmt: skip


def _marks(workspace: Workspace, ids: Sequence[UUID]) -> list[FeedbackMark]:
    """The marks of these texts, made where there were none, locked."""
    mine = FeedbackMark.objects.filter(workspace=workspace, event_id__in=ids)
    known = set(mine.values_list("event_id", flat=True))
    rows = by_id(workspace, [one for one in ids if one not in known], shown=1)
    there = set(
        Customer.objects.filter(workspace=workspace, pk__in={one.customer_id for one in rows}).values_list(
            "pk", flat=True
        )
    )
    new = [
        FeedbackMark(
            workspace=workspace, event_id=row.event_id, import_id=row.import_id, occurred_at=row.occurred_at,
            log_customer_id=row.customer_id, customer_id=row.customer_id if row.customer_id in there else None,
        )
        for row in rows
    ]  # fmt: skip
    FeedbackMark.objects.bulk_create(new, ignore_conflicts=True, batch_size=200)
    return list(mine.select_for_update(of=("self",)).order_by("pk"))
