"""The experience score on the page of a case: it comes after the page, so that the log never delays it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.act.cases.changing import ticket_id
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.text.accuracy.wording import scored_said
from cxm.understand.text.experience import keeping

from .case import case_for


@require_safe
def show(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    membership = membership_for(request.user, slug)
    case = case_for(membership, number)
    context: dict[str, Any] = {"workspace": membership.workspace, "case": case}
    try:
        found = keeping.experience_of(membership.workspace.pk, ticket_id(case))
        context["experience"] = scored_said(found) if found else None
    except EventlogError:
        context["problem"] = _("The event log does not answer just now. Try again in a moment.")
    return render(request, "cases/_experience.html", context)
