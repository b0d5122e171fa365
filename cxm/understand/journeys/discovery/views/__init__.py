"""The pages of paths. Here is what all of them show: the process, the period, the segment and the filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.understand.journeys.discovery.address import View, read
from cxm.understand.journeys.discovery.labels import Names, filter_fields, label_names, process_name
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.building import steps_state

# Parameters that say which journeys a list is about.
BEHIND = (
    "step", "next", "ends", "number", "from_end", "path", "first", "then", "reached", "funnel", "level", "dropped",
    "by", "of", "within", "any", "without", "group", "groups", "step_not", "next_not", "cohort", "stretch", "back",
    "unit",
)  # fmt: skip


class Page:
    """A request for a page about one process, by a member who may see it."""

    def __init__(self, request: HttpRequest, slug: str, number: int) -> None:
        self.request = request
        self.membership: Membership = membership_for(request.user, slug)
        self.workspace = self.membership.workspace
        self.process = process_for(self.membership, number)
        self.view: View = read(self.workspace, request.GET)
        self.now = timezone.now()
        self.scope: Scope = self.view.scope(self.now)
        self.names: Names = label_names(self.process)

    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        return filter_fields(self.process)

    def named(self, label: str) -> str:
        return self.names.get(label, label)

    def url(self, name: str, **more: Any) -> str:
        """Another page about the same steps: same period, segment and filters."""
        return self._with(reverse(f"paths:{name}", args=[self.workspace.slug, self.process.pk]), more)

    def journeys_url(self, **more: Any) -> str:
        return self.url("journeys", **more)

    def csv_url(self, table: str, **more: Any) -> str:
        return self._with(reverse("paths:csv", args=[self.workspace.slug, self.process.pk, table]), more)

    def _with(self, address: str, more: Mapping[str, Any]) -> str:
        query = self.view.query(**more)
        return f"{address}?{query}" if query else address

    def behind(self) -> dict[str, list[str]]:
        """What the address says about which journeys are meant."""
        return {name: values for name in BEHIND if (values := self.request.GET.getlist(name))}

    def show(self, template: str, shown: str, **more: Any) -> HttpResponse:
        """Render with what every page has; `shown` is the name of the page among its neighbours."""
        view = self.view
        context = {
            **context_of(self.membership),
            "process": self.process,
            "process_name": process_name(self.process),
            "state": steps_state(self.process),
            "shown": shown,
            "pages": [(name, title, self.url(name)) for name, title in titles()],
            "view": view,
            "problems": view.problems,
            "segments": segment_names(self.workspace.pk).items(),
            "periods": period_names(),
            "fields": self.fields,
            "chips": [(text, written, self._without(written)) for text, written in view.chips],
            "kept": [(name, value) for name, values in self.request.GET.lists() for value in values
                     if name not in (*FORM, "page")],
            **more,
        }  # fmt: skip
        return render(self.request, template, context)

    def _without(self, written: str) -> str:
        given = self.request.GET.copy()
        given.setlist("f", [one for one in given.getlist("f") if one != written])
        for name in ("field", "value", "page"):
            given.pop(name, None)
        kept = [text for _said, text in self.view.chips if text != written]
        given.setlist("f", kept)
        return f"?{given.urlencode()}"


FORM = ("period", "from", "to", "segment", "f", "field", "value")  # what the form of the period and filters sends


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "tab": "paths",
        "may_change": Role(membership.role).includes(Role.ANALYST), **more,
    }  # fmt: skip


def process_for(membership: Membership, number: int) -> Process:
    found = Process.objects.select_related("workspace", "map").filter(workspace=membership.workspace, pk=number).first()
    if found is None:
        raise Http404
    return found


def titles() -> list[tuple[str, str]]:
    """The pages about a process, in their order."""
    return [
        ("graph", pgettext("journeys", "Transitions")),
        ("variants", pgettext("journeys", "Paths taken")),
        ("matrix", pgettext("journeys", "Step by step")),
        ("streams", pgettext("journeys", "First and last steps")),
        ("funnel", pgettext("journeys", "Funnel")),
        ("times", pgettext("journeys", "Times and sessions")),
        ("returning", pgettext("journeys", "Coming back")),
        ("groups", pgettext("journeys", "Groups")),
    ]


def period_names() -> list[tuple[str, str]]:
    return [
        ("30d", _("Past 30 days")), ("90d", _("Past 90 days")), ("365d", _("Past 365 days")), ("all", _("All time")),
    ]  # fmt: skip


def answering(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page says in words when the log cannot answer; the address stays, to be tried again."""

    @wraps(view)
    def answered(request: HttpRequest, slug: str, *args: Any, **more: Any) -> HttpResponseBase:
        try:
            return view(request, slug, *args, **more)
        except UnknownField:
            said, status = _("One of the filters names something that is not there any more. Choose another."), 422
        except EventlogError:
            said, status = _("The event log does not answer just now. Try again in a moment."), 503
        context = context_of(membership_for(request.user, slug), said=said)
        return render(request, "journeys/paths/unanswered.html", context, status=status)

    return answered
