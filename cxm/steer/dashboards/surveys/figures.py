"""The figures of one question: which number tells its answers best, with its interval and what a test needs.

Scores: NPS, the share of the top two of satisfaction, mean ease and the share of easy, the mean of any other. Choices:
the share of people who chose each (Wilson). Rankings: the mean place (1 is best). Constant sums: the mean of each part.
MaxDiff: times best minus times worst, of the tasks of a person, from −1 to 1. Numbers: mean and median.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.listen.surveys.wordings import Asked
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of, share_of
from cxm.stats.quantiles import quantile_from_counts
from cxm.stats.samples import MeanSample, NpsSample, ShareSample
from cxm.understand.metrics.ces import easy_from
from cxm.understand.metrics.metric import Means, Sample
from cxm.understand.metrics.scores import bounds_of, top_of

from .asking import Tally

YES_NO: Final = frozenset({"yes_no", "thumbs", "consent"})
ONE: Final = frozenset({"single", "dropdown"})
SEVERAL: Final = frozenset({"multiple", "picture"})
SCORES: Final = frozenset({"nps", "csat", "ces", "rating", "slider"})
TallyOf = Callable[[str], Tally]


@dataclass(frozen=True, slots=True)
class Key:
    """One figure. `code` says what it is, `of` of which choice, row or part; shares are from 0 to 1."""

    code: str
    name: str
    unit: str
    estimate: Estimate
    sample: Sample | None = None
    of: str = ""

    @property
    def value(self) -> str:
        return numbers.amount(self.estimate.value, self.unit)

    @property
    def interval(self) -> str:
        low, high = self.estimate.low, self.estimate.high
        return "" if low is None or high is None else numbers.interval(low, high, self.unit)

    @property
    def n(self) -> str:
        return numbers.amount(self.estimate.n, "count")


def parts_of(asked: Asked) -> list[str]:
    """The names under which the log has the answers to a question."""
    match asked.kind:
        case "matrix":
            return [f"{asked.id}.{row.id}" for row in asked.rows()]
        case "constant_sum":
            return [f"{asked.id}.{choice.id}" for choice in asked.choices()]
    return [asked.id]


def answers_of(asked: Asked, tally_of: TallyOf) -> int:
    """How many answered the question: of a question in parts, those who answered the part that most answered."""
    return max((tally_of(name).n for name in parts_of(asked)), default=0)


def keys_of(asked: Asked, tally_of: TallyOf, language: str, number: int = 0) -> list[Key]:
    """The figures of a question, the one that tells it best first; none for texts, and where nobody answered."""
    tally = tally_of(asked.id)
    kind = asked.wording(number).kind
    if kind in SCORES:
        return score_keys(kind, tally)
    if kind in YES_NO:
        yes = {"thumbs": _("Thumbs up"), "consent": _("Agreed")}.get(kind, _("Yes"))
        return [share_key("yes", yes, tally)] if tally.n else []
    if kind in ONE or kind in SEVERAL:
        return [share_key(one, asked.label(one, language, number), tally) for one in in_order(asked, tally)]
    match kind:
        case "matrix":
            return _matrix(asked, tally_of, language, number)
        case "ranking":
            return _places(asked, tally, language, number)
        case "constant_sum":
            return _amounts(asked, tally_of, language, number)
        case "maxdiff":
            return _nets(asked, tally, language, number)
        case "number":
            return _numbers(tally)
    return []


def in_order(asked: Asked, tally: Tally) -> list[str]:
    """The ids of the choices as they are offered, then any that the log has besides; none where nobody answered."""
    known = [one.id for one in asked.choices()]
    return [*known, *(one for one in tally.choices if one not in known)] if tally.n else []


def share_key(choice: str, name: str, tally: Tally) -> Key:
    sample = ShareSample(tally.choices.get(choice, 0), tally.n)
    return Key("share", name, "percent", share_of(sample), sample, choice)


def the_scale(tally: Tally) -> tuple[float, float] | None:
    return bounds_of(next(iter(tally.scales))) if len(tally.scales) == 1 else None


def on_scale(tally: Tally) -> dict[float, int]:
    """The scores that lie on the scale: others count in no metric either."""
    bounds = the_scale(tally)
    return {score: n for score, n in tally.scores.items() if bounds is None or bounds[0] <= score <= bounds[1]}


def means_of(scores: dict[float, int], bounds: tuple[float, float] | None) -> Means:
    total = sum(score * n for score, n in scores.items())
    squares = sum(score * score * n for score, n in scores.items())
    return Means(MeanSample(sum(scores.values()), total, squares), bounds)


def mean_key(name: str, scores: dict[float, int], bounds: tuple[float, float] | None, of: str = "") -> Key:
    means = means_of(scores, bounds)
    return Key("mean", name, "score", mean_of(means.sample, bounds), means, of)


def top_key(code: str, name: str, scores: dict[float, int], least: float, of: str = "") -> Key:
    sample = ShareSample(sum(n for score, n in scores.items() if score >= least), sum(scores.values()))
    return Key(code, name, "percent", share_of(sample), sample, of)


def nps_sample(scores: dict[float, int]) -> NpsSample:
    promoters = sum(n for score, n in scores.items() if score >= 9)
    detractors = sum(n for score, n in scores.items() if score < 7)
    return NpsSample(promoters, sum(scores.values()) - promoters - detractors, detractors)


def score_keys(kind: str, tally: Tally, of: str = "") -> list[Key]:
    """The same numbers as those metrics give for the same answers; none where scales are mixed."""
    scores, bounds = on_scale(tally), the_scale(tally)
    if not scores or bounds is None:
        return []
    scale = next(iter(tally.scales))
    mean = mean_key(_("Mean score"), scores, bounds, of)
    match kind:
        case "nps":
            sample = nps_sample(scores)
            return [Key("nps", _("Net Promoter Score"), "points", nps_of(sample), sample, of)]
        case "csat":
            satisfied = _("Satisfied (%(low)g or more)") % {"low": top_of(scale)}
            return [top_key("top", satisfied, scores, top_of(scale), of), mean]
        case "ces":
            easy = _("Easy (%(low)g or more)") % {"low": easy_from(scale)}
            return [mean, top_key("easy", easy, scores, easy_from(scale), of)]
        case "slider":
            return [mean]
    return [mean, top_key("top", _("Good (%(low)g or more)") % {"low": top_of(scale)}, scores, top_of(scale), of)]


def _matrix(asked: Asked, tally_of: TallyOf, language: str, number: int) -> list[Key]:
    found = []
    for row in asked.rows():
        tally = tally_of(f"{asked.id}.{row.id}")
        label = asked.label(row.id, language, number)
        if tally.metric == "rating" and tally.scored:
            found.append(mean_key(label, on_scale(tally), the_scale(tally), row.id))
        else:
            for column in in_order(asked, tally):
                name = _("%(row)s: %(answer)s") % {"row": label, "answer": asked.label(column, language, number)}
                sample = ShareSample(tally.choices.get(column, 0), tally.n)
                found.append(Key("share", name, "percent", share_of(sample), sample, f"{row.id}.{column}"))
    return found


def _places(asked: Asked, tally: Tally, language: str, number: int) -> list[Key]:
    last = float(max(len(asked.wording(number).choices), 2))
    found = []
    for choice in in_order(asked, tally):
        n, total, squares, _first = tally.places.get(choice, (0, 0.0, 0.0, 0))
        if n:
            # A choice that some wording had in a lower place than there are now bounds nothing.
            bounds = (1.0, last) if n <= total <= last * n else None
            means = Means(MeanSample(n, total, squares), bounds)
            label = asked.label(choice, language, number)
            found.append(Key("place", label, "score", mean_of(means.sample, bounds), means, choice))
    return found


def _amounts(asked: Asked, tally_of: TallyOf, language: str, number: int) -> list[Key]:
    total = asked.wording(number).total
    found = []
    for choice in asked.choices():
        scores = tally_of(f"{asked.id}.{choice.id}").scores
        if scores:
            fits = total is not None and total > 0 and min(scores) >= 0 and max(scores) <= total
            means = means_of(scores, (0.0, float(total)) if fits and total is not None else None)
            label = asked.label(choice.id, language, number)
            found.append(Key("amount", label, "score", mean_of(means.sample, means.bounds), means, choice.id))
    return found


def _nets(asked: Asked, tally: Tally, language: str, number: int) -> list[Key]:
    people = tally.n
    found = []
    for choice in asked.choices() if people else ():
        _n, total, squares = tally.nets.get(choice.id, (0, 0.0, 0.0))
        # People in whose tasks it was neither best nor worst are zeros.
        means = Means(MeanSample(people, total, squares), (-1.0, 1.0))
        label = asked.label(choice.id, language, number)
        found.append(Key("net", label, "score", mean_of(means.sample, means.bounds), means, choice.id))
    return found


def _numbers(tally: Tally) -> list[Key]:
    if not tally.scores:
        return []
    median = quantile_from_counts(list(tally.scores), list(tally.scores.values()), 0.5)
    return [mean_key(_("Mean"), tally.scores, None), Key("median", _("Median"), "score", median)]


def share_estimates(keys: Sequence[Key]) -> bool:
    return all(key.unit == "percent" for key in keys)
