"""Effects as people read them: each figure with its interval and n, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.lib import numbers
from cxm.stats.comparison import Difference
from cxm.stats.estimate import Estimate

from .effects import Kind, Report
from .improving import Improvement
from .models import Measure

UNITS = {"share": "percent", "score": "points", "money": "money"}
TONES = {"works": "green", "better": "green", "harms": "red", "worse": "red"}


@dataclass(frozen=True, slots=True)
class Line:
    """One outcome. `tone`: green, red or secondary."""

    key: str
    name: str
    about: str
    held_out: str
    helped: str
    difference: str
    verdict: str
    tone: str
    note: str = ""


def effects_said(report: Report, currency: str) -> list[Line]:
    return [
        Line(
            key=one.outcome,
            name=outcome_name(one.outcome),
            about=outcome_about(one.outcome),
            held_out=estimate(one.held_out, one.kind, currency),
            helped=estimate(one.helped, one.kind, currency),
            difference=change(one.difference, one.kind, currency),
            verdict=verdict_name(one.result),
            tone=TONES.get(one.result, "secondary"),
            note=_bounds(one.bounds),
        )
        for one in report.effects
    ]


def changes_said(report: Report, currency: str) -> list[Line]:
    lines = []
    for one in report.changes:
        starts = _("Before: %(others)s and %(helped)s.") % {
            "others": numbers.amount(one.start_others, "points"), "helped": numbers.amount(one.start_helped, "points")
        }  # fmt: skip
        lines.append(
            Line(
                one.outcome, change_name(one.outcome), "", estimate(one.others, one.kind, ""),
                estimate(one.helped, one.kind, ""), change(one.difference, one.kind, ""), "", "secondary", starts,
            )
        )  # fmt: skip
    return lines


def cost_said(report: Report, currency: str) -> str:
    """What a recovered customer costs, in a sentence; empty without a test."""
    cost = report.cost
    if cost is None or (cost.value is None and cost.low is None):
        return _("Not known: there is no sign that the play brings customers back.") if report.effects else ""
    if cost.value is None:
        return _("At least %(low)s.") % {"low": numbers.amount(cost.low, "money", currency)}
    if cost.high is None:
        return _("%(value)s, at least %(low)s; there is no upper end, as the play may bring nobody back.") % {
            "value": numbers.amount(cost.value, "money", currency), "low": numbers.amount(cost.low, "money", currency)
        }  # fmt: skip
    return numbers.statement(cost.value, cost.low, cost.high, cost.n, "money", currency)


def improvement_said(found: Improvement, measure: Measure) -> dict[str, object]:
    """What the page of a measure shows of its effect."""
    unit = "score" if found.unit == "count" else found.unit
    # Figures of shares are in percent 0–100; the words of numbers want fractions.
    by = 0.01 if unit == "percent" else 1.0

    def said(number: float | None) -> str:
        return numbers.amount(None if number is None else number * by, unit)

    difference = found.difference
    low, high = (None if end is None else end * by for end in (difference.low, difference.high))
    return {
        "before": said(found.before),
        "after": said(found.after),
        "difference": numbers.signed(None if difference.value is None else difference.value * by, unit),
        "interval": numbers.interval(low, high, unit),
        "expected": numbers.signed(None if measure.expected is None else measure.expected * by, unit),
        "as_expected": found.as_expected,
        "weeks": found.weeks,
        "verdict": verdict_name(found.result),
        "tone": TONES.get(found.result, "secondary"),
        "undecided": found.undecided,
        "few": difference.p_value is None,
        "n_before": difference.n_before,
        "n_after": difference.n_after,
    }


def estimate(figure: Estimate, kind: Kind, currency: str) -> str:
    return numbers.statement(figure.value, figure.low, figure.high, figure.n, UNITS[kind], currency)


def change(difference: Difference, kind: Kind, currency: str) -> str:
    """+12.3% (4.0% to 20.1%)"""
    value = numbers.signed(difference.value, UNITS[kind], currency)
    between = numbers.interval(difference.low, difference.high, UNITS[kind], currency)
    return f"{value} ({between})" if between else value


def _bounds(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return ""
    return _(
        "The two groups answer differently often, so this compares different customers. Among those who answer either"
        " way, the difference lies between %(low)s and %(high)s, give or take chance."
    ) % {"low": numbers.signed(bounds[0], "points"), "high": numbers.signed(bounds[1], "points")}


def outcome_name(key: str) -> str:
    return {
        "next_score": _("Next score"), "recovered": _("Recovered"), "repeat_contact": _("Came back with a problem"),
        "churn": _("Left"), "revenue": _("Revenue for each customer"),
    }[key]  # fmt: skip


def outcome_about(key: str) -> str:
    return {
        "next_score": _("The first score after the case, from 0 to 100 of its scale, of those who gave one."),
        "recovered": _("Gave a next score in the upper third of its scale; who gave none has not recovered."),
        "repeat_contact": _("A new or reopened case or ticket in these days."),
        "churn": _("Had a running subscription, and has none when the days are over."),
        "revenue": _("Orders placed in these days and not cancelled."),
    }[key]  # fmt: skip


def change_name(key: str) -> str:
    return {
        "next_score": _("Next score against the one before"), "contacts": _("Cases and tickets, after against before"),
        "revenue": _("Revenue, after against before"),
    }[key]  # fmt: skip


def verdict_name(result: str) -> str:
    return {
        "works": pgettext("of a recovery play", "Works"), "harms": pgettext("of a recovery play", "Does harm"),
        "better": _("Better"), "worse": _("Worse"), "no_evidence": _("No evidence"), "too_early": _("Too early to say"),
    }[result]  # fmt: skip
