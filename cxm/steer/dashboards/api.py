"""REST: the responses to a survey, what people do with them, and the figures of its questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.access import sees_personal
from cxm.accounts.models import ApiKey, Membership, Role, User, Workspace
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.listen.surveys import handling
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.wordings import asked_questions
from cxm.record.customers.segments import with_segments

from . import jobs
from .address import MOST_FILTERS, View, filter_from
from .asking import UNANSWERED, sentence
from .models import ResultsExport
from .periods import Days
from .surveys import crosstabs, exporting, files, people, waves
from .surveys.figures import Key
from .surveys.results import Results, results_of, shown_questions

router = Router(tags=["survey results"])
FILTER = (
    "field:operator:values, several values with a bar between. Fields: channel, language, touchpoint, trait.NAME,"
    " segment, answer.QUESTION. Operators: is, is_not, contains, at_least, at_most, is_set, is_not_set."
)


class ResultsQuery(Schema):
    since: datetime | None = Field(None, description="Included; by the time at which a response ended.")
    until: datetime | None = Field(None, description="Not included.")
    filter: list[str] = Field([], max_length=MOST_FILTERS, description=FILTER)


class ResponsesQuery(PageQuery):
    state: str = Field("", max_length=12)
    archived: bool = False
    filter: list[str] = Field([], max_length=MOST_FILTERS, description=FILTER)


class ResponseOut(Schema):
    id: UUID
    version: int
    state: str
    channel: str
    origin: str
    language: str
    customer_id: UUID | None
    started_at: datetime
    completed_at: datetime | None
    answers: dict[str, Any]
    hidden: dict[str, Any]
    variables: dict[str, Any]
    tags: list[str]
    flags: list[str]
    assigned_to: str | None = Field(description="The e-mail address of the member.")
    handled_at: datetime | None
    archived_at: datetime | None


class ResponseChange(Schema):
    """What is left out stays as it is."""

    assigned_to: str | None = Field(None, max_length=254, description="E-mail address of a member; empty: nobody.")
    tags: list[str] | None = Field(None, max_length=100)
    handled: bool | None = None
    archived: bool | None = None


class FigureOut(Schema):
    """Shares from 0 to 1, NPS from −100 to 100; `of` is the choice, row or part."""

    code: str
    name: str
    of: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


class QuestionOut(Schema):
    id: str
    kind: str
    role: str
    title: str
    n: int
    figures: list[FigureOut]
    earlier: list[EarlierOut]
    texts: int


class EarlierOut(Schema):
    """The same question on a scale that it had before."""

    wordings: str
    figures: list[FigureOut]


class ResultsOut(Schema):
    started: int
    completed: int
    partial: int
    screened_out: int
    open: int
    completion: FigureOut
    seconds: FigureOut
    questions: list[QuestionOut]


class TestOut(Schema):
    label: str
    test: str
    statistic: float | None
    df: int
    p_value: float | None
    clear: bool
    strength: float | None
    low: float | None
    high: float | None
    n: int


class CrosstabOut(Schema):
    rows: list[str]
    columns: list[str]
    counts: list[list[int]]
    totals: list[int]
    people: int
    tests: list[TestOut]
    notes: list[str]


class WaveOut(Schema):
    """`broken`: the scale changed against the wave before, so nothing is compared."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    broken: bool
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p_value: float | None
    verdict: str | None


class WaveRowOut(Schema):
    question: str
    figure: str
    of: str
    name: str
    waves: list[WaveOut | None]


class WavesOut(Schema):
    by: str
    waves: list[str]
    rows: list[WaveRowOut]


class ExportIn(Schema):
    form: str = Field(description="csv, xlsx, json, jsonl or sav")
    language: str = Field("en", max_length=10)
    codes: bool = False
    personal: bool = Field(False, description="Unmasked, for keys of analysts and above")


class ExportOut(Schema):
    id: UUID
    form: str
    state: str
    done: int
    total: int
    size: int


def survey_of(workspace: Workspace, survey_id: int) -> Survey:
    found = Survey.objects.filter(workspace=workspace, pk=survey_id).first() if abs(survey_id) < 2**62 else None
    if found is None:
        raise Http404
    return found


def opened(request: HttpRequest, survey_id: int, query: ResultsQuery, at_least: Role = Role.VIEWER) -> Results:
    key = require_key(request, at_least)
    survey = survey_of(key.workspace, survey_id)
    found = results_of(survey, View(period="all", comparison="none", filters=_filters(query.filter)), timezone.now())
    return replace(found, moments=(_aware(query.since), _aware(query.until)))


def _aware(moment: datetime | None) -> datetime | None:
    return timezone.make_aware(moment) if moment is not None and timezone.is_naive(moment) else moment


