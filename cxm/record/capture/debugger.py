"""The live debugger: what a source sent lately, stored or refused, newest first.

Rows are asked for in windows that widen (an hour, a day, a month), so that a busy source answers from its newest
blocks alone. Whether anything new came is one small question, asked while somebody watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone

from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask

from .arrivals import KEPT, in_utc, scope_of
from .models import Source

SHOWN = 100
WINDOWS = (timedelta(hours=1), timedelta(days=1), KEPT)
TYPES = ("track", "identify", "page", "screen", "group", "alias")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of the debugger; empty means any. `show` is stored, refused, or empty for both."""

    show: str = ""
    type: str = ""
    name: str = ""
    reason: str = ""
    text: str = ""

    @property
    def stored(self) -> bool:
        return self.show != "refused" and not self.reason

    @property
    def refused(self) -> bool:
        return self.show != "stored" and not self.type


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in the log."""

    event_id: UUID
    at: datetime
    occurred_at: datetime
    type: str
    name: str
    user_id: str
    anonymous_id: str
    remark: str
    customer_id: UUID
    sent_at: datetime
    properties: str
    context: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A note on what was refused or left out, `n` times; `digest` tells it from others of the same moment."""

    digest: int
    at: datetime
    reason: str
    name: str
    detail: str
    body: str
    n: int


Row = Stored | Refused

STORED_WHERE = """
source = 'capture' AND source_id = {source_id:UInt32}
  AND ({type:String} = '' OR type = {type:String})
  AND ({part:String} = '' OR positionCaseInsensitiveUTF8(name, {part:String}) > 0)
  AND ({text:String} = '' OR positionCaseInsensitiveUTF8(properties, {text:String}) > 0
    OR positionCaseInsensitiveUTF8(context, {text:String}) > 0 OR user_id = {text:String}
    OR anonymous_id = {text:String})
"""
STORED_COLUMNS = """
event_id, received_at AS at, occurred_at, type, name, user_id, anonymous_id, remark, customer_id, sent_at, properties,
context
"""
STORED = f"""
SELECT {STORED_COLUMNS} FROM events WHERE $scope AND {STORED_WHERE} ORDER BY received_at DESC, event_id LIMIT {SHOWN}
"""
REFUSED_WHERE = """
source_id = {source_id:UInt32}
  AND ({reason:String} = '' OR reason = {reason:String})
  AND ({part:String} = '' OR positionCaseInsensitiveUTF8(name, {part:String}) > 0)
  AND ({text:String} = '' OR positionCaseInsensitiveUTF8(body, {text:String}) > 0
    OR positionCaseInsensitiveUTF8(detail, {text:String}) > 0)
"""
DIGEST = "cityHash64(reason, name, detail, body)"
REFUSED_COLUMNS = f"{DIGEST} AS digest, received_at AS at, reason, name, detail, body, n"
REFUSED = f"""
SELECT {REFUSED_COLUMNS} FROM rejections WHERE $scope AND {REFUSED_WHERE}
ORDER BY received_at DESC, digest LIMIT {SHOWN}
"""
NEW_STORED = f"SELECT count() AS n FROM events WHERE $scope AND {STORED_WHERE}"
NEW_REFUSED = f"SELECT count() AS n FROM rejections WHERE $scope AND {REFUSED_WHERE}"
# A row may become visible a little after its time of receipt, so newness is counted from before it.
OVERLAP = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Number:
    n: int


def parameters(source: Source, wanted: Wanted, *, refused: bool) -> Mapping[str, Any]:
    more = {"reason": wanted.reason} if refused else {"type": wanted.type}
    return {"source_id": source.pk, "part": wanted.name, "text": wanted.text, **more}


