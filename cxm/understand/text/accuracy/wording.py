"""What the pages say about own labels and the experience score, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.lib import numbers
from cxm.understand.text.experience.fitting import Calibrated, Effect, Scored
from cxm.understand.text.learning.labels import Stock

KINDS: Final[dict[str, Promise]] = {
    "sentiment": gettext_lazy("Sentiment"),
    "emotion": gettext_lazy("Emotion"),
    "intent": gettext_lazy("Intent"),
    "effort": gettext_lazy("Effort"),
    "urgency": gettext_lazy("Urgent"),
}
SIDES: Final[dict[str, Promise]] = {
    "negative": pgettext_lazy("texts", "negative"),
    "neutral": pgettext_lazy("texts", "neutral"),
    "positive": pgettext_lazy("texts", "positive"),
}
SOURCES: Final[dict[str, Promise]] = {
    "nps": gettext_lazy("Comments with a promoter score"),
    "csat": gettext_lazy("Comments with a satisfaction score"),
    "rating": gettext_lazy("Reviews and comments with stars"),
    "correction": gettext_lazy("Tags that your people corrected"),
}
SIGNALS: Final[dict[str, Promise]] = {
    "sentiment": gettext_lazy("What they wrote was friendlier: from neutral to entirely positive"),
    "silent": gettext_lazy("They wrote nothing"),
    "effort": gettext_lazy("They speak of effort, such as “the third time I call”"),
    "first_answer": gettext_lazy("Twice the wait for the first answer"),
    "solution": gettext_lazy("Twice the time to the solution"),
    "handovers": gettext_lazy("One more hand-over to somebody else"),
    "repeats": gettext_lazy("One more time that they had to come again"),
}
SHORT: Final[dict[str, Promise]] = {
    "sentiment": gettext_lazy("Sentiment"),
    "silent": gettext_lazy("Nothing written"),
    "effort": gettext_lazy("Effort"),
    "first_answer": gettext_lazy("First answer"),
    "solution": gettext_lazy("Time to the solution"),
    "handovers": gettext_lazy("Hand-overs"),
    "repeats": gettext_lazy("Came again"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: a name, its cells, and a verdict with its tone (green, red, secondary)."""

    name: str
    cells: tuple[str, ...]
    verdict: str = ""
    tone: str = "secondary"


def score_said(figure: dict[str, Any]) -> str:
    """0.84 (0.82 to 0.86)"""
    value, low, high = (numbers.decimal(float(figure[key]), 2) for key in ("value", "low", "high"))
    return _("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


def compared_said(report: dict[str, Any]) -> list[Row]:
    """Each kind of a version: shipped, own, difference, verdict."""
    rows = []
    for kind, about in report.items():
        parts = [(str(KINDS.get(kind, kind)), about["all"])]
        if "sides" in about:
            parts.append((_("Positive or negative only"), about["sides"]))
        for name, one in parts:
            verdict, tone = _("No evidence"), "secondary"
            if one["difference"]["low"] > 0:
                verdict, tone = _("Better"), "green"
            elif one["difference"]["high"] < 0:
                verdict, tone = _("Worse"), "red"
            cells = tuple(score_said(one[key]) for key in ("before", "after", "difference"))
            rows.append(Row(name, (*cells, numbers.amount(one["before"]["n"], "count")), verdict, tone))
    return rows


def stock_said(stock: Stock) -> list[Row]:
    return [Row(str(name), (numbers.amount(stock.sources.get(key, 0), "count"),)) for key, name in SOURCES.items()]


def sides_said(sides: dict[str, int]) -> str:
    """120 negative, 30 neutral, 400 positive"""
    parts = [
        _("%(n)s %(side)s") % {"n": numbers.amount(sides.get(key, 0), "count"), "side": name}
        for key, name in SIDES.items()
    ]
    return ", ".join(parts)


def factor(ratio: float | None) -> str:
    """× 0.83"""
    return f"× {numbers.decimal(ratio, 2)}" if ratio is not None else "–"


def effect_said(effect: Effect) -> Row:
    one = effect.ratio
    verdict, tone = _("No evidence"), "secondary"
    if one.low is not None and one.low > 1:
        verdict, tone = _("Better answers"), "green"
    elif one.high is not None and one.high < 1:
        verdict, tone = _("Worse answers"), "red"
    span = ""
    if one.low is not None and one.high is not None:
        ends = {"low": numbers.decimal(one.low, 2), "high": numbers.decimal(one.high, 2)}
        span = _("%(low)s to %(high)s") % ends
    return Row(str(SIGNALS[effect.signal]), (factor(one.value), span), verdict, tone)


def explained_said(found: Calibrated) -> str:
    """How good the model is, in a sentence."""
    told = found.r_squared
    share = {
        "value": numbers.amount(told.value, "percent"), "low": numbers.amount(told.low, "percent"),
        "high": numbers.amount(told.high, "percent"), "n": numbers.amount(found.n, "count"),
    }  # fmt: skip
    if found.enough:
        return (
            _(
                "On answers that it had not seen, the model explains %(value)s (%(low)s to %(high)s) of the differences"
                " between customers, n = %(n)s. The rest lies in what a ticket does not tell."
            )
            % share
        )
    return (
        _(
            "On answers that it had not seen, the model explains %(value)s (%(low)s to %(high)s) of the differences,"
            " n = %(n)s. That is not more than chance gives, so no interaction is scored."
        )
        % share
    )


@dataclass(frozen=True, slots=True)
class Box:
    """The score of one interaction as the page of a case shows it."""

    expected: str
    interval: str
    highest: str
    satisfied: float
    mean: str
    rows: tuple[Row, ...]


def scored_said(found: Scored) -> Box:
    """The signals that move this interaction most come first; one that hardly does is left out."""
    moved = sorted(found.shares, key=lambda one: -abs(math.log(one.ratio)))
    rows = tuple(
        Row(str(SHORT[one.signal]), (factor(one.ratio),), tone="green" if one.ratio > 1 else "red")
        for one in moved
        if abs(math.log(one.ratio)) >= 0.05
    )
    expected = found.expected
    ends = {"low": numbers.decimal(expected.low or 0, 1), "high": numbers.decimal(expected.high or 0, 1)}
    return Box(
        numbers.decimal(expected.value or 0, 1), _("%(low)s to %(high)s") % ends,
        numbers.amount(found.highest, "count"), found.satisfied, numbers.decimal(found.mean, 1), rows,
    )  # fmt: skip
