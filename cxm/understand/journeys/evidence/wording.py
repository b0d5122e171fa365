"""Findings and figures in the words of the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from cxm.lib import numbers
from cxm.understand.text.naming import EMOTIONS

from ..definition import MapDefinition, Touchpoint
from .figures import Evidence, Figures, Finding, Number

ICONS = {
    "handover": "arrows-split", "dead_end": "x", "broken_promise": "alert-triangle", "worse": "mood-sad",
    "detour": "refresh", "dark": "eye", "stale": "clock",
}  # fmt: skip
WHO: Mapping[tuple[str, str], str] = {  # which journeys a finding is about: see queries.WHO
    ("handover", "drop"): "lost",
    ("dead_end", "drop"): "lost",
    ("detour", "repeat"): "again",
    ("detour", "back"): "back",
    ("detour", "switch"): "switch",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as the page says it. `who`: the kind of customers behind it, empty where there are none to list.

    `measure` and `case`: the query strings that fill in the form of a measure against it, and of a case about it.
    """

    kind: str
    key: str
    icon: str
    name: str
    touchpoint: str
    text: str
    figure: str
    who: str
    measure: str
    case: str
    tone: str


def kind_name(kind: str) -> str:
    return {
        "handover": pgettext("finding", "Hand-over failure"),
        "dead_end": pgettext("finding", "Dead end"),
        "broken_promise": pgettext("finding", "Broken promise"),
        "worse": pgettext("finding", "Weak touchpoint"),
        "detour": pgettext("finding", "Detour"),
        "dark": pgettext("finding", "Dark"),
        "stale": pgettext("finding", "Stale"),
    }[kind]


def kind_text(kind: str) -> str:
    """What findings of this kind are."""
    return {
        "handover": _("Customers are lost where one party hands over to another."),
        "dead_end": _("Customers come here and go no further."),
        "broken_promise": _("What customers were told does not come true often enough."),
        "worse": _("Scores or comments are worse here than elsewhere on the map."),
        "detour": _("Customers come again, go back or have to try another channel."),
        "dark": _("Customers pass, and nobody asks them."),
        "stale": _("There is no evidence, or none that is new."),
    }[kind]


def tell(evidence: Evidence, definition: MapDefinition) -> list[Told]:
    points = {one.key: one for one in definition.touchpoints()}
    figures = {one.key: one for one in evidence.figures}
    return [_told(one, points, figures) for one in evidence.findings if one.key in points]


def _told(one: Finding, points: Mapping[str, Touchpoint], figures: Mapping[str, Figures]) -> Told:
    point = points[one.key]
    text = explanation(one, point, points, figures.get(one.key, Figures(one.key)))
    percent = one.kind in ("handover", "dead_end", "broken_promise", "detour", "dark")
    figure = statement(one.share, "percent") if percent else ""
    return Told(
        one.kind, one.key, ICONS[one.kind], kind_name(one.kind), point.name, text, figure,
        who(one),
        _measure(one, point, text, figures.get(one.key)), case_query(point, kind_name(one.kind), text),
        "warning" if one.kind in ("dark", "stale") else "danger",
    )  # fmt: skip


def who(one: Finding) -> str:
    """The kind of the list of journeys behind a finding; empty where there is none."""
    if one.kind == "broken_promise":  # of one kept from before promises had numbers, there is no list
        return f"late-{one.about}" if one.about else ""
    return WHO.get((one.kind, one.about), "passed" if one.kind in ("worse", "dark") and one.lost else "")


