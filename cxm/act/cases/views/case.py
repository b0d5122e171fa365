"""The page of one case."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.act.cases.models import Case


@require_safe
def show(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    membership = membership_for(request.user, slug)
    case = get_object_or_404(Case, workspace=membership.workspace, number=number)
    return HttpResponse(str(case), content_type="text/plain; charset=utf-8")
