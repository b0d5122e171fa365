"""After a case: the customer is asked once whether they are satisfied with the resolution.

`changed` is called after every change of a case (hooks.py). A case that is resolved plans the question, one that comes
back before it was asked takes it back. Which survey asks: the one chosen, or the newest live one that has a question of
the role `resolution_satisfaction`. The contact budget is asked like by every other survey; its refusal is kept with the
case. The invitation carries case, team, root cause, category and play as hidden fields, so that the answers can be told
apart by them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.listen.channels.actions import Refused as NotSent
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.distribution.actions import invite
from cxm.listen.surveys.models import Survey, Version
from cxm.record.customers.models import Customer

from .errors import Refused
from .models import Aftercare, Case, CaseEntry, CaseSurvey, PlayAssignment, Resolution

logger = logging.getLogger(__name__)
ROLE: Final = "resolution_satisfaction"
HIDDEN: Final = ("case", "team", "root_cause", "category", "play", "arm")
UNASKED: Final = {Resolution.DUPLICATE, Resolution.NOT_REACHED}
FRESH: Final = timedelta(days=1)  # whatever was resolved before is history
LONGEST_DELAY: Final = 24 * 14
State = CaseSurvey.State


def changed(case: Case) -> None:
    """Plan the question of a resolved case, or take it back."""
    if case.state == Case.State.RESOLVED:
        _plan(case)
    elif case.state != Case.State.CLOSED:
        CaseSurvey.objects.filter(case=case, state=State.PLANNED).delete()


def _plan(case: Case) -> None:
    now = timezone.now()
    if case.customer_id is None or case.resolution in UNASKED:
        return
    if case.resolved_at is None or case.resolved_at < now - FRESH or CaseSurvey.objects.filter(case=case).exists():
        return
    care = Aftercare.objects.filter(workspace=case.workspace_id).first() or Aftercare(workspace_id=case.workspace_id)
    if not care.is_on or survey_of(care) is None:
        return
    planned = CaseSurvey.objects.create(case=case, due_at=now + timedelta(hours=care.delay_hours))
    if not care.delay_hours:
        _ask(planned, care)


def send_due() -> int:
    """Ask about the cases whose time has come; returns how many were decided. A clock."""
    done = 0
    while due := list(CaseSurvey.objects.filter(state=State.PLANNED, due_at__lte=timezone.now())[:200]):
        for one in due:
            with transaction.atomic():
                # Of two processes, the second finds it decided.
                row = CaseSurvey.objects.select_for_update().filter(pk=one.pk, state=State.PLANNED).first()
                if row is None:
                    continue
                workspace = row.case.workspace_id
                _ask(row, Aftercare.objects.filter(workspace=workspace).first() or Aftercare(workspace_id=workspace))
                done += 1
    return done


def _ask(planned: CaseSurvey, care: Aftercare) -> None:
    case = planned.case
    survey = survey_of(care) if care.is_on else None
    if survey is None:
        _skip(planned, _("No survey asks after cases any more."))
        return
    try:
        planned.invitation = invite(
            survey=survey, customer=case.customer, address=_address(case), send=True, by=None,
            language=case.language, hidden=_hidden(case),
        )  # fmt: skip
    except NotSent as refusal:
        _skip(planned, str(refusal))
        return
    planned.state = State.SENT
    planned.save()
    CaseEntry.objects.create(case=case, kind="survey_sent", data={"survey": survey.name})


def _skip(planned: CaseSurvey, reason: str) -> None:
    planned.state, planned.reason = State.SKIPPED, reason
    planned.save()
    CaseEntry.objects.create(case=planned.case, kind="survey_skipped", data={"reason": reason})


def _address(case: Case) -> str:
    """Where they wrote from, if they wrote by mail."""
    if case.conversation and "@" in case.conversation.address:
        return case.conversation.address
    return case.customer.email if isinstance(case.customer, Customer) else ""


def _hidden(case: Case) -> dict[str, str]:
    play = PlayAssignment.objects.filter(case=case).select_related("play").first()
    known = {
        "case": str(case.number), "team": case.team.name, "root_cause": case.cause.name if case.cause else "",
        "category": case.category, "play": play.play.name if play else "", "arm": play.arm if play else "",
    }  # fmt: skip
    return {name: value for name, value in known.items() if value}


def survey_of(care: Aftercare) -> Survey | None:
    """The live survey that asks after cases; None where there is none."""
    if care.survey_id:
        return Survey.objects.filter(pk=care.survey_id, state=Survey.State.LIVE, version__gt=0).first()
    return next(_fitting(care.workspace_id), None)


def _fitting(workspace_id: int) -> Iterator[Survey]:
    live = Survey.objects.filter(workspace=workspace_id, state=Survey.State.LIVE, version__gt=0)
    for survey in live.select_related("workspace").order_by("-created_at", "-pk"):
        version = Version.objects.filter(survey=survey, number=survey.version).first()
        if version and any(one.role == ROLE for one in msgspec.convert(version.definition, Definition).questions()):
            yield survey


@transaction.atomic
def save_aftercare(
    *, workspace: Workspace, by: Actor, is_on: bool, survey: Survey | None, delay_hours: int
) -> Aftercare:
    """Whether customers are asked after a case, by which survey (None: see `survey_of`), and so many hours later."""
    require_role(workspace, by, Role.ANALYST)
    if survey and survey.workspace_id != workspace.pk:
        raise Refused(_("There is no such survey."))
    if not 0 <= delay_hours <= LONGEST_DELAY:
        raise Refused(_("Ask at once, or up to 14 days later."))
    care, _new = Aftercare.objects.update_or_create(
        workspace=workspace, defaults={"is_on": is_on, "survey": survey, "delay_hours": delay_hours}
    )
    after = {"is_on": is_on, "survey": survey.name if survey else "", "delay_hours": delay_hours}
    audit("changed", care, workspace=workspace, by=by, name=_("Survey after a case"), changes=after)
    return care
