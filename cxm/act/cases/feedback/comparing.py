"""Two periods side by side: what got louder, what better or worse, and whether it is real.

Population: texts of a supported language with a reading, in the list's filters; the time is when they were written. A
share is of all these texts; a sentiment is the mean of scores from -1 to 1, of a topic in the sentences in which it
stands. Every difference that the page shows is judged together with all others (Benjamini and Hochberg, 5 %).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from cxm.accounts.models import User, Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_mean, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.stats.samples import MeanSample, ShareSample
from cxm.understand.text.topics.queries import living

from .queries import asked_of
from .wanted import PERIODS, Wanted

MOST_TOPICS: Final = 60  # the most frequent of both periods
SCORES: Final = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one period: texts that say a thing, and Σ and Σ² of the sentiment with which they say it."""

    kind: str
    name: str
    n: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in both periods. Shares are of 0..1; `mood` is the change of the mean sentiment, of topics only."""

    kind: str
    name: str
    before: Estimate
    after: Estimate
    share: Difference
    mood_before: float | None
    mood_after: float | None
    mood: Difference | None
    louder: Verdict = "no_evidence"
    better: Verdict = "no_evidence"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first` and `last` of each period are days, both included; `n` are texts."""

    before: tuple[date, date]
    after: tuple[date, date]
    n_before: int
    n_after: int
    lines: list[Line]

    def of(self, *kinds: str) -> list[Line]:
        return [one for one in self.lines if one.kind in kinds]

    @property
    def real(self) -> list[Line]:
        """What is not explained by chance, the clearest first."""
        found = [one for one in self.lines if (one.louder, one.better) != ("no_evidence", "no_evidence")]
        return sorted(found, key=_clearness)


def _clearness(line: Line) -> float:
    known = [one.p_value for one in (line.share, line.mood) if one is not None and one.p_value is not None]
    return min(known, default=1.0)


SQL: Final = """
SELECT kind, name, toUInt64(count()) AS n, sum(felt) AS total, sum(felt * felt) AS squares
FROM (
  SELECT arrayJoin(arrayConcat(
    [('all', '', toFloat64(sentiment_score)), ('sentiment', toString(sentiment), 0.),
     ('emotion', toString(emotion), 0.), ('intent', toString(intent), 0.),
     ('effort', toString(effort), 0.), ('urgency', toString(urgent), 0.)],
    arrayMap((topic, felt) -> ('topic', topic, toFloat64(felt)), living, feelings)
  )) AS said, said.1 AS kind, said.2 AS name, said.3 AS felt
  FROM (
    SELECT *,
      arrayMap(one -> transform(toString(one), {old:Array(String)}, {new:Array(String)}, toString(one)), topics)
        AS mapped,
      arrayDistinct(mapped) AS living,
      arrayMap(one -> topic_sentiments[indexOf(mapped, one)], living) AS feelings
    FROM annotations FINAL WHERE $which AND sentiment != ''
  )
)
WHERE name NOT IN ('none', '0') AND (name != '' OR kind = 'all')
GROUP BY kind, name ORDER BY kind, n DESC, name
"""


def periods_of(wanted: Wanted, given: Mapping[str, str], zone_day: date) -> tuple[tuple[date, date], tuple[date, date]]:
    """The days before and after, as the address says them; else the period of the list and as many days before it."""
    last = wanted.last or zone_day
    first = wanted.first or last - timedelta(days=PERIODS.get(wanted.period, 30) - 1)
    if first > last:
        first, last = last, first
    before_last = _day(given.get("before_last")) or first - timedelta(days=1)
    before_first = _day(given.get("before_first")) or before_last - (last - first)
    if before_first > before_last:
        before_first, before_last = before_last, before_first
    return (before_first, before_last), (first, last)


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return day if day and 1900 <= day.year <= 2299 else None


