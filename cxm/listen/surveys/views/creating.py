"""A new survey: blank, from a preset, by the wizard, or from a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.surveys import actions
from cxm.listen.surveys.definition import Definition, Page, Section, said
from cxm.listen.surveys.importing import ImportRefused, import_survey
from cxm.listen.surveys.presets import PRESET, PRESETS, build
from cxm.listen.surveys.wizard import DECISION, DECISIONS, propose, seconds

from . import person

MOST_NOTES = 50  # messages; what is beyond stands in one
LARGEST_FILE = 20_000_000  # bytes: pictures may be in it


class NewForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"),
        max_length=200,
        help_text=gettext_lazy("For you; people who answer see another title."),
    )
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages of the survey"), choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Others can be added later, under “Settings”."),
    )  # fmt: skip

    def clean_languages(self) -> list[str]:
        """The language of the person who creates it comes first."""
        own = translation.get_language() or "en"
        chosen = list(self.cleaned_data["languages"])
        return sorted(chosen, key=lambda one: one != own)


class WizardForm(NewForm):
    decision = forms.ChoiceField(
        label=gettext_lazy("What do you want to decide?"), widget=forms.RadioSelect,
        choices=[(one.key, one.name) for one in DECISIONS],
    )  # fmt: skip
    touchpoint = forms.CharField(
        label=gettext_lazy("At which touchpoint?"), required=False, max_length=60,
        help_text=gettext_lazy("As it should stand in the question: “delivery”, “our shop in Kyiv”; may stay empty."),
    )  # fmt: skip
    call_back = forms.BooleanField(
        label=gettext_lazy("Somebody will call unhappy customers back"), required=False,
        help_text=gettext_lazy("Then the survey asks whether, and how, people may be reached."),
    )  # fmt: skip
    field_order = ("decision", "touchpoint", "call_back", "name", "languages")


def first_values() -> dict[str, Any]:
    return {"languages": [translation.get_language() or "en"]}


def _create(request: HttpRequest, membership: Membership, name: str, definition: Definition) -> HttpResponse:
    survey = actions.create_survey(workspace=membership.workspace, name=name, definition=definition, by=person(request))
    return redirect("surveys:edit", slug=membership.workspace.slug, survey_id=survey.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    chosen = PRESET.get(request.POST.get("preset") or request.GET.get("preset", ""))
    form = NewForm(request.POST if request.method == "POST" else None, initial=first_values())
    if request.method == "GET" and chosen:
        form.initial["name"] = chosen.name
    if request.method == "POST" and form.is_valid():
        languages, name = form.cleaned_data["languages"], form.cleaned_data["name"]
        definition = (
            build(chosen.questions, languages) if chosen
            else Definition(title={languages[0]: name}, languages=languages,
                            pages=[Page(id="p1", sections=[Section(id="s1")])])
        )  # fmt: skip
        return _create(request, membership, name, definition)
    context = {
        "membership": membership, "workspace": membership.workspace, "form": form, "presets": PRESETS, "chosen": chosen,
        "blank": "blank" in request.GET or (request.method == "POST" and not chosen),
    }  # fmt: skip
    return render(request, "surveys/new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def wizard(request: HttpRequest, slug: str) -> HttpResponse:
    """First the decision; then the proposal with a reason for each question; then the survey."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    form = WizardForm(request.POST if request.method == "POST" else None, initial=first_values())
    context: dict[str, Any] = {"membership": membership, "workspace": membership.workspace, "form": form}
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        decision, languages = DECISION[values["decision"]], values["languages"]
        definition = propose(
            decision.key, languages, title="", touchpoint=values["touchpoint"].strip(), call_back=values["call_back"]
        )
        if request.POST.get("do") == "create":
            return _create(request, membership, values["name"], definition)
        reasons = [str(why) for _part, why in decision.questions]
        if values["call_back"]:
            reasons += [_("Nobody is called who does not want it."), _("Asked only of those who agreed.")]
        context |= {
            "decision": decision,
            "seconds": seconds(definition),
            "proposal": [
                (said(one.title, translation.get_language() or "en", languages), why)
                for one, why in zip(definition.questions(), reasons, strict=True)
            ],
        }
    return render(request, "surveys/wizard.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def import_file(request: HttpRequest, slug: str) -> HttpResponse:
    """A questionnaire in any form that we read; what could not be taken over is listed."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    problem = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise ImportRefused(_("Choose a file first."))
            if (file.size or 0) > LARGEST_FILE:
                raise ImportRefused(
                    _("The file is larger than 20 MB. A questionnaire is smaller: is it the right file?")
                )
            survey, notes = import_survey(
                workspace=membership.workspace, name=file.name or "", data=file.read(),
                language=translation.get_language() or "en", by=person(request),
            )  # fmt: skip
        except (ImportRefused, actions.SurveyRefused) as error:
            problem = str(error)
        else:
            for note in notes[:MOST_NOTES]:
                messages.warning(request, note)
            if rest := notes[MOST_NOTES:]:
                messages.warning(request, " ".join(rest))
            messages.success(request, _("The file was imported. Look through it before you publish it."))
            return redirect("surveys:edit", slug=slug, survey_id=survey.pk)
    context = {"membership": membership, "workspace": membership.workspace, "problem": problem}
    return render(request, "surveys/import.html", context, status=422 if problem else 200)
