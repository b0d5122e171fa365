"""Calendars, service level policies and the acknowledgement."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.act.cases import acknowledging, policies
from cxm.act.cases.conditions import case_fields
from cxm.act.cases.definition import Definition, read
from cxm.act.cases.errors import Refused
from cxm.act.cases.expecting import expectation
from cxm.act.cases.level_forms import AcknowledgementForm, CalendarForm, PolicyForm, Whens, shown_length
from cxm.act.cases.models import Calendar, CaseClock, PolicyVersion, ServicePolicy, Team
from cxm.lib.conditions_form import ConditionForm

edits = require_http_methods(["GET", "HEAD", "POST"])
NEW_CALENDAR = {f"day_{number}": "09:00–17:00" for number in range(5)}


def context_of(membership: Membership, tab: str, **more: Any) -> dict[str, Any]:
    may_change = Role(membership.role).includes(Role.ADMIN)
    return {
        "membership": membership, "workspace": membership.workspace, "may_change": may_change, "tab": tab, **more,
    }  # fmt: skip


@require_safe
def show_policies(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rows = []
    for policy in ServicePolicy.objects.filter(workspace=membership.workspace):
        definition = read(PolicyVersion.objects.get(policy=policy, number=policy.version).definition)
        targets = [
            (CaseClock.Kind(kind).label, [shown_length(by.get(str(level), 0)) for level in (4, 3, 2, 1)])
            for kind, by in definition.targets.items()
        ]
        form = ConditionForm(case_fields(membership.workspace), definition.condition)
        form.nothing = _("All cases that come so far.")
        cases = CaseClock.objects.filter(version__policy=policy, ended_at=None).values("case").distinct().count()
        rows.append({"policy": policy, "definition": definition, "targets": targets, "form": form, "cases": cases})
    return render(request, "cases/policies.html", context_of(membership, "levels", rows=rows))


@edits
def edit_policy(request: HttpRequest, slug: str, policy_id: int | None = None) -> HttpResponse:
    """Write a policy; a button of the conditions shows the page again with everything that was sent."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    policy = get_object_or_404(ServicePolicy, workspace=workspace, pk=policy_id) if policy_id else None
    definition = Definition({})
    if policy:
        definition = read(PolicyVersion.objects.get(policy=policy, number=policy.version).definition)
    sent = request.POST if request.method == "POST" else None
    fields = case_fields(workspace)
    when = ConditionForm.read(sent, fields) if sent is not None else ConditionForm(fields, definition.condition)
    when.nothing = _("No condition: it holds for all cases that come so far.")
    head = {"name": policy.name, "is_paused": policy.is_paused} if policy else {}
    form = PolicyForm(sent, definition=definition if policy else None, initial=head)
    whens = Whens(workspace, definition, sent)
    if sent is not None and not when.changed and all([form.is_valid(), whens.is_valid(), when.is_valid()]):
        said = form.cleaned_data
        written = Definition(
            form.targets(), condition=when.condition, business=said["business"], pauses=said["pauses"],
            warn_at=said["warn_at"], on_warning=whens.warning.deeds(), on_breach=whens.breach.deeds(),
            escalation=whens.escalation(),
        )  # fmt: skip
        try:
            policies.save_policy(
                workspace=workspace, name=said["name"], definition=written, policy=policy,
                is_paused=said["is_paused"], by=membership.user,
            )  # fmt: skip
            messages.success(request, _("Saved. New cases follow it; open ones keep the version that they have."))
            return redirect("cases:levels", slug)
        except Refused as refused:
            form.add_error(None, str(refused))
    wrong = sent is not None and not when.changed
    context = context_of(membership, "levels", policy=policy, form=form, when=when, whens=whens)
    return render(request, "cases/policy_edit.html", context, status=422 if wrong else 200)


@require_POST
def move_policy(request: HttpRequest, slug: str, policy_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    policy = get_object_or_404(ServicePolicy, workspace=membership.workspace, pk=policy_id)
    policies.move_policy(policy=policy, up=request.POST.get("to") == "up", by=membership.user)
    return redirect("cases:levels", slug)


@require_POST
def delete_policy(request: HttpRequest, slug: str, policy_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    policies.delete_policy(
        policy=get_object_or_404(ServicePolicy, workspace=membership.workspace, pk=policy_id), by=membership.user
    )
    messages.success(request, _("The policy was deleted. Its open cases go on under the next one that matches."))
    return redirect("cases:levels", slug)


@require_safe
def show_calendars(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rows = [
        (one, CalendarForm.initial_of(one), Team.objects.filter(calendar=one).order_by("name"))
        for one in Calendar.objects.filter(workspace=membership.workspace)
    ]
    return render(request, "cases/calendars.html", context_of(membership, "calendars", rows=rows))


@edits
def edit_calendar(request: HttpRequest, slug: str, calendar_id: int | None = None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    calendar = get_object_or_404(Calendar, workspace=workspace, pk=calendar_id) if calendar_id else None
    initial = CalendarForm.initial_of(calendar) if calendar else {"time_zone": workspace.time_zone, **NEW_CALENDAR}
    form = CalendarForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            policies.save_calendar(
                workspace=workspace, name=said["name"], time_zone=said["time_zone"], week=said["week"],
                holidays=said["days"], calendar=calendar, by=membership.user,
            )  # fmt: skip
            messages.success(request, _("Saved. What is due in open cases was worked out anew."))
            return redirect("cases:calendars", slug)
        except Refused as refused:
            form.add_error(None, str(refused))
    context = context_of(membership, "calendars", form=form, calendar=calendar)
    return render(request, "cases/calendar_edit.html", context, status=422 if form.errors else 200)


@require_POST
def delete_calendar(request: HttpRequest, slug: str, calendar_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    policies.delete_calendar(
        calendar=get_object_or_404(Calendar, workspace=membership.workspace, pk=calendar_id), by=membership.user
    )
    messages.success(request, _("The calendar was deleted. Its teams work day and night now, as far as targets go."))
    return redirect("cases:calendars", slug)


@edits
def acknowledgement(request: HttpRequest, slug: str) -> HttpResponse:
    """The texts, and what a customer would be promised by each team just now."""
    membership = membership_for(request.user, slug, Role.ADMIN if request.method == "POST" else Role.AGENT)
    workspace = membership.workspace
    setting = acknowledging.setting_of(workspace)
    form = AcknowledgementForm(request.POST or None, setting=setting)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            acknowledging.save_setting(
                workspace=workspace, by=membership.user, texts=form.texts(),
                **{name: said[name] for name in ("is_on", "promises", "within_s")},
            )  # fmt: skip
            messages.success(request, _("Saved."))
            return redirect("cases:acknowledgement", slug)
        except Refused as refused:
            form.add_error(None, str(refused))
    now = [(team, expectation(team)) for team in Team.objects.filter(workspace=workspace).order_by("name")]
    names = [f"{{{name}}}" for name in acknowledging.VARIABLES]
    context = context_of(membership, "acknowledgement", form=form, now=now, names=names)
    return render(request, "cases/acknowledgement.html", context, status=422 if form.errors else 200)
