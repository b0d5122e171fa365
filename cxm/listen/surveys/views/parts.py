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
from cxm.listen.surveys.definition import Check, Definition
from cxm.listen.surveys.fields import catalogue, value_field
from cxm.listen.surveys.importing import exports
from cxm.listen.surveys.places import Place, question_called
from cxm.listen.surveys.preview import framed, preview_url
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.settings_forms import CheckForm, LanguagesForm, LookForm, SettingsForm

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
def check_answer(request: HttpRequest, slug: str, survey_id: int, question_id: str, number: int = 0) -> HttpResponse:
    """A rule that an answer must satisfy, and what is said if it does not. `number` counts from 1; 0: a new one."""
    membership, survey = survey_for(request, slug, survey_id)
    definition, at = draft_of(survey), Place("question", question_id)
    language = language_of(request, definition)
    question = question_called(definition, question_id)
    if question is None or number > len(question.checks):
        raise Http404
    present = question.checks[number - 1] if number else None
    fields = [
        value_field(question, definition, language),
        *catalogue(definition, membership.workspace, language, at=at),
    ]
    sent = request.POST if request.method == "POST" else None
    form = CheckForm(sent, definition=definition, message=present.message if present else {})
    must = (
        ConditionForm.read(request.POST, fields) if sent else ConditionForm(fields, present.must if present else None)
    )
    must.address, must.nothing = request.get_full_path(), _("No rule yet: any answer will do.")
    removed = bool(sent and sent.get("do") == "remove")
    saved = bool(sent and not must.changed and all([form.is_valid(), must.is_valid()]))
    if saved and must.condition is None and not removed:
        form.add_error(None, _("Say what the answer must satisfy."))
    elif saved or removed:

        def change(draft: Definition, _taken: Taken) -> None:
            checks = editing.question_at(draft, question_id)[2].checks
            if number > len(checks):
                raise editing.gone()
            if removed:
                checks[number - 1 : number] = []
            elif must.condition is not None:
                made = Check(must=must.condition, message=form.message())
                if number:
                    checks[number - 1] = made
                else:
                    checks.append(made)

        try:
            actions.edit_draft(survey=survey, change=change, by=person(request))
        except (actions.SurveyRefused, editing.EditRefused) as error:
            form.add_error(None, str(error))
        else:
            return redirect(editor_url(survey, at, language))
    if must.changed:  # somebody asked for a row, not to save: nothing is wrong yet
        given = {code: request.POST.get(f"message-{code}", "") for code in definition.languages}
        form = CheckForm(None, definition=definition, message=given)
    context = context_for(
        membership, survey, "edit", definition=definition, form=form, must=must, present=present, question=question,
        language=language, back=editor_url(survey, at, language),
    )  # fmt: skip
    return render(request, "surveys/check.html", context, status=422 if sent and not must.changed else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@framed
def look(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    form = LookForm(request.POST or None, look=definition.look, back=definition.back)
    plain = request.POST.get("do") == "reset"
    if request.method == "POST" and (plain or form.is_valid()):

        def change(draft: Definition, _taken: Taken) -> None:
            if plain:
                draft.look.css = ""
            else:
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
    """Two forms: what holds at once (name, address, times), and what belongs to the draft (languages, hidden)."""
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
        membership,
        survey,
        "settings",
        definition=definition,
        form=form,
        languages_form=languages,
        answered=answered,
        exports=exports(draft_of(survey)),
    )
    return render(request, "surveys/settings.html", context, status=422 if form.errors or languages.errors else 200)
