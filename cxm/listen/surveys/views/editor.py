"""The editor: outline, the part that is chosen, and the preview beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from django import forms as django_forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cxm.accounts.models import Membership
from cxm.lib.conditions_form import ConditionForm
from cxm.listen.surveys import actions, editing, forms
from cxm.listen.surveys.advice import advice
from cxm.listen.surveys.checking import Problem, Taken, check
from cxm.listen.surveys.definition import Choice, Definition, Question, said
from cxm.listen.surveys.editing import EditRefused
from cxm.listen.surveys.fields import catalogue, sentence
from cxm.listen.surveys.kinds import GROUPS, KIND, READY
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.pictures import NoPicture, add_picture
from cxm.listen.surveys.places import Place, matrix_before, places, question_called
from cxm.listen.surveys.preview import framed, preview_url
from cxm.listen.surveys.queries import can_step, changed_by_another, draft_of, taken_by

from . import context_for, language_of, person, survey_for

START = Place("start")
Which = Literal["choices", "rows"]
# A text of an outline is shown to this length.
SHORT = 90


@dataclass
class Work:
    """One request to the editor: what it looks at, and what came of it."""

    request: HttpRequest
    membership: Membership
    survey: Survey
    definition: Definition
    taken: Taken
    language: str
    at: Place
    form: django_forms.Form | None = None
    faults: list[str] | None = None
    refused: str = ""
    focus: str = ""

    @property
    def automatic(self) -> bool:
        return self.request.POST.get("auto") == "1"


@require_http_methods(["GET", "HEAD", "POST"])
@framed
def edit(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    work = Work(
        request, membership, survey, definition, taken_by(survey), language_of(request, definition),
        Place.read(request.POST.get("at") or request.GET.get("at") or ""),
    )  # fmt: skip
    if request.method == "POST":
        _do(work)
        if not request.headers.get("HX-Request") and not work.refused and not work.faults:
            return redirect(editor_url(work.survey, work.at, work.language))
    return _shown(work)


def editor_url(survey: Survey, at: Place | None = None, language: str = "") -> str:
    address = reverse("surveys:edit", args=[survey.workspace.slug, survey.pk])
    asked = {key: value for key, value in (("at", str(at or "")), ("lang", language)) if value}
    return f"{address}?{urlencode(asked, safe=':')}" if asked else address


def mark_of(definition: Definition, at: Place) -> str:
    """A fingerprint of a part: whoever saves it later than somebody else is told so."""
    part: object = None
    match at.part:
        case "question":
            part = question_called(definition, at.id)
        case "page":
            part = next(((one.title, one.show) for one in definition.pages if one.id == at.id), None)
        case "section":
            found = [one for page in definition.pages for one in page.sections if one.id == at.id]
            part = [(one.title, one.text, one.order) for one in found]
        case "ending":
            part = next((one for one in definition.endings if one.id == at.id), None)
        case _:
            part = (definition.title, definition.intro, definition.purpose)
    return hashlib.sha256(msgspec.json.encode(part)).hexdigest()[:16]


# What can be done


def _do(work: Work) -> None:
    """Do what the button says; what was refused stands in `work`, and nothing has happened then."""
    deed, _colon, rest = work.request.POST.get("do", "save").partition(":")
    try:
        if deed in ("undo", "redo"):
            work.survey = (actions.undo if deed == "undo" else actions.redo)(
                survey=work.survey, by=person(work.request)
            )
        elif deed in ("save", "choices", "rows", "kind"):
            _save(work, deed, rest)
        elif change := _structure(work, deed, rest):
            work.survey = actions.edit_draft(survey=work.survey, change=change, by=person(work.request))
        else:
            raise EditRefused(_("The page did not say what to change. Load it again."))
    except (EditRefused, actions.SurveyRefused) as refused:
        work.refused = str(refused)
    else:
        work.definition = draft_of(work.survey)


def _structure(work: Work, deed: str, rest: str) -> Callable[[Definition, Taken], None] | None:
    """An edit of the outline, as a function of the draft."""
    place = Place.read(rest)

    def change(draft: Definition, taken: Taken) -> None:
        match deed:
            case "add":
                after = work.at if work.at in list(places(draft)) else Place()
                question = editing.add_question(draft, taken, kind=rest, after=after, language=work.language)
                work.at, work.focus = Place("question", question.id), "title"
            case "add_page":
                work.at = Place("page", editing.add_page(draft, after=work.at).id)
            case "add_section":
                work.at = Place("section", editing.add_section(draft, page_id=place.id, language=work.language).id)
                work.focus = "title"
            case "add_ending":
                work.at, work.focus = Place("ending", editing.add_ending(draft, language=work.language).id), "title"
            case "up" | "down":
                editing.move(draft, place=place, step=-1 if deed == "up" else 1)
                work.at, work.focus = place, deed
            case "after":
                after = Place.read(work.request.POST.get("after", ""))
                editing.move_after(draft, place=place, after=after)
                work.at = place
            case "duplicate":
                work.at = editing.duplicate(draft, taken, place=place)
            case "delete":
                neighbour = _neighbour(draft, place)
                editing.delete(draft, place=place)
                work.at = neighbour

    known = {"add", "add_page", "add_section", "add_ending", "up", "down", "after", "duplicate", "delete"}
    return change if deed in known else None


def _neighbour(draft: Definition, place: Place) -> Place:
    """What to look at when a part is deleted: the one before it of the same sort, else the one behind."""
    same = [one for one in places(draft) if one.part == place.part]
    if place not in same or len(same) == 1:
        return START
    index = same.index(place)
    return same[index - 1] if index else same[1]


def _save(work: Work, deed: str, rest: str) -> None:
    """Save the form of the part, and then do what its button says: a choice more or less, another kind."""
    sent = work.request.POST

    def change(draft: Definition, taken: Taken) -> None:
        work.faults = []
        form = work.form = part_form(draft, work.at, work.language, taken, sent)
        if sent.get("mark", "") != mark_of(draft, work.at) and changed_by_another(work.survey, person(work.request)):
            raise EditRefused(_("Somebody else changed this part meanwhile. Save again to put yours in its place."))
        if form is None:
            raise editing.gone()
        if not form.is_valid():
            work.faults += [f"{form[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]
            raise EditRefused(_("Nothing was saved yet: some fields need another value."))
        if isinstance(form, forms.QuestionForm):
            _put_question(work, draft, taken, form, deed, rest)
        else:
            form.put(_part(draft, work.at))  # type: ignore[attr-defined]  # every form of a part has it

    work.survey = actions.edit_draft(survey=work.survey, change=change, by=person(work.request))
    work.form = None


def _part(draft: Definition, at: Place) -> Any:
    match at.part:
        case "page":
            return editing.page_at(draft, at.id)
        case "section":
            return editing.section_at(draft, at.id)[1]
        case "ending":
            return editing.ending_at(draft, at.id)
        case _:
            return draft


def _put_question(work: Work, draft: Definition, taken: Taken, form: forms.QuestionForm, deed: str, rest: str) -> None:
    question, sent = form.question, work.request.POST
    form.put(question)
    for which in ("choices", "rows"):
        if sent.get(f"{which}-shown"):
            found, faults = forms.read_choices(sent, question, which, work.language, taken)
            if faults:
                work.faults = faults
                raise EditRefused(_("Nothing was saved yet: some fields need another value."))
            _put_pictures(work, which, found)
            setattr(question, which, found)
    if deed in ("choices", "rows"):
        _change_choices(work, question, taken, deed, rest)  # type: ignore[arg-type]  # one of the two
    if form.cleaned_data["code"] != question.id:
        editing.rename_question(draft, taken, question_id=question.id, new_id=form.cleaned_data["code"])
        work.at = Place("question", form.cleaned_data["code"])
    if deed == "kind":
        fresh = editing.change_kind(
            draft, taken, question_id=work.at.id, kind=rest or sent.get("kind", ""), language=work.language
        )
        work.at, work.focus = Place("question", fresh.id), "kind"


def _put_pictures(work: Work, which: str, choices: list[Choice]) -> None:
    """The pictures that were sent with the table."""
    for index, choice in enumerate(choices):
        file = work.request.FILES.get(f"{which}-{index}-picture")
        if isinstance(file, UploadedFile):
            try:
                choice.image = add_picture(survey=work.survey, file=file, by=person(work.request))
            except NoPicture as refused:
                raise EditRefused(str(refused)) from refused
            work.focus = f"{which}-{index}-picture"


def _change_choices(work: Work, question: Question, taken: Taken, which: Which, rest: str) -> None:
    """A row of the table more, less, or elsewhere."""
    what, _colon, number = rest.partition(":")
    ones = getattr(question, which)
    index = int(number) if number.isdigit() else -1
    if what == "add":
        editing.add_choices(question, taken, [""], which, work.language)
        work.focus = f"{which}-{next((n for n, one in enumerate(ones) if not one.label), len(ones) - 1)}-label"
    elif what == "lines":
        lines = [one.strip() for one in work.request.POST.get(f"{which}-lines", "").splitlines() if one.strip()]
        editing.add_choices(question, taken, lines, which, work.language)
    elif what == "other" and not any(one.other for one in ones):
        with editing.speaking(work.language):
            label = _("Other")
        editing.add_choices(question, taken, [label], which, work.language)
        added = next(one for one in ones if one.label.get(work.language) == label)
        added.other = added.fixed = True
        ones.append(ones.pop(ones.index(added)))
    elif 0 <= index < len(ones) and what == "unpicture":
        ones[index].image, work.focus = "", f"{which}-{index}-picture"
    elif 0 <= index < len(ones) and what == "remove":
        ones.pop(index)
        work.focus = f"{which}-add"
    elif 0 <= index < len(ones) and what in ("up", "down"):
        other = index + (-1 if what == "up" else 1)
        if 0 <= other < len(ones):
            ones[index], ones[other] = ones[other], ones[index]
            work.focus = f"{which}-{other}-{what}"


# What is shown


def part_form(
    draft: Definition, at: Place, language: str, taken: Taken, data: QueryDict | None = None
) -> forms.PartForm | None:
    """The form of a part; None if there is no such part."""
    try:
        match at.part:
            case "question":
                question = editing.question_at(draft, at.id)[2]
                return forms.QuestionForm(
                    data, definition=draft, question=question, language=language, published=at.id in taken.shapes
                )
            case "page":
                return forms.PageForm(data, definition=draft, page=editing.page_at(draft, at.id), language=language)
            case "section":
                section = editing.section_at(draft, at.id)[1]
                return forms.SectionForm(data, definition=draft, section=section, language=language)
            case "ending":
                ending = editing.ending_at(draft, at.id)
                return forms.EndingForm(data, definition=draft, ending=ending, language=language)
            case _:
                return forms.StartForm(data, definition=draft, language=language)
    except EditRefused:
        return None


def _shown(work: Work) -> HttpResponse:
    if work.automatic and work.request.headers.get("HX-Request"):
        response = render(work.request, "surveys/_saved.html", _context(work))
    else:
        page = "surveys/_editor.html" if work.request.headers.get("HX-Request") else "surveys/edit.html"
        response = render(work.request, page, _context(work))
    if work.request.method == "POST":
        response["HX-Trigger"] = "surveychanged"
        if not work.automatic:
            response["HX-Push-Url"] = editor_url(work.survey, work.at, work.language)
        if work.refused and not work.request.headers.get("HX-Request"):
            response.status_code = 422
    return response


def _context(work: Work) -> dict[str, Any]:
    definition, taken, language = work.definition, work.taken, work.language
    form = work.form or part_form(definition, work.at, language, taken)
    if form is None:
        work.at, form = START, part_form(definition, START, language, taken)
    if work.at.part == "survey":
        first = next((Place("question", one.id) for one in definition.questions()), START)
        work.at, form = first, part_form(definition, first, language, taken)
    problems = check(definition, taken)
    undo, redo = can_step(work.survey)
    question = question_called(definition, work.at.id) if work.at.part == "question" else None
    fields = catalogue(definition, work.survey.workspace, language, at=work.at)
    context = context_for(
        work.membership, work.survey, "edit", definition=definition, language=language, at=work.at, form=form,
        mark=mark_of(definition, work.at), refused=work.refused, faults=work.faults or [], focus=work.focus,
        can_undo=undo, can_redo=redo, groups=[*GROUPS, (_("Ready-made questions"), READY)],
        outline=outline(definition, language, problems, work.at),
        problems=problems, errors=sum(one.level == "error" for one in problems),
        here=[one for one in [*problems, *advice(definition)]
              if one.place == work.at or (work.at == START and one.place.part == "survey")],
        saved=work.request.method == "POST" and not work.refused,
        preview=preview_url(work.survey, language, work.at, definition),
        endings=[
            {"place": Place("ending", one.id), "conditional": one.when is not None,
             "current": work.at == Place("ending", one.id),
             "text": shortened(said(one.title, language, definition.languages)) or one.id}
            for one in definition.endings
        ],
    )  # fmt: skip
    if question:
        context |= _question_context(question, definition, language, taken)
    if work.at.part in ("question", "page", "section", "ending"):
        condition = editing.condition_at(definition, work.at)
        context["condition"] = sentence(condition, fields) if condition else ""
        context["conditions"] = condition_form(work.survey, work.at, language, definition)
        context["when_url"] = when_url(work.survey, work.at, language)
    return context


def when_url(survey: Survey, at: Place, language: str) -> str:
    address = reverse("surveys:when", args=[survey.workspace.slug, survey.pk, at.part, at.id])
    return f"{address}?{urlencode({'lang': language})}"


def condition_form(survey: Survey, at: Place, language: str, definition: Definition) -> ConditionForm:
    """The form of the condition of a part, as it is now."""
    form = ConditionForm(catalogue(definition, survey.workspace, language, at=at), editing.condition_at(definition, at))
    form.address = when_url(survey, at, language)
    form.nothing = _("No condition: this is for everybody.")
    return form


def _question_context(question: Question, definition: Definition, language: str, taken: Taken) -> dict[str, Any]:
    kind = KIND[question.kind]
    tables = []
    own_rows = kind.rows and not (question.beside and matrix_before(definition, question))
    for which, shown in (("rows", own_rows), ("choices", kind.choices)):
        if shown:
            tables.append(
                {
                    "which": which,
                    "rows": forms.choice_rows(question, which, language, definition.languages, taken),
                    "scores": question.kind in ("single", "dropdown")
                    or (question.kind == "matrix" and which == "choices"),
                    "flags": which == "choices"
                    and question.kind not in ("matrix", "contact", "maxdiff", "constant_sum"),
                    "exclusive": question.kind == "multiple" or (question.kind == "picture" and question.several),
                    "pictures": question.kind == "picture",
                    "required": question.kind == "contact" or which == "rows",
                    "other": which == "choices" and question.kind in ("single", "multiple", "dropdown"),
                }
            )
    return {
        "question": question,
        "kind": kind,
        "tables": tables,
        "published": question.id in taken.shapes,
        "checks": [said(one.message, language, definition.languages) for one in question.checks],
    }


def shortened(text: str) -> str:
    """Cut behind a word, as the outline shows it; one word of Chinese or an address is cut where it is too long."""
    if len(text) <= SHORT:
        return text
    cut = text[: SHORT - 1]
    return f"{(cut.rpartition(' ')[0] or cut).rstrip(' ,;:')}…"


def outline(definition: Definition, language: str, problems: list[Problem], at: Place) -> list[dict[str, Any]]:
    """The pages with their sections and questions, as the left side shows them."""
    wrong = {one.place for one in problems if one.level == "error"}
    number = 0
    pages = []
    for page in definition.pages:
        sections = []
        for section in page.sections:
            questions = []
            for question in section.questions:
                number += question.kind != "statement"
                place = Place("question", question.id)
                questions.append(
                    {
                        "place": place,
                        "number": "" if question.kind == "statement" else number,
                        "kind": KIND[question.kind],
                        "text": shortened(said(question.title, language, definition.languages)),
                        "required": question.required,
                        "conditional": question.show is not None,
                        "wrong": place in wrong,
                        "current": place == at,
                    }
                )
            place = Place("section", section.id)
            sections.append(
                {
                    "place": place,
                    "text": shortened(said(section.title, language, definition.languages)),
                    "named": bool(section.title or section.text or section.show or len(page.sections) > 1),
                    "questions": questions,
                    "current": place == at,
                    "conditional": section.show is not None,
                }
            )
        place = Place("page", page.id)
        pages.append(
            {
                "place": place,
                "text": shortened(said(page.title, language, definition.languages)),
                "sections": sections,
                "current": place == at,
                "conditional": page.show is not None,
                "wrong": place in wrong,
            }
        )
    return pages
