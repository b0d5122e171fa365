"""How many answers a change needs to be seen: the small calculator of a metric page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.understand.metrics.figure import Figure
from cxm.understand.metrics.queries import Refused, answers_needed

USUAL = {"points": 5.0, "percent": 5.0}  # the change asked for first


@dataclass(frozen=True, slots=True)
class Planning:
    label: str
    change_value: str
    sentence: str


def planning_of(figure: Figure, said: str) -> Planning | None:
    """None for a number that is no score, share or mean. `said` is the change that the person wrote, or empty."""
    usual = USUAL.get(figure.unit, round(abs(figure.value or 0) / 10, 2) or 0.1)
    try:
        answers_needed(figure, _towards_middle(figure, usual))
    except Refused:
        return None
    label = _("A change of, in percentage points") if figure.unit == "percent" else _("A change of, in its unit")
    if figure.unit == "points":
        label = _("A change of, in points")
    text = said.replace(",", ".").strip() or f"{usual:g}"
    try:
        change = abs(float(text))
        needed = answers_needed(figure, _towards_middle(figure, change))
    except Refused as error:
        return Planning(label, text[:20], str(error))
    except (ValueError, OverflowError):
        return Planning(label, "", _("Write the change as a number above 0."))
    return Planning(
        label,
        f"{change:g}",
        _("To see it in four of five cases, each of the two periods needs %(needed)s answers. This one has %(n)s.")
        % {"needed": numbers.amount(needed, "count"), "n": numbers.amount(figure.n, "count")},
    )


def _towards_middle(figure: Figure, change: float) -> float:
    """A share near 100 % can only fall, so its change is taken downwards."""
    return -change if figure.unit == "percent" and (figure.value or 0) > 50 else change
