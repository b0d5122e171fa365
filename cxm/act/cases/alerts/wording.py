"""Alerts in words: made anew for each reader from what the alert keeps, so that everybody reads their own language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from cxm.act.cases.models import Alert, AlertRule
from cxm.lib.conditions import text_of
from cxm.record.customers.timeline import kind_label
from cxm.understand.metrics.queries import METRICS

from .rules import CONTACT

Kind = AlertRule.Kind
WORKFLOW = "workflow"  # the kind of an alert that no rule raised: a workflow has something to say
SHORT, LONG = 60, 300
NAMES = {"nps": "NPS", "csat": "CSAT", "ces": "CES"}


def about(alert: Alert) -> str:
    """What has happened, in one sentence."""
    return sentence(alert.kind, alert.data)


def sentence(kind: str, data: Mapping[str, Any], *, words: int = LONG) -> str:
    if kind == WORKFLOW:
        texts = data.get("texts") or {}
        return str(texts.get(get_language()) or next(iter(texts.values()), ""))
    comment = Truncator(str(data.get("comment") or "").strip()).chars(words)
    match kind:
        case Kind.ANSWER:
            return _answer(data, comment)
        case Kind.WORDS:
            return _("“%(word)s” in: %(comment)s") % {"word": data.get("word", ""), "comment": comment}
        case Kind.PATTERN:
            times = int(data.get("times") or 0)
            event = _("Contact") if data.get("event") == CONTACT else kind_label(str(data.get("event") or ""))
            return ngettext(
                "%(event)s: %(times)s time in %(days)s days", "%(event)s: %(times)s times in %(days)s days", times
            ) % {"event": event, "times": times, "days": data.get("days")}
        case Kind.LATE:
            return _late(data)
        case Kind.METRIC:
            return _metric(data)
        case _:
            days = int(data.get("days") or 0)
            return ngettext("Not seen for %(days)s day", "Not seen for %(days)s days", days) % {"days": days}


def _answer(data: Mapping[str, Any], comment: str) -> str:
    metric = str(data.get("metric") or "")
    values = {"metric": NAMES.get(metric, metric), "score": number(data.get("score")), "comment": comment}
    if data.get("score") is None:
        return comment or _("An answer without words")
    if comment:
        return _("%(metric)s %(score)s: %(comment)s") % values
    return _("%(metric)s %(score)s") % values


def _late(data: Mapping[str, Any]) -> str:
    hours, order = int(data.get("hours") or 0), str(data.get("order") or "")
    days = hours // 24
    if data.get("delivered"):
        if days:
            text = ngettext("The order %(order)s came %(n)s day late", "The order %(order)s came %(n)s days late", days)
        else:
            text = ngettext(
                "The order %(order)s came %(n)s hour late", "The order %(order)s came %(n)s hours late", hours
            )
    elif days:
        text = ngettext(
            "The order %(order)s is %(n)s day late and has not come",
            "The order %(order)s is %(n)s days late and has not come",
            days,
        )
    else:
        text = ngettext(
            "The order %(order)s is %(n)s hour late and has not come",
            "The order %(order)s is %(n)s hours late and has not come",
            hours,
        )
    return text % {"order": order, "n": days or hours}


def _metric(data: Mapping[str, Any]) -> str:
    values = {
        "metric": metric_name(str(data.get("metric") or "")), "now": number(data.get("now")), "n": data.get("n"),
        "before": number(data.get("before")), "n_before": data.get("n_before"), "target": number(data.get("target")),
        "since": data.get("since"),
    }  # fmt: skip
    if data.get("mode") == "beyond":
        return _("%(metric)s is %(now)s since %(since)s (n = %(n)s), beyond the limit of %(target)s") % values
    return _("%(metric)s is %(now)s since %(since)s (n = %(n)s); before it was %(before)s (n = %(n_before)s)") % values


def metric_name(key: str) -> str:
    return next((str(one.name) for one in METRICS if one.key == key), key)


def number(value: Any) -> str:
    """As people write it; nothing for nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return text_of(round(float(value), 1))
