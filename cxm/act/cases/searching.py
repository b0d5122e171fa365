"""Finding cases: by number, by what they are about, by what customers wrote, and by whom they concern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer
from cxm.record.customers.searching import find, normalise
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope
from cxm.understand.text.topics.queries import keys_under

from .models import Case

LONGEST = 600
CUSTOMERS = 60  # of these the cases are found
FEW = 500  # matches: so many are looked up, of more the list is walked, where they are met soon
# The whole text first: it is cheap, and few rows are left to be read as JSON.
SAID_SQL = """
SELECT JSONExtractString(properties, 'conversation_id') AS conversation
FROM events
WHERE $scope AND name IN ('message_received', 'review_received', 'call_transcribed')
  AND arrayAll(word -> positionCaseInsensitiveUTF8(properties, word) > 0, {words:Array(String)})
  AND arrayAll(word -> positionCaseInsensitiveUTF8(JSONExtractString(properties, 'comment'), word) > 0,
               {words:Array(String)})
GROUP BY conversation ORDER BY max(occurred_at) DESC LIMIT {limit:UInt32}
"""
# The conversations whose messages are about a topic, and the cases that were opened for other texts about it.
TOPIC_SQL = """
SELECT JSONExtractString(properties, 'conversation_id') AS conversation, toUInt32(0) AS number
FROM events
WHERE $scope AND name IN ('message_received', 'review_received', 'call_transcribed') AND event_id GLOBAL IN (
    SELECT event_id FROM annotations FINAL WHERE $workspace AND hasAny(topics, {topics:Array(String)}))
GROUP BY conversation ORDER BY max(occurred_at) DESC LIMIT {limit:UInt32}
UNION ALL
SELECT '' AS conversation, case_number AS number
FROM text_marks FINAL
WHERE $workspace AND case_number != 0 AND event_id GLOBAL IN (
    SELECT event_id FROM annotations FINAL WHERE $workspace AND hasAny(topics, {topics:Array(String)}))
ORDER BY occurred_at DESC LIMIT {limit:UInt32}
"""
NUMBER = re.compile(r"#?\s*(\d{1,9})")


def text_of(case: Case) -> str:
    """What `Case.search_text` must hold: its subject, tags and texts of its properties, in one form of letters."""
    values = (str(one) for one in case.properties.values() if isinstance(one, str | int | float))
    parts = (case.subject, *case.tags, case.category, *values)
    return "\n".join(form for one in parts if (form := normalise(one)))[:LONGEST]


def matching(rows: QuerySet[Case], workspace: Workspace, text: str) -> QuerySet[Case]:
    """Those of `rows` that a person may mean by `text`."""
    text = text.strip().replace("\x00", "")[:120]
    if number := NUMBER.fullmatch(text):
        by_number = rows.filter(number=int(number[1]))
        if by_number.exists():
            return by_number
    words = normalise(text).split()[:6]
    if not words:
        return rows
    said = Q()
    for word in words:
        said &= Q(search_text__contains=word)
    # Without an order, the index of the texts alone is read.
    found = list(Case.objects.filter(said, workspace=workspace).order_by().values_list("pk", flat=True)[: FEW + 1])
    if len(found) <= FEW:
        said = Q(pk__in=found)
    by_words = Q(conversation__in=conversations_with(workspace, text))
    return rows.filter(said | by_words | Q(customer__in=people_called(workspace, text)))


@dataclass(frozen=True, slots=True)
class _Said:
    conversation: str


def conversations_with(workspace: Workspace, text: str) -> list[UUID]:
    """The conversations in which a customer wrote all these words, those of late; none while the log is away."""
    words = [word.strip(',.;:!?"«»“”()') for word in text.split()[:6]]
    try:
        rows = ask(
            SAID_SQL, Scope(workspace.pk), row=_Said, name="cases.search", table="events",
            words=[word for word in words if word], limit=FEW,
        ).rows  # fmt: skip
    except EventlogError:
        return []
    return [UUID(one.conversation) for one in rows if one.conversation] if any(words) else []


def people_called(workspace: Workspace, text: str) -> list[UUID]:
    """The profiles of those whom a text may mean; a whole e-mail address means nobody else."""
    people: list[UUID] = []
    if "@" in text:
        named = Customer.objects.filter(workspace=workspace, email=text.casefold())
        people = list(named.values_list("pk", flat=True)[:CUSTOMERS])
    people = people or [hit.customer_id for hit in find(workspace, text, limit=CUSTOMERS)]
    merged = Customer.objects.filter(canonical__in=people).values_list("pk", flat=True)
    return [*people, *merged[: 2 * CUSTOMERS]]


@dataclass(frozen=True, slots=True)
class _About:
    conversation: str
    number: int


def about_topic(rows: QuerySet[Case], workspace: Workspace, topic: str) -> QuerySet[Case]:
    """Those of `rows` whose customers wrote about a topic or one below it: the newest FEW of each kind. None while the
    log is away."""
    keys = sorted(keys_under(workspace.pk, topic))
    try:
        found = ask(
            TOPIC_SQL, Scope(workspace.pk), row=_About, name="cases.topic", table="events", topics=keys, limit=FEW
        ).rows  # fmt: skip
    except EventlogError:
        return rows.none()
    conversations = [UUID(one.conversation) for one in found if one.conversation]
    return rows.filter(Q(conversation__in=conversations) | Q(number__in=[one.number for one in found if one.number]))
