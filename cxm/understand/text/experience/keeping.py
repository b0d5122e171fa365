"""The experience score of a workspace: calibrate it anew, and ask what one ticket came to."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.understand.text.models import ExperienceModel

from . import fitting, signals

State = ExperienceModel.State


@transaction.atomic
def ask_for_calibration(*, workspace: Workspace, by: Actor) -> ExperienceModel:
    """Have the score calibrated anew in the background; until that is done the present one holds."""
    require_role(workspace, by, Role.ANALYST)
    row, _new = ExperienceModel.objects.get_or_create(workspace=workspace)
    row.state, row.asked_at = State.WAITING, timezone.now()
    row.save()
    audit("started", row, workspace=workspace, by=by)
    return row


def calibrate(workspace_id: int, now: datetime | None = None) -> ExperienceModel:
    """Calibrate on all that the log knows now. Safe to run twice. Raises EventlogError."""
    found = signals.interactions(workspace_id, now=now)
    row, _new = ExperienceModel.objects.get_or_create(workspace_id=workspace_id)
    try:
        calibrated = fitting.calibrate(found)
    except fitting.TooFewAnswers as error:
        row.state, row.enough, row.answers, row.fitted = State.REFUSED, False, error.n, {}
    else:
        row.state, row.enough, row.answers = State.DONE, calibrated.enough, calibrated.n
        row.fitted = fitting.kept(calibrated)
    row.calibrated_at = now or timezone.now()
    row.save()
    return row


def model_of(workspace_id: int) -> ExperienceModel | None:
    """The score as it was calibrated last; None where nobody ever asked for it."""
    return ExperienceModel.objects.filter(workspace=workspace_id).first()


def experience_of(workspace_id: int, ticket_id: str, now: datetime | None = None) -> fitting.Scored | None:
    """The experience score of a ticket, of a case by "case-NUMBER".

    None while there are not enough answers, or where the log does not know the ticket. Raises EventlogError.
    """
    row = model_of(workspace_id)
    if row is None or not row.enough:
        return None
    one = signals.interaction(workspace_id, ticket_id, now)
    return fitting.score(one, fitting.read(row.fitted)) if one else None