def explanation(one: Finding, point: Touchpoint, points: Mapping[str, Touchpoint], figures: Figures) -> str:
    """One or two sentences with the numbers that the finding rests on."""
    to = points[one.to].name if one.to in points else ""
    values = {
        "here": point.name, "to": to, "hits": numbers.amount(one.hits, "count"), "n": numbers.amount(one.n, "count"),
        "usual": numbers.amount(one.usual, "percent"), "partner": point.partner or _partner(points, one.to),
        "days": numbers.amount(one.n, "count"), "text": one.text,
    }  # fmt: skip
    match one.kind:
        case "handover":
            return _(
                "%(hits)s of %(n)s journeys that came here did not reach “%(to)s” or anything after it. %(usual)s is"
                " usual elsewhere on this map. The other side of this hand-over is %(partner)s."
            ) % values  # fmt: skip
        case "dead_end":
            return _(
                "%(hits)s of %(n)s journeys that came here did not reach “%(to)s” or anything after it. %(usual)s is"
                " usual elsewhere on this map."
            ) % values  # fmt: skip
        case "broken_promise" if to:
            return _(
                "“%(text)s”: %(hits)s of %(n)s journeys were not at “%(to)s” in time, or never came there."
            ) % values  # fmt: skip
        case "broken_promise":
            return _("“%(text)s”: %(hits)s of %(n)s journeys did not go on in time, or never did.") % values
        case "dark" if one.hits:
            return _(
                "%(n)s visits, and only %(hits)s answers. Elsewhere on this map %(usual)s of the visits are answered."
            ) % values  # fmt: skip
        case "dark":
            return _("%(n)s visits, and nobody has been asked how it was.") % values
        case "detour":
            return _detour(one.about, values)
        case "worse":
            return _worse(one, figures)
        case "stale":
            return _stale(one, values)


def _partner(points: Mapping[str, Touchpoint], key: str) -> str:
    return points[key].partner if key in points else ""


def _detour(about: str, values: Mapping[str, str]) -> str:
    if about == "repeat":
        return _(
            "%(hits)s of %(n)s journeys came here more than once. %(usual)s is usual elsewhere on this map."
        ) % values  # fmt: skip
    if about == "back":
        return _(
            "%(hits)s of %(n)s journeys that came here went back to an earlier touchpoint. %(usual)s is usual elsewhere"
            " on this map."
        ) % values  # fmt: skip
    return _(
        "After %(hits)s of %(n)s visits customers went on in another channel, beside the expected path. %(usual)s is"
        " usual elsewhere on this map."
    ) % values  # fmt: skip


def _worse(one: Finding, figures: Figures) -> str:
    if one.about == "mood":
        return _(
            "The mood of %(n)s comments is %(value)s on a scale from −1 to 1. Elsewhere on this map it is %(usual)s."
        ) % {
            "n": numbers.amount(one.n, "count"), "value": numbers.amount(one.share.value),
            "usual": numbers.amount(one.usual),
        }  # fmt: skip
    said = score_statement(figures)
    if one.about == "target":
        return _("The score is %(score)s. The target is %(target)s.") % {"score": said, "target": target(one, figures)}
    return _("The score is %(score)s. That is lower on its scale than at the other touchpoints of this map.") % {
        "score": said
    }


def target(one: Finding, figures: Figures) -> str:
    return numbers.amount(one.usual, figures.unit or "score")


def _stale(one: Finding, values: Mapping[str, str]) -> str:
    if one.about == "unbound":
        return _(
            "No events, answers, topics or tickets belong to this touchpoint yet, so nothing can be known about it."
        )
    if one.about == "never":
        return _("Nothing that belongs to this touchpoint has ever been recorded.")
    days = {"days": values["days"]}
    if one.about == "unasked":
        return ngettext(
            "Customers pass, but the newest answer is %(days)s day old.",
            "Customers pass, but the newest answer is %(days)s days old.", one.n,
        ) % days  # fmt: skip
    return ngettext(
        "The newest evidence is %(days)s day old.", "The newest evidence is %(days)s days old.", one.n
    ) % days  # fmt: skip


