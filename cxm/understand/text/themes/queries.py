"""Questions about themes: how large each is, how it feels, whether it grows, and the texts that show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_nps, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import nps_of, share_of
from cxm.stats.samples import NpsSample, ShareSample
from cxm.understand.text.models import Theme, ThemeRun

PERIODS: Final = (30, 90, 365)  # days
NONE: Final = 0  # the number of no theme


@dataclass(frozen=True, slots=True)
class Period:
    """`days` days up to `until`, and as many before them. It ends with the newest text where that is long ago."""

    days: int
    until: datetime

    @property
    def middle(self) -> datetime:
        return self.until - timedelta(days=self.days)

    @property
    def since(self) -> datetime:
        return self.until - timedelta(days=2 * self.days)


@dataclass(slots=True)
class Counts:
    """Texts of one theme in one half of the period; with how many of them are said to be which."""

    n: int = 0
    positive: int = 0
    negative: int = 0
    neither: int = 0  # neutral or mixed

    def add(self, other: Counts) -> None:
        self.n += other.n
        self.positive += other.positive
        self.negative += other.negative
        self.neither += other.neither

    @property
    def mood(self) -> NpsSample:
        return NpsSample(self.positive, self.neither, self.negative)


@dataclass(slots=True)
class Figures:
    """A theme in a period. `share` of all texts; `mood`: per cent positive less per cent negative, −100 to 100."""

    theme: Theme | None  # None: not yet themed
    now: Counts
    before: Counts
    share: Estimate
    mood: Estimate
    share_change: Difference
    mood_change: Difference
    share_verdict: Verdict = "no_evidence"
    mood_verdict: Verdict = "no_evidence"


@dataclass(slots=True)
class Overview:
    period: Period
    themes: list[Figures] = field(default_factory=list)  # the largest first
    rest: Figures | None = None  # what is not yet themed
    total: int = 0  # texts of the period
    hidden: int = 0  # texts of the period whose theme is dismissed


@dataclass(frozen=True, slots=True)
class _Row:
    theme: int
    recent: int
    n: int
    positive: int
    negative: int
    neither: int


COUNTS = """
SELECT theme, occurred_at >= {middle:DateTime64(3, 'UTC')} AS recent, count() AS n,
       countIf(sentiment = 'positive') AS positive, countIf(sentiment = 'negative') AS negative,
       countIf(sentiment IN ('neutral', 'mixed')) AS neither
FROM (SELECT event_id, theme, occurred_at FROM theme_members FINAL WHERE $scope AND run = {run:UInt32}) AS member
GLOBAL ANY LEFT JOIN (SELECT event_id, sentiment FROM annotations FINAL WHERE $scope) AS said USING (event_id)
GROUP BY theme, recent
"""


def overview(workspace: Workspace, days: int = 90, now: datetime | None = None) -> Overview:
    """All themes of the run that holds, those merged together; the verdicts hold over all of them together."""
    period = period_of(workspace, days, now)
    found = Overview(period)
    roots = roots_of(workspace)
    sums: dict[int, tuple[Counts, Counts]] = defaultdict(lambda: (Counts(), Counts()))
    scope = Scope(workspace.pk, workspace.time_zone, period.since, period.until)
    run = number_of_run(workspace)
    for row in ask(COUNTS, scope, row=_Row, name="themes.overview", middle=period.middle, run=run).rows:
        root = roots.get(row.theme)
        sums[root.pk if root else NONE][1 - row.recent].add(Counts(row.n, row.positive, row.negative, row.neither))
    totals = [sum(pair[side].n for pair in sums.values()) for side in (0, 1)]
    found.total = totals[0]
    shown = {theme.pk: theme for theme in roots.values()}
    for number, (recent, earlier) in sums.items():
        theme = shown.get(number)
        if theme is not None and theme.state == Theme.State.DISMISSED:
            found.hidden += recent.n
            continue
        one = _figures(theme, recent, earlier, totals)
        if theme is None:
            found.rest = one
        else:
            found.themes.append(one)
    found.themes.sort(key=lambda one: (-one.now.n, one.theme.pk if one.theme else 0))
    _judge(found.themes)
    return found


def _figures(theme: Theme | None, now: Counts, before: Counts, totals: Sequence[int]) -> Figures:
    return Figures(
        theme, now, before,
        share_of(ShareSample(now.n, totals[0])), nps_of(now.mood),
        difference_share(ShareSample(before.n, totals[1]), ShareSample(now.n, totals[0])),
        difference_nps(before.mood, now.mood),
    )  # fmt: skip


def _judge(figures: Sequence[Figures]) -> None:
    judged = verdicts([change for one in figures for change in (one.share_change, one.mood_change)])
    for one, share, mood in zip(figures, judged[::2], judged[1::2], strict=True):
        one.share_verdict, one.mood_verdict = share, mood


@dataclass(frozen=True, slots=True)
class _Newest:
    at: datetime | None
    n: int


def period_of(workspace: Workspace, days: int, now: datetime | None = None) -> Period:
    """Up to now, or up to the newest text where that is older than half the period."""
    now = now or timezone.now()
    sql = "SELECT max(occurred_at) AS at, count() AS n FROM theme_members WHERE $scope AND run = {run:UInt32}"
    run = number_of_run(workspace)
    newest = ask(sql, Scope(workspace.pk, until=now), row=_Newest, name="themes.newest", run=run).rows[0]
    if newest.n and newest.at:
        at = newest.at if newest.at.tzinfo else newest.at.replace(tzinfo=now.tzinfo)
        if at < now - timedelta(days=days / 2):
            return Period(days, at + timedelta(milliseconds=1))
    return Period(days, now)


def number_of_run(workspace: Workspace) -> int:
    """Of the run that holds; 0 where there is none."""
    done = ThemeRun.objects.filter(workspace=workspace, state=ThemeRun.State.DONE)
    return done.values_list("pk", flat=True).first() or 0


def roots_of(workspace: Workspace) -> dict[int, Theme]:
    """Every theme of the run that holds by its number; of a merged one the theme that its texts count with."""
    themes = {one.pk: one for one in Theme.objects.filter(workspace=workspace).select_related("topic")}
    found = {}
    for number, theme in themes.items():
        root, seen = theme, {number}
        while root.merged_into_id and root.merged_into_id not in seen:
            seen.add(root.merged_into_id)
            root = themes[root.merged_into_id]
        if theme.is_current:
            found[number] = root
    return found


def numbers_of(theme: Theme) -> list[int]:
    """Of the theme and of all that were merged into it."""
    return [number for number, root in roots_of(theme.workspace).items() if root.pk == theme.pk] or [theme.pk]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text of a theme."""

    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    comment: str
    metric: str
    score: float | None
    scale: str
    channel: str
    sentiment: str
    strength: float


