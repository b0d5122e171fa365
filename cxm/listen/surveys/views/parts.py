"""Conditions, look and settings of a survey."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cxm.lib.conditions_form import ConditionForm
from cxm.listen.surveys import actions, editing
from cxm.listen.surveys.checking import Taken
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.fields import catalogue
from cxm.listen.surveys.places import Place
from cxm.listen.surveys.preview import framed, preview_url
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.settings_forms import LanguagesForm, LookForm, SettingsForm

from . import context_for, language_of, person, survey_for
from .editor import condition_form, editor_url, when_url


@require_http_methods(["GET", "HEAD", "POST"])
def when(request: HttpRequest, slug: str, survey_id: int, part: str, part_id: str) -> HttpResponse:
    """When a part is shown or applies: the shared form of conditions."""
    membership, survey = survey_for(request, slug, survey_id)
    definition, at = draft_of(survey), Place(part, part_id)
    language = language_of(request, definition)
    try:
        form = condition_form(survey, at, language, definition)
    except editing.EditRefused as error:
        raise Http404 from error
    refused = ""
    if request.method == "POST":
        form = ConditionForm.read(request.POST, catalogue(definition, membership.workspace, language, at=at))
        form.address, form.nothing = when_url(survey, at, language), _("No condition: this is for everybody.")
        if not form.changed and form.is_valid():
            condition = form.condition

            def change(draft: Definition, _taken: Taken) -> None:
                editing.put_condition(draft, place=at, condition=condition)

            try:
                actions.edit_draft(survey=survey, change=change, by=person(request))
            except (actions.SurveyRefused, editing.EditRefused) as error:
                refused = str(error)
            else:
                logic = part in ("rule", "quota")
                return (
                    redirect("surveys:logic", slug, survey_id) if logic else redirect(editor_url(survey, at, language))
                )
    tab = "logic" if part in ("rule", "quota") else "edit"
    context = context_for(membership, survey, tab, definition=definition, form=form, refused=refused, language=language)
    context["back"] = editor_url(survey, at, language)
    return render(request, "surveys/when.html", context, status=422 if form.problems or refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@framed
def look(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    form = LookForm(request.POST or None, look=definition.look, back=definition.back)
    if request.method == "POST" and form.is_valid():

        def change(draft: Definition, _taken: Taken) -> None:
            form.put(draft)

        try:
            actions.edit_draft(survey=survey, change=change, by=person(request))
        except actions.SurveyRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The look is saved. Publish the survey to show it to everybody."))
            return redirect("surveys:look", slug=slug, survey_id=survey.pk)
    language = language_of(request, definition)
    context = context_for(
        membership, survey, "look", definition=definition, form=form, language=language,
        preview=preview_url(survey, language, Place(), definition),
    )  # fmt: skip
    return render(request, "surveys/look.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """Two forms: what holds at once (name, address, times), and what belongs to the draft (languages, hidden fields)."""
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    about = request.POST.get("form")
    form = SettingsForm(request.POST if about == "settings" else None, survey=survey)
    languages = LanguagesForm(request.POST if about == "languages" else None, definition=definition)
    if request.method == "POST":
        try:
            if about == "settings" and form.is_valid():
                actions.change_settings(survey=survey, by=person(request), **form.cleaned_data)
                messages.success(request, _("The settings are saved."))
                return redirect("surveys:settings", slug=slug, survey_id=survey.pk)
            if about == "languages" and languages.is_valid():

                def change(draft: Definition, _taken: Taken) -> None:
                    languages.put(draft)

                actions.edit_draft(survey=survey, change=change, by=person(request))
                messages.success(request, _("Saved. Publish the survey to make it hold for everybody."))
                return redirect("surveys:settings", slug=slug, survey_id=survey.pk)
        except actions.SurveyRefused as error:
            (form if about == "settings" else languages).add_error(None, str(error))
    answered = survey.responses.filter(test=False).exists() or survey.invitations.exists()
    context = context_for(
        membership, survey, "settings", definition=definition, form=form, languages_form=languages, answered=answered
    )
    return render(request, "surveys/settings.html", context, status=422 if form.errors or languages.errors else 200)
