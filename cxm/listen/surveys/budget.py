"""The contact budget: nobody is asked more often than the rules of the workspace allow, whatever the channel.

A rule says "at most `most` times in any `days` days", of all surveys or some, in all channels or some, for everybody or
for those whose traits fit. `decide` looks at the rows of `Contact` of the people in question, and records a contact for
everyone it allows, in one transaction. Who decides about the same person at the same time waits: SQLite has one writer,
on PostgreSQL people share 256 advisory locks. Each refusal says which rule, which survey and until when.

Contacts of the future count as well as those of the past, so that workers whose clocks differ err on the safe side.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.lib.conditions import Value, holds

from .budget_rows import Past, Person, Rule, past_of, people_of, rules_of
from .models import Contact, Survey

Reason = Literal["", "rule", "consent"]
STRIPES = 256
_turn = threading.Lock()


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
    with _my_turn(), transaction.atomic():
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


def without_consent(people: Iterable[UUID]) -> set[UUID]:
    """Those of these ids whose newest word on surveys is no."""
    leads, known = people_of(people, traits=False)
    return {one for one, person in leads.items() if known[person].refused}


@contextmanager
def _my_turn() -> Iterator[None]:
    """Threads of one process queue up here: SQLite's own waiting knows no order, and gives up on the unlucky."""
    if connection.vendor == "postgresql" or connection.in_atomic_block:
        yield
        return
    with _turn:
        yield


def _wait_for_others(workspace_id: int, requests: Sequence[Request]) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite: the transaction has begun as its only writer
    leads, _people = people_of((one.person for one in requests), traits=False)
    stripes = sorted({zlib.crc32(one.bytes) % STRIPES for one in leads.values()})
    with connection.cursor() as cursor:
        # In order, so that two batches never wait for each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, stripe) FROM unnest(%s::int[]) AS stripe", [workspace_id, stripes]
        )


def _decide(workspace_id: int, requests: Sequence[Request], now: datetime) -> tuple[list[Decision], list[Contact]]:
    rules = rules_of(workspace_id)
    leads, people = people_of((one.person for one in requests), traits=any(rule.condition for rule in rules))
    past = past_of(workspace_id, people.values(), now - max(rule.span for rule in rules)) if rules else {}
    surveys = _surveys(requests, rules)
    first = sorted(range(len(requests)), key=lambda n: -surveys.get(requests[n].survey_id, UNKNOWN).priority)
    decisions: list[Decision | None] = [None] * len(requests)
    contacts = []
    for number in first:
        request = requests[number]
        person = leads[request.person]
        if people[person].refused:
            decisions[number] = Decision(request, person, "consent")
            continue
        known = past.setdefault(person, [])
        survey = surveys.get(request.survey_id, UNKNOWN)
        if detail := _refusal(rules, known, people[person], survey.key, request.channel, now):
            decisions[number] = Decision(request, person, "rule", detail)
            continue
        known.append(Past(now, survey.key, survey.name, request.channel))
        decisions[number] = Decision(request, person, at=now)
        contacts.append(
            Contact(
                workspace_id=workspace_id, person=person, survey_id=request.survey_id, channel=request.channel, at=now
            )
        )
    return [one for one in decisions if one is not None], contacts


class _Asking(NamedTuple):
    key: str
    name: str
    priority: int


UNKNOWN = _Asking("", "", 0)


def _surveys(requests: Sequence[Request], rules: Sequence[Rule]) -> dict[int, _Asking]:
    """Key, name and priority of the surveys that ask; not needed where nothing depends on them."""
    if len(requests) == 1 and not any(rule.surveys for rule in rules):
        return {}
    rows = Survey.objects.filter(pk__in={one.survey_id for one in requests})
    return {pk: _Asking(key, name, first) for pk, key, name, first in rows.values_list("pk", "key", "name", "priority")}


def _refusal(
    rules: Sequence[Rule], past: Sequence[Past], person: Person, survey: str, channel: str, now: datetime
) -> dict[str, Any]:
    """The rule that forbids it for the longest time; empty if none does."""
    found: dict[str, Any] = {}
    longest: datetime | None = None
    for rule in rules:
        if len(past) < rule.most or not rule.concerns(survey, channel):
            continue
        counted = [one for one in past if one.at > now - rule.span and rule.concerns(one.survey, one.channel)]
        if len(counted) < rule.most or (rule.condition is not None and not holds(rule.condition, facts_of(person))):
            continue
        counted.sort(key=lambda one: one.at)
        free_at = counted[-rule.most].at + rule.span if rule.most else None
        if found and (free_at is not None and (longest is None or free_at <= longest)):
            continue
        longest = free_at
        newest = counted[-1] if counted else None
        found = {
            "rule": rule.id, "name": rule.name, "most": rule.most, "days": rule.days,
            "survey": newest.name if newest else "",
            "at": newest.at.isoformat() if newest else "",
            "free_at": free_at.isoformat() if free_at else "",
        }  # fmt: skip
        if free_at is None:  # nothing forbids more than "never"
            break
    return found


def facts_of(person: Person) -> dict[str, Value]:
    """What conditions of rules may ask for."""
    return {f"trait.{name}": value for name, value in (person.traits or {}).items()} | {"language": person.language}


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