def latest(source: Source, wanted: Wanted) -> list[Row]:
    """The newest rows that fit, at most SHOWN."""
    now = timezone.now()
    rows: list[Row] = []
    for window in WINDOWS:
        scope = scope_of(source.workspace, now - window)
        rows = []
        if wanted.stored:
            rows += ask(
                STORED, scope, row=Stored, name="debugger.stored", table="events", time="received_at",
                **parameters(source, wanted, refused=False),
            ).rows  # fmt: skip
        if wanted.refused:
            rows += ask(
                REFUSED, scope, row=Refused, name="debugger.refused", table="rejections", time="received_at",
                **parameters(source, wanted, refused=True),
            ).rows  # fmt: skip
        if len(rows) >= SHOWN:
            break
    return sorted(rows, key=lambda one: one.at, reverse=True)[:SHOWN]


def mark_of(source: Source, wanted: Wanted, rows: list[Row]) -> str:
    """What a watching page says when it asks again: the newest time that it shows, and how many rows lie there."""
    newest = in_utc(rows[0].at) if rows else timezone.now() - timedelta(minutes=1)
    milliseconds = round(newest.timestamp() * 1000)
    return f"{milliseconds}-{_count_since(source, wanted, milliseconds)}"


def unchanged(source: Source, wanted: Wanted, mark: str) -> bool:
    """Whether nothing has come since a page got this mark."""
    milliseconds, _sep, n = mark.partition("-")
    if not (milliseconds.isdigit() and n.isdigit() and len(milliseconds) <= 13):
        return False
    return _count_since(source, wanted, int(milliseconds)) == int(n)


def _count_since(source: Source, wanted: Wanted, milliseconds: int) -> int:
    scope = scope_of(source.workspace, datetime.fromtimestamp(milliseconds / 1000, UTC) - OVERLAP)
    n = 0
    if wanted.stored:
        n += ask(
            NEW_STORED, scope, row=Number, name="debugger.new_stored", table="events", time="received_at",
            **parameters(source, wanted, refused=False),
        ).rows[0].n  # fmt: skip
    if wanted.refused:
        n += ask(
            NEW_REFUSED, scope, row=Number, name="debugger.new_refused", table="rejections", time="received_at",
            **parameters(source, wanted, refused=True),
        ).rows[0].n  # fmt: skip
    return n


ONE_STORED = f"""
SELECT {STORED_COLUMNS} FROM events
WHERE $scope AND source = 'capture' AND source_id = {{source_id:UInt32}} AND event_id = {{event_id:UUID}} LIMIT 1
"""
ONE_REFUSED = f"""
SELECT {REFUSED_COLUMNS} FROM rejections
WHERE $scope AND source_id = {{source_id:UInt32}} AND {DIGEST} = {{digest:UInt64}} LIMIT 1
"""


def stored(source: Source, event_id: UUID) -> Stored | None:
    """One event of the source."""
    rows = ask(
        ONE_STORED, scope_of(source.workspace), row=Stored, name="debugger.event", table="events",
        source_id=source.pk, event_id=str(event_id),
    ).rows  # fmt: skip
    return rows[0] if rows else None


def refused(source: Source, milliseconds: int, digest: int) -> Refused | None:
    """One note of the source, by its time of receipt and its digest."""
    if milliseconds > 10**13 or digest >= 2**64:
        return None
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    scope = scope_of(source.workspace).during(at, at + timedelta(milliseconds=1))
    rows = ask(
        ONE_REFUSED, scope, row=Refused, name="debugger.rejection", table="rejections", time="received_at",
        source_id=source.pk, digest=digest,
    ).rows  # fmt: skip
    return rows[0] if rows else None


def pretty(text: str) -> str:
    """JSON with indents; what is none stays as it came."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text


def customer_of(source: Source, event: Stored) -> Customer | None:
    """Whose timeline the event is on; None for a visitor whom nobody has named yet."""
    if event.customer_id == NOBODY:
        return None
    names = [("user_id", event.user_id)] if event.user_id else [("anonymous_id", event.anonymous_id)]
    found = Customer.objects.filter(workspace=source.workspace, pk=event.customer_id).first()
    for kind, value in names:
        held = Identity.objects.filter(workspace=source.workspace, kind=kind, value=value).select_related("customer")
        if identity := held.first():
            found = identity.customer
    return found.canonical or found if found else None