VERBATIMS = """
SELECT event_id, customer_id, occurred_at, comment, metric, score, scale, channel, sentiment, strength
FROM (SELECT event_id, customer_id, occurred_at, comment, metric, score, scale, channel
      FROM feedback WHERE $scope AND comment != '' LIMIT 1 BY event_id) AS text
GLOBAL ANY INNER JOIN (SELECT event_id, theme, strength FROM theme_members FINAL WHERE $scope AND run = {run:UInt32}
                       AND theme IN {themes:Array(UInt32)}) AS member
    USING (event_id)
GLOBAL ANY LEFT JOIN (SELECT event_id, sentiment FROM annotations FINAL WHERE $scope) AS said USING (event_id)
WHERE ({sentiment:String} = '' OR sentiment = {sentiment:String})
ORDER BY {order}, event_id LIMIT {most:UInt32} OFFSET {skip:UInt32}
"""
ORDERS: Final = {"typical": "strength DESC", "new": "occurred_at DESC"}


def verbatims(
    workspace: Workspace, numbers: Sequence[int], period: Period | None = None, *, order: str = "typical",
    sentiment: str = "", most: int = 50, skip: int = 0,
) -> list[Verbatim]:  # fmt: skip
    """Texts of these themes; [0] asks for those that have none. `order`: see ORDERS."""
    scope = Scope(workspace.pk, workspace.time_zone)
    if period:
        scope = scope.during(period.middle, period.until)
    return ask(
        VERBATIMS.replace("{order}", ORDERS[order]), scope, row=Verbatim, name="themes.verbatims",
        themes=list(numbers), sentiment=sentiment, most=most, skip=skip, run=number_of_run(workspace),
    ).rows  # fmt: skip


def texts_called(workspace: Workspace, event_ids: Sequence[UUID]) -> list[Verbatim]:
    """These texts, in this order; those that are gone are left out."""
    if not event_ids:
        return []
    sql = (
        "SELECT event_id, customer_id, occurred_at, comment, metric, score, scale, channel, sentiment,"
        " toFloat32(0) AS strength"
        " FROM (SELECT event_id, customer_id, occurred_at, comment, metric, score, scale, channel"
        " FROM feedback WHERE $scope AND comment != '' AND event_id IN {ids:Array(UUID)} LIMIT 1 BY event_id) AS text"
        " GLOBAL ANY LEFT JOIN (SELECT event_id, sentiment FROM annotations FINAL WHERE $scope"
        " AND event_id IN {ids:Array(UUID)}) AS said USING (event_id)"
    )
    scope = Scope(workspace.pk, workspace.time_zone)
    ids = [str(one) for one in event_ids]
    found = {one.event_id: one for one in ask(sql, scope, row=Verbatim, name="themes.texts", ids=ids).rows}
    return [found[one] for one in event_ids if one in found]


@dataclass(frozen=True, slots=True)
class Month:
    start: date
    n: int
    total: int

    @property
    def share(self) -> Estimate:
        return share_of(ShareSample(self.n, self.total))


def months_of(workspace: Workspace, numbers: Sequence[int], until: datetime) -> list[Month]:
    """Of the last twenty-four months that have texts: how many are of these themes, of how many."""
    sql = (
        "SELECT $period AS start, countIf(theme IN {themes:Array(UInt32)}) AS n, count() AS total"
        " FROM (SELECT event_id, theme, occurred_at FROM theme_members FINAL WHERE $scope AND run = {run:UInt32})"
        " GROUP BY start ORDER BY start"
    )
    scope = Scope(workspace.pk, workspace.time_zone, until - timedelta(days=731), until)
    return ask(sql, scope, row=Month, name="themes.months", grain="month", themes=list(numbers),
               run=number_of_run(workspace)).rows  # fmt: skip


def newest_run(workspace: Workspace) -> ThemeRun | None:
    return ThemeRun.objects.filter(workspace=workspace).defer("space").select_related("started_by").first()


def said_of(figures: Figures) -> Mapping[str, object]:
    """The numbers of a theme as the REST API gives them."""

    def estimate(one: Estimate) -> dict[str, object]:
        return {"value": one.value, "low": one.low, "high": one.high, "n": one.n}

    def change(one: Difference, verdict: Verdict) -> dict[str, object]:
        return {"value": one.value, "low": one.low, "high": one.high, "verdict": verdict}

    return {
        "n": figures.now.n, "n_before": figures.before.n, "share": estimate(figures.share),
        "mood": estimate(figures.mood), "share_change": change(figures.share_change, figures.share_verdict),
        "mood_change": change(figures.mood_change, figures.mood_verdict),
    }  # fmt: skip
