"""The page that compares two maps, or one map in two periods, segments, regions, channels or partners."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.lib import numbers
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Filter, UnknownField
from cxm.understand.metrics.refusals import Refused

from ..definition import MapDefinition
from ..maps.board import channel_label
from ..maps.queries import definition_of, map_for, maps_of
from ..models import JourneyMap
from ..steps.actions import process_for_map
from .comparing import MEASURES, Compared, Comparison, Measure, Row, Side, compare
from .keeping import scope_of
from .period import Period, period_of, told

TRAIT = "trait."


@dataclass(frozen=True, slots=True)
class Half:
    """One side of the form, as the address gives it."""

    suffix: str
    map: JourneyMap
    definition: MapDefinition
    period: Period
    channel: str
    partner: str
    trait: str
    value: str

    @property
    def name(self) -> str:
        """What tells this side apart, in one line."""
        parts = [self.map.name]
        if self.period.since or self.period.until:
            parts.append(
                _("%(since)s to %(until)s") % {"since": self.period.since or "…", "until": self.period.until or "…"}
            )
        parts += [channel_label(self.channel)] if self.channel else []
        parts += [self.partner] if self.partner else []
        parts += [f"{self.trait}: {self.value}"] if self.trait and self.value else []
        parts += [name for value, name, chosen in self.said(self.map.workspace)["segments"] if chosen and value]
        return " · ".join(parts)

    def said(self, workspace: Workspace) -> dict[str, Any]:
        return self.period.said(workspace)

    def side(self) -> Side:
        """Raises Refused of metrics."""
        scope = self.period.scope
        if self.definition.segment:
            scope = scope.where(*scope_of(self.map, self.definition, "").filters)
        if self.trait and self.value:
            scope = scope.where(Filter(f"{TRAIT}{self.trait}", "is", (self.value,)))
        return Side(self.definition, process_for_map(self.map).pk, scope, self.channel, self.partner)


def half_of(query: QueryDict, journey_map: JourneyMap, suffix: str) -> Half:
    """Raises Refused of metrics."""
    workspace = journey_map.workspace
    chosen = journey_map
    if suffix:
        chosen = next((one for one in maps_of(workspace) if str(one.pk) == query.get("map2")), journey_map)
    definition = definition_of(chosen)
    partners = {one.partner for one in definition.touchpoints() if one.partner}
    partner = query.get(f"partner{suffix}", "")
    return Half(
        suffix, chosen, definition, period_of(query, workspace, suffix, days=None),
        query.get(f"channel{suffix}", "")[:100], partner if partner in partners else "",
        query.get(f"trait{suffix}", "").strip().removeprefix(TRAIT)[:100],
        query.get(f"value{suffix}", "").strip()[:200],
    )  # fmt: skip


@require_safe
def show(request: HttpRequest, slug: str, map_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    journey_map = map_for(membership, map_id)
    context: dict[str, Any] = {
        "membership": membership, "workspace": membership.workspace, "tab": "maps", "map": journey_map,
        "asked": bool(request.GET), "shortcuts": shortcuts(journey_map),
    }  # fmt: skip
    try:
        halves = [half_of(request.GET, journey_map, suffix) for suffix in ("", "2")]
        context |= form_of(halves, membership)
        if request.GET:
            context |= found(halves)
    except (Refused, UnknownField) as refused:
        context["problem"] = told(refused)
        if "halves" not in context:  # the form as it is without what was asked
            context |= form_of([half_of(QueryDict(), journey_map, suffix) for suffix in ("", "2")], membership)
    except EventlogError:
        context["problem"] = _("The event log does not answer at the moment. Please try again in a minute.")
    return render(request, "journeys/compare.html", context)


def form_of(halves: list[Half], membership: Membership) -> dict[str, Any]:
    maps = list(maps_of(membership.workspace))
    points = [point for half in halves for point in half.definition.touchpoints()]
    channels = sorted({one.channel for one in points if one.channel})
    partners = sorted({one.partner for one in points if one.partner})
    return {
        "halves": [
            {
                "suffix": half.suffix, "name": _("Second side") if half.suffix else _("First side"), "half": half,
                "maps": [(str(one.pk), one.name, one.pk == half.map.pk) for one in maps] if half.suffix else [],
                "channels": [(one, channel_label(one), one == half.channel) for one in channels],
                "partners": [(one, one == half.partner) for one in partners], **half.said(membership.workspace),
            }
            for half in halves
        ],
    }  # fmt: skip


def found(halves: list[Half]) -> dict[str, Any]:
    """Raises EventlogError, UnknownField, Refused."""
    compared = compare(halves[0].side(), halves[1].side(), timezone.now())
    return {
        "compared": compared, "names": [half.name for half in halves],
        "measures": [measure_name(one) for one in MEASURES],
        "rows": [
            (row, [(measure_name(one), cell_of(row.numbers.get(one))) for one in MEASURES]) for row in compared.rows
        ],
        "changed": changed(compared),
    }  # fmt: skip


def measure_name(measure: Measure) -> str:
    return {
        "on": pgettext("touchpoint", "Goes on"),
        "time": pgettext("touchpoint", "Time to the next"),
        "score": pgettext("touchpoint", "Score"),
        "mood": pgettext("touchpoint", "Mood of texts"),
        "tickets": pgettext("touchpoint", "Tickets per visit"),
    }[measure]


@dataclass(frozen=True, slots=True)
class Cell:
    """A compared number in words."""

    number: Compared
    first: str
    second: str
    change: str

    @property
    def tone(self) -> str:
        return {"better": "good", "worse": "bad", "no_evidence": "quiet"}[self.number.better]


def cell_of(number: Compared | None) -> Cell | None:
    if number is None:
        return None
    sides = []
    for one in (number.first, number.second):
        if number.unit == "seconds":
            value, low, high = (None if each is None else each / 3600 for each in (one.value, one.low, one.high))
            sides.append(numbers.statement(value, low, high, one.n, "hours"))
        else:
            sides.append(numbers.statement(one.value, one.low, one.high, one.n, number.unit))
    unit = "percent" if number.measure == "time" else number.unit
    difference = number.difference
    change = numbers.signed(difference.value, unit)
    if difference.low is not None and difference.high is not None and math.isfinite(difference.high):
        ends = [numbers.signed(end, unit) for end in (difference.low, difference.high)]
        change = _("%(change)s (%(low)s to %(high)s)") % {"change": change, "low": ends[0], "high": ends[1]}
    return Cell(number, sides[0], sides[1], change)


def changed(compared: Comparison) -> list[tuple[Row, str, Cell]]:
    """The numbers that differ by more than chance, the strongest evidence first."""
    every = [
        (row, measure_name(one.measure), cell) for row in compared.rows for one in row.numbers.values()
        if one.better != "no_evidence" and (cell := cell_of(one))
    ]  # fmt: skip
    return sorted(every, key=lambda each: each[2].number.difference.p_value or 0)


def shortcuts(journey_map: JourneyMap) -> list[tuple[str, str]]:
    """Comparisons that suggest themselves, as (what, query string)."""
    definition = definition_of(journey_map)
    today = timezone.localtime(timezone=ZoneInfo(journey_map.workspace.time_zone)).date()
    made = [(_("The last 90 days with the 90 days before"), urlencode(_days(today, 90)))]
    partners = sorted({one.partner for one in definition.touchpoints() if one.partner})
    if len(partners) > 1:
        made.append((
            _("%(first)s with %(second)s") % {"first": partners[0], "second": partners[1]},
            urlencode({"partner": partners[0], "partner2": partners[1]}),
        ))  # fmt: skip
    for other in maps_of(journey_map.workspace):
        if journey_map.pk in (other.as_is_id,) or other.pk == journey_map.as_is_id:
            made.append((_("With the map “%(name)s”") % {"name": other.name}, urlencode({"map2": str(other.pk)})))
    return made


def _days(today: date, n: int) -> dict[str, str]:
    middle, start = today - timedelta(days=n), today - timedelta(days=2 * n)
    return {
        "since": start.isoformat(), "until": middle.isoformat(), "since2": middle.isoformat(),
        "until2": today.isoformat()
    }  # fmt: skip
