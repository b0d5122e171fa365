"""A view of a metric, put as questions to the log; several questions at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.record.customers.segments import each_segment, with_segments
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import SEGMENT, Filter, Grain, Scope, UnknownField
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.metric import Metric
from cxm.understand.metrics.queries import Refused, compare, measure

from .address import View
from .names import field_name
from .periods import Days

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
THREADS: Final = 4  # the engine uses several cores for one question already
UNANSWERED = (Refused, UnknownField, EventlogError)


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric in a workspace as a view shows it, at the moment `now`."""

    workspace: Workspace
    metric: Metric
    view: View
    now: datetime
    segments: tuple[Filter, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Read the segments of the filters here: the questions are asked in threads that have no database."""
        filters, other = (with_segments(self.workspace.pk, some) for some in (self.view.filters, self.view.other))
        object.__setattr__(self, "view", replace(self.view, filters=filters, other=other))
        object.__setattr__(self, "segments", each_segment(self.workspace.pk) if self.view.by == SEGMENT else ())

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.workspace.time_zone)).date()

    @property
    def days(self) -> Days:
        return self.view.days(self.today)

    @property
    def grain(self) -> Grain:
        return self.view.points(self.today)

    @property
    def scope(self) -> Scope:
        return self.scope_of(self.days, self.view.filters)

    @property
    def compared_scope(self) -> Scope | None:
        """What the number is compared with; None where the view compares with nothing."""
        if self.view.comparison == "segment":
            return self.scope_of(self.days, self.view.other) if self.view.other else None
        days = self.view.compared_days(self.today)
        return self.scope_of(days, self.view.filters) if days else None

    def scope_of(self, days: Days, filters: tuple[Filter, ...]) -> Scope:
        zone = self.workspace.time_zone
        since, until = days.moments(zone)
        return Scope(self.workspace.pk, zone, since, until, filters, self.segments)

    @property
    def options(self) -> dict[str, list[str]]:
        return self.view.said()

    def figure(self) -> Figure:
        return self.measured("all")[0]

    def measured(self, grain: Grain) -> list[Figure]:
        return measure(
            self.metric.key, self.scope, grain=grain, weighted=self.view.weighted, now=self.now, options=self.options
        )

    def change(self) -> Change | None:
        before = self.compared_scope
        if before is None:
            return None
        return compare(
            self.metric.key, before, self.scope, weighted=self.view.weighted, now=self.now, options=self.options
        )


def fitting(view: View, metric: Metric) -> tuple[View, list[str]]:
    """The view without what the metric cannot take, and a sentence for each thing left out."""
    problems = []
    known = {option.key for option in metric.options}
    if unknown := sorted({key for key, _value in view.options if key not in known}):
        problems.append(_("This metric has no option “%(option)s”, so it was left out.") % {"option": unknown[0][:60]})
    if view.weighted and not metric.weighted:
        problems.append(_("This metric has no weights: only answers carry them."))
    kept = tuple((key, value) for key, value in view.options if key in known)
    return replace(view, options=kept, weighted=view.weighted and metric.weighted), problems


def sentence(error: Exception) -> str:
    """What to tell the person who asked."""
    if isinstance(error, UnknownField) and error.field == SEGMENT:
        return _("The segment of a filter does not exist any more, or cannot be asked for in this way.")
    if isinstance(error, UnknownField):
        return _("There is no field “%(field)s” for this metric. Choose one of the list.") % {
            "field": field_name(error.field)[:100]
        }
    if isinstance(error, EventlogError):
        logger.warning("A question could not be answered: %s", error)
        return _("The event log could not answer this question. Take the last filter away, or try again in a minute.")
    return str(error)


@cache
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="figures")


def ask_later(question: Callable[[], Result]) -> Future[Result | str]:
    """Ask in another thread; the answer is a sentence where the question cannot be answered.

    The questions must not touch the operational database: its connections belong to the thread of the request.
    """
    language = translation.get_language()

    def answered() -> Result | str:
        with translation.override(language):
            try:
                return question()
            except UNANSWERED as error:
                return sentence(error)

    return pool().submit(answered)
