"""What a mailing does: plan its invitations, decide about them, queue their messages, remind.

Everything is done in small transactions that can be repeated: a mailing that was interrupted goes on where it stood. A
unique invitation per person and mailing means that nobody is invited twice.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid5

import msgspec
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from cxm.lib.conditions import Condition
from cxm.listen.channels.actions import queue_all
from cxm.listen.channels.models import Delivery
from cxm.listen.channels.queries import folded, suppressed
from cxm.listen.surveys import budget
from cxm.listen.surveys.models import Invitation, Mailing, Response, Survey
from cxm.listen.surveys.respond.tokens import response_of_invitation
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segments import condition_of, members
from cxm.record.eventlog.ids import customer_id_of
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import emit_all

from .mails import invitation_cause, reminder_cause
from .sampling import decide_sample, draw, sample_of, sizes_of, wants_sample

logger = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 200
BACKLOG = 2_000  # messages of a mailing that wait to be sent; deciding goes no further ahead than that
PLANNED_AT_ONCE = 2_000
REMINDED_WITHIN = timedelta(days=120)  # of its end: the last reminder is due after 90, and then too old
State, Going = Invitation.State, Mailing.State


def new_token() -> str:
    return secrets.token_urlsafe(32)


def batch_of(mailing: Mailing) -> str:
    return f"mailing:{mailing.pk}"


def advance_all(stopping: Callable[[], bool] = lambda: False) -> int:
    """Carry every mailing that is being sent as far as it goes now; returns how many invitations were decided.

    Mailings of surveys with a higher priority come first, so that they get the budget of people whom both want.
    """
    done = 0
    due = Mailing.objects.filter(state=Going.SENDING, survey__workspace__deleted_at=None)
    light = due.select_related("survey__workspace").defer("customers", "survey__draft", "survey__widget")
    for mailing in light.order_by("-survey__priority", "pk"):
        if stopping():
            break
        if mailing.starts_at and mailing.starts_at > timezone.now():
            continue
        done += advance(mailing, stopping)
    return done


def advance(mailing: Mailing, stopping: Callable[[], bool] = lambda: False) -> int:
    """Carry one mailing on; returns how many invitations were decided."""
    if mailing.survey.state != Survey.State.LIVE:
        return 0  # paused: it goes on when the survey does
    if mailing.started_at is None:
        plan(mailing)
    done = 0
    while not stopping():
        room = min(BATCH, _room(mailing))
        if room <= 0:
            break
        decided = decide_some(mailing, room)
        done += decided
        if not decided:
            finish(mailing)
            break
    return done


def _room(mailing: Mailing) -> int:
    waiting = Delivery.objects.filter(batch=batch_of(mailing), state=Delivery.State.WAITING).count()
    room = BACKLOG - waiting
    if mailing.per_hour:
        since = timezone.now() - timedelta(hours=1)
        lately = mailing.invitations.filter(created_at__gt=since).exclude(state__in=[State.PLANNED, State.SKIPPED])
        room = min(room, mailing.per_hour - lately.count())
    return room


def plan(mailing: Mailing) -> None:
    """Write down whom it concerns: a planned invitation each. Repeating it adds only those that are missing."""
    if wants_sample(mailing):  # a wave: of the people there are now
        sizes = sizes_of(mailing.survey.workspace, wanted(mailing), sample_of(mailing).by)
        mailing.sample = msgspec.to_builtins(decide_sample(mailing, sizes))
        mailing.save(update_fields=["sample"])
    for some in _chunks(draw(mailing, wanted(mailing)), PLANNED_AT_ONCE):
        with transaction.atomic():
            Invitation.objects.bulk_create(
                [_planned(mailing, who, group) for who, group in some], ignore_conflicts=True, batch_size=500
            )
    mailing.started_at = timezone.now()
    mailing.save(update_fields=["started_at"])


def _planned(mailing: Mailing, who: UUID | str, group: str) -> Invitation:
    survey = mailing.survey
    return Invitation(
        workspace_id=survey.workspace_id, survey=survey, mailing=mailing, token=new_token(),
        customer_id=who if isinstance(who, UUID) else None, address=who if isinstance(who, str) else "",
        channel=Response.Channel.PANEL if mailing.sample.get("panel") else Response.Channel.EMAIL,
        state=State.PLANNED, group=group[:200],
    )  # fmt: skip


def wanted(mailing: Mailing) -> Iterator[UUID | str]:
    """Customers by id, and addresses that belong to none: of the segment, or of the list."""
    workspace = mailing.survey.workspace
    if mailing.segment:
        if condition := meant_by(mailing):
            yield from members(workspace, condition)
        return
    for some in _chunks(mailing.customers, 500):
        ids = {UUID(one) for one in some if "@" not in one}
        there = Customer.objects.filter(workspace=workspace, pk__in=ids).values_list("pk", "canonical_id")
        yield from dict.fromkeys(canonical or pk for pk, canonical in there)
        yield from (one for one in some if "@" in one)


def meant_by(mailing: Mailing) -> Condition | None:
    """Who is in its segment, in all of `also_in` and in none of `not_in`. None, so nobody, where a segment is gone:
    without one that leaves people out, too many would be asked."""
    within = [mailing.segment, *mailing.also_in]
    ids = {*within, *mailing.not_in}
    rows = Segment.objects.filter(workspace=mailing.survey.workspace_id, pk__in=ids)
    found = {str(one.pk): condition_of(one) for one in rows}
    if found.keys() != ids:
        return None
    return Condition(all=(*(found[one] for one in within), *(Condition(not_=found[one]) for one in mailing.not_in)))


def _chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    some: list[T] = []
    for one in rows:
        some.append(one)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


@transaction.atomic
def decide_some(mailing: Mailing, most: int) -> int:
    """Decide about up to `most` planned invitations, and queue the messages of those allowed; returns how many."""
    # Whoever carries the same mailing on waits here; a stop that was asked for meanwhile is seen.
    state = Mailing.objects.select_for_update().values_list("state", flat=True).get(pk=mailing.pk)
    if state != Going.SENDING:
        return 0
    planned = list(mailing.invitations.filter(state=State.PLANNED).select_related("customer").order_by("pk")[:most])
    if not planned:
        return 0
    now = timezone.now()
    open_ = _without_obstacles(mailing, planned, now)
    requests = [budget.Request(_person(one), mailing.survey_id, one.channel) for one in open_]
    decisions = budget.decide(mailing.survey.workspace_id, requests)
    for one, decision in zip(open_, decisions, strict=True):
        if decision.allowed:
            one.state, one.created_at = State.CREATED, decision.at or now
        else:
            one.state, one.reason, one.reason_detail = State.SKIPPED, decision.reason, decision.detail
            one.address, one.created_at = "", now
    fields = ["state", "reason", "reason_detail", "address", "language", "created_at"]
    Invitation.objects.bulk_update(planned, fields, batch_size=100)
    queue_invitations([one for one in open_ if one.state == State.CREATED], mailing)
    return len(planned)


def _person(invitation: Invitation) -> UUID:
    if invitation.customer_id:
        return invitation.customer_id
    return customer_id_of(invitation.workspace_id, "email", invitation.address.casefold())


def _without_obstacles(mailing: Mailing, planned: Sequence[Invitation], now: datetime) -> list[Invitation]:
    """Those that can be written to; the others are skipped with their reason."""
    for one in planned:
        one.survey = mailing.survey
        if one.customer:
            one.address, one.language = folded(one.customer.email), one.customer.language
    blocked = suppressed(mailing.survey.workspace_id, [one.address for one in planned if one.address])
    taken = set(
        mailing.invitations.filter(address__in=[one.address for one in planned if one.address])
        .exclude(state=State.PLANNED)
        .values_list("address", flat=True)
    )
    open_ = []
    for one in planned:
        reason = ""
        if not one.address:
            reason = "no_address"
        elif one.address in blocked:
            reason = "suppressed"
        elif one.address in taken:
            reason = "same_address"
        if reason:
            detail = {"because": blocked.get(one.address, "")} if reason == "suppressed" else {}
            one.state, one.reason, one.reason_detail, one.created_at = State.SKIPPED, reason, detail, now
            one.address = ""
            continue
        taken.add(one.address)
        open_.append(one)
    return open_


def queue_invitations(invitations: Sequence[Invitation], mailing: Mailing | None) -> None:
    """Queue their messages and state the facts, in the caller's transaction."""
    queue_all(
        [
            Delivery(
                workspace_id=one.workspace_id, cause=invitation_cause(one), to=one.address, customer_id=one.customer_id,
                batch=batch_of(mailing) if mailing else "", message={},
            )
            for one in invitations
        ]
    )  # fmt: skip
    state_invited(invitations)