def _filters(texts: list[str]) -> tuple[Any, ...]:
    try:
        return tuple(filter_from(text) for text in texts)
    except ValueError as error:
        raise Problem(422, "bad_filter", str(error)) from error


def _figure(key: Key) -> FigureOut:
    one = key.estimate
    return FigureOut(
        code=key.code, name=key.name, of=key.of, unit=key.unit, value=one.value, low=one.low, high=one.high, n=one.n,
        method=one.method,
    )  # fmt: skip


@router.get("/surveys/{survey_id}/results", response=ResultsOut, summary="The figures of every question")
def results(request: HttpRequest, survey_id: int, query: Query[ResultsQuery]) -> ResultsOut:
    found = opened(request, survey_id, query)
    try:
        view = people.overview(people.responses_of(found.survey, found.scope))
        questions = shown_questions(found)
    except UNANSWERED as error:
        raise Problem(422, "unanswered", sentence(error)) from error
    return ResultsOut(
        started=view.started, completed=view.completed, partial=view.partial, screened_out=view.screened_out,
        open=view.open, completion=_figure(Key("completion", _("Completion rate"), "percent", view.completion)),
        seconds=_figure(Key("seconds", _("Median time"), "seconds", view.seconds)),
        questions=[
            QuestionOut(
                id=one.asked.id, kind=one.asked.kind, role=one.asked.role, title=one.title, n=one.n,
                figures=[_figure(key) for key in one.figures],
                earlier=[
                    EarlierOut(wordings=old.wordings, figures=[_figure(key) for key in old.figures])
                    for old in one.earlier
                ],
                texts=one.texts_total,
            )
            for one in questions
        ],
    )  # fmt: skip


@router.get("/surveys/{survey_id}/two-questions", response=CrosstabOut, summary="Two questions crossed and tested")
def two_questions(
    request: HttpRequest, survey_id: int, first: str, second: str, query: Query[ResultsQuery]
) -> CrosstabOut:  # fmt: skip
    found = opened(request, survey_id, query)
    sides = {side.name: side for side in crosstabs.sides_of(found)}
    if first not in sides or second not in sides or first == second:
        raise Problem(422, "bad_question", _("Name two different questions that can be crossed: scores or choices."))
    try:
        table = crosstabs.crosstab(found, sides[first], sides[second])
    except UNANSWERED as error:
        raise Problem(422, "unanswered", sentence(error)) from error
    return CrosstabOut(
        rows=table.rows, columns=table.columns, counts=table.counts, totals=table.totals, people=table.people,
        notes=table.notes,
        tests=[
            TestOut(
                label=one.label, test=one.association.test, statistic=one.association.statistic,
                df=one.association.df, p_value=one.association.p_value, clear=one.clear,
                strength=one.association.strength.value, low=one.association.strength.low,
                high=one.association.strength.high, n=one.association.n,
            )
            for one in table.tests
        ],
    )  # fmt: skip


@router.get("/surveys/{survey_id}/waves", response=WavesOut, summary="Figures by period, wording or group")
def compare_waves(
    request: HttpRequest, survey_id: int, query: Query[ResultsQuery], by: str = "month"
) -> WavesOut:  # fmt: skip
    found = opened(request, survey_id, query)
    try:
        comparison = waves.compared(found, by[:300])
    except UNANSWERED as error:
        raise Problem(422, "unanswered", sentence(error)) from error
    return WavesOut(
        by=by,
        waves=[wave.label for wave in comparison.waves],
        rows=[
            WaveRowOut(
                question=row.asked.id, figure=next(cell.figure.code for cell in row.cells if cell.figure),
                of=next(cell.figure.of for cell in row.cells if cell.figure), name=row.name,
                waves=[_wave(cell) for cell in row.cells],
            )
            for row in comparison.rows
        ],
    )  # fmt: skip


def _wave(cell: waves.WaveCell) -> WaveOut | None:
    if cell.figure is None:
        return None
    one, change = cell.figure.estimate, cell.change
    return WaveOut(
        value=one.value, low=one.low, high=one.high, n=one.n, broken=cell.broken,
        difference=change.value if change else None, difference_low=change.low if change else None,
        difference_high=change.high if change else None, p_value=change.p_value if change else None,
        verdict=cell.verdict,
    )  # fmt: skip


def _shown(found: list[Response], survey: Survey, key: ApiKey) -> list[dict[str, Any]]:
    """The responses for this key: those that see no personal data get no contact data."""
    if not sees_personal(key):
        contacts = files.contacts_among(asked_questions(survey))
        found = [files.without_contacts(one, contacts) for one in found]
    return [_out(one) for one in found]


def _out(one: Response) -> dict[str, Any]:
    return {**files.as_json(one), "assigned_to": one.assigned_to.email if one.assigned_to else None}