def _measure(one: Finding, point: Touchpoint, text: str, figures: Figures | None) -> str:
    """What the form of a measure is filled with: name, text, the metric that judges it, and where it counts."""
    names = {
        "handover": _("Repair the hand-over at “%(here)s”"),
        "dead_end": _("Keep customers from giving up at “%(here)s”"),
        "broken_promise": _("Keep the promise at “%(here)s”"),
        "worse": _("Improve “%(here)s”"),
        "detour": _("Make “%(here)s” work the first time"),
        "dark": _("Ask customers about “%(here)s”"),
        "stale": _("Look after “%(here)s”"),
    }
    values = {"name": names[one.kind] % {"here": point.name}, "text": f"{kind_name(one.kind)}: {text}"}
    if figures and figures.metric:
        values["metric"] = "csat" if figures.metric == "csat" else figures.metric
    if filters := filters_of(point):
        values["filters"] = "\n".join(filters)
    if point.owner:
        values["owner"] = str(point.owner)
    return urlencode(values)


def case_query(point: Touchpoint, what: str, text: str = "") -> str:
    """What the form of a case about a touchpoint is filled with, and the touchpoint that its cases are found by."""
    values = {"subject": f"{point.name}: {what}", "note": text, "touchpoint": touchpoint_of(point)}
    return urlencode({name: value for name, value in values.items() if value})


def touchpoint_of(point: Touchpoint) -> str:
    """As events name it: the value that its rule for answers asks for, else the name on the map."""
    tests = point.binding.feedback[0].where if point.binding.feedback else ()
    said = [test.values for test in tests if test.field == "touchpoint" and test.operator == "is" and test.values]
    return str(said[0][0]) if said else point.name


def filters_of(point: Touchpoint) -> list[str]:
    """The first rule for answers, as the filters of metrics and of the page of feedback say it."""
    if not point.binding.feedback:
        return []
    return [
        f"{test.field}:{test.operator}:{value}" if test.operator not in ("is_set", "is_not_set") else
        f"{test.field}:{test.operator}"
        for test in point.binding.feedback[0].where
        for value in (test.values or ("",))
        if test.field != "metric"
    ]  # fmt: skip


def statement(number: Number, unit: str = "score") -> str:
    """39.8 (37.0 to 42.6), n = 2,746; a dash where there is nothing."""
    if number.value is None:
        return numbers.NOTHING
    return numbers.statement(number.value, number.low, number.high, number.n, unit)


def score_statement(figures: Figures) -> str:
    return statement(figures.score, figures.unit or "score")


