"""The address of a page of paths says all that is on it: the period, the segment and the filters of the steps.

    period=90d                     30d, 90d, 365d or all (usual); or from=2026-01-01&to=2026-03-31, both days included
    segment=ID                     the customers of a segment
    f=channel:is:app               a filter, as often as there are filters, as in the REST API; by label, channel,
                                   touchpoint, trait.NAME of the customer, property.NAME of the event

What cannot be read is left out, and said in `problems`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.record.customers.segments import segment_names, with_segments
from cxm.record.eventlog.scope import COLUMNS, SEGMENT, Filter, Scope
from cxm.understand.metrics.asking import read_filters, write_filter
from cxm.understand.metrics.periods import day_in, midnight
from cxm.understand.metrics.refusals import Refused

PERIODS: Mapping[str, int | None] = {"30d": 30, "90d": 90, "365d": 365, "all": None}
MOST_FILTERS, MOST_LETTERS = 10, 500


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows; `more` are the parameters of the page itself."""

    workspace: Workspace
    period: str = "all"
    first: date | None = None
    last: date | None = None
    segment: str = ""
    filters: tuple[Filter, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    def scope(self, now: datetime) -> Scope:
        zone = self.workspace.time_zone
        since, until = None, None
        if self.first or self.last:
            since = midnight(self.first, zone) if self.first else None
            until = midnight(self.last + timedelta(days=1), zone) if self.last else None
        elif days := PERIODS[self.period]:
            since = midnight(day_in(now, zone) - timedelta(days=days - 1), zone)
        filters = self.filters
        if self.segment:
            filters = (*filters, *with_segments(self.workspace.pk, [Filter(SEGMENT, "is", (self.segment,))]))
        return Scope(self.workspace.pk, zone, since, until, filters)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        pairs = []
        if self.first or self.last:
            pairs += [(name, day.isoformat()) for name, day in (("from", self.first), ("to", self.last)) if day]
        elif self.period != "all":
            pairs.append(("period", self.period))
        if self.segment:
            pairs.append(("segment", self.segment))
        return pairs + [("f", text) for one in self.filters for text in write_filter(one)]

    def query(self, **more: str | Sequence[str]) -> str:
        """The query string with more parameters; those that are empty are left out."""
        pairs = self.pairs
        for name, value in more.items():
            pairs += [(name, one) for one in ([value] if isinstance(value, str) else value) if one != ""]
        return urlencode(pairs)

    @property
    def chips(self) -> list[tuple[str, str]]:
        """Each filter in words, and the text that the address has for it."""
        return [(filter_text(one), text) for one in self.filters for text in write_filter(one)]


def filter_text(one: Filter) -> str:
    names = {"label": _("Step"), "next": _("Next step"), "channel": _("Channel"), "touchpoint": _("Touchpoint")}
    name = names.get(one.field, one.field.removeprefix("trait.").removeprefix("property."))
    values = _(" or ").join(one.values)
    match one.operator:
        case "is":
            return _("%(field)s is %(values)s") % {"field": name, "values": values}
        case "is_not":
            return _("%(field)s is not %(values)s") % {"field": name, "values": values}
        case "contains":
            return _("%(field)s contains %(values)s") % {"field": name, "values": values}
        case "at_least":
            return _("%(field)s is at least %(values)s") % {"field": name, "values": values}
        case "at_most":
            return _("%(field)s is at most %(values)s") % {"field": name, "values": values}
        case "is_set":
            return _("%(field)s is known") % {"field": name}
    return _("%(field)s is not known") % {"field": name}


def read(workspace: Workspace, given: QueryDict) -> View:
    problems: list[str] = []
    period = given.get("period", "all")
    if period not in PERIODS:
        problems.append(_("There is no period “%(name)s”.") % {"name": period[:40]})
        period = "all"
    first, last = (_day(given.get(name, ""), problems) for name in ("from", "to"))
    if first and last and first > last:
        problems.append(_("The period ends before it begins."))
        first = last = None
    segment = given.get("segment", "")
    if segment and segment not in segment_names(workspace.pk):
        problems.append(_("This segment is not there any more."))
        segment = ""
    return View(workspace, period, first, last, segment, _filters(workspace, given, problems), tuple(problems))


def _day(text: str, problems: list[str]) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 1970 <= found.year <= 2200:
        problems.append(_("“%(text)s” is not a day. Write it as 2026-03-31.") % {"text": text[:40]})
        return None
    return found


def _filters(workspace: Workspace, given: QueryDict, problems: list[str]) -> tuple[Filter, ...]:
    texts = [text for text in given.getlist("f") if text]
    if (name := given.get("field", "")) and (value := given.get("value", "")):  # one more, from the form
        texts.append(f"{name}:is:{value}")
    if len(texts) > MOST_FILTERS or any(len(text) > MOST_LETTERS for text in texts):
        problems.append(_("There are too many filters."))
        texts = [text for text in texts if len(text) <= MOST_LETTERS][:MOST_FILTERS]
    try:
        filters = read_filters(texts, workspace.pk)
    except Refused as refused:
        problems.append(str(refused))
        return ()
    kept = tuple(one for one in filters if one.field in COLUMNS["steps"] or _is_named(one.field))
    problems += [_("There is no field “%(name)s” here.") % {"name": one.field} for one in filters if one not in kept]
    return kept


def _is_named(name: str) -> bool:
    """A trait of the customer, or a property of the event."""
    kind, _dot, rest = name.partition(".")
    return kind in ("trait", "property") and bool(rest) and all(ord(letter) >= 32 for letter in rest)
