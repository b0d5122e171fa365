"""REST: surveys, their drafts and versions. A definition is the same JSON that the builder stores and exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key

from . import actions
from .actions import SurveyRefused
from .checking import check
from .importing import create_with_pictures, put_with_pictures, sentences
from .interchange import Note
from .models import QuestionVersion, Survey, Version
from .pictures import put_inline
from .queries import draft_of, survey_called, taken_by, version_of

router = Router(tags=["surveys"])


class SurveyOut(Schema):
    id: int
    key: str = Field(description="The name in the log; never changes")
    name: str
    state: str = Field(description="draft, live, paused or closed")
    public_id: str = Field(description="Of the public link /s/…")
    address: str
    version: int = Field(description="The published version; 0: none yet")
    revision: int = Field(description="Of the draft: one more with each edit")
    archived: bool
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def resolve_archived(survey: Survey) -> bool:
        return survey.archived_at is not None


class ProblemOut(Schema):
    level: str = Field(description="error (stops publishing) or warning")
    code: str
    place: str = Field(description="Such as question:nps or rule:r1")
    message: str


class DraftOut(Schema):
    survey: SurveyOut
    definition: dict[str, Any]
    problems: list[ProblemOut]
    left_out: list[str] = Field([], description="Uploaded pictures that could not be carried, in sentences")


class SurveyIn(Schema):
    name: str = Field(max_length=200)
    definition: dict[str, Any]


class DefinitionIn(Schema):
    definition: dict[str, Any]
    revision: int | None = Field(None, description="Refuse with 409 unless the draft still has this revision")


class VersionOut(Schema):
    number: int
    published_at: datetime
    question_versions: dict[str, int] = Field(description="Which wording of each question it holds")


class VersionFullOut(VersionOut):
    definition: dict[str, Any]


class WordingOut(Schema):
    question: str
    number: int
    scale_changed: bool = Field(description="Against the number before: the trend breaks here")
    published_at: datetime
    body: dict[str, Any]


class SurveysQuery(PageQuery):
    archived: bool = False
    state: Literal["", "draft", "live", "paused", "closed"] = ""


class PicturesQuery(Schema):
    pictures: bool = Field(
        False, description="Put uploaded pictures into the definition as data: addresses, to be taken elsewhere"
    )


@contextmanager
def problems() -> Iterator[None]:
    """What a verb refuses, as a problem of the API."""
    try:
        yield
    except SurveyRefused as error:
        errors = [{"field": str(one.place), "message": one.message} for one in error.problems]
        raise Problem(422, "refused", str(error), **({"errors": errors} if errors else {})) from error


def _survey(key: ApiKey, survey_id: int) -> Survey:
    if survey_id > 2**63 - 1:
        raise Http404
    return survey_called(key.workspace, survey_id)


def _draft(survey: Survey, left_out: Iterable[Note] = ()) -> dict[str, Any]:
    found = check(draft_of(survey), taken_by(survey))
    rows = [{"level": one.level, "code": one.code, "place": str(one.place), "message": one.message} for one in found]
    return {"survey": survey, "definition": survey.draft, "problems": rows, "left_out": sentences(left_out)}


@router.get("", response=PageOut[SurveyOut], summary="Surveys, newest first")
def list_surveys(request: HttpRequest, query: Query[SurveysQuery]) -> dict[str, Any]:
    key = require_key(request)
    rows = Survey.objects.filter(workspace=key.workspace, archived_at__isnull=not query.archived)
    if query.state:
        rows = rows.filter(state=query.state)
    return page_of(rows, query, newest_first=True)


@router.post("", response={201: DraftOut}, summary="Create a survey as a draft")
def create(request: HttpRequest, body: SurveyIn) -> Any:
    key = require_key(request, Role.ANALYST)
    with problems():
        definition = actions.read_definition(body.definition)
        survey, left_out = create_with_pictures(workspace=key.workspace, name=body.name, definition=definition, by=key)
    return Status(201, _draft(survey, left_out))


@router.get("/{int:survey_id}", response=DraftOut, summary="A survey with its draft, and what is wrong with it")
def get_survey(request: HttpRequest, survey_id: int, query: Query[PicturesQuery]) -> dict[str, Any]:
    survey = _survey(require_key(request), survey_id)
    if not query.pictures:
        return _draft(survey)
    definition = draft_of(survey)
    left_out = put_inline(definition)
    return _draft(survey, left_out) | {"definition": msgspec.to_builtins(definition)}


@router.put("/{int:survey_id}/definition", response=DraftOut, summary="Replace the draft; one undo takes it back")
def put_definition(request: HttpRequest, survey_id: int, body: DefinitionIn) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    survey = _survey(key, survey_id)
    if body.revision is not None and body.revision != survey.revision:
        detail = _("The draft has revision %(number)s now. Read it again, then repeat your change.")
        raise Problem(409, "changed_meanwhile", detail % {"number": survey.revision})
    with problems():
        definition = actions.read_definition(body.definition)
        survey, left_out = put_with_pictures(survey=survey, definition=definition, by=key)
    return _draft(survey, left_out)


@router.post("/{int:survey_id}/publish", response=VersionOut, summary="Publish the draft as a new version")
def publish(request: HttpRequest, survey_id: int) -> Version:
    key = require_key(request, Role.ANALYST)
    survey = _survey(key, survey_id)
    with problems():
        return actions.publish(survey=survey, by=key)


STATES = {
    "pause": actions.pause,
    "close": actions.close,
    "reopen": actions.reopen,
    "archive": actions.archive,
    "unarchive": actions.unarchive,
}


class StateIn(Schema):
    do: Literal["pause", "close", "reopen", "archive", "unarchive"]


@router.post("/{int:survey_id}/state", response=SurveyOut, summary="Pause, close, reopen or archive a survey")
def change_state(request: HttpRequest, survey_id: int, body: StateIn) -> Survey:
    key = require_key(request, Role.ANALYST)
    survey = _survey(key, survey_id)
    with problems():
        return STATES[body.do](survey=survey, by=key)


@router.get("/{int:survey_id}/versions", response=PageOut[VersionOut], summary="Published versions, newest first")
def versions(request: HttpRequest, survey_id: int, query: Query[PageQuery]) -> dict[str, Any]:
    survey = _survey(require_key(request), survey_id)
    return page_of(Version.objects.filter(survey=survey), query, by="number", newest_first=True)


@router.get("/{int:survey_id}/versions/{int:number}", response=VersionFullOut, summary="A version as it was published")
def get_version(request: HttpRequest, survey_id: int, number: int) -> Version:
    survey = _survey(require_key(request), survey_id)
    version = version_of(survey, number) if number < 2**31 else None
    if version is None:
        raise Http404
    return version


@router.get("/{int:survey_id}/wordings", response=PageOut[WordingOut], summary="Every wording that was ever asked")
def wordings(request: HttpRequest, survey_id: int, query: Query[PageQuery]) -> dict[str, Any]:
    survey = _survey(require_key(request), survey_id)
    return page_of(QuestionVersion.objects.filter(survey=survey), query)