def compare(
    workspace: Workspace, wanted: Wanted, before: tuple[date, date], after: tuple[date, date], user: User | None = None
) -> Comparison:
    """Raises UnknownField, EventlogError."""
    once, now = (_counted(workspace, wanted, days, user) for days in (before, after))
    n_before, n_after = (side[("all", "")].n if ("all", "") in side else 0 for side in (once, now))
    names = sorted({*once, *now} - {("all", "")}, key=lambda key: -(_n(once, key) + _n(now, key)))
    topics = [key for key in names if key[0] == "topic"][:MOST_TOPICS]
    shown = [key for key in names if key[0] != "topic"] + topics
    lines = [_line("all", "", once, now, n_before, n_after)] if n_before and n_after else []
    lines += [_line(kind, name, once, now, n_before, n_after) for kind, name in shown]
    return Comparison(before, after, n_before, n_after, _judged(lines))


def _n(side: Mapping[tuple[str, str], Counted], key: tuple[str, str]) -> int:
    return side[key].n if key in side else 0


def _counted(
    workspace: Workspace, wanted: Wanted, days: tuple[date, date], user: User | None
) -> dict[tuple[str, str], Counted]:
    """In one period, by kind and name."""
    period = replace(wanted, period="", first=days[0], last=days[1])
    asked = asked_of(workspace, period, user)
    values: dict[str, Any] = dict(asked.values)
    merged = living(workspace.pk)
    values |= {"old": [*merged, ""], "new": [*merged.values(), ""]}  # never empty: the engine wants a type
    which = "$scope"
    scope = asked.scope
    if replace(wanted, period="", first=None, last=None, sort="").narrows:
        # The filters are on texts; readings are told apart by the texts that fit.
        times = "$workspace AND occurred_at >= {t0:DateTime64(3, 'UTC')} AND occurred_at < {t1:DateTime64(3, 'UTC')}"
        values |= {"t0": scope.since, "t1": scope.until}
        more = asked.more.replace("$times", times)
        which = f"{times} AND event_id GLOBAL IN (SELECT event_id FROM texts WHERE $scope AND {more})"
    else:
        scope = Scope(workspace.pk, workspace.time_zone, scope.since, scope.until)
    sql = SQL.replace("$which", which)
    rows = ask(sql, scope, row=Counted, name="feedback.compare", table="texts", **values).rows
    return {(one.kind, one.name): one for one in rows}


def _line(
    kind: str, name: str, once: Mapping[tuple[str, str], Counted], now: Mapping[tuple[str, str], Counted],
    n_before: int, n_after: int,
) -> Line:  # fmt: skip
    nothing = Counted(kind, name, 0, 0.0, 0.0)
    first, second = once.get((kind, name), nothing), now.get((kind, name), nothing)
    mood = None
    if kind in {"topic", "all"}:
        mood = difference_mean(_mean(first), _mean(second), SCORES)
    difference = difference_share(ShareSample(first.n, n_before), ShareSample(second.n, n_after))
    if kind == "all":  # of everything the share is 1
        difference = Difference(None, None, None, None, n_before, n_after)
    return Line(
        kind, name, share(first.n, n_before), share(second.n, n_after), difference,
        first.total / first.n if first.n and mood else None, second.total / second.n if second.n and mood else None,
        mood,
    )  # fmt: skip


def _mean(one: Counted) -> MeanSample:
    # Scores are kept with the precision of 32 bits: their squares may be too small for their sum by that much.
    return MeanSample(one.n, one.total, max(one.squares, one.total**2 / one.n if one.n else 0.0))


def _judged(lines: list[Line]) -> list[Line]:
    """With the verdicts: all differences of the page at once."""
    all_of_them = [one.share for one in lines] + [one.mood for one in lines if one.mood]
    found = verdicts(all_of_them)
    shares, moods = found[: len(lines)], iter(found[len(lines) :])
    return [
        replace(one, louder=verdict, better=next(moods) if one.mood else "no_evidence")
        for one, verdict in zip(lines, shares, strict=True)
    ]


def today(workspace: Workspace) -> date:
    return timezone.now().astimezone(ZoneInfo(workspace.time_zone)).date()
