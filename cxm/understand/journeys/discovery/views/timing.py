"""Funnels, times between steps, sessions, and who comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from cxm.lib import numbers
from cxm.lib.charts import Bin, Histogram
from cxm.stats.estimate import Estimate
from cxm.understand.journeys.discovery.between import Between, time_between
from cxm.understand.journeys.discovery.funnels import Asked, Level, funnel_of, read_funnel, write_group
from cxm.understand.journeys.discovery.reading import whole
from cxm.understand.journeys.discovery.retention import STRETCHES, Unit, hits_of, read_unit, retention
from cxm.understand.journeys.discovery.sessions import Sessions, sessions
from cxm.understand.journeys.discovery.showing import Cell
from cxm.understand.journeys.steps.funnels import MOST_STEPS
from cxm.understand.journeys.steps.queries import starts_and_ends, transitions, variants

from . import Page, answering

GAP_MINUTES, MOST_MINUTES = 30, 525_600
FEWEST = 10  # customers: of fewer, a share is too much chance to stand out by its colour


def labels_by_use(page: Page) -> list[str]:
    """All labels of the steps in the scope, the most frequent first."""
    return [one.label for one in starts_and_ends(page.process, page.scope).rows]


@require_safe
@answering
def funnel(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    asked = read_funnel(request.GET)
    labels = labels_by_use(page)
    if not asked.steps:  # to begin with: a frequent path with several steps, as far as it repeats nothing
        common = [tuple(dict.fromkeys(one.labels)) for one in variants(page.process, page.scope, limit=10).rows]
        asked = replace(asked, steps=next((one for one in common if len(one) > 2), (*common, ())[0])[:5])
    found = funnel_of(page.process, page.scope, asked) if asked.possible else None
    groups = found.groups.items() if found else ()
    rows = [(by, [_level(page, one, asked, by) for one in levels]) for by, levels in groups]
    slots = [*asked.steps, *[""] * (2 if len(asked.steps) < MOST_STEPS - 1 else MOST_STEPS - len(asked.steps))]
    return page.show(
        "journeys/paths/funnel.html", "funnel", asked=asked, found=found, rows=rows, slots=slots,
        labels=[(one, page.named(one)) for one in dict.fromkeys([*asked.steps, *labels, *asked.exclusions])],
        within=request.GET.get("within", ""), limits=limit_names(), grouped=asked.by is not None,
        groups=groups_of(page, asked), csv_url=page.csv_url("funnel", **address_of(page, asked), by=asked.by or ""),
        sql=found.sql if found else "",
    )  # fmt: skip


def groups_of(page: Page, asked: Asked) -> list[tuple[str, str]]:
    """What a funnel may be split by; what the address names stays there, also where it is not offered."""
    found = [one for one in page.fields if one[0] != "label"]
    if asked.by and asked.by not in dict(found):
        found.append((asked.by, asked.by.partition(".")[2] or asked.by))
    return found


def address_of(page: Page, asked: Asked) -> dict[str, Any]:
    """The funnel as the address of another page about it."""
    return {
        "funnel": list(asked.steps), "within": page.request.GET.get("within", ""), "without": list(asked.exclusions),
        "any": "" if asked.ordered else "1",
    }  # fmt: skip


def limit_names() -> list[tuple[str, str]]:
    return [
        ("", _("No limit")), ("30m", _("30 minutes")), ("1h", _("1 hour")), ("1d", _("1 day")), ("7d", _("7 days")),
        ("30d", _("30 days")), ("90d", _("90 days")),
    ]  # fmt: skip


def _level(page: Page, one: Level, asked: Asked, group: str) -> dict[str, Any]:
    """A step of the funnel with the addresses of those who came so far, and of those who came no further."""
    same = {**address_of(page, asked), "level": str(one.number)}
    if asked.by:
        same |= {"by": asked.by, "of": write_group(group)}
    return {
        "level": one, "name": page.named(one.label), "width": round(100 * (one.of_first.value or 0), 1),
        "url": page.journeys_url(**same), "dropped_url": page.journeys_url(**same, dropped="1"),
    }  # fmt: skip


@require_safe
@answering
def times(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    labels = labels_by_use(page)
    first, then = request.GET.get("first", ""), request.GET.get("then", "")
    if not (first and then) and labels:
        common = transitions(page.process, page.scope, times=False).rows
        first, then = next(((one.label, one.next) for one in common if one.next), (labels[0], labels[0]))
    between = time_between(page.process, page.scope, first, then) if labels else None
    minutes = min(whole(request.GET, "gap") or GAP_MINUTES, MOST_MINUTES)
    parted = sessions(page.process, page.scope, minutes * 60)
    return page.show(
        "journeys/paths/times.html", "times", labels=[(one, page.named(one)) for one in labels], first=first, then=then,
        first_name=page.named(first), then_name=page.named(then),
        between=between, chart=_waits(between) if between else None, gap=minutes, sessions=parted,
        sizes=_sizes(parted), sql=between.sql if between else "",
        reached_url=page.journeys_url(first=first, then=then, reached="1"),
        missed_url=page.journeys_url(first=first, then=then, reached="0"),
    )  # fmt: skip


def _waits(between: Between) -> Histogram:
    return Histogram(
        title=_("How long it takes"), unit="hours", name="time-between",
        bins=[
            Bin(count=n, low=low / 3600, high=None if high is None else high / 3600)
            for low, high, n in between.columns
        ],
    )  # fmt: skip


def _sizes(parted: Sessions) -> Histogram:
    def name(low: int, high: int | None) -> str:
        if high is None:
            return _("%(low)s or more") % {"low": numbers.amount(low, "count")}
        return str(low) if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}

    return Histogram(
        title=_("Steps of a session"), unit="count", name="session-sizes",
        bins=[Bin(count=n, label=name(low, high)) for low, high, n in parted.columns],
    )  # fmt: skip


@require_safe
@answering
def returning(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    unit: Unit = read_unit(request.GET)
    first, then = request.GET.get("first", ""), request.GET.get("then", "")
    found = retention(page.process, page.scope, page.now, unit=unit, first=first, then=then)
    labels = labels_by_use(page)
    asked = {"unit": unit, "first": first, "then": then}

    def cells(cohort: str, shares: Sequence[Estimate | None]) -> list[Cell | None]:
        return [
            _cell(one, page.journeys_url(**asked, cohort=cohort, stretch=str(k), back="1"))
            for k, one in enumerate(shares, 1)
        ]

    begun = next((one.n for one in found.all if one), 0)
    rows = [
        (
            numbers.period(day, unit), next((one.n for one in shares if one), 0),  # none is known longer than the first
            page.journeys_url(**asked, cohort=day.isoformat(), stretch="1"), cells(day.isoformat(), shares),
        )
        for day, shares in found.cohorts.items()
    ]  # fmt: skip
    return page.show(
        "journeys/paths/returning.html", "returning", rows=rows, unit=unit, first=first, then=then,
        labels=[(one, page.named(one)) for one in labels], stretches=range(1, STRETCHES + 1),
        everybody=cells("", found.all), begun=begun, begun_url=page.journeys_url(**asked, stretch="1"),
        any=any(found.all), sql=found.sql, csv_url=page.csv_url("returning", **asked),
    )  # fmt: skip


def _cell(one: Estimate | None, url: str) -> Cell | None:
    """A share as the table shows it, with how many customers came back and the address of their list."""
    if one is None or one.value is None:
        return None
    hits = hits_of(one)
    who = ngettext("%(customers)s customer", "%(customers)s customers", hits) % {
        "customers": numbers.amount(hits, "count"),
    }  # fmt: skip
    said = numbers.statement(one.value, one.low, one.high, one.n, "percent")
    css = f"heat-{min(int(one.value * 10), 9)}" if one.n >= FEWEST else "text-secondary"
    return Cell(numbers.amount(one.value, "percent"), f"{who} · {said}", url if hits else "", css)
