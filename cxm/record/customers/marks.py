"""What our people put on a customer: tags and notes."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace
from cxm.record.eventlog.outbox import emit

from .actions import clean_text
from .errors import Refused
from .models import Customer, Note, Tag
from .snapshot import put_snapshot_after_commit


@transaction.atomic
def tag(*, workspace: Workspace, customers: Iterable[Customer], name: str, by: Actor) -> int:
    """Put a tag on customers; returns how many did not have it. Raises Refused."""
    require_role(workspace, by, Role.AGENT)
    row, _new = Tag.objects.get_or_create(workspace=workspace, name=_tag_name(name))
    asked = {one.pk: one for one in customers if one.workspace_id == workspace.pk}
    had = set(row.customers.filter(pk__in=asked).values_list("pk", flat=True))
    new = [one for pk, one in asked.items() if pk not in had]
    row.customers.add(*new)
    for one in new:
        audit("tagged", one, workspace=workspace, by=by, changes={"tag": [None, row.name]})
        emit("customer_tagged", workspace_id=workspace.pk, customer_id=one.pk, by=str(by or "OpenCXM"), tag=row.name)
    put_snapshot_after_commit(workspace.pk, [one.pk for one in new])
    return len(new)


@transaction.atomic
def untag(*, workspace: Workspace, customers: Iterable[Customer], name: str, by: Actor) -> int:
    """Take a tag from customers; returns how many had it. A tag that nobody has any more is gone."""
    require_role(workspace, by, Role.AGENT)
    row = Tag.objects.filter(workspace=workspace, name=clean_text(name)).first()
    if row is None:
        return 0
    old = list(row.customers.filter(pk__in=[one.pk for one in customers], workspace=workspace))
    row.customers.remove(*old)
    for one in old:
        audit("untagged", one, workspace=workspace, by=by, changes={"tag": [row.name, None]})
        emit("customer_untagged", workspace_id=workspace.pk, customer_id=one.pk, by=str(by or "OpenCXM"), tag=row.name)
    if not row.customers.exists():
        row.delete()
    put_snapshot_after_commit(workspace.pk, [one.pk for one in old])
    return len(old)


@transaction.atomic
def add_note(*, customer: Customer, text: str, by: Actor) -> Note:
    """Write a note. Its text stays in the operational database: the fact in the log only names it."""
    workspace = customer.workspace
    require_role(workspace, by, Role.AGENT)
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise Refused(_("A note needs a text."))
    if len(text) > 10_000:
        raise Refused(_("A note may have at most 10,000 characters."))
    note = Note.objects.create(customer=customer, text=text, by=by if isinstance(by, User) else None)
    _noted("note added", "note_added", note, by)
    return note


@transaction.atomic
def remove_note(*, note: Note, by: Actor) -> None:
    """Take a note off the page; `restore_note` brings it back."""
    require_role(note.customer.workspace, by, Role.AGENT)
    if Note.objects.filter(pk=note.pk, removed_at=None).update(removed_at=timezone.now()):
        _noted("note removed", "note_removed", note, by)


@transaction.atomic
def restore_note(*, note: Note, by: Actor) -> None:
    require_role(note.customer.workspace, by, Role.AGENT)
    if Note.objects.filter(pk=note.pk, removed_at__isnull=False).update(removed_at=None):
        _noted("note restored", "note_restored", note, by)


def _noted(verb: str, fact: str, note: Note, by: Actor) -> None:
    workspace = note.customer.workspace
    audit(verb, note.customer, workspace=workspace, by=by, changes={"note": str(note.uuid)})
    emit(
        fact, workspace_id=workspace.pk, customer_id=note.customer_id, by=str(by or "OpenCXM"), note=str(note.uuid)
    )  # fmt: skip


def _tag_name(name: str) -> str:
    name = clean_text(name)
    if not name or len(name) > 60:
        raise Refused(_("A tag needs a name of at most 60 characters."))
    return name
