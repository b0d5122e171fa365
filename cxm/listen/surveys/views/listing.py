"""The surveys of a workspace, and what becomes of one: publishing, states, copies, the archive."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.listen.surveys import actions
from cxm.listen.surveys.advice import advice
from cxm.listen.surveys.checking import check
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.places import Place
from cxm.listen.surveys.preview import framed, preview_url
from cxm.listen.surveys.queries import draft_of, surveys_of, taken_by, version_of
from cxm.listen.surveys.wording import differences

from . import context_for, language_of, person, survey_for
from .versions import named


@require_safe
def index(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    archived, text, state = (
        "archived" in request.GET,
        request.GET.get("q", "").replace("\x00", "").strip()[:100],
        request.GET.get("state", ""),
    )
    surveys = surveys_of(membership.workspace, archived=archived, text=text, state=state)
    context = {
        "membership": membership,
        "workspace": membership.workspace,
        "page_obj": Paginator(surveys, 25).get_page(request.GET.get("page")),
        "archived": archived,
        "text": text,
        "state": state,
        "states": Survey.State.choices,
        "may_edit": Role(membership.role).includes(Role.ANALYST),
        "any": bool(text or state) or surveys_of(membership.workspace, archived=archived).exists(),
    }
    return render(request, "surveys/_list.html" if request.headers.get("HX-Request") else "surveys/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """What will change, what is in the way, and the button."""
    membership, survey = survey_for(request, slug, survey_id)
    refused = ""
    if request.method == "POST":
        try:
            version = actions.publish(survey=survey, by=person(request))
        except actions.SurveyRefused as error:
            refused = str(error)
        else:
            messages.success(
                request, _("Version %(number)s is published. People can answer it now.") % {"number": version.number}
            )
            return redirect("surveys:publish", slug=slug, survey_id=survey.pk)
    definition = draft_of(survey)
    language = language_of(request, definition)
    before = version_of(survey, survey.version)
    problems = check(definition, taken_by(survey))
    changed = named(differences(actions.read_definition(before.definition), definition, language)) if before else []
    context = context_for(
        membership, survey, "", definition=definition, language=language, refused=refused,
        errors=[one for one in problems if one.level == "error"],
        warnings=[*(one for one in problems if one.level == "warning"), *advice(definition)],
        before=before, changed=changed, same=bool(before and actions.read_definition(before.definition) == definition),
    )  # fmt: skip
    return render(request, "surveys/publish.html", context, status=422 if refused else 200)


STEPS = {
    "pause": (
        actions.pause,
        gettext_lazy("The survey is paused: nobody can begin it, and those who have begun may finish."),
    ),
    "close": (actions.close, gettext_lazy("The survey is closed.")),
    "reopen": (actions.reopen, gettext_lazy("The survey is open again.")),
    "archive": (actions.archive, gettext_lazy("The survey is archived. You find it under “Archive”.")),
    "unarchive": (actions.unarchive, gettext_lazy("The survey is out of the archive.")),
}


@require_POST
def change_state(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    _membership, survey = survey_for(request, slug, survey_id)
    step = STEPS.get(request.POST.get("do", ""))
    try:
        if step is None:
            raise actions.SurveyRefused(_("The page did not say what to change. Load it again."))
        step[0](survey=survey, by=person(request))
    except actions.SurveyRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, str(step[1]))
    return redirect("surveys:settings", slug=slug, survey_id=survey.pk)


@require_POST
def duplicate(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    _membership, survey = survey_for(request, slug, survey_id)
    copy = actions.duplicate(survey=survey, by=person(request))
    messages.success(request, _("This is the copy. The original stays as it was."))
    return redirect("surveys:edit", slug=slug, survey_id=copy.pk)


@require_POST
def delete(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    _membership, survey = survey_for(request, slug, survey_id)
    try:
        actions.delete_survey(survey=survey, by=person(request))
    except actions.SurveyRefused as error:
        messages.error(request, str(error))
        return redirect("surveys:settings", slug=slug, survey_id=survey.pk)
    messages.success(request, _("“%(name)s” was deleted.") % {"name": survey.name})
    return redirect("surveys:list", slug=slug)


@require_safe
@framed
def preview(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """The draft on a phone and on a computer, side by side; anybody of the workspace may look."""
    membership, survey = survey_for(request, slug, survey_id, Role.VIEWER)
    definition = draft_of(survey)
    language = language_of(request, definition)
    address = preview_url(survey, language, Place(), definition)
    context = context_for(membership, survey, "", definition=definition, language=language, preview=address)
    return render(request, "surveys/preview.html", context)
