"""Pages of mailings: the list, a draft with its form and sample, progress, who was skipped and why, who answered."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.listen.surveys import budget
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.distribution import actions, nonresponse, running, sampling
from cxm.listen.surveys.distribution.forms import MailingForm
from cxm.listen.surveys.distribution.mails import clickable, published
from cxm.listen.surveys.distribution.queries import (
    Progress,
    mailing_for,
    mailings_of,
    progress_by,
    progress_of,
    repeat_of,
    waves_of,
)
from cxm.listen.surveys.models import Invitation, Mailing, Survey
from cxm.listen.surveys.queries import draft_of, survey_called
from cxm.record.customers.models import Segment
from cxm.record.eventlog.engine import EventlogError

from . import context_of

PAGE = 100


@require_safe
def show_list(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    found = mailings_of(survey)[:PAGE]
    progress = progress_by(found)
    rows = [(one, progress[one.pk]) for one in found]
    return render(request, "distribution/mailings.html", context_of(membership, survey=survey, tab="share", rows=rows))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, survey_id: int, mailing_id: int | None = None) -> HttpResponse:
    """A new mailing, or a draft of one."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    mailing = mailing_for(membership.workspace, mailing_id, survey.pk) if mailing_id is not None else None
    definition = published(survey) or draft_of(survey)
    initial = MailingForm.initial_of(mailing, sampling.sample_of(mailing)) if mailing else {"name": survey.name}
    form = MailingForm(request.POST or None, initial=initial, workspace=membership.workspace, definition=definition)
    if request.method == "POST" and form.is_valid():
        try:
            listed, wrong = actions.read_list(membership.workspace, form.cleaned_data["people"])
            values = {**form.values(), "customers": listed, "name": form.cleaned_data["name"]}
            if mailing is None:
                mailing = actions.create_mailing(survey=survey, by=membership.user, **values)
            else:
                actions.change_mailing(mailing=mailing, by=membership.user, **values)
        except actions.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            if wrong:
                said = ", ".join(wrong[:10])
                messages.warning(request, _("These are no addresses and were left out: %(list)s") % {"list": said})
            return redirect("surveys:mailing", slug, survey.pk, mailing.pk)
    shown = context_of(membership, survey=survey, tab="share", form=form, mailing=mailing)
    return render(request, "distribution/edit_mailing.html", shown, status=422 if form.errors else 200)


@require_safe
def show(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    """Progress while it is sent; before, what would be sent and to how many."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    mailing = mailing_for(membership.workspace, mailing_id, survey.pk)
    repeat, progress = repeat_of(mailing), progress_of(mailing)
    shown = context_of(
        membership, survey=survey, tab="share", mailing=mailing, progress=progress, repeat=repeat,
        active=mailing.state == Mailing.State.SENDING, segment=segment_of(mailing),
        also_in=named(mailing, mailing.also_in), not_in=named(mailing, mailing.not_in), reasons=reasons_of(progress),
    )  # fmt: skip
    if request.htmx:  # type: ignore[attr-defined]  # django-htmx
        return render(request, "distribution/_progress.html", shown)
    if mailing.state == Mailing.State.DRAFT:
        shown |= preview(mailing, survey, published(survey))
    elif repeat is not None:
        shown["page_obj"] = page_obj = Paginator(waves_of(mailing), PAGE).get_page(request.GET.get("page"))
        each = progress_by(list(page_obj))
        shown["waves"] = [(one, each[one.pk], reasons_of(each[one.pk])) for one in page_obj]
    return render(request, "distribution/mailing.html", shown)


def reasons_of(progress: Progress) -> list[tuple[str, int]]:
    """Why people were skipped, in words, and how many."""
    used_up = _("Skipped: the contact budget is used up.")
    return [(used_up if code == "rule" else budget.sentence_of(code, {}), n) for code, n in progress.reasons]


def segment_of(mailing: Mailing) -> Segment | None:
    if not mailing.segment:
        return None
    return Segment.objects.filter(workspace=mailing.survey.workspace_id, pk=mailing.segment).first()


def named(mailing: Mailing, ids: list[str]) -> list[str]:
    """The names of segments."""
    rows = Segment.objects.filter(workspace=mailing.survey.workspace_id, pk__in=ids)
    return list(rows.order_by("name").values_list("name", flat=True))


def preview(mailing: Mailing, survey: Survey, definition: Definition | None) -> dict[str, Any]:
    """How many it concerns, and what the sample needs."""
    found: dict[str, Any] = {"definition": definition}
    if definition is not None:
        found["clickable"] = clickable(definition)
    sample = sampling.sample_of(mailing)
    try:
        sizes = sampling.sizes_of(survey.workspace, running.wanted(mailing), sample.by)
    except EventlogError:
        return found
    found |= {"people": sum(sizes.values()), "sample": sample}
    if (sample.half_width or sample.overall) and len(sizes) <= sampling.MOST_GROUPS:
        rates = sampling.expected_rates(survey.workspace, sizes)
        plan, usual = sampling.plan_of(sample, sizes, rates)
        found |= {
            "plan": plan, "usual": usual,
            "shares": [(one, sizes[one.name], rates[one.name]) for one in plan.shares],
        }  # fmt: skip
    return found


@require_POST
def start(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    mailing = mailing_for(membership.workspace, mailing_id, survey_id)
    try:
        actions.start_mailing(mailing=mailing, by=membership.user)
        messages.success(request, _("The mailing has begun."))
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("surveys:mailing", slug, survey_id, mailing.pk)


@require_POST
def stop(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    mailing = mailing_for(membership.workspace, mailing_id, survey_id)
    try:
        actions.stop_mailing(mailing=mailing, by=membership.user)
        messages.success(request, _("The mailing is stopped; what had not left stays here."))
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("surveys:mailing", slug, survey_id, mailing.pk)


@require_POST
def pause(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    """Pause one that repeats, or with `paused=no` go on."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    mailing = mailing_for(membership.workspace, mailing_id, survey_id)
    verb = actions.resume_mailing if request.POST.get("paused") == "no" else actions.pause_mailing
    try:
        verb(mailing=mailing, by=membership.user)
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("surveys:mailing", slug, survey_id, mailing.pk)


@require_safe
def people(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    """Each person of a mailing, with the explanation where they were skipped."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    mailing = mailing_for(membership.workspace, mailing_id, survey.pk)
    rows = mailing.invitations.select_related("customer").order_by("-created_at", "pk")
    state = request.GET.get("state", "")
    if state in Invitation.State.values:
        rows = rows.filter(state=state)
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    said = [(one, budget.sentence_of(one.reason, one.reason_detail) if one.reason else "") for one in page_obj]
    shown = context_of(
        membership, survey=survey, tab="share", mailing=mailing, page_obj=page_obj, rows=said, state=state,
        states=Invitation.State.choices,
    )  # fmt: skip
    return render(request, "distribution/people.html", shown)


@require_safe
def non_response(request: HttpRequest, slug: str, survey_id: int, mailing_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    mailing = mailing_for(membership.workspace, mailing_id, survey.pk)
    report = nonresponse.report_of(survey, published(survey), mailing_id=mailing.pk)
    shown = context_of(membership, survey=survey, tab="share", mailing=mailing, report=report)
    return render(request, "distribution/non_response.html", shown)
