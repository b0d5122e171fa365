"""The charts of one question, by its kind."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.lib.charts import Bar, Bars, Bin, Chart, Distribution, Histogram, Part, Stack, Tone
from cxm.listen.surveys.definition import said
from cxm.listen.surveys.wordings import Asked
from cxm.stats.samples import ShareSample

from .asking import Tally
from .figures import Key, TallyOf, in_order, nps_sample, on_scale, the_scale

MOST_BINS = 20
TONES: dict[str, Tone] = {"detractors": "bad", "passives": "passive", "promoters": "good"}


def charts_of(asked: Asked, keys: Sequence[Key], tally_of: TallyOf, language: str, number: int = 0) -> list[Chart]:
    """Empty for texts, and where nobody answered."""
    tally = tally_of(asked.id)
    match asked.wording(number).kind:
        case "nps":
            return [nps_parts(asked, tally), _scores(asked, tally, language, number)] if tally.scored else []
        case "csat" | "ces" | "rating":
            return [_scores(asked, tally, language, number)] if tally.scored else []
        case "slider" | "number":
            return [_spread(asked, tally)] if tally.scored else []
        case "matrix" if keys and all(key.code == "share" for key in keys):
            return [_rows(asked, tally_of, language, number)]
    return [bars_of(asked, keys)] if keys else []


def nps_parts(asked: Asked, tally: Tally, label: str = "") -> Distribution:
    sample = nps_sample(on_scale(tally))
    names = {"detractors": _("Detractors"), "passives": _("Passives"), "promoters": _("Promoters")}
    counts = {"detractors": sample.detractors, "passives": sample.passives, "promoters": sample.promoters}
    return Distribution(
        title=_("Promoters, passives and detractors"),
        stacks=[
            Stack(label=label, parts=[Part(label=names[key], count=counts[key], tone=TONES[key]) for key in TONES])
        ],
        name=f"{asked.id}-groups",
    )


def _scores(asked: Asked, tally: Tally, language: str, number: int) -> Histogram:
    wording = asked.wording(number)
    scale, bounds = wording.scale or asked.scale, the_scale(tally)
    found = on_scale(tally)
    step = scale.step or 1
    points = sorted(found)
    if bounds is not None and (bounds[1] - bounds[0]) / step <= MOST_BINS:
        count = math.floor((bounds[1] - bounds[0]) / step + 1e-9) + 1
        points = sorted({*points, *(bounds[0] + step * place for place in range(count))})
    bins = []
    for point in points:
        named = said(scale.points.get(f"{point:g}", {}), language, asked.languages)
        label = _("%(score)s: %(meaning)s") % {"score": f"{point:g}", "meaning": named} if named else f"{point:g}"
        bins.append(Bin(count=found.get(point, 0), label=label))
    return Histogram(title=_("How often each score was given"), bins=bins, unit="count", name=f"{asked.id}-scores")


def _spread(asked: Asked, tally: Tally) -> Histogram:
    """Numbers in at most twenty classes of equal width; each number by itself where there are few."""
    found = tally.scores
    title, name = _("How often each number was given"), f"{asked.id}-numbers"
    if len(found) <= MOST_BINS:
        bins = [Bin(count=found[point], label=f"{point:g}") for point in sorted(found)]
        return Histogram(title=title, bins=bins, unit="count", name=name)
    low, high = min(found), max(found)
    width = nice_width((high - low) / MOST_BINS)
    first = math.floor(low / width)
    counts: dict[int, int] = {}
    for score, n in found.items():
        place = math.floor(score / width)
        counts[place] = counts.get(place, 0) + n
    bins = [
        Bin(count=counts.get(place, 0), low=place * width, high=(place + 1) * width)
        for place in range(first, math.floor(high / width) + 1)
    ]
    return Histogram(title=title, bins=bins, unit="number", name=name)


def nice_width(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def bars_of(asked: Asked, keys: Sequence[Key]) -> Bars:
    titles = {
        "share": _("Share of the people who answered"),
        "place": _("Mean place; 1 is the best"),
        "amount": _("Mean of each part"),
        "net": _("Times best minus times worst, of all tasks"),
        "mean": _("Mean score"),
    }
    return Bars(
        title=titles.get(keys[0].code, _("Answers")),
        bars=[
            Bar(
                label=key.name, value=key.estimate.value, low=key.estimate.low, high=key.estimate.high,
                n=int(key.sample.successes) if isinstance(key.sample, ShareSample) else key.estimate.n,
            )
            for key in keys
        ],
        group=_("Answer"),
        sort=False,
        unit=keys[0].unit,
        note=_("Lines: 95 % interval"),
        name=f"{asked.id}-answers",
    )  # fmt: skip


def _rows(asked: Asked, tally_of: TallyOf, language: str, number: int) -> Distribution:
    stacks = []
    columns: list[str] = []
    tallies = [(row, tally_of(f"{asked.id}.{row.id}")) for row in asked.rows()]
    for _row, tally in tallies:
        columns = list(dict.fromkeys([*columns, *in_order(asked, tally)]))
    for row, tally in tallies:
        if tally.n:
            parts = [
                Part(label=asked.label(column, language, number), count=tally.choices.get(column, 0))
                for column in columns
            ]
            label = _("%(row)s (n = %(n)s)") % {
                "row": asked.label(row.id, language, number), "n": numbers.amount(tally.n, "count")
            }  # fmt: skip
            stacks.append(Stack(label=label, parts=parts))
    return Distribution(title=_("Answers by row"), stacks=stacks, name=f"{asked.id}-rows")
