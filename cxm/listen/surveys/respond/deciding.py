"""What becomes of submissions: answers kept, what stands against them, the next page or the end. One transaction.

The store hands in what has come together; the order of arrival is kept. A response is changed by one transaction at a
time, in however many processes, so posting a page twice is posting it once.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from django.db import connection, transaction

from cxm.accounts.models import Workspace
from cxm.lib.quick_insert import insert_rows
from cxm.record.customers.errors import Refused
from cxm.record.customers.marks import tag
from cxm.record.customers.models import Customer
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import emit_all

from ..models import Invitation, Response
from ..runtime import Problem, finish, put
from ..runtime.checking import problems_of
from ..runtime.visiting import outcome_of
from ..runtime.walk import Walk
from . import abuse
from .directory import ALL, Entry, Prepared
from .facts import event_id, told_now
from .people import facts_for
from .quotas import Counts, locked
from .tokens import Start, number_of

logger = logging.getLogger(__name__)

Step = Literal["save", "next", "back"]
LONGEST_ON_A_PAGE = 3600.0  # seconds; whoever takes longer has been elsewhere
OVER_QUOTA = "over_quota"
DONE = (Response.State.COMPLETED, Response.State.SCREENED_OUT)
CHANGED = ("state", "customer", "person", "language", "answers", "hidden", "variables", "seen", "page", "ending",
           "flags", "tags", "updated_at", "completed_at", "outdated")  # fmt: skip


@dataclass(slots=True)
class Submission:
    """One page as it was sent, its answers read. `asked` are the questions that it showed; empty: all of the page."""

    start: Start
    entry: Entry
    prepared: Prepared
    page: str
    answers: Mapping[str, Any]
    step: Step
    now: datetime
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    asked: Collection[str] = ()
    seconds: float = 0.0
    flags: tuple[str, ...] = ()
    address: str = ""
    agent: str = ""


@dataclass(slots=True)
class Outcome:
    """What the respondent gets to see: the page `page`, the same again with `problems`, or the end if it is empty."""

    response: Response
    page: str = ""
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.response.state in DONE


class _Batch:
    """The responses of one transaction, as they are becoming."""

    def __init__(self, responses: dict[uuid.UUID, Response], customers: set[uuid.UUID], counts: Counts) -> None:
        self.responses, self.customers, self.counts = responses, customers, counts
        self.new: dict[uuid.UUID, Response] = {}
        self.changed: dict[uuid.UUID, Response] = {}
        self.facts: list[OutboxFact] = []
        self.finished: list[tuple[Response, Entry]] = []


def decide(submissions: Sequence[Submission]) -> list[Outcome | Exception]:
    """Store all of them; an error in one is its own. Raises DatabaseError, then nothing is stored."""
    with transaction.atomic():
        ids = {one.start.response for one in submissions}
        hold(ids)
        responses = {one.pk: one for one in Response.objects.filter(pk__in=ids)}
        named = {one.start.customer for one in submissions if one.start.customer}
        customers = set(Customer.objects.filter(pk__in=named).values_list("pk", flat=True)) if named else set()
        counts = locked([(one.entry, one.prepared) for one in submissions if one.step == "next"])
        batch = _Batch(responses, customers, counts)
        outcomes: list[Outcome | Exception] = []
        for one in submissions:
            try:
                outcomes.append(_advance(one, batch))
            except Exception as error:
                logger.exception("A submission to survey %d failed", one.entry.id)
                outcomes.append(error)
        insert_rows(batch.new.values())
        if batch.changed:
            Response.objects.bulk_create(
                batch.changed.values(), update_conflicts=True, unique_fields=["id"], update_fields=CHANGED
            )
        counts.save()
        emit_all(batch.facts)
        for response, entry in batch.finished:
            _follow_up(response, entry)
    return outcomes


def hold(ids: Collection[uuid.UUID]) -> None:
    """Nobody else decides on these responses until the transaction ends. SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        keys = sorted(int.from_bytes(one.bytes[:8], "big", signed=True) for one in ids)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _response(one: Submission, batch: _Batch) -> Response:
    start = one.start
    if found := batch.responses.get(start.response):
        if found.pk not in batch.new:
            batch.changed[found.pk] = found
        return found
    made = Response(
        id=start.response, workspace_id=one.entry.workspace, survey_id=one.entry.id, version=start.version,
        customer_id=start.customer if start.customer in batch.customers else None, person=start.person,
        invitation_id=start.invitation, test=start.test, channel=start.channel, origin=start.origin[:200],
        language=start.language, hidden=dict(start.hidden), seed=number_of(start.response),
        started_at=datetime.fromtimestamp(start.at / 1000, UTC), updated_at=one.now, flags=list(start.flags),
        full=start.full,
    )  # fmt: skip
    batch.responses[made.pk] = batch.new[made.pk] = made
    return made


