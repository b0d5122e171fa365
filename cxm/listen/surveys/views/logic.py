"""Rules, quotas and variables; and every other condition of a survey at a glance."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cxm.lib.conditions_form import ConditionForm, Field
from cxm.listen.surveys import actions, editing
from cxm.listen.surveys.checking import Taken, check
from cxm.listen.surveys.definition import Definition, Quota, Rule, said
from cxm.listen.surveys.fields import catalogue, sentence
from cxm.listen.surveys.models import QuotaCount, Survey
from cxm.listen.surveys.places import Place, places, question_called
from cxm.listen.surveys.queries import draft_of, taken_by
from cxm.listen.surveys.rule_forms import (
    DEEDS,
    PRIORITY_NAMES,
    QuotaForm,
    RuleForm,
    ending_names,
    page_names,
    question_names,
)  # fmt: skip

from . import context_for, language_of, person, survey_for
from .editor import editor_url


@require_http_methods(["GET", "HEAD", "POST"])
def logic(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """All rules in their order, the quotas, and the conditions of pages, sections, questions and end screens."""
    membership, survey = survey_for(request, slug, survey_id)
    if request.method == "POST":
        deed, _colon, rest = request.POST.get("do", "").partition(":")
        place = Place.read(rest)

        def change(draft: Definition, _taken: Taken) -> None:
            if deed in ("up", "down"):
                editing.move(draft, place=place, step=-1 if deed == "up" else 1)
            elif deed == "delete":
                editing.delete(draft, place=place)

        try:
            actions.edit_draft(survey=survey, change=change, by=person(request))
        except (actions.SurveyRefused, editing.EditRefused) as error:
            messages.error(request, str(error))
        return redirect("surveys:logic", slug=slug, survey_id=survey.pk)
    definition = draft_of(survey)
    language = language_of(request, definition)
    fields = catalogue(definition, membership.workspace, language)
    wrong: dict[Place, list[str]] = {}
    for problem in check(definition, taken_by(survey)):
        wrong.setdefault(problem.place, []).append(problem.message)
    counts = dict(QuotaCount.objects.filter(survey=survey).values_list("quota", "n"))
    context = context_for(
        membership, survey, "logic", definition=definition, language=language,
        rules=[
            {"rule": one, "place": Place("rule", one.id), "what": rule_words(one, definition, language),
             "when": sentence(one.when, fields) if one.when else "", "wrong": wrong.get(Place("rule", one.id), [])}
            for one in definition.rules
        ],
        quotas=[
            {"quota": one, "place": Place("quota", one.id), "n": counts.get(one.id, 0),
             "when": sentence(one.when, fields) if one.when else "", "wrong": wrong.get(Place("quota", one.id), [])}
            for one in definition.quotas
        ],
        shown=shown_if(definition, survey, language, fields),
    )  # fmt: skip
    return render(request, "surveys/logic.html", context)


def shown_if(definition: Definition, survey: Survey, language: str, fields: list[Field]) -> list[dict[str, Any]]:
    """Every part that has a condition of its own."""
    found = []
    for place in places(definition):
        if place.part in ("rule", "quota") or not (condition := editing.condition_at(definition, place)):
            continue
        found.append(
            {
                "name": part_name(definition, place, language),
                "when": sentence(condition, fields),
                "url": editor_url(survey, place, language),
            }
        )
    return found


def part_name(definition: Definition, place: Place, language: str) -> str:
    match place.part:
        case "page":
            return dict(page_names(definition, language))[place.id]
        case "ending":
            return dict(ending_names(definition, language))[place.id]
        case "question":
            question = question_called(definition, place.id)
            return said(question.title, language, definition.languages) or place.id if question else place.id
    section = editing.section_at(definition, place.id)[1]
    return said(section.title, language, definition.languages) or _("Section without heading")


def rule_words(rule: Rule, definition: Definition, language: str) -> str:
    """What a rule does, as a sentence."""
    pages, endings = dict(page_names(definition, language)), dict(ending_names(definition, language))
    match rule.do:
        case "skip":
            return _("Go on at “%(page)s”") % {"page": pages.get(rule.target, rule.target)}
        case "end":
            if not rule.target:
                return _("End the survey")
            return _("End with “%(ending)s”") % {"ending": endings.get(rule.target, rule.target)}
        case "require":
            names = dict(question_names(definition, language))
            return _("Require %(questions)s") % {
                "questions": ", ".join(_("“%(name)s”") % {"name": names.get(one, one)} for one in rule.targets)
            }
        case "compute":
            return _("Compute the variable “%(name)s”") % {"name": rule.target}
        case "tag":
            return _("Put the tag “%(tag)s” on") % {"tag": rule.target}
        case _:
            return _("Open a case with the priority “%(priority)s”") % {
                "priority": PRIORITY_NAMES.get(rule.target or "normal", rule.target)
            }


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, slug: str, survey_id: int, rule_id: str = "") -> HttpResponse:
    """One rule: what happens, after which page, and when. A new one if no id is given."""
    return _one(request, slug, survey_id, "rule", rule_id)


@require_http_methods(["GET", "HEAD", "POST"])
def quota(request: HttpRequest, slug: str, survey_id: int, quota_id: str = "") -> HttpResponse:
    return _one(request, slug, survey_id, "quota", quota_id)


def _one(request: HttpRequest, slug: str, survey_id: int, part: str, part_id: str) -> HttpResponse:
    """A rule or a quota with its condition, in one form."""
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    language = language_of(request, definition)
    ones: list[Any] = list(definition.rules if part == "rule" else definition.quotas)
    present = next((one for one in ones if one.id == part_id), None)
    if part_id and present is None:
        raise Http404
    data = request.POST if request.method == "POST" else None
    form: RuleForm | QuotaForm = (
        RuleForm(data, definition=definition, language=language, rule=present) if part == "rule"
        else QuotaForm(data, definition=definition, language=language, quota=present)
    )  # fmt: skip
    fields = catalogue(definition, membership.workspace, language)
    when = (
        ConditionForm.read(request.POST, fields) if data else ConditionForm(fields, present.when if present else None)
    )
    when.address = request.get_full_path()
    when.nothing = _("No condition: it always holds.")
    if data and not when.changed and all([form.is_valid(), when.is_valid()]):

        def change(draft: Definition, _taken: Taken) -> None:
            if isinstance(form, RuleForm):
                rule = next((one for one in draft.rules if one.id == part_id), None)
                if rule is None:
                    draft.rules.append(rule := Rule(id=new_id("r", draft.rules), do="tag"))
                form.put(rule, draft)
                rule.when = when.condition
            else:
                quota = next((one for one in draft.quotas if one.id == part_id), None)
                if quota is None:
                    draft.quotas.append(quota := Quota(id=new_id("q", draft.quotas), name="", limit=1))
                form.put(quota)
                quota.when = when.condition

        try:
            actions.edit_draft(survey=survey, change=change, by=person(request))
        except (actions.SurveyRefused, editing.EditRefused) as error:
            form.add_error(None, str(error))
        else:
            return redirect("surveys:logic", slug=slug, survey_id=survey.pk)
    wrong = bool(data and not when.changed)
    if data and when.changed:  # somebody asked for a row, not to save: nothing is wrong yet
        form = kept(form, definition, language)
    context = context_for(
        membership, survey, "logic", definition=definition, language=language, form=form, when=when, part=part,
        present=present, deeds=DEEDS,
    )  # fmt: skip
    return render(request, "surveys/rule.html", context, status=422 if wrong else 200)


def kept(form: RuleForm | QuotaForm, definition: Definition, language: str) -> RuleForm | QuotaForm:
    """The form as it was filled in, without complaints."""
    sent = {name: form[name].value() for name in form.fields}
    fresh: RuleForm | QuotaForm = (
        RuleForm(None, definition=definition, language=language) if isinstance(form, RuleForm)
        else QuotaForm(None, definition=definition, language=language)
    )  # fmt: skip
    fresh.initial.update(sent)
    return fresh


def new_id(letter: str, ones: list[Any]) -> str:
    used, number = {one.id for one in ones}, 1
    while f"{letter}{number}" in used:
        number += 1
    return f"{letter}{number}"
