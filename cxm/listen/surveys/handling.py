"""What people do with a response: assign it, tag it, mark it handled, archive it and bring it back, delete it for good.

An archived response is out of sight and out of the numbers: its facts are taken from the log, and stated anew when it
comes back. A deleted one is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.eventlog.forget import forget_events
from cxm.record.eventlog.models import OutboxFact

from .models import Response
from .respond.quotas import forget_counts
from .respond.telling import ids_in_log, state_again

MOST_TAGS: Final = 20
LONGEST_TAG: Final = 60


def response_for(workspace: Workspace, survey_id: int, response_id: UUID | str) -> Response:
    """The response to that survey of that workspace; Http404 for any other id."""
    try:
        found = Response.objects.select_related("survey", "customer", "assigned_to").filter(
            workspace=workspace, survey_id=survey_id, pk=UUID(str(response_id))
        )
    except ValueError as error:
        raise Http404 from error
    response = found.first()
    if response is None:
        raise Http404
    return response


@transaction.atomic
def assign(*, response: Response, to: User | None, by: Actor) -> None:
    """Make it the task of a member, or nobody's. Raises ValidationError for somebody who is no member."""
    require_role(response.workspace, by, Role.AGENT)
    if to is not None and not Membership.objects.filter(workspace=response.workspace, user=to).exists():
        raise ValidationError(_("This person is no member of the workspace. Choose somebody else."), code="no_member")
    _change(response, "assigned", by, assigned_to=to)


@transaction.atomic
def set_tags(*, response: Response, tags: Iterable[str], by: Actor) -> None:
    """Give it these tags and no others; blanks and repetitions are dropped."""
    require_role(response.workspace, by, Role.AGENT)
    kept = list(dict.fromkeys(" ".join(one.replace("\x00", "").split()) for one in tags))
    kept = [one for one in kept if one]
    if len(kept) > MOST_TAGS or any(len(one) > LONGEST_TAG for one in kept):
        raise ValidationError(
            _("Use at most %(most)d tags of up to %(letters)d letters.") % {"most": MOST_TAGS, "letters": LONGEST_TAG},
            code="too_many_tags",
        )
    _change(response, "tagged", by, tags=kept)


@transaction.atomic
def mark_handled(*, response: Response, handled: bool, by: Actor) -> None:
    require_role(response.workspace, by, Role.AGENT)
    if handled != bool(response.handled_at):
        _change(response, "handled" if handled else "reopened", by, handled_at=timezone.now() if handled else None)


@transaction.atomic
def archive(*, response: Response, by: Actor) -> None:
    """Take it out of sight and out of the numbers, soon after. Archiving it twice changes nothing."""
    require_role(response.workspace, by, Role.AGENT)
    response = _locked(response)
    if response.archived_at is None:
        # What waits in the outbox would reach the log after the others have been taken out of it.
        OutboxFact.objects.filter(event_id__in=ids_in_log(response)).delete()
        _change(response, "archived", by, archived_at=timezone.now())
        forget_counts(response.survey_id)
        forget_archived.enqueue(str(response.pk))


@transaction.atomic
def restore(*, response: Response, by: Actor) -> None:
    """Bring it back into sight and into the numbers."""
    require_role(response.workspace, by, Role.AGENT)
    response = _locked(response)
    if response.archived_at is not None:
        _change(response, "restored", by, archived_at=None)
        forget_counts(response.survey_id)
        state_again(response)


@transaction.atomic
def delete(*, response: Response, by: Actor) -> None:
    """Delete it for good: its row now, its facts soon after. There is no way back."""
    require_role(response.workspace, by, Role.ANALYST)
    response = _locked(response)
    ids = ids_in_log(response)
    OutboxFact.objects.filter(event_id__in=ids).delete()
    audit("deleted", response, workspace=response.workspace, by=by, name=str(response.pk))
    workspace_id = response.workspace_id
    forget_counts(response.survey_id)
    response.delete()
    texts = [str(one) for one in ids]
    forget_deleted.enqueue(workspace_id, texts)


@task()
def forget_archived(response_id: str) -> None:
    """Take an archived response out of the numbers; one that came back meanwhile is put back into them."""
    response = Response.objects.select_related("survey").filter(pk=response_id).first()
    if response is None or response.archived_at is None:
        return
    forget_events(response.workspace_id, ids_in_log(response))
    with transaction.atomic():
        now = Response.objects.select_for_update(of=("self",)).select_related("survey").filter(pk=response_id).first()
        if now is not None and now.archived_at is None:
            state_again(now)


@task()
def forget_deleted(workspace_id: int, event_ids: list[str]) -> None:
    """Take the facts of a deleted response out of the log."""
    forget_events(workspace_id, [UUID(one) for one in event_ids])


def _locked(response: Response) -> Response:
    return Response.objects.select_for_update(of=("self",)).select_related("survey").get(pk=response.pk)


def _change(response: Response, verb: str, by: Actor, **values: Any) -> None:
    """Set fields, save them, and say so in the audit trail."""
    changes = {}
    for name, value in values.items():
        changes[name] = [_shown(getattr(response, name)), _shown(value)]
        setattr(response, name, value)
    response.save(update_fields=list(values))
    audit(verb, response, workspace=response.workspace, by=by, changes=changes, name=str(response.pk))


def _shown(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else str(value)
