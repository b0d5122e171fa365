"""Teams, their members, and the rules that bring cases to them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role, User
from cxm.act.cases import conditions, routing
from cxm.act.cases.conditions import case_fields
from cxm.act.cases.errors import Refused
from cxm.act.cases.level_forms import MemberForm, RuleForm, TeamForm, words_of
from cxm.act.cases.models import RoutingRule, Team, TeamMember
from cxm.act.cases.queries_of_teams import open_cases, open_cases_of_members
from cxm.lib.conditions_form import ConditionForm

from .levels import context_of, edits


@require_safe
def show_teams(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    counted = open_cases(membership.workspace)
    rows = [(team, *counted.get(team.pk, (0, 0))) for team in routing.teams_of(membership.workspace)]
    return render(request, "cases/teams.html", context_of(membership, "teams", rows=rows))


@edits
def edit_team(request: HttpRequest, slug: str, team_id: int | None = None) -> HttpResponse:
    """The team, and below it its members; one is changed on a page of their own."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    team = get_object_or_404(Team, workspace=workspace, pk=team_id) if team_id else None
    names = ("name", "calendar", "gives_cases", "is_default")
    form = TeamForm(
        request.POST or None, workspace=workspace, initial={one: getattr(team, one) for one in names} if team else {}
    )
    if request.method == "POST" and form.is_valid():
        try:
            saved = routing.save_team(workspace=workspace, team=team, by=membership.user, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("cases:team", slug, saved.pk)
        except Refused as refused:
            form.add_error(None, str(refused))
            team = Team.objects.get(pk=team.pk) if team else None
    load = open_cases_of_members(team) if team else {}
    rows = team.members.select_related("user").order_by("user__name", "user__email") if team else []
    members = [(one, load.get(one.user_id, 0)) for one in rows]
    context = context_of(membership, "teams", form=form, team=team, members=members)
    return render(request, "cases/team.html", context, status=422 if form.errors else 200)


@edits
def edit_member(request: HttpRequest, slug: str, team_id: int, member_id: int | None = None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    team = get_object_or_404(Team, workspace=workspace, pk=team_id)
    known = TeamMember.objects.select_related("user")
    member = get_object_or_404(known, team=team, pk=member_id) if member_id else None
    initial = {}
    if member:
        initial = {
            "person": str(member.user.uuid), "capacity": member.capacity, "languages": ", ".join(member.languages),
            "skills": ", ".join(member.skills), "is_away": member.is_away,
        }  # fmt: skip
    form = MemberForm(request.POST or None, workspace=workspace, initial=initial)
    if member:
        form.fields["person"].disabled = True
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            routing.save_member(
                team=team, user=User.objects.get(uuid=said["person"]), capacity=said["capacity"],
                languages=words_of(said["languages"]), skills=words_of(said["skills"]), is_away=said["is_away"],
                by=membership.user,
            )  # fmt: skip
            messages.success(request, _("Saved."))
            return redirect("cases:team", slug, team.pk)
        except Refused as refused:
            form.add_error(None, str(refused))
    context = context_of(membership, "teams", form=form, team=team, member=member)
    return render(request, "cases/member.html", context, status=422 if form.errors else 200)


@require_POST
def remove_member(request: HttpRequest, slug: str, team_id: int, member_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    team = get_object_or_404(Team, workspace=membership.workspace, pk=team_id)
    routing.remove_member(member=get_object_or_404(TeamMember, team=team, pk=member_id), by=membership.user)
    messages.success(request, _("Not in the team any more. Their cases stay theirs."))
    return redirect("cases:team", slug, team.pk)


@require_POST
def delete_team(request: HttpRequest, slug: str, team_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    team = get_object_or_404(Team, workspace=membership.workspace, pk=team_id)
    try:
        routing.delete_team(team=team, by=membership.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("cases:team", slug, team.pk)
    messages.success(request, _("The team was deleted."))
    return redirect("cases:teams", slug)


@require_safe
def show_rules(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    fields = case_fields(membership.workspace)
    rows = []
    for rule in RoutingRule.objects.filter(workspace=membership.workspace).select_related("team"):
        form = ConditionForm(fields, conditions.loaded(rule.condition))
        form.nothing = _("All cases that come so far.")
        rows.append((rule, form))
    default = Team.objects.filter(workspace=membership.workspace, is_default=True).first()
    return render(request, "cases/rules.html", context_of(membership, "routing", rows=rows, default=default))


@edits
def edit_rule(request: HttpRequest, slug: str, rule_id: int | None = None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    rule = get_object_or_404(RoutingRule, workspace=workspace, pk=rule_id) if rule_id else None
    sent = request.POST if request.method == "POST" else None
    fields = case_fields(workspace)
    stored = conditions.loaded(rule.condition) if rule else None
    when = ConditionForm.read(sent, fields) if sent is not None else ConditionForm(fields, stored)
    when.nothing = _("No condition: it holds for all cases that come so far.")
    initial = {}
    if rule:
        initial = {"name": rule.name, "team": rule.team, "skills": ", ".join(rule.skills), "is_paused": rule.is_paused}
    form = RuleForm(sent, workspace=workspace, initial=initial)
    if sent is not None and not when.changed and all([form.is_valid(), when.is_valid()]):
        said = form.cleaned_data
        try:
            routing.save_rule(
                workspace=workspace, name=said["name"], team=said["team"], condition=when.condition,
                skills=words_of(said["skills"]), is_paused=said["is_paused"], rule=rule, by=membership.user,
            )  # fmt: skip
            messages.success(request, _("Saved. It holds for the cases that come from now on."))
            return redirect("cases:routing", slug)
        except Refused as refused:
            form.add_error(None, str(refused))
    wrong = sent is not None and not when.changed
    context = context_of(membership, "routing", rule=rule, form=form, when=when)
    return render(request, "cases/rule_edit.html", context, status=422 if wrong else 200)


@require_POST
def move_rule(request: HttpRequest, slug: str, rule_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    rule = get_object_or_404(RoutingRule, workspace=membership.workspace, pk=rule_id)
    routing.move_rule(rule=rule, up=request.POST.get("to") == "up", by=membership.user)
    return redirect("cases:routing", slug)


@require_POST
def delete_rule(request: HttpRequest, slug: str, rule_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    rule = get_object_or_404(RoutingRule, workspace=membership.workspace, pk=rule_id)
    routing.delete_rule(rule=rule, by=membership.user)
    messages.success(request, _("The rule was deleted. Cases that it brought somewhere stay there."))
    return redirect("cases:routing", slug)