def metric_name(metric: str) -> str:
    return {
        "nps": pgettext("metric", "NPS"), "csat": pgettext("metric", "Satisfied"), "ces": pgettext("metric", "Ease"),
        "rating": pgettext("metric", "Rating"),
    }.get(metric, metric)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a touchpoint: its name and what it says. `tone` colours it; `short` is for the map."""

    name: str
    value: str
    short: str
    tone: str = ""


def lines(figures: Figures, point: Touchpoint, currency: str) -> list[Line]:
    """All that is known about a touchpoint, in the order in which it is read."""
    made = []
    if point.binding.events:
        n = numbers.amount(figures.journeys, "count")
        made.append(Line(_("Journeys"), n, n))
    if figures.settled and figures.on.value is not None and figures.median_s is not None:
        made.append(Line(_("Go on"), statement(figures.on, "percent"), numbers.amount(figures.on.value, "percent")))
        times = {
            "median": numbers.duration(figures.median_s / 3600), "p90": numbers.duration((figures.p90_s or 0) / 3600),
        }  # fmt: skip
        text = _("%(median)s; nine in ten within %(p90)s") % times
        made.append(Line(_("Time to the next touchpoint"), text, times["median"]))
    if figures.score.value is not None:
        short = numbers.amount(figures.score.value, figures.unit)
        made.append(Line(metric_name(figures.metric), score_statement(figures), short))
    elif point.binding.feedback:
        n = numbers.amount(figures.answers, "count")
        made.append(Line(_("Answers"), n, n))
    if figures.texts:
        made.append(Line(_("Mood"), statement(figures.mood), numbers.signed(figures.mood.value), tone(figures.mood)))
        if figures.emotions:
            made.append(Line(_("Emotions"), emotions(figures), emotions(figures, 1)))
        effort = numbers.amount(figures.effort / figures.texts, "percent")
        made.append(Line(_("Speak of effort"), effort, effort))
    if figures.tickets:
        n = numbers.amount(figures.tickets, "count")
        text = _("%(n)s, of them %(complaints)s complaints and %(reopened)s reopened") % {
            "n": n, "complaints": numbers.amount(figures.complaints, "count"),
            "reopened": numbers.amount(figures.reopened, "count"),
        }  # fmt: skip
        made.append(Line(_("Tickets and cases"), text, n))
    if figures.cost is not None:
        text = numbers.amount(figures.cost, "money", currency)
        made.append(Line(_("Cost of contacts"), text, text))
    return made


@dataclass(frozen=True, slots=True)
class Way:
    """A hand-over as the page says it."""

    here: str
    to: str
    partner: str
    median: str
    slow_after: str
    slow: str
    rest: str
    difference: str
    is_real: bool


def ways(evidence: Evidence, definition: MapDefinition) -> list[Way]:
    """The hand-overs at which slowness costs most come first."""
    points = {one.key: one for one in definition.touchpoints()}
    made = []
    for one in evidence.handovers:
        if one.key not in points or one.to not in points:
            continue
        here, to, gap = points[one.key], points[one.to], one.difference
        made.append(
            Way(
                here.name, to.name, here.partner or to.partner, numbers.duration(one.median_s / 3600),
                numbers.duration(one.p90_s / 3600), statement(one.slow), statement(one.rest),
                _signed(gap), one.is_real,
            )
        )  # fmt: skip
    return made


def _signed(gap: Number) -> str:
    """+0.15 (−0.06 to +0.35)"""
    change, low, high = (numbers.signed(each) for each in (gap.value, gap.low, gap.high))
    if gap.low is None or gap.high is None:
        return change
    return _("%(change)s (%(low)s to %(high)s)") % {"change": change, "low": low, "high": high}


def tone(mood: Number) -> str:
    """Good or bad where the interval leaves no doubt."""
    if mood.low is not None and mood.low > 0:
        return "good"
    return "bad" if mood.high is not None and mood.high < 0 else ""


def emotions(figures: Figures, most: int = 3) -> str:
    return pgettext("list", ", ").join(str(EMOTIONS.get(name, name)) for name, _n in figures.emotions[:most])


def moment(at_ms: int) -> datetime | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms else None


def table(evidence: Evidence, definition: MapDefinition) -> tuple[list[str], list[Sequence[object]]]:
    """All figures as a table for a file: headings and rows of raw values."""
    points = {one.key: (stage.name, one) for stage in definition.stages for one in stage.touchpoints}
    heads = [
        _("Stage"), _("Touchpoint"), _("Partner"), _("Visits"), _("Journeys"), _("Share that goes on"),
        _("Lower bound"), _("Upper bound"), "n", _("Median seconds to the next"),
        _("90th percentile of these seconds"), _("Metric"), _("Score"), _("Lower bound"), _("Upper bound"),
        _("Answers"), "n", _("Mood"), _("Lower bound"), _("Upper bound"), _("Texts"), _("Texts about effort"),
        _("Tickets"), _("Complaints"), _("Cost of contacts"), _("Findings"),
    ]  # fmt: skip
    rows: list[Sequence[object]] = []
    for one in evidence.figures:
        if one.key not in points:
            continue
        stage, point = points[one.key]
        kinds = sorted({kind_name(found.kind) for found in evidence.findings if found.key == one.key})
        rows.append([
            stage, point.name, point.partner, one.steps, one.journeys, one.on.value, one.on.low, one.on.high, one.on.n,
            one.median_s, one.p90_s, one.metric, one.score.value, one.score.low, one.score.high, one.answers,
            one.score.n, one.mood.value, one.mood.low, one.mood.high, one.texts, one.effort, one.tickets,
            one.complaints, one.cost, "; ".join(kinds),
        ])  # fmt: skip
    return heads, rows
