"""The page of channels: which are used for what, in which order, with what result, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role, Workspace
from cxm.lib import numbers
from cxm.lib.charts import Distribution, Part, Stack
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused
from cxm.understand.text.topics.queries import tree

from ..maps.board import channel_label
from ..maps.queries import definition_of, maps_of
from . import channels
from .channels import ANSWER_DAYS, TOPIC, WITHIN_DAYS, Channel, Channels, Kind
from .period import Period, period_of, told

LIKELY = (
    "category",
    "topic",
    "reason",
    "type",
    "subject",
    "kind",
    "issue",
)  # properties that say what a ticket is about
SHOWN_FLOWS = 12


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    workspace = membership.workspace
    context: dict[str, Any] = {"membership": membership, "workspace": workspace, "tab": "channels"}
    try:
        known = channels.kinds(workspace.pk)
        by = request.GET.get("by") or usual(known)
        context["fields"] = [(one, field_name(one), one == by) for one in known]
        context |= period_of(QueryDict(), workspace).said(workspace)  # where what was asked is refused
        period = period_of(request.GET, workspace)
        context |= period.said(workspace)
        context |= found(workspace, period, by)
    except (Refused, UnknownField) as refused:
        context["problem"] = told(refused)
    except EventlogError:
        context["problem"] = _("The event log does not answer at the moment. Please try again in a minute.")
    return render(request, "journeys/channels.html", context)


def usual(known: list[str]) -> str:
    """The property by which firms most likely tell requests apart, the most frequent of them; else the touchpoint."""
    return next((one for one in known if one.removeprefix("property.") in LIKELY and "." in one), "touchpoint")


def field_name(field: str) -> str:
    if field == TOPIC:
        return _("Topics of messages and calls")
    if field.startswith("property."):
        return _("Tickets by “%(name)s”") % {"name": field.removeprefix("property.")}
    return {"touchpoint": _("Tickets by touchpoint"), "priority": _("Tickets by priority")}[field]


def costs_of(workspace: Workspace) -> tuple[dict[str, float], str]:
    """What a contact costs on each channel, as the maps say it: the mean over their touchpoints on that channel; and
    the currency. Sums of several currencies have no mean: those of the most frequent one count."""
    said: dict[str, dict[str, list[float]]] = {}
    for definition in map(definition_of, maps_of(workspace)):
        for point in definition.touchpoints():
            if point.channel and point.cost is not None:
                said.setdefault(definition.currency, {}).setdefault(point.channel, []).append(point.cost)
    currency = max(said, key=lambda one: (sum(map(len, said[one].values())), one), default="")
    return {channel: fmean(costs) for channel, costs in said.get(currency, {}).items()}, currency


def found(workspace: Workspace, period: Period, by: str) -> dict[str, Any]:
    """Everything that the log says. Raises EventlogError, UnknownField."""
    answer = channels.requests(period.scope, by, period.until_ms)
    if not answer.rows:
        return {"requests": 0}
    costs, currency = costs_of(workspace)
    judged = channels.judge(answer.rows, costs)
    paths = channels.orders(period.scope, by, period.until_ms)
    flows = channels.flows(paths)[:SHOWN_FLOWS]
    names = {one.topic.key: one.topic.name for one in tree(workspace.pk)} if by == TOPIC else {}
    return {
        "requests": judged.requests, "left_out": judged.left_out, "sql": answer.sql,
        "within": WITHIN_DAYS, "answer_days": ANSWER_DAYS,
        "kinds": [(names.get(one.name, one.name), one, advice_words(one)) for one in judged.kinds],
        "channels": [(channel_label(one.name), one, closing_words(one)) for one in judged.channels],
        "chart": used_chart(judged, names),
        "flows": [(channel_label(one.source), channel_label(one.target), one.n) for one in flows],
        "currency": currency,
        "has_cost": any(handling.cost is not None for kind in judged.kinds for handling in kind.handlings),
        "labels": {one.name: channel_label(one.name) for one in judged.channels},
    }  # fmt: skip


def used_chart(judged: Channels, names: Mapping[str, str]) -> Distribution:
    order = [one.name for one in judged.channels]
    stacks = []
    for kind in judged.kinds[:12]:
        counts = {one.row.channel: one.row.requests for one in kind.handlings}
        parts = [Part(label=channel_label(name), count=counts.get(name, 0)) for name in order]
        stacks.append(Stack(label=names.get(kind.name, kind.name), parts=parts))
    return Distribution(title=_("On which channel requests begin"), stacks=stacks, name="channels-used")


def advice_words(kind: Kind) -> str:
    label = channel_label(kind.channel) if kind.channel else ""
    if kind.advice == "only_one":
        return _("There is only one channel for this, so there is nothing to choose.")
    if kind.advice == "recommend":
        return {
            "at_once": _("Recommend %(channel)s: it solves more of these at once than the other channels."),
            "content": _("Recommend %(channel)s: customers are more content afterwards than on the other channels."),
            "easy": _("Recommend %(channel)s: customers find it easier than the other channels."),
            "": "",
        }[kind.because] % {"channel": label}
    if kind.needed:
        return _(
            "Not enough evidence. About %(n)s requests on each side would tell a difference as large as this one."
        ) % {"n": numbers.amount(kind.needed, "count")}
    return _("Not enough evidence for any channel.")


def closing_words(channel: Channel) -> str:
    if channel.close:
        return _(
            "Think about closing it: request by request it does worse than the others, it is the best for nothing, and"
            " the others handle %(share)s of what it does. Ask first who could not use another."
        ) % {"share": numbers.amount(channel.replaced, "percent")}
    if channel.recommended:
        return pgettext("advice on a channel", "Keep it: it is the best channel for some requests.")
    if any(held.verdict == "up" for held in channel.results.values()):
        return pgettext(
            "advice on a channel", "Keep it: request by request it does better than the others in something."
        )
    if any(held.verdict == "down" for held in channel.results.values()):
        return pgettext(
            "advice on a channel",
            "It does worse in something, but too little is known, or too few others could take over.",
        )
    return pgettext("advice on a channel", "Not enough evidence for or against it.")
