"""Quotes for a slide: texts of customers who said that they may be quoted, without personal data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Consent

from .queries import Entry, Row, by_id, customers_of, entries, rows_of
from .wanted import Wanted
from .wording import masked

PURPOSE: Final = "quotes"  # the consent by which somebody may be quoted
LOOKED_AT: Final = 1_000  # texts of the list, the newest
MOST: Final = 30
LONGEST: Final = 320  # characters


@dataclass(frozen=True, slots=True)
class Quote:
    event_id: UUID
    text: str
    channel: str
    score: float | None
    scale: str
    at: datetime
    sentiment: str


@dataclass(frozen=True, slots=True)
class Quotes:
    """`looked_at`: texts of the list that were looked at; `consented`: of customers who may be quoted."""

    quotes: list[Quote]
    looked_at: int
    consented: int


def quotes_of(
    workspace: Workspace, wanted: Wanted, user: User | None, event_ids: Iterable[UUID] = ()
) -> Quotes:  # fmt: skip
    """Of the texts that are named, or else of the list. Raises UnknownField, EventlogError."""
    ids = list(event_ids)[:LOOKED_AT]
    rows = by_id(workspace, ids) if ids else rows_of(workspace, wanted, user, size=LOOKED_AT, shown=4_000)
    may = consenting(workspace, {one.customer_id for one in rows})
    usable = [one for one in rows if one.customer_id in may]
    return Quotes([quote(one) for one in entries(workspace, usable[:MOST])], len(rows), len(usable))


def consenting(workspace: Workspace, ids: set[UUID]) -> set[UUID]:
    """Who may be quoted, by the id that the log has: the newest decision counts, of all profiles of a person."""
    people = customers_of(workspace, ids)
    newest: dict[UUID, bool] = {}
    rows = Consent.objects.filter(customer__workspace=workspace, purpose=PURPOSE)
    found = rows.filter(customer__in=[*people, *(one.pk for one in people.values())]).select_related("customer")
    for one in found.order_by("at", "pk"):
        newest[one.customer.canonical_id or one.customer_id] = one.granted
    return {event_customer for event_customer, person in people.items() if newest.get(person.pk)}


def quote(entry: Entry) -> Quote:
    row: Row = entry.row
    reading = entry.reading
    return Quote(
        row.event_id, shortened(masked(row.comment, reading)), row.channel, row.score, row.scale, row.occurred_at,
        reading.sentiment if reading else "",
    )  # fmt: skip


def shortened(text: str) -> str:
    """At most LONGEST characters, cut behind a sentence where there is one, else behind a word."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    start = text[:LONGEST]
    ends = [start.rfind(one) for one in (". ", "! ", "? ", "。", "！", "？")]
    if max(ends) > LONGEST // 3:
        return start[: max(ends) + 1]
    return f"{start.rpartition(' ')[0] or start}…"