def state_invited(invitations: Sequence[Invitation]) -> None:
    """The fact of each invitation of a known customer, under an id that makes it once only."""
    emit_all(
        [
            OutboxFact(
                event_id=uuid5(one.pk, "survey_invited"), name="survey_invited", workspace_id=one.workspace_id,
                customer_id=one.customer_id, occurred_at=one.created_at,
                properties=_told(one),
            )
            for one in invitations
            if one.customer_id
        ]
    )  # fmt: skip


def _told(one: Invitation) -> dict[str, str]:
    """A link for one use leads to one response, whose id follows from it: by that the response rate is counted."""
    told = {"survey": one.survey.key, "survey_name": one.survey.name, "channel": one.channel}
    if one.single_use:
        told |= {"invitation_id": str(one.pk), "response_id": str(response_of_invitation(one.pk))}
    return told


def finish(mailing: Mailing) -> None:
    """The last message has left: the mailing is sent. Reminders go on."""
    if mailing.invitations.filter(state=State.PLANNED).exists():
        return
    moving = [Delivery.State.WAITING, Delivery.State.SENDING]
    if Delivery.objects.filter(batch=batch_of(mailing), state__in=moving).exists():
        return
    Mailing.objects.filter(pk=mailing.pk, state=Going.SENDING).update(state=Going.SENT, finished_at=timezone.now())


