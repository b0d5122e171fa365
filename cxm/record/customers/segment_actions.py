"""What can be done with segments."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace
from cxm.lib.conditions import Condition, faults
from cxm.lib.conditions_form import explained
from cxm.record.eventlog.membership import NotAskable, check

from .actions import clean_text
from .errors import Refused
from .models import Segment

LONGEST = 100


def create_segment(*, workspace: Workspace, name: str, condition: Condition, by: Actor) -> Segment:
    """A new segment. Raises Refused for a name that is taken or a condition that customers cannot be asked."""
    require_role(workspace, by, Role.AGENT)
    made = Segment(
        workspace=workspace, name=_name(name), condition=_stored(condition),
        created_by=by if isinstance(by, User) else None,
    )  # fmt: skip
    with transaction.atomic():
        _save(made, new=True)
        audit("created", made, workspace=workspace, by=by, changes={"name": [None, made.name]})
    return made


def change_segment(
    *, segment: Segment, by: Actor, name: str | None = None, condition: Condition | None = None
) -> Segment:
    """Change what is given; all that uses the segment follows at once. Raises Refused; then nothing has changed."""
    workspace = segment.workspace
    require_role(workspace, by, Role.AGENT)
    with transaction.atomic():
        kept = Segment.objects.select_for_update().select_related("workspace").get(pk=segment.pk)
        changes: dict[str, Any] = {}
        for field, value in (
            ("name", None if name is None else _name(name)),
            ("condition", None if condition is None else _stored(condition)),
        ):
            if value is not None and getattr(kept, field) != value:
                changes[field] = [getattr(kept, field), value]
                setattr(kept, field, value)
        if changes:
            kept.updated_at = timezone.now()
            _save(kept, new=False)
            audit("changed", kept, workspace=workspace, by=by, changes=changes)
    return kept


@transaction.atomic
def delete_segment(*, segment: Segment, by: Actor) -> None:
    """Nobody is in it any more: what names it finds that it holds for no one, a filter that there is no such field."""
    require_role(segment.workspace, by, Role.AGENT)
    audit("deleted", segment, workspace=segment.workspace, by=by, changes={"name": [segment.name, None]})
    segment.delete()


def _save(segment: Segment, *, new: bool) -> None:
    try:
        with transaction.atomic():
            segment.save(force_insert=new)
    except IntegrityError:
        raise Refused(_("There is a segment “%(name)s” already.") % {"name": segment.name}) from None


def _name(text: str) -> str:
    name = clean_text(text)
    if not name or len(name) > LONGEST:
        raise Refused(_("A segment needs a name of at most %(limit)d characters.") % {"limit": LONGEST})
    return name


def sound(condition: Condition) -> Condition:
    """The condition, if customers can be asked it. Raises Refused."""
    if wrong := faults(condition):
        raise Refused(explained(wrong[0]))
    try:
        check(condition)
    except NotAskable as error:
        if error.operator:
            raise Refused(
                _("Segments cannot compare “%(field)s” by a pattern. Use “contains”, “begins with” or “ends with”.")
                % {"field": error.field}
            ) from None
        raise Refused(_("Segments cannot ask for “%(field)s”.") % {"field": error.field}) from None
    return condition


def _stored(condition: Condition) -> dict[str, Any]:
    return dict(msgspec.to_builtins(sound(condition)))
