"""REST: texts with what was read in them, deeds on them, corrections, and two periods side by side."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role, User
from cxm.accounts.rest import DifferenceOut, EstimateOut, Problem, require_key
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import FeedbackDeed
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.record.eventlog.texts import texts_by_id
from cxm.understand.text import actions as text_actions
from cxm.understand.text.models import Correction

from . import actions, comparing, queries
from .wanted import Wanted, wanted_from
from .wording import masked

router = Router(tags=["feedback"])


class FilterQuery(Schema):
    """Several values of one parameter mean any of them."""

    q: str = Field("", max_length=200, description="Words in any form, “a phrase” as it stands, -without")
    kind: list[str] = Field([], description="answer, message, review, call")
    channel: list[str] = []
    survey: list[str] = []
    metric: list[str] = []
    question: list[str] = []
    touchpoint: list[str] = []
    language: list[str] = Field([], description="As it was read: en, ru, uk, pl, zh, other")
    sentiment: list[str] = Field([], description="negative, neutral, positive, mixed")
    emotion: list[str] = []
    intent: list[str] = []
    topic: list[str] = Field([], description="Keys; what is below a topic counts too")
    segment: list[str] = Field([], description="Ids of segments")
    score_from: float | None = None
    score_to: float | None = None
    effort: bool = False
    urgent: bool = False
    corrected: bool = False
    first: date | None = Field(None, description="The first day, in the time zone of the workspace")
    last: date | None = Field(None, description="The last day, included")
    handled: Literal["", "yes", "no"] = ""
    assignee: str = Field("", max_length=20, description="The number of a member, or nobody")
    tag: str = Field("", max_length=60)
    case: Literal["", "yes", "no"] = ""
    customer: UUID | None = None
    sort: Literal["", "newest", "oldest"] = ""


class ListQuery(FilterQuery):
    page: int = Field(1, ge=1, le=queries.DEEPEST)
    limit: int = Field(50, ge=1, le=500)
    personal: bool = Field(False, description="Texts as they came; needs a key of an analyst")


class TagOut(Schema):
    kind: str
    name: str
    score: float
    spans: list[tuple[int, int]] = Field(description="Characters of the text that show it: from, up to")


class TextOut(Schema):
    id: UUID = Field(description="Of its event")
    at: datetime
    kind: str
    text: str
    customer: UUID | None
    channel: str
    survey: str
    question: str
    touchpoint: str
    metric: str
    score: float | None
    scale: str
    language: str | None = Field(description="null: not read yet")
    sentiment: str | None
    sentiment_score: float | None
    emotion: str | None
    intent: str | None
    effort: bool | None
    urgent: bool | None
    tags_read: list[TagOut] = Field(description="Without spans where personal data are hidden: they would not fit")
    corrected: bool
    handled_at: datetime | None
    assigned_to: int | None
    tags: list[str]
    case: int | None = Field(description="The number of its case")


class PageOfTexts(Schema):
    items: list[TextOut]
    more: bool


class CountOut(Schema):
    n: int
    more_than: bool = Field(description="Counting ended there")


class DeedIn(Schema):
    texts: list[UUID] = Field(min_length=1, max_length=actions.MOST_AT_ONCE)
    do: Literal["assign", "handled", "reopen", "tag", "untag", "case"]
    to: int | None = Field(None, description="Of assign: the number of a member; null: nobody")
    tags: list[str] = []


class DeedOut(Schema):
    id: UUID = Field(description="By which it can be undone for a day")
    changed: int


class UndoneOut(Schema):
    changed: int


class CorrectionIn(Schema):
    kind: Literal["sentiment", "emotion", "intent", "effort", "urgency", "topic"]
    value: str = Field(max_length=100, description="What is right; of effort and urgency yes or no; of a topic its key")
    wrong: bool = Field(False, description="Of a topic: the text is not about it")


class CorrectionOut(Schema):
    id: int
    kind: str
    value: str
    wrong: bool
    before: str
    at: datetime
    undone_at: datetime | None


class LineOut(Schema):
    kind: str
    name: str
    before: EstimateOut
    after: EstimateOut
    share: DifferenceOut = Field(description="Change of the share, as a fraction")
    louder: str = Field(description="up, down or no_evidence")
    sentiment_before: float | None
    sentiment_after: float | None
    sentiment: DifferenceOut | None
    better: str = Field(description="up, down or no_evidence")


class ComparisonOut(Schema):
    before: tuple[date, date]
    after: tuple[date, date]
    n_before: int
    n_after: int
    lines: list[LineOut]


class CompareQuery(FilterQuery):
    before_first: date | None = None
    before_last: date | None = None


def _wanted(query: FilterQuery) -> Wanted:
    if query.assignee == "me":
        raise Problem(400, "bad_filter", _("A key is nobody: name a member by number."))
    return wanted_from(query.dict())


def _refused(error: Exception) -> Problem:
    if isinstance(error, EventlogError):
        return Problem(503, "log_unavailable", _("The event log cannot answer just now. Try again in a moment."))
    if isinstance(error, UnknownField):
        said = _("One of the filters names something that is not there any more. Choose another.")
        return Problem(400, "bad_filter", said)
    return Problem(422, "refused", str(error))


ERRORS = (Refused, text_actions.Refused, UnknownField, EventlogError)


@router.get("/feedback", response=PageOfTexts, summary="Texts")
def list_texts(request: HttpRequest, query: Query[ListQuery]) -> Any:
    key = require_key(request)
    if query.personal:
        require_key(request, Role.ANALYST)
    try:
        rows = queries.rows_of(
            key.workspace, _wanted(query), None, start=(query.page - 1) * query.limit, size=query.limit + 1,
            shown=1_000_000,
        )  # fmt: skip
        found = queries.entries(key.workspace, rows[: query.limit])
    except ERRORS as error:
        raise _refused(error) from error
    return {"items": [_text(one, query.personal) for one in found], "more": len(rows) > query.limit}


@router.get("/feedback/count", response=CountOut, summary="How many texts fit")
def count_texts(request: HttpRequest, query: Query[FilterQuery]) -> Any:
    key = require_key(request)
    try:
        n = queries.count(key.workspace, _wanted(query))
    except ERRORS as error:
        raise _refused(error) from error
    return {"n": min(n, queries.COUNTED), "more_than": n > queries.COUNTED}


@router.get("/feedback/comparison", response=ComparisonOut, summary="Two periods side by side")
def compare(request: HttpRequest, query: Query[CompareQuery]) -> Any:
    key = require_key(request)
    wanted = _wanted(query)
    given = {name: value.isoformat() for name in ("before_first", "before_last") if (value := getattr(query, name))}
    before, after = comparing.periods_of(wanted, given, comparing.today(key.workspace))
    try:
        found = comparing.compare(key.workspace, wanted, before, after)
    except ERRORS as error:
        raise _refused(error) from error
    lines = [
        {
            "kind": one.kind, "name": one.name, "before": one.before, "after": one.after, "share": one.share,
            "louder": one.louder, "sentiment_before": one.mood_before, "sentiment_after": one.mood_after,
            "sentiment": one.mood, "better": one.better,
        }
        for one in found.lines
    ]  # fmt: skip
    return {
        "before": found.before, "after": found.after, "n_before": found.n_before, "n_after": found.n_after,
        "lines": lines,
    }  # fmt: skip


@router.get("/feedback/{uuid:event_id}", response=TextOut, summary="One text")
def show_text(request: HttpRequest, event_id: UUID, personal: bool = False) -> Any:
    key = require_key(request, Role.ANALYST if personal else Role.VIEWER)
    [entry] = queries.entries(key.workspace, [queries.row_for(key.workspace, event_id)])
    return _text(entry, personal)


@router.post("/feedback/deeds", response=DeedOut, summary="Assign, tag, mark handled or open cases")
def deal(request: HttpRequest, given: DeedIn) -> Any:
    key = require_key(request, Role.AGENT)
    try:
        done = _do(key, given)
    except ERRORS as error:
        raise _refused(error) from error
    return {"id": done.deed.pk, "changed": done.n}


def _do(key: ApiKey, given: DeedIn) -> actions.Done:
    common: dict[str, Any] = {"workspace": key.workspace, "event_ids": given.texts, "by": key}
    match given.do:
        case "assign":
            person = User.objects.filter(pk=given.to).first() if given.to is not None else None
            if given.to is not None and person is None:
                raise Refused(_("Choose a person."))
            return actions.assign(to=person, **common)
        case "handled" | "reopen":
            return actions.mark_handled(handled=given.do == "handled", **common)
        case "tag":
            return actions.tag(add=given.tags, **common)
        case "untag":
            return actions.tag(remove=given.tags, **common)
    return actions.open_cases(**common)


@router.post("/feedback/deeds/{uuid:deed_id}/undo", response=UndoneOut, summary="Undo a deed")
def undo(request: HttpRequest, deed_id: UUID) -> Any:
    key = require_key(request, Role.AGENT)
    rows = FeedbackDeed.objects.select_related("workspace")
    try:
        return {"changed": actions.undo(deed=get_object_or_404(rows, workspace=key.workspace, pk=deed_id), by=key)}
    except ERRORS as error:
        raise _refused(error) from error


@router.get("/feedback/{uuid:event_id}/corrections", response=list[CorrectionOut], summary="Corrections of a text")
def list_corrections(request: HttpRequest, event_id: UUID) -> Any:
    key = require_key(request)
    if not texts_by_id(key.workspace_id, [event_id]):
        raise Http404
    return list(Correction.objects.filter(workspace=key.workspace, event_id=event_id).order_by("pk"))


@router.post("/feedback/{uuid:event_id}/corrections", response=CorrectionOut, summary="Correct what was read")
def correct(request: HttpRequest, event_id: UUID, given: CorrectionIn) -> Any:
    key = require_key(request, Role.AGENT)
    try:
        return text_actions.correct(
            workspace=key.workspace, event_id=event_id, kind=given.kind, value=given.value, wrong=given.wrong, by=key
        )
    except ERRORS as error:
        raise _refused(error) from error


@router.post(
    "/feedback/{uuid:event_id}/corrections/{int:correction_id}/undo", response=CorrectionOut,
    summary="Take a correction back",
)  # fmt: skip
def take_back(request: HttpRequest, event_id: UUID, correction_id: int) -> Any:
    key = require_key(request, Role.AGENT)
    rows = Correction.objects.select_related("workspace").filter(workspace=key.workspace, event_id=event_id)
    correction = get_object_or_404(rows, pk=correction_id)
    try:
        text_actions.take_back(correction=correction, by=key)
    except ERRORS as error:
        raise _refused(error) from error
    return correction


def _text(entry: queries.Entry, personal: bool) -> dict[str, Any]:
    row, reading, mark = entry.row, entry.reading, entry.mark
    text = row.comment if personal else masked(row.comment, reading)
    fits = text == row.comment
    return {
        "id": row.event_id, "at": row.occurred_at, "kind": entry.kind, "text": text,
        "customer": None if row.customer_id == NOBODY else row.customer_id, "channel": row.channel,
        "survey": row.survey, "question": row.question, "touchpoint": row.touchpoint, "metric": row.metric,
        "score": row.score, "scale": row.scale, "language": reading.language if reading else None,
        "sentiment": reading.sentiment if reading else None, "sentiment_score": reading.score if reading else None,
        "emotion": reading.emotion if reading else None, "intent": reading.intent if reading else None,
        "effort": reading.effort if reading else None, "urgent": reading.urgent if reading else None,
        "tags_read": [
            {
                "kind": tag.kind, "name": tag.name, "score": tag.score,
                "spans": [(span.start, span.end) for span in tag.spans] if fits else [],
            }
            for tag in (reading.tags if reading else ())
        ],
        "corrected": entry.is_corrected, "handled_at": mark.handled_at if mark else None,
        "assigned_to": mark.assigned_to_id if mark else None, "tags": mark.tags if mark else [],
        "case": mark.case.number if mark and mark.case else None,
    }  # fmt: skip
