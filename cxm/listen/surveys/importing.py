"""Questionnaires from files, and into them: our own JSON, SurveyJS and XLSForm; and what was lost, in sentences.

Those of Qualtrics (QSF) and LimeSurvey (LSS) are read as well. What a file is, its content says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Final

import msgspec
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.accounts.audit import Actor
from cxm.accounts.models import Workspace

from . import interchange, pictures
from .actions import SurveyRefused, create_survey, put_definition, read_definition
from .definition import Definition, said
from .interchange import Note, write_surveyjs, write_xlsform
from .models import Picture, Survey

REASONS: Final[dict[str, Promise]] = {
    "no_counterpart": gettext_lazy("there is nothing like it here"),
    "look": gettext_lazy("how it looks is decided elsewhere"),
    "expression": gettext_lazy("it is a condition or formula that cannot be said here"),
    "unknown_property": gettext_lazy("it is no part of the format"),
    "renamed": gettext_lazy("it is there under another name"),
    "approximated": gettext_lazy("it is there with a slightly different meaning"),
    "repeated": gettext_lazy("it was asked several times and is asked once now"),
    "broken": gettext_lazy("it is not sound in itself"),
    "absent": gettext_lazy("the file does not hold it"),
    "no_picture": gettext_lazy("it is no JPEG, PNG, GIF or WebP picture of a size that can be shown"),
    "too_much": gettext_lazy("the pictures of one file would be too many or too large"),
}
OUTWARDS: Final[dict[str, Promise]] = REASONS | {
    "no_counterpart": gettext_lazy("there is nothing like it there"),
    "expression": gettext_lazy("it is a condition or formula that cannot be said there"),
}
REFUSALS: Final[dict[str, Promise]] = {
    "not_json": gettext_lazy("The file is no JSON. Choose a file that OpenCXM or SurveyJS has written."),
    "not_a_survey": gettext_lazy("The file holds no survey of OpenCXM or SurveyJS."),
    "not_a_workbook": gettext_lazy("The file is no workbook. Choose an XLSForm as XLSX."),
    "no_survey_sheet": gettext_lazy("The workbook has no sheet “survey”, so it is no XLSForm."),
    "not_qsf": gettext_lazy("The file holds no question of Qualtrics. Export the survey there as QSF once more."),
    "not_lss": gettext_lazy("The file is no survey structure of LimeSurvey, or broken. Export it there as LSS again."),
    "too_large": gettext_lazy("The file is too large for a questionnaire."),
}


class ImportRefused(ValueError):
    """The file is no questionnaire that we can read; the message says why and what to do."""


def import_survey(
    *, workspace: Workspace, name: str, data: bytes, language: str, by: Actor
) -> tuple[Survey, list[str]]:
    """A draft made of a file, with the pictures in it, and sentences about what was not taken over.

    Raises ImportRefused and SurveyRefused; then nothing was made.
    """
    title, definition, notes = read_file(name, data, language=language)
    survey, left_out = create_with_pictures(
        workspace=workspace, name=title or name or _("Survey"), definition=definition, by=by
    )
    return survey, sentences([*notes, *left_out])


def create_with_pictures(
    *, workspace: Workspace, name: str, definition: Definition, by: Actor
) -> tuple[Survey, list[Note]]:
    """A draft with the pictures that its definition holds; and those that were left out. Raises SurveyRefused."""
    bodies, left_out = pictures.take_inline(definition, _at_hand(definition, workspace))
    with transaction.atomic():
        survey = create_survey(workspace=workspace, name=name, definition=definition, by=by)
        pictures.keep_pictures(survey, bodies)
        pictures.copy_pictures(definition, survey)
    return survey, left_out


def put_with_pictures(*, survey: Survey, definition: Definition, by: Actor) -> tuple[Survey, list[Note]]:
    """The same for a draft that is replaced."""
    bodies, left_out = pictures.take_inline(definition, _at_hand(definition, survey.workspace))
    with transaction.atomic():
        survey = put_definition(survey=survey, definition=definition, by=by)
        if Picture.objects.filter(survey=survey).count() + len(bodies) > pictures.MOST:
            raise SurveyRefused(_("This survey has %(most)d pictures already.") % {"most": pictures.MOST})
        pictures.keep_pictures(survey, bodies)
        pictures.copy_pictures(definition, survey)
    return survey, left_out


def _at_hand(definition: Definition, workspace: Workspace) -> set[str]:
    """The digests of the pictures of a definition that the workspace has."""
    named = pictures.uploaded(definition) | pictures.inline(definition)
    return set(Picture.objects.filter(survey__workspace=workspace, digest__in=named).values_list("digest", flat=True))


def read_file(name: str, data: bytes, *, language: str = "en") -> tuple[str, Definition, list[Note]]:
    """(name of the survey, definition, what was not taken over). Raises ImportRefused."""
    title = PurePath(name).stem
    try:
        if data[:2] == b"PK":
            found = interchange.read_xlsform(data, language=language, name=title)
        elif data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
            found = interchange.read_lss(data, language=language)
        else:
            plain = _json(data)
            if isinstance(plain, dict) and "languages" in plain and "title" in plain:
                definition = read_definition(plain)
                return said(definition.title, language, definition.languages) or title, definition, []
            read = interchange.read_qsf if interchange.is_qsf(plain) else interchange.read_surveyjs
            found = read(plain, language=language)
    except interchange.ImportRefused as error:
        raise ImportRefused(str(REFUSALS.get(error.code, REFUSALS["not_a_survey"]))) from error
    except SurveyRefused as error:
        raise ImportRefused(str(error)) from error
    made: Definition = found.definition
    return said(made.title, language, made.languages) or title, made, found.notes


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ImportRefused(str(REFUSALS["not_json"])) from error


def sentences(notes: Iterable[Note], reasons: dict[str, Promise] = REASONS) -> list[str]:
    """What could not be carried over, the weighty first; what happened to several places alike is said once."""
    order = {"logic": 0, "content": 1, "look": 2}
    places: dict[tuple[int, str, str], list[str]] = {}
    for one in notes:
        places.setdefault((order.get(one.weight, 3), one.what, one.why), []).append(one.where)
    return [
        _("“%(where)s”, %(what)s: %(why)s.") % {"where": ", ".join(where), "what": what, "why": reasons.get(why, why)}
        for (_weight, what, why), where in sorted(places.items(), key=lambda one: one[0][0])
    ]


def exports(definition: Definition) -> list[tuple[str, str, list[str]]]:
    """(code, name, sentences about what is not in it) of the files that a survey can be written in."""
    lost = pictures.for_file(definition)[1]
    return [
        ("json", "JSON", sentences(lost, OUTWARDS)),
        ("surveyjs", "SurveyJS", sentences([*write_surveyjs(definition).notes, *lost], OUTWARDS)),
        ("xlsform", "XLSForm", sentences(write_xlsform(definition).notes, OUTWARDS)),
    ]


def written(definition: Definition, form: str) -> tuple[bytes, str, str] | None:
    """(the file, its media type, its ending); None for a form that we do not write.

    Uploaded pictures are in the JSON files themselves; an XLSForm only names files that lie beside it, so it has none.
    """
    if form in ("json", "surveyjs"):
        definition = msgspec.convert(msgspec.to_builtins(definition), Definition)
        pictures.put_inline(definition)
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(definition), indent=2), "application/json", "json"
    if form == "surveyjs":
        return write_surveyjs(definition).file, "application/json", "surveyjs.json"
    if form == "xlsform":
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return write_xlsform(definition).file, kind, "xlsx"
    return None
