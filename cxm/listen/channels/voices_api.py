"""REST: reviews and calls, brought by other systems."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import RequestDataTooBig
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key

from .actions import Refused
from .kinds.calls.taking import Call
from .kinds.calls.taking import take as take_call
from .kinds.calls.transcripts import Unreadable, read
from .kinds.reviews.rows import LONGEST, Unusable, review_of
from .kinds.reviews.taking import note_answer
from .kinds.reviews.taking import take as take_review
from .models import Channel, Message

router = Router(tags=["channels"])


class ReviewIn(Schema):
    channel_id: int | None = Field(None, description="A channel of reviews; without it, the first one")
    id: str = Field("", max_length=LONGEST["id"], description="As the site calls it; the same twice is one review")
    at: datetime | None = Field(None, description="When it was written; without a zone in that of the workspace")
    rating: float | str | None = Field(None, description='A number, or "4/5", "8.4/10", "90%", "★★★★☆"')
    scale: float = Field(5, ge=2, le=1000, description="The best rating, if the rating does not say it")
    title: str = Field("", max_length=LONGEST["title"])
    text: str = Field("", max_length=LONGEST["text"])
    name: str = Field("", max_length=LONGEST["name"], description="Of the author")
    place: str = Field("", max_length=LONGEST["place"], description="The shop, hotel or branch it is about")
    url: str = Field("", max_length=LONGEST["url"], description="Where it stands")
    site: str = Field("", max_length=LONGEST["site"])
    language: str = Field("", max_length=10)
    email: str = Field("", max_length=254, description="Of the author, where the site tells it")
    user_id: str = Field("", max_length=200)
    answer: str = Field("", max_length=LONGEST["answer"], description="What you answered on the site")
    answered_at: datetime | None = None


class ReviewOut(Schema):
    id: UUID
    review_id: str
    conversation_id: UUID
    customer_id: UUID | None
    score: float | None = Field(description="On 1 to 5")
    text: str
    name: str
    place: str
    url: str
    site: str
    answer: str = Field(description="What you answered on the site; empty: nothing that we know of")
    at: datetime


class AnswerIn(Schema):
    text: str = Field(max_length=LONGEST["answer"])
    at: datetime | None = None


class CallQuery(Schema):
    channel_id: int | None = Field(None, description="A channel of calls; without it, the first one")
    id: str = Field("", max_length=200, description="As your system calls it; the same twice is one call")
    at: datetime | None = Field(None, description="When the call began")
    phone: str = Field("", max_length=40)
    email: str = Field("", max_length=254)
    user_id: str = Field("", max_length=200)
    name: str = Field("", max_length=200)
    subject: str = Field("", max_length=300)
    language: str = Field("", max_length=10)
    customer: str = Field("", max_length=500, description="Speakers who are the customer, parted by commas")
    agents: str = Field("", max_length=500, description="Speakers who are yours, parted by commas")


class CallOut(Schema):
    id: UUID
    conversation_id: UUID
    customer_id: UUID | None
    text: str = Field(description="What the customer said; everything, where nobody knows who that is")
    format: str = Field(description="Whose transcript it is")
    duration_s: float | None
    remarks: list[str]
    turns: list[dict[str, Any]] = Field(description="speaker, role, start_s, end_s, text")
    at: datetime


def channel_of(key: ApiKey, kind: str, channel_id: int | None) -> Channel:
    """Raises Problem 422 where there is none."""
    rows = Channel.objects.select_related("workspace").filter(workspace=key.workspace, kind=kind)
    if channel_id is not None:
        rows = rows.filter(pk=channel_id) if 0 < channel_id < 2**63 else rows.none()
    found = rows.order_by("pk").first()
    if found is None:
        raise Problem(422, "no_channel", _("There is no such channel of this kind. Set one up first."))
    if found.is_paused:
        raise Problem(409, "channel_paused", _("This channel is paused and takes nothing in."))
    return found


def messages_of(workspace: Workspace, kind: str) -> QuerySet[Message]:
    return Message.objects.select_related("conversation").filter(
        workspace=workspace, conversation__kind=kind, direction=Message.Direction.IN
    )


def message_of(key: ApiKey, kind: str, message_id: UUID) -> Message:
    found = messages_of(key.workspace, kind).filter(pk=message_id).first()
    if found is None:
        raise Http404
    return found


def shown_review(message: Message) -> dict[str, Any]:
    answer = Message.objects.filter(conversation_id=message.conversation_id, direction=Message.Direction.OUT)
    more = {name: str(message.properties.get(name, "")) for name in ("review_id", "name", "place", "url", "site")}
    return {
        "id": message.pk, "conversation_id": message.conversation_id, "customer_id": message.conversation.customer_id,
        "score": message.score, "text": message.text, "at": message.at,
        "answer": answer.order_by("-at").values_list("text", flat=True).first() or "", **more,
    }  # fmt: skip


def shown_call(message: Message) -> dict[str, Any]:
    more = message.properties
    return {
        "id": message.pk, "conversation_id": message.conversation_id, "customer_id": message.conversation.customer_id,
        "text": message.text, "format": str(more.get("format", "")), "duration_s": more.get("duration_s"),
        "remarks": message.remarks, "turns": more.get("turns", []), "at": message.at,
    }  # fmt: skip


@router.get("/reviews", response=PageOut[ReviewOut], summary="List reviews")
def list_reviews(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = page_of(messages_of(require_key(request, Role.AGENT).workspace, "reviews"), query)
    return {**page, "items": [shown_review(one) for one in page["items"]]}


@router.post("/reviews", response={200: ReviewOut, 201: ReviewOut}, summary="Bring a review")
def add_review(request: HttpRequest, body: ReviewIn) -> tuple[int, dict[str, Any]]:
    """201 for a new one, 200 for one that is known; then only its answer may change."""
    key = require_key(request, Role.AGENT)
    channel = channel_of(key, "reviews", body.channel_id)
    said = body.dict(exclude={"channel_id", "scale"})
    fields = {name: value.isoformat() if isinstance(value, datetime) else str(value)
              for name, value in said.items() if value is not None}  # fmt: skip
    try:
        zone = ZoneInfo(key.workspace.time_zone)
        review = review_of(fields, zone=zone, most=body.scale, now=timezone.now())
        message, is_new = take_review(channel=channel, review=review, by=key)
    except (Unusable, Refused) as problem:
        raise Problem(422, "unusable_review", str(problem)) from problem
    return 201 if is_new else 200, shown_review(message)


@router.post("/reviews/{uuid:message_id}/answer", response=ReviewOut, summary="Note an answer to a review")
def answer_review(request: HttpRequest, message_id: UUID, body: AnswerIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    message = message_of(key, "reviews", message_id)
    try:
        note_answer(message=message, text=body.text, at=_aware(body.at), by=key)
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    return shown_review(message)


@router.get("/calls", response=PageOut[CallOut], summary="List calls")
def list_calls(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = page_of(messages_of(require_key(request, Role.AGENT).workspace, "calls"), query)
    return {**page, "items": [shown_call(one) for one in page["items"]]}


@router.post("/calls", response={201: CallOut}, summary="Bring the transcript of a call")
def add_call(request: HttpRequest, query: Query[CallQuery]) -> tuple[int, dict[str, Any]]:
    """The body is the transcript as your speech service writes it: WebVTT, SRT or its JSON."""
    key = require_key(request, Role.AGENT)
    channel = channel_of(key, "calls", query.channel_id)
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise Problem(413, "too_large", _("The body is too large for a transcript.")) from error
    call = Call(
        id=query.id, at=_aware(query.at), phone=query.phone, email=query.email, user_id=query.user_id, name=query.name,
        subject=query.subject, language=query.language, customer=_names(query.customer), agents=_names(query.agents),
    )  # fmt: skip
    try:
        message = take_call(channel=channel, call=call, transcript=read(body))
    except (Unreadable, Refused) as problem:
        raise Problem(422, "unusable_call", str(problem)) from problem
    return 201, shown_call(message)


@router.get("/calls/{uuid:message_id}", response=CallOut, summary="One call with its transcript")
def show_call(request: HttpRequest, message_id: UUID) -> dict[str, Any]:
    return shown_call(message_of(require_key(request, Role.AGENT), "calls", message_id))


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _aware(moment: datetime | None) -> datetime | None:
    return timezone.make_aware(moment) if moment is not None and timezone.is_naive(moment) else moment
