"""The address of a page says all that is on it: a query string becomes a `View`, and a `View` its query string.

    period=90d                     a named period, or from=2026-01-01&to=2026-03-31 (both days included)
    grain=week                     points of the trend
    by=property.area               the field of the breakdown
    f=channel:is:email|chat        a filter, as often as there are filters: field:operator:values
    vs=previous | year | segment   what is compared with; the other segment's filters are g=…, written like f=…
    weighted=1                     answers count by their weights
    o.KEY=value                    an option of the metric, such as o.question

In a filter a backslash stands before a colon of the field and before a bar of a value. What cannot be read is left
out, and said in `problems`, so that a wrong address still shows a sensible page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal, TypeVar, get_args
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from cxm.record.eventlog.scope import Filter, Grain, Operator

from .periods import DEFAULT_PERIOD, EARLIEST, LATEST, NAMES, Days, days_of, grain_for, previous, year_before

Choice = TypeVar("Choice", bound=str)
Comparison = Literal["none", "previous", "year", "segment"]
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
GRAINS: Final[tuple[Grain, ...]] = ("day", "week", "month", "quarter", "year")
MOST_FILTERS: Final = 20
MOST_LETTERS: Final = 2_000  # of one filter
_COLON = re.compile(r"(?<!\\)(?:\\\\)*:")


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows. `first` and `last` count where `period` is empty; grain None leaves the choice to us."""

    period: str = DEFAULT_PERIOD
    first: date | None = None
    last: date | None = None
    grain: Grain | None = None
    by: str = ""
    filters: tuple[Filter, ...] = ()
    comparison: Comparison = "previous"
    other: tuple[Filter, ...] = ()
    weighted: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def days(self, today: date) -> Days:
        return days_of(self.period, today) if self.period else Days(self.first, self.last)

    def compared_days(self, today: date) -> Days | None:
        """The period compared with; None where there is none, or where segments are compared."""
        match self.comparison:
            case "previous":
                return previous(self.days(today))
            case "year":
                return year_before(self.days(today))
        return None

    def points(self, today: date) -> Grain:
        return self.grain or grain_for(self.days(today))

    def pinned(self, today: date) -> View:
        """The same with its days written out, so that its address means the same tomorrow."""
        days = self.days(today)
        if days.first is None and days.last is None:
            return self
        return replace(self, period="", first=days.first, last=days.last, grain=self.points(today))

    def said(self) -> dict[str, list[str]]:
        """The options as the metrics take them."""
        options: dict[str, list[str]] = {}
        for key, value in self.options:
            options.setdefault(key, []).append(value)
        return options

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query string; what is usual is left out."""
        pairs: list[tuple[str, str]] = []
        if self.period and self.period != DEFAULT_PERIOD:
            pairs.append(("period", self.period))
        if not self.period:
            pairs += [
                (name, day.isoformat()) for name, day in (("from", self.first), ("to", self.last)) if day is not None
            ]
        if self.grain:
            pairs.append(("grain", self.grain))
        if self.by:
            pairs.append(("by", self.by))
        pairs += [("f", written(one)) for one in self.filters]
        if self.comparison != "previous":
            pairs.append(("vs", self.comparison))
        pairs += [("g", written(one)) for one in self.other]
        if self.weighted:
            pairs.append(("weighted", "1"))
        return pairs + [(f"o.{key}", value) for key, value in self.options]

    @property
    def query(self) -> str:
        """The query string, without the question mark."""
        return urlencode(self.pairs)


@dataclass(slots=True)
class Reading:
    """A view, and what of the address could not be read: full sentences."""

    view: View
    problems: list[str] = field(default_factory=list)


def written(one: Filter) -> str:
    """A filter as an address holds it."""
    head = one.field.replace("\\", "\\\\").replace(":", "\\:") + ":" + one.operator
    if not one.values:
        return head
    return head + ":" + "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in one.values)


def filter_from(text: str) -> Filter:
    """The filter that `written` wrote; ValueError with a sentence for anything else."""
    if len(text) > MOST_LETTERS:
        raise ValueError(_("A filter is too long. Use at most %(most)d characters.") % {"most": MOST_LETTERS})
    colon = _COLON.search(text)
    if colon is None or not text[: colon.end() - 1]:
        raise ValueError(_("The filter “%(filter)s” cannot be read. Choose a field again.") % {"filter": text})
    name = re.sub(r"\\(.)", r"\1", text[: colon.end() - 1], flags=re.S)
    operator, said, rest = text[colon.end() :].partition(":")
    values = tuple(re.sub(r"\\(.)", r"\1", part, flags=re.S) for part in _split(rest)) if said else ()
    return checked(name, operator, values)


def _split(text: str) -> list[str]:
    """The values between bars that have no backslash before them."""
    parts = [""]
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            parts[-1] += letter + next(letters, "\\")
        elif letter == "|":
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def checked(name: str, operator: str, values: tuple[str, ...]) -> Filter:
    """A filter that the log can take; ValueError with a sentence where it is none."""
    if not name or any(ord(letter) < 32 for letter in name + "".join(values)):
        raise ValueError(_("A filter holds characters that no field has. Choose its field again."))
    match operator:
        case "is_set" | "is_not_set":
            return Filter(name, operator)
        case "is" | "is_not" | "contains":
            if not values:
                raise ValueError(_("The filter on “%(field)s” has no value. Write one.") % {"field": name})
            return Filter(name, operator, values)
        case "at_least" | "at_most":
            if len(values) != 1 or not re.fullmatch(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", values[0], re.ASCII):
                raise ValueError(_("The filter on “%(field)s” needs one number.") % {"field": name})
            return Filter(name, operator, values)
    raise ValueError(
        _("The filter on “%(field)s” compares in a way that there is not. Choose it again.") % {"field": name}
    )


def read(query: QueryDict, usual: View | None = None) -> Reading:
    """The view that a query string says; `usual` is what counts where it says nothing."""
    usual = usual or View()
    problems: list[str] = []
    period, first, last = _period(query, usual, problems)
    grain = _one_of(query, "grain", GRAINS, usual.grain, _("There is no such step for a trend."), problems)
    comparison = _one_of(
        query, "vs", get_args(Comparison), usual.comparison, _("There is no such comparison."), problems
    )
    view = View(
        period=period,
        first=first,
        last=last,
        grain=grain,
        by=_text(query.get("by", usual.by), problems),
        filters=_filters(query, "f", problems) if "f" in query or "ff" in query else usual.filters,
        comparison=comparison or "previous",
        other=_filters(query, "g", problems) if "g" in query or "gf" in query else usual.other,
        weighted=query.get("weighted", "1" if usual.weighted else "") in {"1", "on", "true", "yes"},
        options=_options(query),
    )
    return Reading(view, problems)


def _period(query: Mapping[str, str], usual: View, problems: list[str]) -> tuple[str, date | None, date | None]:
    name = query.get("period", "")
    if name in NAMES and not _days_were_written(query, name):
        return name, None, None
    if name and name != "days" and name not in NAMES:
        problems.append(_("There is no period “%(name)s”. The usual one is shown.") % {"name": name[:60]})
        return usual.period, usual.first, usual.last
    first, last = _day(query.get("from", ""), problems), _day(query.get("to", ""), problems)
    if first and last and first > last:
        problems.append(_("The first day is after the last day, so they were exchanged."))
        first, last = last, first
    if first is None and last is None:
        return usual.period, usual.first, usual.last
    return "", first, last


def _days_were_written(query: Mapping[str, str], name: str) -> bool:
    """Whether a form was sent in which the person wrote other days and left the named period as it was.

    `was` is what the form showed: "period first last".
    """
    if "was" not in query:
        return False
    days = f"{query.get('from', '')} {query.get('to', '')}"
    return query["was"].startswith(name + " ") and query["was"] != f"{name} {days}" and bool(days.strip())


def _day(text: str, problems: list[str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day <= LATEST:
        problems.append(
            _("“%(text)s” is not a day that can be shown. Write it as year-month-day.") % {"text": text[:40]}
        )
        return None
    return day


def _one_of(
    query: Mapping[str, str],
    key: str,
    choices: Sequence[Choice],
    usual: Choice | None,
    sentence: str,
    problems: list[str],
) -> Choice | None:
    said = query.get(key, "")
    for choice in choices:
        if choice == said:
            return choice
    if said:
        problems.append(sentence)
    return usual


def _text(text: str, problems: list[str]) -> str:
    if len(text) > MOST_LETTERS or any(ord(letter) < 32 for letter in text):
        problems.append(_("The breakdown names no field. Choose one of the list."))
        return ""
    return text


def _filters(query: QueryDict, key: str, problems: list[str]) -> tuple[Filter, ...]:
    """The filters of `key`, and the one that a form adds by the three fields ff, fo and fv (or gf, go and gv)."""
    texts = [text for text in query.getlist(key) if text]
    if len(texts) > MOST_FILTERS:
        problems.append(_("Only the first %(most)d filters are used.") % {"most": MOST_FILTERS})
    filters: dict[Filter, None] = {}
    for text in texts[:MOST_FILTERS]:
        try:
            filters[filter_from(text)] = None
        except ValueError as error:
            problems.append(str(error))
    if name := query.get(key + "f", "").strip():
        said = query.get(key + "v", "").strip()
        values = tuple(part.strip() for part in said.split("|")) if said else ()
        try:
            filters[checked(name, query.get(key + "o", "") or "is", values)] = None
        except ValueError as error:
            problems.append(str(error))
    return tuple(filters)


def _options(query: QueryDict) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key[2:], value[:MOST_LETTERS])
        for key, values in query.lists()
        if key.startswith("o.") and len(key) > 2
        for value in values[:MOST_FILTERS]
        if value
    )


def without(filters: Iterable[Filter], one: Filter) -> tuple[Filter, ...]:
    return tuple(other for other in filters if other != one)
