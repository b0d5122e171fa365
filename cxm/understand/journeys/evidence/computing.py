"""A map computed from the log: figures of each touchpoint, and what follows from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import benjamini_hochberg, difference_mean
from cxm.stats.intervals import mean_of, share
from cxm.stats.samples import MeanSample
from cxm.understand.metrics.scores import bounds_of, default_scale

from ..definition import MapDefinition, Promise, Touchpoint
from . import queries
from .figures import Evidence, Figures, Flow, Handover, Kept, Number, Verbatim
from .findings import find
from .numbers import level_of, mood_of, number, on_scale, rounded, score_of
from .queries import HandoverRow, Opinion, Pass, PromiseRow, TicketRow, VerbatimRow

SHOWN_EMOTIONS = 3
NO_EMOTION = ("", "neutral", "none")


def compute(definition: MapDefinition, process: int, scope: Scope, now: datetime) -> Evidence:
    """What the log says about the map within the scope. `process`: the number of the map's process.

    Ages are counted from `now`, or from the end of the scope's period where that is earlier. Raises EventlogError,
    UnknownField.
    """
    moment = min(now, scope.until) if scope.until else now
    at = int(moment.astimezone(UTC).timestamp() * 1000)
    points = definition.touchpoints()
    if not points:
        return Evidence(at=at)
    has_steps = any(one.binding.events for one in points)
    total = queries.totals(definition, process, scope) if has_steps else queries.Totals(0, 0, 0)
    passes = queries.passes(definition, process, scope, at) if total.journeys else []
    flows = queries.flows(definition, process, scope) if total.journeys else []
    kept = queries.promises(definition, process, scope, at) if total.journeys else {}
    figures = put_together(
        definition, passes, queries.opinions(definition, scope), queries.tickets(definition, scope), kept,
        queries.verbatims(definition, scope), switches(definition, flows),
    )  # fmt: skip
    whole = scope.since is None and scope.until is None and len(scope.filters) <= bool(definition.segment)
    slow = queries.handovers(definition, process, scope, at, limits(points, passes)) if passes else []
    return Evidence(
        total.journeys, total.customers, at, tuple(figures), tuple(find(definition, figures, at, whole)),
        tuple(Flow(row.label, row.next, row.n, row.gap_ms / 1000) for row in flows),
        tuple(worst_first(definition, figures, slow)),
    )  # fmt: skip


def limits(points: Sequence[Touchpoint], passes: Sequence[Pass]) -> list[float]:
    """What is slow at each place, in milliseconds: longer than for nine in ten of those who went on."""
    found = {row.place: row.reaches[1] for row in passes if sum(row.went[1])}
    return [found.get(place, 0.0) for place in range(1, len(points) + 1)]


def worst_first(definition: MapDefinition, figures: Sequence[Figures], rows: Sequence[HandoverRow]) -> list[Handover]:
    """The hand-overs of the expected path by what slowness costs there, in points of the scale."""
    points, following, metric, made = definition.touchpoints(), definition.following(), definition.metric, []
    for row in rows:
        point, one = points[row.place - 1], figures[row.place - 1]
        after = following.get(point.key)
        bounds = bounds_of(row.scale or default_scale((metric,)))
        if point.optional or after is None or bounds is None or one.median_s is None or one.p90_s is None:
            continue
        slow = MeanSample(row.slow_n, row.slow_total / 1000, row.slow_squares / 1000)
        rest = MeanSample(row.rest_n, row.rest_total / 1000, row.rest_squares / 1000)
        found = difference_mean(rest, slow, bounds)
        if found.value is None:
            continue
        made.append(
            Handover(
                point.key, after.key, one.median_s, one.p90_s, row.scale, number(mean_of(slow, bounds)),
                number(mean_of(rest, bounds)),
                Number(rounded(found.value), rounded(found.low), rounded(found.high), row.n), rounded(found.p_value),
            )
        )  # fmt: skip
    held = benjamini_hochberg([one.p_value for one in made])
    made = [msgspec.structs.replace(one, is_real=real) for one, real in zip(made, held, strict=True)]
    return sorted(made, key=lambda one: (one.difference.value or 0.0, one.key))


def switches(definition: MapDefinition, flows: Sequence[queries.FlowRow]) -> Counter[str]:
    """How often a touchpoint was followed by one beside the expected path that is on another channel."""
    beside = {one.key: queries.beside(definition, one) for one in definition.touchpoints()}
    found: Counter[str] = Counter()
    for row in flows:
        if row.next in beside.get(row.label, ()):
            found[row.label] += row.n
    return found


def put_together(
    definition: MapDefinition, passes: Sequence[Pass], opinions: Sequence[Opinion], tickets: Sequence[TicketRow],
    kept: dict[tuple[str, int], PromiseRow], verbatims: Sequence[VerbatimRow], switched: Counter[str],
) -> list[Figures]:  # fmt: skip
    """One for each touchpoint, in the order of the map."""
    following = definition.following()
    passed = {row.place: row for row in passes}
    said: dict[int, list[Opinion]] = defaultdict(list)
    for row in opinions:
        said[row.place].append(row)
    asked = {row.place: row for row in tickets}
    told: dict[int, list[Verbatim]] = defaultdict(list)
    for verbatim in verbatims:
        told[verbatim.place].append(Verbatim(verbatim.event_id, verbatim.mood))
    made = []
    for place, point in enumerate(definition.touchpoints(), 1):
        one = _of_steps(point, passed.get(place), point.key in following)
        one = _of_opinions(one, said.get(place, []), definition.metric)
        if ticket := asked.get(place):
            one = msgspec.structs.replace(
                one, tickets=ticket.n, complaints=ticket.complaints, reopened=ticket.reopened,
                heard_at=max(one.heard_at, ticket.heard_at),
            )  # fmt: skip
        promises = tuple(
            _kept(promise, number_of, kept[point.key, number_of])
            for number_of, promise in enumerate(point.promises)
            if (point.key, number_of) in kept
        )
        made.append(
            msgspec.structs.replace(
                one, switched=switched[point.key], promises=promises, verbatims=_chosen(told.get(place, []), one.mood)
            )
        )
    return made


def _kept(promise: Promise, number_of: int, row: PromiseRow) -> Kept:
    return Kept(promise.text, promise.reaches, row.n, row.late, number_of)


def _of_steps(point: Touchpoint, row: Pass | None, is_followed: bool) -> Figures:
    if row is None:
        return Figures(point.key)
    settled, went_on = _settled(row)
    median, p90, _p99 = (None, None, None) if not sum(row.went[1]) else (each / 1000 for each in row.reaches)
    on = number(share(went_on, settled)) if is_followed else Number()
    return Figures(
        point.key, row.steps, row.journeys, row.customers, settled, went_on, on, rounded(median), rounded(p90),
        patience_s=row.reaches[2] / 1000 if median is not None else 0.0, repeated=row.repeated, back=row.back,
        cost=None if point.cost is None else rounded(point.cost * row.steps), passed_at=row.passed_at,
    )  # fmt: skip


def _settled(row: Pass) -> tuple[int, int]:
    """Journeys that came here so long ago that 99 in 100 of those who go on had done so; and of them, those who did.

    All journeys of the classes of age that begin behind that time; where nobody went on, all of them.
    """
    went = dict(zip(*row.went, strict=True))
    if not sum(went.values()):
        return row.journeys, 0
    since = queries.first_class(row.reaches[2] / 1000)
    old = [(age, n) for age, n in zip(*row.passed, strict=True) if age >= since]
    return sum(n for _, n in old), sum(went.get(age, 0) for age, _ in old)


def _of_opinions(figures: Figures, rows: Sequence[Opinion], metric: str) -> Figures:
    if not rows:
        return figures
    texts = sum(row.texts for row in rows)
    mood = mood_of(
        texts, sum(row.mood for row in rows) / queries.BILLION,
        sum(row.mood_squares for row in rows) / queries.BILLION**2,
    )  # fmt: skip
    emotions: Counter[str] = Counter()
    for row in rows:
        emotions.update({name: n for name, n in zip(*row.emotions, strict=True) if n and name not in NO_EMOTION})
    top = sorted(emotions.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN_EMOTIONS]
    scored = [(row, on_scale(row.metric, row.scale, dict(zip(*row.scores, strict=True)))) for row in rows]
    scored = [(row, scores) for row, scores in scored if sum(scores.values()) and row.metric in RATED]
    figures = msgspec.structs.replace(
        figures, answers=sum(row.n for row in rows), texts=texts, mood=mood, emotions=tuple(top),
        effort=sum(row.effort for row in rows), heard_at=max(row.heard_at for row in rows),
    )  # fmt: skip
    if not scored:
        return figures
    # The map's own metric where it is asked, else what is asked most; scores of different scales have no common mean.
    row, scores = max(scored, key=lambda each: (each[0].metric == metric, sum(each[1].values()), each[0].scale))
    score, unit = score_of(row.metric, row.scale, scores)
    level = level_of(row.metric, row.scale, scores)
    return msgspec.structs.replace(figures, metric=row.metric, unit=unit, scale=row.scale, score=score, level=level)


RATED = ("nps", "csat", "ces", "rating")


def _chosen(verbatims: Sequence[Verbatim], mood: Number) -> tuple[Verbatim, ...]:
    """Three at most, first of the mood that prevails."""
    first = "positive" if (mood.value or 0) > 0 else "negative"
    order = {first: 0, "mixed": 2}
    kept = sorted(enumerate(verbatims), key=lambda pair: (order.get(pair[1].sentiment, 1), pair[0]))
    main = [one for _, one in kept if one.sentiment == first][:2]
    rest = [one for _, one in kept if one not in main]
    return tuple([*main, *rest][:3])
