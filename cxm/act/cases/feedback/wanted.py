"""A list of the inbox, as its address says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import QueryDict

PERIODS: Final = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "12m": 365}
MANY: Final = (
    "kind", "channel", "survey", "metric", "question", "touchpoint", "language", "sentiment", "emotion", "intent",
    "topic", "segment",
)  # fmt: skip
KINDS: Final = {
    "answer": "answer_given", "message": "message_received", "review": "review_received", "call": "call_transcribed",
}  # fmt: skip
SORTS: Final = ("newest", "oldest")
LONGEST: Final = 200
MOST: Final = 20  # values of one filter


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which texts, in which order. Several values of one field mean any of them; empty means all.

    `handled` is yes, no or empty; `assignee` a user's number, `me`, `nobody` or empty; `first` and `last` are days,
    both included. With `similar` (an event) the texts nearest to its text in meaning, with `meaning` to `text`.
    """

    text: str = ""
    similar: UUID | None = None
    meaning: bool = False
    kind: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    survey: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    question: tuple[str, ...] = ()
    touchpoint: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    sentiment: tuple[str, ...] = ()
    emotion: tuple[str, ...] = ()
    intent: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()
    score_from: float | None = None
    score_to: float | None = None
    effort: bool = False
    urgent: bool = False
    corrected: bool = False
    period: str = ""
    first: date | None = None
    last: date | None = None
    handled: str = ""
    assignee: str = ""
    tag: str = ""
    case: str = ""
    customer: UUID | None = None
    sort: str = ""

    @property
    def narrows(self) -> bool:
        return replace(self, sort="") != Wanted()

    @property
    def nearest(self) -> bool:
        """Whether the list is of the texts nearest in meaning; no filter holds in it."""
        return self.similar is not None or (self.meaning and bool(self.text))

    @property
    def filters(self) -> int:
        """How many filters are set, beside what is looked for and the order."""
        empty = Wanted()
        names = [one.name for one in fields(self) if one.name not in {"text", "sort", "similar", "meaning"}]
        return sum(getattr(self, name) != getattr(empty, name) for name in names)

    def address(self) -> str:
        """The query string that says the same."""
        query = QueryDict(mutable=True)
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, tuple):
                query.setlist(one.name, list(value))
            elif value not in ("", None, False):
                text = f"{value:g}" if isinstance(value, float) else "1" if value is True else str(value)
                query["q" if one.name == "text" else one.name] = text
        return query.urlencode()

    def moments(self, now: datetime, zone: str) -> tuple[datetime | None, datetime | None]:
        """The period as times: the first one included, the second not."""
        here = ZoneInfo(zone)
        since = until = None
        if days := PERIODS.get(self.period):
            first = now.astimezone(here).date() - timedelta(days=days - 1)
            since = datetime.combine(first, time(), here)
        if self.first:
            since = datetime.combine(self.first, time(), here)
        if self.last:
            until = datetime.combine(self.last + timedelta(days=1), time(), here)
        return since, until


def wanted_of(query: QueryDict) -> Wanted:
    """The list that an address asks for; whatever cannot be read is left out."""

    def one(name: str) -> str:
        return query.get(name, "").replace("\x00", "").strip()[:LONGEST]

    values: dict[str, Any] = {
        name: tuple(dict.fromkeys(text for raw in query.getlist(name)[:MOST] if (text := raw.strip()[:LONGEST])))
        for name in MANY
    }
    values["kind"] = tuple(kind for kind in values["kind"] if kind in KINDS)
    return Wanted(
        **values,
        text=one("q"),
        similar=_read(one("similar"), UUID),
        score_from=_number(one("score_from")),
        score_to=_number(one("score_to")),
        meaning=one("meaning") == "1",
        effort=one("effort") == "1",
        urgent=one("urgent") == "1",
        corrected=one("corrected") == "1",
        period=one("period") if one("period") in PERIODS else "",
        first=_day(one("first")),
        last=_day(one("last")),
        handled=one("handled") if one("handled") in {"yes", "no"} else "",
        assignee=person if (person := one("assignee")) in {"me", "nobody"} or _is_number(person) else "",
        tag=one("tag")[:60],
        case=one("case") if one("case") in {"yes", "no"} else "",
        customer=_read(one("customer"), UUID),
        sort=one("sort") if one("sort") in SORTS else "",
    )


def wanted_in(text: str) -> Wanted:
    """The same, of a query string as a form carries it."""
    return wanted_of(QueryDict(text[:2000]))


def wanted_from(values: Mapping[str, Any]) -> Wanted:
    """The same, of the parameters of a request to the API."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        if value not in (None, "", False):
            query.setlist(name, [str(one) for one in value] if isinstance(value, list) else [_plain(value)])
    return wanted_of(query)


def _plain(value: Any) -> str:
    return "1" if value is True else str(value)


def _read(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text) if text else None
    except ValueError:
        return None


def _number(text: str) -> float | None:
    value = _read(text, float)
    return value if value is not None and abs(value) < 1e12 else None  # nan and infinities are no scores


def _day(text: str) -> date | None:
    day = _read(text, date.fromisoformat)
    return day if day and 1900 <= day.year <= 2299 else None  # as the log can hold


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
