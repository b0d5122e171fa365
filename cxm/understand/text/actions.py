"""Correcting what was read in a text, and taking a correction back. The workspace's own heads learn from them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec.structs import replace

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.texts import annotations_of, texts_by_id, write_annotations

from .annotating import rows_for
from .deep.using import points_before
from .models import Correction, Topic, TopicExample
from .topics.actions import add_example, remove_example
from .topics.errors import Refused as TopicRefused

VALUES: Final = {
    "sentiment": ("negative", "neutral", "positive", "mixed"),
    "emotion": ("anger", "disgust", "fear", "joy", "sadness", "surprise", "none"),
    "intent": ("complaint", "praise", "suggestion", "question", "request", "leaving", "none"),
    "effort": ("yes", "no"),
    "urgency": ("yes", "no"),
}


class Refused(ValueError):
    """A sentence for the person who asked."""


@transaction.atomic
def correct(
    *, workspace: Workspace, event_id: UUID, kind: str, value: str, by: Actor, wrong: bool = False
) -> Correction:  # fmt: skip
    """Say what is right about one text. A second correction of the same thing takes the place of the first.

    `wrong`: of a topic, that the text is not about it. Raises Refused, Http404 where there is no such text,
    EventlogError.
    """
    require_role(workspace, by, Role.AGENT)
    if kind == "topic":
        known = Topic.objects.filter(workspace=workspace, key=value, merged_into=None).exists() or wrong
    else:
        known = value in VALUES.get(kind, ()) and not wrong
    if not known:
        raise Refused(_("This cannot be said about a text. Choose one of the values."))
    text = next(iter(texts_by_id(workspace.pk, [event_id])), None)
    if text is None:
        raise Http404
    same = Correction.objects.select_for_update().filter(
        workspace=workspace, event_id=event_id, kind=kind, undone_at=None
    )
    (same.filter(value=value) if kind == "topic" else same).update(undone_at=timezone.now())
    made = Correction.objects.create(
        workspace=workspace, event_id=event_id, kind=kind, value=value[:100], wrong=wrong,
        before=_said(workspace.pk, event_id, kind, value), by=by if isinstance(by, User) else None,
        customer=Customer.objects.filter(workspace=workspace, pk=text.customer_id).first(),
    )  # fmt: skip
    if kind == "topic" and (topic := Topic.objects.filter(workspace=workspace, key=value, merged_into=None).first()):
        with suppress(TopicRefused):  # it has as many examples as it can learn from
            add_example(
                topic=topic, text=text.comment, fits=not wrong, by=by, event_id=event_id, customer_id=text.customer_id
            )
    audit("corrected", made, workspace=workspace, by=by, changes={kind: [made.before, value]}, name=str(event_id))
    reread(workspace.pk, [event_id])
    return made


@transaction.atomic
def take_back(*, correction: Correction, by: Actor) -> None:
    """What the reader said holds again, with the other corrections of the text."""
    require_role(correction.workspace, by, Role.AGENT)
    if correction.undone_at is None:
        correction.undone_at = timezone.now()
        correction.save(update_fields=["undone_at"])
        if correction.kind == "topic":
            examples = TopicExample.objects.filter(topic__workspace=correction.workspace, event_id=correction.event_id)
            for example in examples.filter(topic__key=correction.value):
                remove_example(example=example, by=by)
        audit(
            "took back", correction, workspace=correction.workspace, by=by, name=str(correction.event_id),
            changes={correction.kind: [correction.value, correction.before]},
        )  # fmt: skip
        reread(correction.workspace_id, [correction.event_id])


def reread(workspace_id: int, event_ids: Iterable[UUID]) -> int:
    """Read these texts anew and write what was read, with what people corrected. Returns how many there were."""
    texts = texts_by_id(workspace_id, list(event_ids))
    before = annotations_of(workspace_id, [one.event_id for one in texts])
    points = points_before(workspace_id, list(before))
    rows = []
    for row in rows_for(workspace_id, texts, points, opinions=False):
        known = before.get(row.event_id)
        version = max(row.version, known.version + 1) if known else row.version
        rows.append(replace(row, version=version))
    return write_annotations(rows)


def _said(workspace_id: int, event_id: UUID, kind: str, value: str) -> str:
    """What the text was said to be until now."""
    row = annotations_of(workspace_id, [event_id]).get(event_id)
    if row is None:
        return ""
    match kind:
        case "topic":
            return "yes" if value in row.topics else "no"
        case "effort" | "urgency":
            return "yes" if (row.effort if kind == "effort" else row.urgent) else "no"
    return str(getattr(row, kind))
