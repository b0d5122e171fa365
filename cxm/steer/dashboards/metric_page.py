"""All that the page of one metric shows, asked at once and judged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.lib.charts import Bars, Distribution, Histogram, Survival, Trend
from cxm.record.eventlog.scope import Filter
from cxm.stats.survival import CurveRow
from cxm.understand.metrics import queries as metrics
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.queries import judge
from cxm.understand.metrics.survival import curves

from . import breakdown, wording
from .address import without
from .asking import Asked, ask_later
from .names import PARTS, field_name, filter_text, named
from .pictures import bars_chart, group_names, parts_chart, score_chart, survival_chart, trend_chart
from .wording import Judged

SURVIVING = {"survival", "churn"}  # metrics that show how long subscriptions last


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure in words, with what it is of."""

    label: str
    value: str
    interval: str
    n: str
    statement: str
    url: str = ""
    judged: Judged | None = None


@dataclass(slots=True)
class Page:
    """`judged` is the comparison of the view; `no_comparison` says why there is none."""

    now: Shown
    figure: Figure
    trend: Trend | None = None
    trend_figures: Sequence[Figure] = ()
    change: Change | None = None
    judged: Judged | None = None
    before: Shown | None = None
    compared_text: str = ""
    no_comparison: str = ""
    parts: list[tuple[str, str]] = field(default_factory=list)
    sides: list[Shown] = field(default_factory=list)
    by: str = ""
    by_name: str = ""
    by_refused: str = ""
    bars: Bars | None = None
    rows: list[Shown] = field(default_factory=list)
    groups: Sequence[Figure] = ()
    more_groups: int = 0
    distribution: Distribution | None = None
    histogram: Histogram | None = None
    scores: Sequence[metrics.Bar] = ()
    survival: Survival | None = None
    p_text: str = ""


def shown(figure: Figure, label: str = "", url: str = "", judged: Judged | None = None) -> Shown:
    return Shown(
        label,
        wording.amount(figure.value, figure),
        wording.interval(figure),
        numbers.amount(figure.n, "count"),
        wording.statement(figure),
        url,
        judged,
    )


def page_of(asked: Asked) -> Page | str:
    """The page; a sentence where the question cannot be answered."""
    view = asked.view
    now = ask_later(partial(_now, asked))
    points = ask_later(lambda: asked.measured(asked.grain))
    other = ask_later(lambda: _other(asked)) if view.comparison == "segment" and view.other else None
    groups = ask_later(partial(_groups, asked)) if view.by else None
    scores = ask_later(
        lambda: metrics.distribution(
            asked.metric.key, asked.scope, weighted=view.weighted, now=asked.now, options=asked.options
        )
    )
    lasting = ask_later(partial(survival_of, asked)) if asked.metric.key in SURVIVING else None

    answered = now.result()
    if isinstance(answered, str):
        return answered
    figure, change = answered
    page = Page(shown(figure), figure, change=change, parts=parts_of(figure))
    _put_trend(page, asked, points, other)
    changes = _put_groups(page, asked, groups)
    _put_verdicts(page, asked, changes)
    found = scores.result()
    page.scores = [] if isinstance(found, str) else found
    page.distribution = parts_chart(figure, change.before if change else None, _short_names(asked))
    page.histogram = score_chart(asked, page.scores)
    if lasting is not None and not isinstance(steps := lasting.result(), str):
        page.survival = survival_chart(steps)
    return page


def _now(asked: Asked) -> tuple[Figure, Change | None]:
    change = asked.change()
    return (change.after, change) if change else (asked.figure(), None)


def _other(asked: Asked) -> list[Figure]:
    return replace(asked, view=replace(asked.view, filters=asked.view.other)).measured(asked.grain)


def _groups(asked: Asked) -> tuple[list[Figure], dict[str, Change]]:
    view = asked.view
    return breakdown.groups(
        asked.metric, asked.scope, view.by, weighted=view.weighted, options=asked.options, now=asked.now
    )


def survival_of(asked: Asked) -> Mapping[str, Sequence[CurveRow]]:
    """The survival curves of the scope, by group where the view breaks down."""
    survival = metrics.metric_called("survival")
    question = metrics.question_of(survival, asked.scope, by=asked.view.by or None, now=asked.now, options={})
    found, _asked = curves(question)
    return {group: rows for (_period, group), rows in found.items()}


def parts_of(figure: Figure) -> list[tuple[str, str]]:
    """The counts that a number is made of, where they have a name that says something."""
    return [
        (named(PARTS, key), numbers.amount(value, "count" if value == int(value) else "score"))
        for key, value in figure.parts.items()
        if key in PARTS
    ]


