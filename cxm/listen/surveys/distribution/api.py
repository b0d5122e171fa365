"""REST: mailings, personal links, and the contact budget for senders of your own."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.listen.surveys import budget
from cxm.listen.surveys.models import Mailing, Survey
from cxm.listen.surveys.queries import survey_called
from cxm.record.customers.access import customer_for
from cxm.record.customers.models import Customer

from . import actions
from .links import personal_link
from .queries import mailing_for, progress_of, repeat_of, waves_of

router = Router(tags=["mailings"])
MOST_REQUESTS = 1000


class RepeatIn(Schema):
    every: Literal["day", "week", "month", "quarter"]
    first_on: date = Field(description="Day of the first wave; a month without such a day has its wave on its last")
    at: time = Field(description="By the workspace's clocks, such as 09:00")
    until: date | None = Field(None, description="The last day on which a wave may begin")


class RepeatOut(RepeatIn):
    next_at: datetime | None = Field(description="When the next wave begins; null while paused, or when it is over")


class MailingOut(Schema):
    id: int
    survey_id: int
    name: str
    state: str = Field(description="draft, sending, repeating, paused, sent or stopped")
    segment: str
    also_in: list[str]
    not_in: list[str]
    people: int
    sent: int
    answered: int
    states: dict[str, int] = Field(description="Invitations by state")
    reasons: dict[str, int] = Field(description="Skipped people by reason")
    repeat: RepeatOut | None = Field(description="Of one that repeats; its counts are of all its waves")
    series_id: int | None = Field(description="Of a wave: the mailing that repeats")
    wave_on: date | None = Field(description="Of a wave: the day for which it was made")
    created_at: datetime
    finished_at: datetime | None

    @staticmethod
    def of(one: Mailing) -> dict[str, Any]:
        progress, repeat = progress_of(one), repeat_of(one)
        plain = {
            name: getattr(one, name)
            for name in ("id", "survey_id", "name", "state", "segment", "also_in", "not_in", "series_id", "wave_on",
                         "created_at", "finished_at")
        }  # fmt: skip
        return {
            **plain,
            "repeat": {name: getattr(repeat, name) for name in ("every", "first_on", "at", "until", "next_at")}
            if repeat
            else None,
            "reasons": dict(progress.reasons),
            "people": progress.total,
            "sent": progress.sent,
            "answered": progress.answered,
            "states": progress.states,
        }


class MailingIn(Schema):
    name: str = Field(max_length=200)
    segment: str = Field("", max_length=40, description="Id of a segment; without one, the people of `people`")
    also_in: list[str] = Field([], max_length=10, description="Ids of segments: only who is in all of them too")
    not_in: list[str] = Field([], max_length=10, description="Ids of segments: nobody who is in one of them")
    people: list[str] = Field([], max_length=100_000, description="Ids of customers, or e-mail addresses")
    subject: dict[str, str] = Field({}, description="Language -> subject")
    text: dict[str, str] = Field({}, description="Language -> text before the first question")
    remind_after_days: list[int] = Field([], max_length=5)
    per_hour: int | None = Field(None, ge=1, le=1_000_000)
    starts_at: datetime | None = Field(None, description="Not before; of one that repeats, see `repeat`")
    repeat: RepeatIn | None = Field(None, description="For waves; needs a segment, looked at anew for each")


class InvitationIn(Schema):
    customer_id: UUID | None = None
    address: str = Field("", max_length=254)
    language: str = Field("", max_length=10)
    send: bool = Field(False, description="Send it by e-mail; else only make the link")
    single_use: bool = True
    hidden: dict[str, str] = {}
    expires_at: datetime | None = None


class InvitationOut(Schema):
    id: UUID
    link: str
    state: str
    expires_at: datetime | None


class AskIn(Schema):
    customer_id: UUID
    survey_id: int = Field(ge=1, le=2**63 - 1)
    channel: str = Field("api", max_length=10, description="email, widget, panel, personal, sms, chat, call, api …")


class BudgetIn(Schema):
    requests: list[AskIn] = Field(max_length=MOST_REQUESTS)
    record: bool = Field(True, description="What is allowed is a contact from now on; false: only look")


class DecisionOut(Schema):
    customer_id: UUID
    survey_id: int
    allowed: bool
    reason: str = Field(description="Empty, rule or consent")
    explanation: str
    free_at: str = Field(
        description="When the rule allows the next contact; empty if it never does, or was not the reason"
    )


@router.get("/surveys/{int:survey_id}/mailings", response=PageOut[MailingOut], summary="List mailings of a survey")
def list_mailings(request: HttpRequest, survey_id: int, query: Query[PageQuery]) -> dict[str, object]:
    survey = survey_called(require_key(request, Role.ANALYST).workspace, survey_id)
    page = page_of(Mailing.objects.filter(survey=survey, series=None).defer("customers"), query)
    return {**page, "items": [MailingOut.of(one) for one in page["items"]]}


@router.get("/mailings/{int:mailing_id}/waves", response=PageOut[MailingOut], summary="List waves of a mailing")
def list_waves(request: HttpRequest, mailing_id: int, query: Query[PageQuery]) -> dict[str, object]:
    mailing = mailing_for(require_key(request, Role.ANALYST).workspace, mailing_id)
    page = page_of(waves_of(mailing).order_by("pk"), query)
    return {**page, "items": [MailingOut.of(one) for one in page["items"]]}


@router.post("/surveys/{int:survey_id}/mailings", response={201: MailingOut}, summary="Make a mailing as a draft")
def create_mailing(request: HttpRequest, survey_id: int, body: MailingIn) -> Status[dict[str, Any]]:
    key = require_key(request, Role.ANALYST)
    survey = survey_called(key.workspace, survey_id)
    try:
        listed, wrong = actions.read_list(key.workspace, "\n".join(body.people))
        if wrong:
            raise actions.Refused(
                _("“%(value)s” is neither an id of a customer nor an e-mail address.") % {"value": wrong[0]}
            )
        values = body.dict(exclude={"people", "name"})
        made = actions.create_mailing(survey=survey, name=body.name, by=key, customers=listed, **values)
    except actions.Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    return Status(201, MailingOut.of(made))


@router.get("/mailings/{int:mailing_id}", response=MailingOut, summary="State and counts of a mailing")
def show_mailing(request: HttpRequest, mailing_id: int) -> dict[str, Any]:
    return MailingOut.of(mailing_for(require_key(request, Role.ANALYST).workspace, mailing_id))


@router.post("/mailings/{int:mailing_id}/start", response={202: MailingOut}, summary="Send a mailing")
def start_mailing(request: HttpRequest, mailing_id: int) -> Status[dict[str, Any]]:
    return _verb(request, mailing_id, actions.start_mailing)


@router.post("/mailings/{int:mailing_id}/stop", response={202: MailingOut}, summary="Stop a mailing")
def stop_mailing(request: HttpRequest, mailing_id: int) -> Status[dict[str, Any]]:
    return _verb(request, mailing_id, actions.stop_mailing)


@router.post("/mailings/{int:mailing_id}/pause", response={202: MailingOut}, summary="Pause a mailing that repeats")
def pause_mailing(request: HttpRequest, mailing_id: int) -> Status[dict[str, Any]]:
    return _verb(request, mailing_id, actions.pause_mailing)


@router.post("/mailings/{int:mailing_id}/resume", response={202: MailingOut}, summary="Go on with a paused mailing")
def resume_mailing(request: HttpRequest, mailing_id: int) -> Status[dict[str, Any]]:
    return _verb(request, mailing_id, actions.resume_mailing)


def _verb(request: HttpRequest, mailing_id: int, verb: Any) -> Status[dict[str, Any]]:
    key = require_key(request, Role.ANALYST)
    try:
        verb(mailing=mailing_for(key.workspace, mailing_id), by=key)
    except actions.Refused as refusal:
        raise Problem(409, "wrong_state", str(refusal)) from refusal
    return Status(202, MailingOut.of(mailing_for(key.workspace, mailing_id)))


@router.post("/surveys/{int:survey_id}/invitations", response={201: InvitationOut}, summary="Invite one person")
def create_invitation(request: HttpRequest, survey_id: int, body: InvitationIn) -> Status[dict[str, Any]]:
    """A personal link, sent by e-mail or handed back. 409 with the explanation if the person may not be asked."""
    key = require_key(request, Role.AGENT)
    survey = survey_called(key.workspace, survey_id)
    customer: Customer | None = customer_for(key.workspace, body.customer_id) if body.customer_id else None
    try:
        made = actions.invite(survey=survey, by=key, customer=customer, **body.dict(exclude={"customer_id"}))
    except actions.Refused as refusal:
        raise Problem(409, "refused", str(refusal)) from refusal
    return Status(201, {"id": made.pk, "link": personal_link(made), "state": made.state, "expires_at": made.expires_at})


@router.post("/contact-budget/decisions", response=list[DecisionOut], summary="May these people be asked?")
def decide(request: HttpRequest, body: BudgetIn) -> list[dict[str, Any]]:
    """For senders of your own: texts, chats, calls. All are decided together; surveys of high priority come first."""
    key = require_key(request, Role.ANALYST)
    known = set(
        Survey.objects.filter(workspace=key.workspace, pk__in={one.survey_id for one in body.requests}).values_list(
            "pk", flat=True
        )
    )
    asked = {one.customer_id for one in body.requests}
    people = set(Customer.objects.filter(workspace=key.workspace, pk__in=asked).values_list("pk", flat=True))
    if any(one.survey_id not in known or one.customer_id not in people for one in body.requests):
        raise Http404
    requests = [budget.Request(one.customer_id, one.survey_id, one.channel) for one in body.requests]
    return [
        {
            "customer_id": one.request.person, "survey_id": one.request.survey_id, "allowed": one.allowed,
            "reason": one.reason, "explanation": budget.sentence_of(one.reason, one.detail) if one.reason else "",
            "free_at": one.detail.get("free_at", ""),
        }
        for one in budget.decide(key.workspace_id, requests, record=body.record)
    ]  # fmt: skip
