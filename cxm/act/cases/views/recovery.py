"""Pages of recovery plays: the list with the survey after a case, one play with what became of it, its form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.act.cases import recovery, satisfaction
from cxm.act.cases.conditions import case_fields, loaded
from cxm.act.cases.effects import report
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Aftercare, Case, CaseSurvey, Measure, Play
from cxm.act.cases.recovery_forms import AftercareForm, PlayForm
from cxm.act.cases.recovery_words import changes_said, cost_said, effects_said
from cxm.lib.conditions_form import ConditionForm

EVERY_CASE = gettext_lazy("No condition: this is for every case of a known customer.")
DEEDS = {"start": recovery.start_play, "end": recovery.end_play, "remove": recovery.remove_play}


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    role = Role(membership.role)
    return {
        "membership": membership, "workspace": membership.workspace, "may_edit": role.includes(Role.ANALYST), **more
    }  # fmt: skip


def play_for(workspace: Workspace, play_id: UUID) -> Play:
    return get_object_or_404(Play, workspace=workspace, pk=play_id)


@require_http_methods(["GET", "HEAD", "POST"])
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    """All plays, and how customers are asked after a case; a POST changes the latter."""
    membership = membership_for(request.user, slug, Role.ANALYST if request.method == "POST" else Role.VIEWER)
    workspace = membership.workspace
    care = Aftercare.objects.filter(workspace=workspace).first() or Aftercare(workspace=workspace)
    initial = {"is_on": care.is_on, "survey": str(care.survey_id or ""), "delay_hours": care.delay_hours}
    form = AftercareForm(request.POST or None, workspace=workspace, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            satisfaction.save_aftercare(workspace=workspace, by=membership.user, **form.values())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved. It counts from the next case that is resolved."))
            return redirect("recovery:list", slug)
    asked = CaseSurvey.objects.filter(case__workspace=workspace)
    shown = {
        "plays": [(one, one.assignments.filter(place__isnull=False).count()) for one in plays_of(workspace)],
        "form": form, "asks": satisfaction.survey_of(care) if care.is_on else None, "care": care,
        "sent": asked.filter(state=CaseSurvey.State.SENT).count(),
        "skipped": asked.filter(state=CaseSurvey.State.SKIPPED).count(),
        "measures": Measure.objects.filter(workspace=workspace).exclude(state=Measure.State.DROPPED).count(),
    }  # fmt: skip
    return render(request, "recovery/list.html", context_of(membership, **shown), status=422 if form.is_bound else 200)


def plays_of(workspace: Workspace) -> list[Play]:
    return list(Play.objects.filter(workspace=workspace))


@require_safe
def show(request: HttpRequest, slug: str, play_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    play = play_for(membership.workspace, play_id)
    found = report(play)
    words = ConditionForm(case_fields(membership.workspace), loaded(play.condition))
    words.nothing = str(EVERY_CASE)
    shown = context_of(
        membership, play=play, report=found, effects=effects_said(found, play.currency), words=words,
        changes=changes_said(found, play.currency), cost=cost_said(found, play.currency),
    )  # fmt: skip
    return render(request, "recovery/show.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, play_id: UUID | None = None) -> HttpResponse:
    """A new play, or a change of one."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    play = play_for(membership.workspace, play_id) if play_id else None
    fields = case_fields(membership.workspace)
    if request.method == "POST":
        condition = ConditionForm.read(request.POST, fields)
    else:
        condition = ConditionForm(fields, loaded(play.condition) if play else None)
    condition.nothing = str(EVERY_CASE)
    form, status = PlayForm(request.POST or None, play=play), 200
    if request.method == "POST" and not condition.changed:
        if form.is_valid() and condition.is_valid():
            saved = _save(form, condition, membership, play)
            if saved is not None:
                messages.success(request, _("The play is saved."))
                return redirect("recovery:play", slug, saved.pk)
        status = 422
    shown = context_of(membership, form=form, condition=condition, play=play)
    return render(request, "recovery/edit.html", shown, status=status)


def _save(form: PlayForm, condition: ConditionForm, membership: Membership, play: Play | None) -> Play | None:
    try:
        return recovery.save_play(
            workspace=membership.workspace, by=membership.user, play=play, condition=condition.condition,
            **form.values(),
        )  # fmt: skip
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return None


@require_POST
def do(request: HttpRequest, slug: str, play_id: UUID, deed: str) -> HttpResponse:
    """Start, end or remove a play."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    play = play_for(membership.workspace, play_id)
    if deed not in DEEDS:
        raise Http404
    try:
        DEEDS[deed](play=play, by=membership.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("recovery:list", slug) if deed == "remove" else redirect("recovery:play", slug, play.pk)


@require_POST
def carry_out(request: HttpRequest, slug: str, case_id: UUID) -> HttpResponse:
    """The play of a case was done; back to the case."""
    membership = membership_for(request.user, slug, Role.AGENT)
    case = get_object_or_404(Case, workspace=membership.workspace, pk=case_id)
    text = str(request.POST.get("cost") or "").replace(",", ".").strip()
    try:
        cost = float(text) if text else None
        recovery.carry_out(case=case, by=membership.user, cost=cost)
    except Refused as refusal:
        messages.error(request, str(refusal))
    except ValueError:
        messages.error(request, _("“%(text)s” is not a number.") % {"text": text[:60]})
    else:
        messages.success(request, _("Noted that the play was carried out."))
    return redirect("cases:show", slug, case.number)