def _put_trend(
    page: Page, asked: Asked, points: Future[list[Figure] | str], other: Future[list[Figure] | str] | None
) -> None:
    found = points.result()
    if isinstance(found, str) or all(figure.value is None for figure in found):
        return
    beside = other.result() if other else []
    page.trend_figures = found
    page.trend = trend_chart(asked, found, other=[] if isinstance(beside, str) else beside)


def _put_groups(
    page: Page, asked: Asked, groups: Future[tuple[list[Figure], dict[str, Change]] | str] | None
) -> dict[str, Change]:
    """The breakdown without verdicts; returns the changes that wait for theirs."""
    if groups is None:
        return {}
    page.by, page.by_name = asked.view.by, field_name(asked.view.by)
    found = groups.result()
    if isinstance(found, str):
        page.by_refused = found
        return {}
    page.groups, changes = found
    if not page.groups:
        page.by_refused = _("There is nothing to break down in this period.")
        return {}
    largest = sorted(page.groups, key=lambda figure: -figure.n)[: breakdown.MOST_GROUPS]
    page.more_groups = len(page.groups) - len(largest)
    page.bars = bars_chart(asked, largest, {figure.by: group_url(asked, figure.by) for figure in largest})
    names = group_names(asked, [figure.by for figure in largest])
    page.rows = [shown(figure, names[figure.by], group_url(asked, figure.by)) for figure in _sorted(largest)]
    return {figure.by: changes[figure.by] for figure in _sorted(largest) if figure.by in changes}


def _sorted(figures: Sequence[Figure]) -> list[Figure]:
    return sorted(figures, key=lambda figure: (figure.value is None, -(figure.value or 0)))


def group_url(asked: Asked, group: str) -> str:
    """The same page for one group alone."""
    view = asked.view
    alone = Filter(view.by, "is", (group,))
    filters = (*without(view.filters, alone), alone)
    query = replace(view, by="", filters=filters).query
    return reverse("metrics:metric", args=[asked.workspace.slug, asked.metric.key]) + f"?{query}"


def _put_verdicts(page: Page, asked: Asked, changes: Mapping[str, Change]) -> None:
    """Judge all comparisons of the page together: that of the view, and each group against the rest."""
    shown_change = [page.change] if page.change and page.change.difference is not None else []
    all_changes = [*shown_change, *changes.values()]
    verdicts = iter(judge(all_changes))
    direction = asked.metric.direction
    if page.change and page.change.difference is not None:
        page.judged = Judged(page.change, next(verdicts), direction, asked.view.comparison == "segment")
        before, after = _side_names(asked)
        page.before = shown(page.change.before, before)
        page.compared_text = before
        page.sides = [page.before, shown(page.change.after, after)]
        page.p_text = _p_text(page.change, len(all_changes))
    else:
        page.no_comparison = _no_comparison(asked, page.change)
    names = group_names(asked, changes)
    marks = {names[key]: Judged(change, next(verdicts), direction, groups=True) for key, change in changes.items()}
    page.rows = [replace(row, judged=marks.get(row.label)) for row in page.rows]


def _side_names(asked: Asked) -> tuple[str, str]:
    """What is compared with, and what is compared."""
    if asked.view.comparison == "segment":
        workspace_id = asked.workspace.pk
        return segment_text(asked.view.other, workspace_id), segment_text(asked.view.filters, workspace_id)
    days = asked.view.compared_days(asked.today)
    return (str(days) if days else "", str(asked.days))


def _short_names(asked: Asked) -> tuple[str, str]:
    """What is compared, and what with, for the margin of a chart."""
    match asked.view.comparison:
        case "segment":
            return _("This segment"), _("Other segment")
        case "year":
            return _("This period"), _("A year before")
    return _("This period"), _("Before")


def segment_text(filters: Sequence[Filter], workspace_id: int) -> str:
    texts = [filter_text(one, workspace_id) for one in filters]
    if not texts:
        return _("All")
    text = texts[0]
    for more in texts[1:]:
        text = _("%(one)s, and %(other)s") % {"one": text, "other": more}
    return text


def _no_comparison(asked: Asked, change: Change | None) -> str:
    if change is not None:
        return _("One of the two sides has no value, so there is nothing to compare.")
    match asked.view.comparison:
        case "none":
            return ""
        case "segment":
            return _("Add a filter for the other segment, then the two are compared.")
    return _("All time has no period before it. Choose a period to see whether the number changed.")


def _p_text(change: Change, comparisons: int) -> str:
    if change.p_value is None:
        return _("Each side needs at least 10 answers for a verdict.")
    p = _("under 0.0001") if change.p_value < 0.0001 else numbers.decimal(change.p_value, 4)
    if comparisons == 1:
        return _("p = %(p)s if nothing differed.") % {"p": p}
    return _("p = %(p)s if nothing differed; judged with the other %(others)d comparisons of this page.") % {
        "p": p,
        "others": comparisons - 1,
    }
