"""What may be shown to a visitor now, and why not. The last word is said when a survey opens, by the contact budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.capture.models import Source, Suppression

from ..models import Response, Survey
from .config import UNASKED, Widget, in_sample, language_fits, widget_of
from .visitors import History, Visitor

MOST = 50  # surveys that one page hears of


@dataclass(frozen=True, slots=True)
class Offer:
    survey: Survey
    widget: Widget


def live_surveys(workspace: Workspace) -> QuerySet[Survey]:
    """Surveys that take answers now, the most important first; none that begins from a link in a mail."""
    now = timezone.now()
    return Survey.objects.filter(
        Q(opens_at=None) | Q(opens_at__lte=now), Q(closes_at=None) | Q(closes_at__gt=now),
        workspace=workspace, state=Survey.State.LIVE, archived_at=None, version__gt=0, verify_email=False,
    ).order_by("-priority", "pk")  # fmt: skip


def offers(visitor: Visitor, source: Source) -> Iterator[Offer]:
    """What the page may show to this visitor when its moment comes, the most important first."""
    if suppressed(visitor):
        return
    for survey in live_surveys(visitor.workspace).exclude(widget={})[:MOST]:
        try:
            widget = widget_of(survey.widget)
        except msgspec.ValidationError:  # saved by another release
            continue
        if widget.enabled and not refusal(visitor, source, survey, widget):
            yield Offer(survey, widget)


def suppressed(visitor: Visitor) -> bool:
    """Whether nothing is to be stored about this user."""
    return bool(visitor.user) and Suppression.objects.filter(
        workspace=visitor.workspace, user_id=visitor.user
    ).exists()  # fmt: skip


def refusal(visitor: Visitor, source: Source, survey: Survey, widget: Widget) -> str:
    """Why the survey is not for this visitor, as a code; empty: it is. What costs least is looked at first.

    `source` · `device` · `language` · `unrecognised` · `unverified` · `refused` · `answered` · `shown` · `sample` ·
    `condition` · `enough`.
    """
    if widget.sources and str(source.uuid) not in widget.sources:
        return "source"
    if widget.devices and visitor.said.device not in widget.devices:
        return "device"
    if not language_fits(widget.languages, visitor.said.language):
        return "language"
    unasked = widget.kind in UNASKED
    if widget.recognised_only and not visitor.recognised:
        return "unrecognised"
    if widget.verified_only and not visitor.verified:
        return "unverified"
    if unasked and visitor.refuses:
        return "refused"
    if why := again(widget, visitor.history.get(survey.pk)):
        return why
    if unasked and visitor.person and not in_sample(widget.share, survey.key, visitor.person):
        return "sample"
    if widget.when is not None and not visitor.fits(widget.when):
        return "condition"
    if unasked and widget.most_a_day and has_enough(survey, widget.most_a_day, visitor.workspace.time_zone):
        return "enough"
    return ""


def has_enough(survey: Survey, most: int, time_zone: str) -> bool:
    """Whether so many responses were begun on web sites and in apps since midnight."""
    today = timezone.now().astimezone(ZoneInfo(time_zone))
    begun = Response.objects.filter(
        survey=survey, test=False, channel=Response.Channel.WIDGET,
        started_at__gte=today.replace(hour=0, minute=0, second=0, microsecond=0),
    )  # fmt: skip
    return begun[:most].count() >= most


def again(widget: Widget, past: History | None) -> str:
    """Why what happened before stands against it: `answered`, `shown`; empty: nothing does."""
    if past is None or widget.repeat == "always":
        return ""
    long_ago = timezone.now() - timedelta(days=widget.every_days)
    if widget.repeat == "every":
        if past.answered_at and past.answered_at > long_ago:
            return "answered"
        return "shown" if widget.kind in UNASKED and past.shown_at and past.shown_at > long_ago else ""
    if past.answered_at:
        return "answered"
    if widget.kind not in UNASKED or past.shown_at is None:
        return ""  # a button and a box in the page stay until they are answered
    return "shown" if widget.repeat == "once" or past.shown_at > long_ago else ""
