"""Figures and changes in words: the texts of a page, in the reader's language and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.lib import numbers
from cxm.stats.comparison import LEAST_SAMPLE, Verdict
from cxm.understand.metrics.figure import Change, Direction, Figure

SIGNIFICANT: Final = 0.05
Tone = Literal["good", "bad", "neutral", "quiet"]
WORDS: Final[Mapping[tuple[Verdict, Tone], Promise]] = {
    ("up", "good"): gettext_lazy("Up, better"),
    ("up", "bad"): gettext_lazy("Up, worse"),
    ("up", "neutral"): gettext_lazy("Up"),
    ("down", "good"): gettext_lazy("Down, better"),
    ("down", "bad"): gettext_lazy("Down, worse"),
    ("down", "neutral"): gettext_lazy("Down"),
}
GROUP_WORDS: Final[Mapping[tuple[Verdict, Tone], Promise]] = {
    ("up", "good"): gettext_lazy("Higher, better"),
    ("up", "bad"): gettext_lazy("Higher, worse"),
    ("up", "neutral"): gettext_lazy("Higher"),
    ("down", "good"): gettext_lazy("Lower, better"),
    ("down", "bad"): gettext_lazy("Lower, worse"),
    ("down", "neutral"): gettext_lazy("Lower"),
}


def amount(value: float | None, figure: Figure) -> str:
    return numbers.amount(_scaled(value, figure.unit), figure.unit, figure.currency)


def _scaled(value: float | None, unit: str) -> float | None:
    """Figures hold shares in percent; the writer of numbers wants them as 0 to 1."""
    return value / 100 if value is not None and unit == "percent" else value


def interval(figure: Figure) -> str:
    """37.0 to 42.6, or the side that the data bound; empty where they bound none."""
    if figure.low is not None and figure.high is not None:
        return _("%(low)s to %(high)s") % {"low": amount(figure.low, figure), "high": amount(figure.high, figure)}
    if figure.low is not None:
        return _("at least %(low)s") % {"low": amount(figure.low, figure)}
    if figure.high is not None:
        return _("at most %(high)s") % {"high": amount(figure.high, figure)}
    return ""


def statement(figure: Figure) -> str:
    """39.8 (37.0 to 42.6), n = 2,746"""
    parts = {
        "value": amount(figure.value, figure),
        "interval": interval(figure),
        "n": numbers.amount(figure.n, "count"),
    }
    if parts["interval"]:
        return _("%(value)s (%(interval)s), n = %(n)s") % parts
    return _("%(value)s, n = %(n)s") % parts


def by_how_much(value: float | None, figure: Figure) -> str:
    """A difference: +3.2, +2.4 percentage points, −3 h 20 min."""
    if figure.unit == "percent":
        text = numbers.signed(value, "points")
        return text if value is None else _("%(change)s percentage points") % {"change": text}
    return numbers.signed(value, figure.unit, figure.currency)


@dataclass(frozen=True, slots=True)
class Judged:
    """A change and what it means on this page: `verdict` holds the false-discovery rate over the page."""

    change: Change
    verdict: Verdict
    direction: Direction
    groups: bool = False  # two groups are compared, not two times

    @property
    def tone(self) -> Tone:
        """Whether the change is good; quiet where there is no evidence of one."""
        if self.verdict == "no_evidence":
            return "quiet"
        if self.direction == "neutral":
            return "neutral"
        return "good" if (self.verdict == "up") == (self.direction == "higher") else "bad"

    @property
    def icon(self) -> str:
        if self.groups:
            return {"up": "arrow-up-right", "down": "arrow-down-right", "no_evidence": "equal"}[self.verdict]
        return {"up": "trending-up", "down": "trending-down", "no_evidence": "equal"}[self.verdict]

    @property
    def word(self) -> str:
        if self.verdict != "no_evidence":
            return str((GROUP_WORDS if self.groups else WORDS)[self.verdict, self.tone])
        if self.too_few:
            return _("Too few to compare")
        # Alone it would be taken for a change; among all comparisons of the page it may be chance.
        alone = self.change.p_value is not None and self.change.p_value < SIGNIFICANT
        if alone:
            return _("Not clear enough")
        return _("No evidence of a difference") if self.groups else _("No evidence of change")

    @property
    def too_few(self) -> bool:
        return min(self.change.n_before, self.change.n_after) < LEAST_SAMPLE

    @property
    def difference(self) -> str:
        return by_how_much(self.change.difference, self.change.after)

    @property
    def interval(self) -> str:
        """−1.2 to +4.0; empty where the data do not bound both sides."""
        change = self.change
        if change.low is None or change.high is None:
            return ""
        if change.after.unit == "percent":
            low, high = numbers.signed(change.low, "points"), numbers.signed(change.high, "points")
        else:
            low, high = (by_how_much(end, change.after) for end in (change.low, change.high))
        return _("%(low)s to %(high)s") % {"low": low, "high": high}