@router.get("/surveys/{survey_id}/responses", response=PageOut[ResponseOut], summary="Responses, without tests")
def responses(request: HttpRequest, survey_id: int, query: Query[ResponsesQuery]) -> dict[str, Any]:
    key = require_key(request)
    survey = survey_of(key.workspace, survey_id)
    view = View(period="all", filters=with_segments(key.workspace_id, _filters(query.filter)))
    scope = Results(survey, [], view, timezone.now(), "en").scope
    try:
        found = people.responses_of(survey, scope, archived=query.archived).select_related("assigned_to")
        if query.state:
            found = found.filter(state=query.state)
        page = page_of(found, query)
    except UNANSWERED as error:
        raise Problem(422, "unanswered", sentence(error)) from error
    except (ValidationError, ValueError) as error:  # a cursor that is no id
        raise Problem(400, "bad_cursor", _("This cursor is not one that an answer of ours held as next.")) from error
    return {**page, "items": _shown(page["items"], survey, key)}


@router.get("/surveys/{survey_id}/responses/{response_id}", response=ResponseOut, summary="One response")
def response(request: HttpRequest, survey_id: int, response_id: UUID) -> dict[str, Any]:
    key = require_key(request)
    survey = survey_of(key.workspace, survey_id)
    return _shown([handling.response_for(key.workspace, survey.pk, response_id)], survey, key)[0]


@router.patch(
    "/surveys/{survey_id}/responses/{response_id}", response=ResponseOut, summary="Assign, tag, handle, archive"
)
def change(request: HttpRequest, survey_id: int, response_id: UUID, change: ResponseChange) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    one = handling.response_for(key.workspace, survey_of(key.workspace, survey_id).pk, response_id)
    with transaction.atomic():
        if change.assigned_to is not None:
            handling.assign(response=one, to=_member(key.workspace, change.assigned_to), by=key)
        if change.tags is not None:
            handling.set_tags(response=one, tags=change.tags, by=key)
        if change.handled is not None:
            handling.mark_handled(response=one, handled=change.handled, by=key)
        if change.archived is not None:
            (handling.archive if change.archived else handling.restore)(response=one, by=key)
    return _out(handling.response_for(key.workspace, survey_id, response_id))


def _member(workspace: Workspace, email: str) -> User | None:
    if not email:
        return None
    found = Membership.objects.filter(workspace=workspace, user__email__iexact=email).select_related("user").first()
    if found is None:
        raise Problem(422, "no_member", _("This person is no member of the workspace. Choose somebody else."))
    return found.user


@router.delete("/surveys/{survey_id}/responses/{response_id}", response={204: None}, summary="Delete for good")
def delete(request: HttpRequest, survey_id: int, response_id: UUID) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    one = handling.response_for(key.workspace, survey_of(key.workspace, survey_id).pk, response_id)
    handling.delete(response=one, by=key)
    return Status(204, None)


@router.post("/surveys/{survey_id}/exports", response={202: ExportOut}, summary="Make a file of all responses")
def ask_for_export(
    request: HttpRequest, survey_id: int, wanted: ExportIn, query: Query[ResultsQuery]
) -> Status[ResultsExport]:  # fmt: skip
    key = require_key(request, Role.ANALYST if wanted.personal else Role.AGENT)
    survey = survey_of(key.workspace, survey_id)
    if wanted.form not in ResultsExport.Form.values:
        raise Problem(422, "bad_form", _("Choose a form and a language of the list."))
    days = Days(query.since.date() if query.since else None, query.until.date() if query.until else None)
    view = View(
        period="" if days.first or days.last else "all", first=days.first, last=days.last,
        filters=_filters(query.filter), comparison="none",
    )  # fmt: skip
    made = exporting.ask_for(
        survey=survey, form=wanted.form, language=wanted.language, codes=wanted.codes, view=view, by=key,
        personal=wanted.personal,
    )  # fmt: skip
    jobs.run_export.enqueue(str(made.pk))
    return Status(202, made)


@router.get("/surveys/{survey_id}/exports/{export_id}", response=ExportOut, summary="How far an export is")
def export(request: HttpRequest, survey_id: int, export_id: UUID) -> ResultsExport:
    key = require_key(request)
    found = ResultsExport.objects.filter(survey=survey_of(key.workspace, survey_id), pk=export_id).first()
    if found is None:
        raise Http404
    return found


@router.get("/surveys/{survey_id}/exports/{export_id}/file", summary="The file of an export that is done")
def export_file(request: HttpRequest, survey_id: int, export_id: UUID) -> HttpResponseBase:
    found = export(request, survey_id, export_id)
    if found.personal:
        require_key(request, Role.ANALYST)
    file = exporting.file_of(found)
    if found.state != ResultsExport.State.DONE or not file.exists():
        raise Http404
    return FileResponse(file.open("rb"), content_type=files.TYPES[found.form], filename=file.name)
