"""Pages of moments of truth: what breaks runs of good moments, which impressions last, whose run was broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.lib.charts import Bar, Bars, Distribution, Part, Stack
from cxm.record.customers.models import Customer
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.stats.comparison import LEAST_SAMPLE
from cxm.understand.metrics.refusals import Refused

from ..maps.queries import maps_of
from . import moments
from .impressions import RETURN_DAYS, Impressions, Outcome, judge
from .moments import LONGEST_RUN, Breaker, Broken, LengthRow
from .moments_kept import OUTCOMES, Asked, asked, figures_of
from .naming import mood_name
from .period import told

PAGE = 20


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    context: dict[str, Any] = {"membership": membership, "workspace": membership.workspace, "tab": "moments"}
    try:
        wanted = asked(request.GET, membership.workspace)
        context |= said(wanted, membership) | found(wanted, membership, request.GET.get("at"), _page(request))
    except (Refused, UnknownField) as refused:
        context["problem"] = told(refused)
        if "outcomes" not in context:  # the form as it is without what was asked
            context |= said(asked(QueryDict(), membership.workspace), membership)
    except EventlogError:
        context["problem"] = _("The event log does not answer at the moment. Please try again in a minute.")
    return render(request, "journeys/moments.html", context)


def _page(request: HttpRequest) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), 500) if text.isdigit() and len(text) < 6 else 1


def said(wanted: Asked, membership: Membership) -> dict[str, Any]:
    """The form of the page."""
    workspace = membership.workspace
    return {
        **wanted.period.said(workspace),
        "maps": [(str(one.pk), one.name, one == wanted.map) for one in maps_of(workspace)],
        "runs": [(n, run_name(n), n == wanted.shortest) for n in (1, 2, 3, 5)],
        "outcomes": [(key, outcome_name(key), key == wanted.outcome) for key in OUTCOMES],
    }  # fmt: skip


def run_name(n: int) -> str:
    return ngettext("%(n)d good moment", "%(n)d good moments", n) % {"n": n}


def outcome_name(outcome: Outcome) -> str:
    return {
        "nps": _("How likely customers are to recommend us (NPS)"),
        "csat": _("How satisfied customers are (CSAT)"),
        "ces": _("How easy customers find it (CES)"),
        "return": _("Whether customers order again within %(days)d days") % {"days": RETURN_DAYS},
    }[outcome]


def found(wanted: Asked, membership: Membership, at: str | None, page: int) -> dict[str, Any]:
    """Everything that the log says. Raises EventlogError, UnknownField."""
    shown = figures_of(wanted)
    kept = shown.figures
    every = kept.totals
    if not every.n:
        return {"totals": every, "shown": shown}
    breakers = moments.breakers(kept.places)
    lasting = judge(kept.impressions, wanted.outcome)
    rows = moments.broken(
        wanted.period.scope, wanted.source, place=at, shortest=wanted.shortest, most=PAGE + 1, skip=(page - 1) * PAGE
    )  # fmt: skip
    worst = [one for one in breakers if one.verdict == "up"]
    return {
        "totals": every, "mixed": every.n - every.good - every.bad, "sql": kept.sql, "shown": shown,
        "breakers": [(wanted.name(one.row.place), one) for one in breakers],
        "worst": [(wanted.name(one.row.place), one) for one in worst],
        "chart": breaking_chart(breakers, wanted), "lengths": lengths_chart(kept.lengths),
        "impressions": lasting, "lines": [(impression_name(one.which), one) for one in lasting.rows],
        "impressions_words": impressions_words(lasting), "unit": lasting.unit,
        "alone_unit": "percent" if lasting.outcome == "return" else "score",
        "broken": people_of(membership, rows[:PAGE], wanted), "more": len(rows) > PAGE, "page": page,
        "at": at, "at_name": None if at is None else wanted.name(at),
    }  # fmt: skip


def breaking_chart(breakers: list[Breaker], wanted: Asked) -> Bars:
    return Bars(
        title=_("Share of runs that end here, of those that come here"),
        bars=[
            Bar(label=wanted.name(one.row.place), value=one.share.value, low=one.share.low, high=one.share.high,
                n=one.row.exposed)
            for one in breakers if one.row.exposed >= LEAST_SAMPLE
        ],
        group=_("Touchpoint"), unit="percent", name="runs-broken",
    )  # fmt: skip


def lengths_chart(rows: list[LengthRow]) -> Distribution:
    """Per length of a run: how many were broken and how many still go on."""
    counts = {(row.length, bool(row.broken)): row.n for row in rows}
    longest = max((row.length for row in rows), default=0)
    return Distribution(
        title=_("How runs of good moments end, by their length"),
        stacks=[
            Stack(
                label=_("%(n)d or more") % {"n": n} if n == LONGEST_RUN else run_name(n),
                parts=[
                    Part(label=pgettext("run of good moments", "Broken by a bad one"), count=counts.get((n, True), 0),
                         tone="bad"),
                    Part(label=pgettext("run of good moments", "Still going on"), count=counts.get((n, False), 0),
                         tone="good"),
                ],
            )
            for n in range(1, longest + 1) if (n, True) in counts or (n, False) in counts
        ],
        name="run-lengths",
    )  # fmt: skip


def impression_name(which: str) -> str:
    return {
        "first": pgettext("impression", "The first moment"),
        "worst": pgettext("impression", "The worst moment"),
        "last": pgettext("impression", "The last moment"),
    }[which]


def impressions_words(lasting: Impressions) -> str:
    """The one sentence that sums the table up."""
    real = [one for one in lasting.rows if one.verdict == "down"]
    if not lasting.customers:
        return _("No customer has both moments and this outcome in the period.")
    if not real:
        return _("There is no evidence that a bad first, worst or last moment goes with a worse outcome.")
    alone = [one for one in lasting.rows if one.alone and one.alone.low is not None and one.alone.low > 0]
    if alone:
        strongest = max(alone, key=lambda one: (one.alone.value or 0) if one.alone else 0)
        return {
            "first": _("With the other two held equal, the first moment weighs most: early impressions last."),
            "worst": _("With the other two held equal, the worst moment weighs most: one bad moment is remembered."),
            "last": _("With the other two held equal, the last moment weighs most: the end is remembered."),
        }[strongest.which]
    return _("A bad moment goes with a worse outcome; which of the three it is cannot be told apart.")


@dataclass(frozen=True, slots=True)
class Listed:
    """A broken run with the person; `customer` is None where nobody is known by that id."""

    customer: Customer | None
    at: datetime
    place: str
    run: int
    moods: list[int]

    @property
    def spoken(self) -> str:
        """The moments in words, for those who do not see the pictures."""
        return ", ".join(mood_name(mood) for mood in self.moods)


def people_of(membership: Membership, rows: list[Broken], wanted: Asked) -> list[Listed]:
    people = {one.pk: one for one in Customer.objects.filter(
        workspace=membership.workspace, pk__in={row.who for row in rows}
    )}  # fmt: skip
    return [
        Listed(
            people.get(row.who), datetime.fromtimestamp(row.at / 1000, UTC), wanted.name(row.place), row.run, row.moods
        )
        for row in rows
    ]
