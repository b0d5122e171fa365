"""Segments: the list, the form with its live count, the members."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import may_export_personal, membership_for
from cxm.accounts.models import Role, Workspace
from cxm.lib.conditions import Condition
from cxm.lib.conditions_form import ConditionForm
from cxm.record.customers.errors import Refused
from cxm.record.customers.models import Segment
from cxm.record.customers.queries import PAGE, complete
from cxm.record.customers.segment_actions import change_segment, create_segment, delete_segment
from cxm.record.customers.segment_fields import fields
from cxm.record.customers.segments import MemberList, condition_of, count, counts
from cxm.record.eventlog.engine import EventlogError

from .lists import may_change

EVERYONE = Condition(all=())


def segment_for(workspace: Workspace, segment_id: UUID) -> Segment:
    found = Segment.objects.select_related("workspace", "created_by").filter(workspace=workspace, pk=segment_id).first()
    if found is None:
        raise Http404
    return found


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    found = list(Segment.objects.filter(workspace=workspace).select_related("created_by"))
    numbers: list[int | None] = [None] * len(found)
    try:
        numbers = [*counts(workspace, [condition_of(one) for one in found])]
    except EventlogError:
        messages.warning(request, _("The event log does not answer just now, so nobody was counted."))
    context = {
        "membership": membership, "workspace": workspace, "may_change": may_change(membership),
        "rows": list(zip(found, numbers, strict=True)),
    }  # fmt: skip
    return render(request, "customers/segments.html", context)


def new(request: HttpRequest, slug: str) -> HttpResponse:
    return _edit(request, slug, None)


def edit(request: HttpRequest, slug: str, segment_id: UUID) -> HttpResponse:
    return _edit(request, slug, segment_id)


def _edit(request: HttpRequest, slug: str, segment_id: UUID | None) -> HttpResponse:
    """Write a segment. Every answer says how many customers the condition holds for as it stands."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    segment = segment_for(workspace, segment_id) if segment_id else None
    sent = request.method == "POST"
    offered = fields(workspace)
    if sent:
        form = ConditionForm.read(request.POST, offered)
    else:
        form = ConditionForm(offered, condition_of(segment) if segment else None)
    form.nothing = _("No condition yet: everyone is in this segment.")
    name = request.POST.get("name", "") if sent else (segment.name if segment else "")
    only_count = form.changed or request.POST.get("do") == "count"
    problem, valid = "", (form.is_valid() if not form.changed else False)
    if sent and not only_count and valid:
        try:
            condition = form.condition or EVERYONE
            if segment:
                segment = change_segment(segment=segment, name=name, condition=condition, by=membership.user)
            else:
                segment = create_segment(workspace=workspace, name=name, condition=condition, by=membership.user)
            messages.success(request, _("Saved."))
            return redirect("customers:segment", slug, segment.pk)
        except Refused as refused:
            problem = str(refused)
    context = {
        "membership": membership, "workspace": workspace, "segment": segment, "form": form, "name": name,
        "problem": problem, "n": _counted(workspace, form),
    }  # fmt: skip
    return render(request, "customers/segment_edit.html", context, status=422 if sent and not only_count else 200)


def _counted(workspace: Workspace, form: ConditionForm) -> int | None:
    """How many the rows that are complete would find; None while one is not."""
    try:
        return count(workspace, form.condition or EVERYONE) if form.is_whole() else None
    except EventlogError:
        return None


@require_safe
def show(request: HttpRequest, slug: str, segment_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    segment = segment_for(workspace, segment_id)
    context = {
        "membership": membership, "workspace": workspace, "segment": segment, "may_change": may_change(membership),
        "may_analyse": Role(membership.role).includes(Role.ANALYST),
        "may_personal": may_export_personal(membership),
    }  # fmt: skip
    try:
        page = Paginator(MemberList(workspace, condition_of(segment)), PAGE).get_page(request.GET.get("page"))
        form = ConditionForm(fields(workspace), condition_of(segment))
        form.nothing = _("No condition: everyone is in this segment.")
        context |= {"page_obj": page, "rows": complete(list(page)), "form": form}
    except EventlogError:
        context["log_problem"] = _("The event log does not answer just now. Try again in a moment.")
    with timezone.override(workspace.time_zone):
        return render(request, "customers/segment.html", context)


@require_POST
def delete(request: HttpRequest, slug: str, segment_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    segment = segment_for(membership.workspace, segment_id)
    delete_segment(segment=segment, by=membership.user)
    messages.success(request, _("The segment “%(name)s” was deleted. Its customers stay.") % {"name": segment.name})
    return redirect("customers:segments", slug)