def _advance(one: Submission, batch: _Batch) -> Outcome:
    known = batch.responses.get(one.start.response)
    if known is not None and known.state in DONE:
        return Outcome(known)  # sent once more: what is stored stays
    if known is not None and known.survey_id != one.entry.id:
        raise ValueError("A token names a response to another survey.")
    response = _response(one, batch)
    if response.state == Response.State.PARTIAL:  # given up, and here again: what it told the log holds no more
        response.state, response.outdated = Response.State.STARTED, True
    response.answers = put(response.answers, one.answers)
    response.language, response.updated_at = one.start.language, one.now
    response.flags = list(dict.fromkeys([*response.flags, *one.flags]))
    walk = _walk(response, one, batch)
    screen = next((screen for screen in walk.screens if screen.id == one.page), None)
    on_page = screen.questions() if screen else []
    _note_seen(response, [id_ for id_ in on_page if not one.asked or id_ in one.asked], one.seconds)
    if one.step == "save":
        response.page = one.page
        return Outcome(response, one.page)
    place = walk.screens.index(screen) if screen else -1
    if one.step == "back" and screen:
        response.page = walk.screens[max(place - 1, 0)].id
        return Outcome(response, response.page)
    if screen:
        problems = {id_: found for id_ in on_page if (found := one.problems.get(id_, ()) or problems_of(walk, id_))}
        unasked = [id_ for id_ in on_page if one.asked and id_ not in one.asked]
        if problems or unasked:
            response.page = one.page
            shown = {id_: found for id_, found in problems.items() if id_ not in unasked}
            return Outcome(response, one.page, shown)
        if place + 1 < len(walk.screens):
            response.page = walk.screens[place + 1].id
            return Outcome(response, response.page)
    return _finished(response, one, batch, walk)


def _walk(response: Response, one: Submission, batch: _Batch) -> Walk:
    full = frozenset() if response.test else one.prepared.full(batch.counts.of(one.entry.id, one.entry.counts))
    facts = facts_for(one.start, one.prepared)
    return Walk(one.prepared.ready, response.answers, facts, language=response.language, seed=response.seed, full=full)


def _finished(response: Response, one: Submission, batch: _Batch, walk: Walk) -> Outcome:
    """Complete it, or screen it out; a page before that is not answered properly comes up again instead."""
    outcome = outcome_of(walk)
    if outcome.problems and outcome.problem_page and not outcome.full:
        response.page = outcome.problem_page
        return Outcome(response, outcome.problem_page, dict(outcome.problems))
    completes = outcome.ending.completes
    full = bool(outcome.full)
    if abuse.HONEYPOT in response.flags:
        completes = False
    elif completes and not response.test and not batch.counts.take(one.entry, outcome.quotas):
        # The last place went while this person answered: as if the quota had been full before.
        full = True
        held = batch.counts.full_among(one.entry, outcome.quotas)
        outcome = finish(
            one.prepared.ready, response.answers, walk.facts, language=response.language, seed=response.seed, full=held
        )
        completes = False
    response.state = Response.State.COMPLETED if completes else Response.State.SCREENED_OUT
    response.answers, response.variables = dict(outcome.answers), dict(outcome.variables)
    response.ending, response.page = outcome.ending.id, ""
    response.completed_at = one.now
    response.tags = list(dict.fromkeys([*response.tags, *(outcome.tags if completes else ())]))
    response.flags = list(dict.fromkeys([*response.flags, *_flags(response, one), *([OVER_QUOTA] if full else [])]))
    batch.facts += told_now(response, one.prepared, one.entry)
    if completes and not response.test:
        batch.facts += [
            OutboxFact(
                event_id=event_id(response.pk, f"case {case.rule}"), workspace_id=one.entry.workspace,
                name="case_requested", customer_id=response.person or uuid.UUID(int=0), occurred_at=one.now,
                properties={"survey": one.entry.key, "survey_name": one.entry.name, "response_id": str(response.pk),
                            "rule": case.rule, "priority": case.priority},
            )
            for case in outcome.cases
        ]  # fmt: skip
    batch.finished.append((response, one.entry))
    return Outcome(response)


def _follow_up(response: Response, entry: Entry) -> None:
    """What a finished response changes elsewhere. Seldom anything."""
    if response.test:
        return
    if response.invitation_id:
        Invitation.objects.filter(pk=response.invitation_id).update(
            state=Invitation.State.ANSWERED, answered_at=response.completed_at
        )
    if response.customer_id and response.tags and response.state == Response.State.COMPLETED:
        workspace = Workspace.objects.get(pk=entry.workspace)
        customer = Customer.objects.get(pk=response.customer_id)
        for name in response.tags:
            try:
                tag(workspace=workspace, customers=[customer], name=name, by=None)
            except Refused as error:  # a name that no tag may have; the response keeps it
                logger.warning("Survey %d: the tag %r was refused: %s", entry.id, name, error)


def _note_seen(response: Response, asked: Sequence[str], seconds: float) -> None:
    each = round(min(max(seconds, 0.0), LONGEST_ON_A_PAGE) / max(len(asked), 1), 1)
    response.seen = {**response.seen, **{id_: max(each, response.seen.get(id_, 0)) for id_ in asked}}


def _flags(response: Response, one: Submission) -> list[str]:
    """What looks as if nobody had thought about the questions. Staff decide what it means."""
    found = []
    answered = [id_ for id_ in response.answers if id_ in one.prepared.questions]
    if len(answered) > 1 and (one.now - response.started_at).total_seconds() < abuse.FASTEST * len(answered):
        found.append(abuse.SPEEDING)
    rows = [
        list(value.values())
        for id_, value in response.answers.items()
        if isinstance(value, dict) and id_ in one.prepared.questions and one.prepared.questions[id_].kind == "matrix"
    ]
    if any(len(row) >= 4 and all(cell == row[0] for cell in row) for row in rows):
        found.append(abuse.STRAIGHT_LINING)
    instructed = ((id_, one.prepared.questions[id_].instructed) for id_ in answered)
    if any(choice and response.answers[id_] not in (None, choice) for id_, choice in instructed):
        found.append(abuse.INATTENTIVE)
    if response.channel in ("link", "widget") and abuse.guard().repeated(
        one.entry.id, one.address, one.agent, response.pk.bytes
    ):
        found.append(abuse.DUPLICATE)
    return found


__all__ = ["ALL", "Outcome", "Submission", "decide"]
