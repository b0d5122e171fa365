"""Charts of a driver model: how much each driver explains, and importance against performance."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cxm.lib.charts import Bar, Bars, Bubble, Bubbles, Tone

from .definition import Findings, Found
from .wording import Names


def tone_of(one: Found, findings: Findings, usual: float) -> Tone:
    """bad: important and behind the others; good: important and not; nothing: less important; passive: it cannot be
    told which, because it may be noise or its interval holds the average share or the usual performance."""
    average = findings.average
    if not one.matters or (one.share.low or 0) <= average <= (one.share.high or 0):
        return "passive"
    if one.share.value < average:
        return ""
    if not one.concerned:  # nobody is short of it: what does good is no trouble, however few have it
        return "good"
    low, high = one.at_target.low, one.at_target.high
    if low is not None and high is not None and low <= usual <= high:
        return "passive"
    return "bad" if one.at_target.value < usual else "good"


def usual_of(findings: Findings) -> float:
    """The mean share at target of all drivers."""
    return sum(one.at_target.value for one in findings.found) / max(len(findings.found), 1)


def importance_bars(findings: Findings, names: Names) -> Bars:
    return Bars(
        title=_("How much each driver explains"),
        note=_("Share of the differences between outcomes, with its 95 % interval; the shares add up to what all"
               " drivers explain together. Grey: no more than chance would give."),
        name="drivers", group=_("Driver"), unit="percent",
        bars=[
            Bar(
                label=names.of(one.driver), value=one.share.value, low=one.share.low, high=one.share.high,
                n=one.n, tone="" if one.matters else "passive",
            )
            for one in findings.found
        ],
    )  # fmt: skip


def importance_map(findings: Findings, names: Names) -> Bubbles:
    usual = usual_of(findings)
    return Bubbles(
        title=_("Importance and performance"),
        note=_("Further up explains more, further right does better. The lines are the averages; grey is what cannot be"
               " told to lie on one side of them."),
        name="importance-performance",
        x_title=_("Share of customers at the target"), x_unit="percent", x_line=usual,
        y_title=_("Share explained"), y_unit="percent", y_line=findings.average, is_change=False,
        size_title=_("Customers short of the target"),
        bubbles=[
            Bubble(
                label=names.of(one.driver), x=one.at_target.value, y=one.share.value,
                size=round(one.concerned * findings.n), tone=tone_of(one, findings, usual),
            )
            for one in findings.found
        ],
        tones={
            "bad": _("Important and behind: work here first"), "good": _("Important and good: keep it up"),
            "": _("Less important"), "passive": _("Cannot be told apart"),
        },
    )  # fmt: skip
