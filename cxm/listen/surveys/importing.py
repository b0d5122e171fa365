"""Questionnaires from files, and into them: our own JSON, SurveyJS and XLSForm."""

from __future__ import annotations

import json

import msgspec
from django.utils.translation import gettext as _

from .actions import SurveyRefused, read_definition
from .definition import Definition, said


class ImportRefused(ValueError):
    """The file is no questionnaire that we can read; the message says why and what to do."""


def read_file(name: str, data: bytes) -> tuple[str, Definition, list[str]]:
    """(name of the survey, definition, sentences about what was not taken over). Raises ImportRefused."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ImportRefused(_("The file cannot be read. Choose a JSON file of a survey.")) from error
    try:
        definition = read_definition(found)
    except SurveyRefused as error:
        raise ImportRefused(str(error)) from error
    return said(definition.title, "en", definition.languages), definition, []


def own_json(definition: Definition) -> bytes:
    return msgspec.json.format(msgspec.json.encode(definition), indent=2)