def remind() -> int:
    """Queue the reminders that are due; returns how many. A reminder is no new contact and follows only a sent mail."""
    done = 0
    now = timezone.now()
    rows = Mailing.objects.filter(
        Q(finished_at=None) | Q(finished_at__gt=now - REMINDED_WITHIN),
        state__in=[Going.SENDING, Going.SENT], survey__state=Survey.State.LIVE, survey__workspace__deleted_at=None,
    ).exclude(remind_after_days=[])  # fmt: skip
    for mailing in rows.select_related("survey").defer("customers", "survey__draft", "survey__widget"):
        for number, days in enumerate(sorted(mailing.remind_after_days), start=1):
            due = mailing.invitations.filter(
                state__in=[State.SENT, State.OPENED], reminders=number - 1, sent_at__lte=now - timedelta(days=days)
            ).exclude(expires_at__lte=now)
            while some := list(due.select_related("survey", "customer")[:BATCH]):
                done += _remind_some(mailing, some, number)
    return done


@transaction.atomic
def _remind_some(mailing: Mailing, some: Sequence[Invitation], number: int) -> int:
    Invitation.objects.filter(pk__in=[one.pk for one in some], reminders=number - 1).update(
        reminders=F("reminders") + 1
    )
    refused = budget.without_consent(_person(one) for one in some)
    open_ = [one for one in some if _person(one) not in refused]
    queue_all(
        [
            Delivery(
                workspace_id=one.workspace_id, cause=reminder_cause(one, number), to=one.address,
                customer_id=one.customer_id, batch=batch_of(mailing), message={},
            )
            for one in open_
        ]
    )  # fmt: skip
    return len(open_)
