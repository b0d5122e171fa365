"""The contact budget: nobody is asked more often than the rules of the workspace allow, whatever the channel.

A rule says "at most `most` times in any `days` days", of all surveys or some, in all channels or some, for everybody or
for those whose traits fit. `decide` looks at the rows of `Contact` of the people in question, and records a contact for
everyone it allows, in one transaction. Who decides about the same person at the same time waits: SQLite has one writer,
on PostgreSQL people share 256 advisory locks. Each refusal says which rule, which survey and until when.

Contacts of the future count as well as those of the past, so that workers whose clocks differ err on the safe side.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import Q
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.lib.conditions import Condition, Value, holds
from cxm.record.customers.models import Consent, Customer

from .models import Contact, ContactRule, Survey

Reason = Literal["", "rule", "consent"]
PURPOSE = "surveys"  # the purpose whose refusal stops every question
STRIPES = 256
ASKED = 900  # ids in one question to the database


@dataclass(frozen=True, slots=True)
class Request:
    """May this survey ask this person by this channel? `person`: a customer, or the identity of an unknown visitor."""

    person: UUID
    survey_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`detail` of a refusal by a rule: rule, name, most, days, survey (name of the newest contact), at, free_at."""

    request: Request
    person: UUID  # the canonical customer
    reason: Reason = ""
    detail: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None  # when the contact was recorded

    @property
    def allowed(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Past:
    at: datetime
    survey_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A ContactRule, ready to be asked."""

    id: int
    name: str
    most: int
    days: int
    channels: frozenset[str]
    surveys: frozenset[int] | None  # None: all
    condition: Condition | None

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days)

    def concerns(self, survey_id: int, channel: str) -> bool:
        return (self.surveys is None or survey_id in self.surveys) and (not self.channels or channel in self.channels)


def decide(
    workspace_id: int, requests: Sequence[Request], *, now: datetime | None = None, record: bool = True
) -> list[Decision]:
    """A decision for each request, in their order. Of several about one person, surveys of high priority come first.

    `record`: what is allowed is a contact from now on; without it, this is a forecast that changes nothing. `now` is
    for simulations only.
    """
    if not requests:
        return []
    if not record:
        return _decide(workspace_id, requests, now or timezone.now())[0]
    with transaction.atomic():
        _wait_for_others(workspace_id, requests)
        decisions, contacts = _decide(workspace_id, requests, now or timezone.now())
        Contact.objects.bulk_create(contacts, batch_size=500)
    return decisions


def take_back(workspace_id: int, contacts: Iterable[tuple[UUID, int, str, datetime]]) -> int:
    """Contacts that did not happen after all: (person, survey, channel, at). Returns how many."""
    gone = 0
    for person, survey_id, channel, at in contacts:
        gone += Contact.objects.filter(
            workspace_id=workspace_id, person=person, survey_id=survey_id, channel=channel, at=at
        ).delete()[0]
    return gone


def _wait_for_others(workspace_id: int, requests: Sequence[Request]) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite: the transaction has begun as its only writer
    canonical = _canonical({one.person for one in requests})
    stripes = sorted({zlib.crc32(canonical.get(one.person, one.person).bytes) % STRIPES for one in requests})
    with connection.cursor() as cursor:
        # In order, so that two batches never wait for each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, stripe) FROM unnest(%s::int[]) AS stripe", [workspace_id, stripes]
        )


def _decide(workspace_id: int, requests: Sequence[Request], now: datetime) -> tuple[list[Decision], list[Contact]]:
    rules = rules_of(workspace_id)
    asked = {one.person for one in requests}
    canonical = _canonical(asked)
    people = {canonical.get(one, one) for one in asked}
    refused = _without_consent(people)
    past = _past(workspace_id, people, now - max((rule.span for rule in rules), default=timedelta(0))) if rules else {}
    facts = _facts(people) if any(rule.condition for rule in rules) else {}
    surveys = {
        pk: (name, priority)
        for pk, name, priority in Survey.objects.filter(
            pk__in={one.survey_id for one in requests} | {one.survey_id for some in past.values() for one in some}
        ).values_list("pk", "name", "priority")
    }
    first = sorted(range(len(requests)), key=lambda n: -surveys.get(requests[n].survey_id, ("", 0))[1])
    decisions: list[Decision | None] = [None] * len(requests)
    contacts = []
    for number in first:
        request = requests[number]
        person = canonical.get(request.person, request.person)
        if person in refused:
            decisions[number] = Decision(request, person, "consent")
            continue
        known = past.setdefault(person, [])
        if detail := _refusal(rules, known, facts.get(person, {}), request, now):
            detail["survey"] = surveys.get(detail.pop("survey_id"), ("", 0))[0]
            decisions[number] = Decision(request, person, "rule", detail)
            continue
        known.append(Past(now, request.survey_id, request.channel))
        decisions[number] = Decision(request, person, at=now)
        contacts.append(
            Contact(
                workspace_id=workspace_id, person=person, survey_id=request.survey_id, channel=request.channel, at=now
            )
        )
    return [one for one in decisions if one is not None], contacts


def _refusal(
    rules: Sequence[Rule], past: Sequence[Past], facts: Mapping[str, Value], request: Request, now: datetime
) -> dict[str, Any]:
    """The rule that forbids it for the longest time; empty if none does."""
    found: dict[str, Any] = {}
    longest: datetime | None = None
    for rule in rules:
        if not rule.concerns(request.survey_id, request.channel):
            continue
        if len(past) < rule.most:
            continue
        counted = [one for one in past if one.at > now - rule.span and rule.concerns(one.survey_id, one.channel)]
        if len(counted) < rule.most or (rule.condition is not None and not holds(rule.condition, facts)):
            continue
        counted.sort(key=lambda one: one.at)
        free_at = counted[-rule.most].at + rule.span if rule.most else None
        if found and (free_at is not None and (longest is None or free_at <= longest)):
            continue
        longest = free_at
        newest = counted[-1] if counted else None
        found = {
            "rule": rule.id, "name": rule.name, "most": rule.most, "days": rule.days,
            "survey_id": newest.survey_id if newest else 0,
            "at": newest.at.isoformat() if newest else "",
            "free_at": free_at.isoformat() if free_at else "",
        }  # fmt: skip
        if free_at is None:  # nothing forbids more than "never"
            break
    return found


def rules_of(workspace_id: int) -> list[Rule]:
    rows = list(ContactRule.objects.filter(workspace_id=workspace_id, active=True).order_by("pk"))
    keys = {key for row in rows for key in row.surveys}
    ids = (
        dict(Survey.objects.filter(workspace_id=workspace_id, key__in=keys).values_list("key", "pk")) if keys else {}
    )
    return [
        Rule(
            row.pk, row.name, row.most, row.days, frozenset(row.channels),
            frozenset(ids[key] for key in row.surveys if key in ids) if row.surveys else None,
            msgspec.convert(row.condition, Condition) if row.condition else None,
        )
        for row in rows
    ]  # fmt: skip


def _chunks(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    ordered = list(ids)
    return (ordered[start : start + ASKED] for start in range(0, len(ordered), ASKED))


def _canonical(people: Iterable[UUID]) -> dict[UUID, UUID]:
    """To whom profiles lead that do not stand for themselves."""
    found: dict[UUID, UUID] = {}
    for some in _chunks(people):
        rows = Customer.objects.filter(pk__in=some, canonical__isnull=False)
        found.update((pk, leads) for pk, leads in rows.values_list("pk", "canonical_id") if leads is not None)
    return found


def _members(people: Iterable[UUID]) -> dict[UUID, UUID]:
    """Every id under which these people may have been asked -> the person."""
    found: dict[UUID, UUID] = {}
    for some in _chunks(people):
        found.update((one, one) for one in some)
        rows = Customer.objects.filter(canonical__in=some).values_list("pk", "canonical_id")
        found.update((pk, leads) for pk, leads in rows if leads is not None)
    return found


def _past(workspace_id: int, people: set[UUID], since: datetime) -> dict[UUID, list[Past]]:
    whose = _members(people)
    found: dict[UUID, list[Past]] = defaultdict(list)
    for some in _chunks(whose):
        rows = Contact.objects.filter(workspace_id=workspace_id, person__in=some, at__gt=since).order_by()
        for person, survey_id, channel, at in rows.values_list("person", "survey_id", "channel", "at"):
            found[whose[person]].append(Past(at, survey_id, channel))
    return found


def _without_consent(people: set[UUID]) -> set[UUID]:
    """Those whose newest word on surveys is no."""
    refused: set[UUID] = set()
    for some in _chunks(people):
        whose = Q(customer__in=some) | Q(customer__canonical__in=some)
        rows = Consent.objects.filter(whose, purpose=PURPOSE).order_by("at", "pk")
        for pk, leads, granted in rows.values_list("customer_id", "customer__canonical_id", "granted"):
            (refused.discard if granted else refused.add)(leads or pk)
    return refused


def _facts(people: set[UUID]) -> dict[UUID, dict[str, Value]]:
    """What conditions of rules may ask for: `trait.<name>`, `language`."""
    found: dict[UUID, dict[str, Value]] = {}
    for some in _chunks(people):
        for pk, traits, language in Customer.objects.filter(pk__in=some).values_list("pk", "traits", "language"):
            found[pk] = {f"trait.{name}": value for name, value in traits.items()} | {"language": language}
    return found


def sentence_of(reason: str, detail: Mapping[str, Any]) -> str:
    """Why somebody was not asked, for people: “NPS wave 3 asked them on 3 May …”."""
    if reason == "rule":
        most, days = int(detail.get("most", 0)), int(detail.get("days", 0))
        if most == 0:
            return _("The rule “%(name)s” says that this person is never asked.") % {"name": detail.get("name", "")}
        limit = ngettext(
            "Skipped: “%(survey)s” asked on %(at)s, and “%(name)s” allows %(most)d contact within %(days)d days.",
            "Skipped: “%(survey)s” asked on %(at)s, and “%(name)s” allows %(most)d contacts within %(days)d days.",
            most,
        )
        said = limit % {
            "survey": detail.get("survey", ""), "at": day(detail.get("at")), "name": detail.get("name", ""),
            "most": most, "days": days,
        }  # fmt: skip
        return said + " " + _("The next one is possible from %(at)s.") % {"at": day(detail.get("free_at"))}
    known = {
        "consent": _("Skipped: this person does not want to be asked."),
        "suppressed": _("Skipped: this address must not be written to."),
        "no_address": _("Skipped: we have no e-mail address of this person."),
        "same_address": _("Skipped: another profile with the same address is invited."),
        "answered": _("Skipped: this person has answered the survey already."),
        "gone": _("Skipped: this customer is no longer there."),
        "stopped": _("The mailing was stopped before this message left."),
        "failed": _("The message could not be sent."),
    }
    return known.get(reason, reason)


def day(text: object) -> str:
    try:
        return str(formats.date_format(timezone.localtime(datetime.fromisoformat(str(text))), "DATE_FORMAT"))
    except ValueError:
        return "–"
