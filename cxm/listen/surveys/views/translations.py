"""Texts side by side, and tables of them for translators; the survey as a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from cxm.listen.surveys import actions, texts
from cxm.listen.surveys.checking import Taken
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.importing import written
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.queries import draft_of

from . import context_for, person, survey_for

LARGEST_TABLE = 5_000_000  # bytes
TABLE_FAULTS = {
    "unreadable": gettext_lazy("The file cannot be read. Send back the table that you downloaded, as CSV, XLSX or PO."),
    "no_path_column": gettext_lazy("The table has no column “path”. Keep the first row as it was downloaded."),
    "no_language": gettext_lazy("The table has no column for a language of this survey."),
    "too_long": gettext_lazy("The table, or one of its texts, is too long."),
}


def _languages(request: HttpRequest, definition: Definition) -> tuple[str, str]:
    """The language that is read, and the one that is written."""
    source = definition.languages[0]
    others = [one for one in definition.languages if one != source]
    wanted = request.POST.get("to") or request.GET.get("to", "")
    return source, wanted if wanted in others else (others[0] if others else "")


@require_http_methods(["GET", "HEAD", "POST"])
def translations(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    source, target = _languages(request, definition)
    refused = ""
    if request.method == "POST" and target:
        try:
            survey = _take_file(request, survey, target) if request.FILES else _take_form(request, survey, target)
        except (actions.SurveyRefused, texts.TableError) as error:
            refused = str(TABLE_FAULTS.get(getattr(error, "code", ""), error))
        else:
            if not request.headers.get("HX-Request"):
                return redirect(f"{request.path}?to={target}")
        definition = draft_of(survey)
    rows = texts.texts_of(definition)
    if request.headers.get("HX-Request"):
        rows = [one for one in rows if f"t-{one.path}" in request.POST]
    context = context_for(
        membership, survey, "translations", definition=definition, source=source, target=target, refused=refused,
        rows=[
            {"at": one, "source": one.text.get(source, ""), "target": one.text.get(target, ""),
             "long": max((len(text) for text in one.text.values()), default=0) > 60}
            for one in rows if "missing" not in request.GET or not one.text.get(target, "").strip()
        ],
        missing=len(texts.missing(definition, target)) if target else 0, total=len(texts.texts_of(definition)),
        only_missing="missing" in request.GET,
    )  # fmt: skip
    page = "surveys/_translated.html" if request.headers.get("HX-Request") else "surveys/translations.html"
    return render(request, page, context, status=422 if refused and not request.headers.get("HX-Request") else 200)


def _take_form(request: HttpRequest, survey: Survey, target: str) -> Survey:
    sent = {key[2:]: str(value) for key, value in request.POST.items() if key.startswith("t-")}

    def change(draft: Definition, _taken: Taken) -> None:
        known = {one.path: one.text.get(target, "") for one in texts.texts_of(draft)}
        changes = [
            (path, target, value.replace("\r\n", "\n")) for path, value in sent.items()
            if path in known and value.replace("\r\n", "\n") != known[path]
        ]  # fmt: skip
        _replace(draft, texts.put_texts(draft, changes))

    return actions.edit_draft(survey=survey, change=change, by=person(request))


def _take_file(request: HttpRequest, survey: Survey, target: str) -> Survey:
    file = request.FILES.get("file")
    if file is None:
        raise texts.TableError("unreadable")
    if (file.size or 0) > LARGEST_TABLE:
        raise texts.TableError("too_long")
    name, data = (file.name or "").lower(), file.read()
    counts: dict[str, Any] = {}

    def change(draft: Definition, _taken: Taken) -> None:
        if name.endswith(".xlsx"):
            found = texts.from_xlsx(draft, data)
        elif name.endswith((".po", ".pot")):
            found = texts.from_po(draft, data, target)
        else:
            found = texts.from_csv(draft, data)
        counts.update(changed=found.changed, left=len(found.unknown) + len(found.outdated))
        _replace(draft, found.definition)

    survey = actions.edit_draft(survey=survey, change=change, by=person(request))
    messages.success(
        request,
        ngettext("%(n)s text was taken over.", "%(n)s texts were taken over.", counts["changed"])
        % {"n": counts["changed"]},
    )
    if counts["left"]:
        messages.warning(
            request,
            ngettext(
                "%(n)s row was left out: its text is not in the survey any more, or has another original now.",
                "%(n)s rows were left out: their texts are not in the survey any more, or have another original now.",
                counts["left"],
            ) % {"n": counts["left"]},
        )  # fmt: skip
    return survey


def _replace(draft: Definition, other: Definition) -> None:
    for name in Definition.__struct_fields__:
        setattr(draft, name, getattr(other, name))


@require_safe
def export(request: HttpRequest, slug: str, survey_id: int, form: str) -> HttpResponse:
    """The table of texts as csv, xlsx or po."""
    _membership, survey = survey_for(request, slug, survey_id)
    definition = draft_of(survey)
    _source, target = _languages(request, definition)
    match form:
        case "csv":
            return _file(texts.to_csv(definition), "text/csv; charset=utf-8", f"{survey.key}-texts.csv")
        case "xlsx":
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return _file(texts.to_xlsx(definition), kind, f"{survey.key}-texts.xlsx")
        case "po" if target:
            return _file(texts.to_po(definition, target).encode(), "text/x-gettext-translation; charset=utf-8",
                         f"{survey.key}-{target}.po")  # fmt: skip
    raise Http404


@require_safe
def export_survey(request: HttpRequest, slug: str, survey_id: int, form: str) -> HttpResponse:
    """The draft as a file that can be imported again."""
    _membership, survey = survey_for(request, slug, survey_id)
    found = written(draft_of(survey), form)
    if found is None:
        raise Http404
    data, kind, ending = found
    return _file(data, kind, f"{survey.key}.{ending}")


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
