"""Pages of sources: the list, one source with its keys, code to paste and volumes, and what can be done there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.lib.charts import Point, Series, Trend
from cxm.record.capture import arrivals
from cxm.record.capture import source_actions as actions
from cxm.record.capture.actions import Refused
from cxm.record.capture.forms import PlanModeForm, SourceForm, SourceKeyForm
from cxm.record.capture.models import Source
from cxm.record.capture.queries import key_for, keys_of, plan_of, source_for, sources_of
from cxm.record.capture.reasons import sentence_of, title_of
from cxm.record.capture.snippets import snippets


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    role = Role(membership.role)
    return {
        "membership": membership, "workspace": membership.workspace, "may_admin": role.includes(Role.ADMIN),
        "may_plan": role.includes(Role.ANALYST), **more,
    }  # fmt: skip


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    rows = arrivals.overviews(membership.workspace, sources_of(membership.workspace))
    return render(request, "sources/list.html", context_of(membership, rows=rows, tab="sources"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a source. Its first key is shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    form = SourceForm(request.POST or None, initial={"kind": Source.Kind.WEBSITE})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        source, secret = actions.create_source(
            workspace=membership.workspace, name=values["name"], kind=Source.Kind(values["kind"]),
            origins=values["origins"], by=membership.user,
        )  # fmt: skip
        return page(request, membership, source, secret=secret)
    return render(request, "sources/new.html", context_of(membership, form=form), status=422 if form.errors else 200)


@never_cache
@require_safe
def show(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    source = source_for(membership.workspace, source_id)
    if request.htmx:  # type: ignore[attr-defined]  # django-htmx
        shown = {"source": source, "first": arrivals.first_event(source)}
        return render(request, "sources/_arrival.html", context_of(membership, **shown))
    return page(request, membership, source)


def page(
    request: HttpRequest, membership: Membership, source: Source, *, secret: str = "", key_form: Any = None
) -> HttpResponse:
    """The page of one source, with a new key in its code where one was made just now."""
    ever = arrivals.has_sent(source)
    shown = {
        "source": source, "secret": secret, "ever": ever, "keys": keys_of(source),
        "snippets": snippets(source.kind, secret),
        "key_form": key_form or SourceKeyForm(auto_id="key_%s"),
        "plan": plan_of(membership.workspace),
        "plan_form": PlanModeForm(initial={"plan_mode": source.plan_mode}),
        **volumes(source, charts=ever),
    }  # fmt: skip
    status = 422 if key_form is not None and key_form.errors else 200
    return render(request, "sources/show.html", context_of(membership, **shown), status=status)


def volumes(source: Source, *, charts: bool) -> dict[str, Any]:
    """The charts of a source, and why it refused what it refused."""
    rows = arrivals.reasons(source, timezone.now() - arrivals.KEPT)
    drawn = {}
    if charts or rows:
        drawn = {
            "hours": trend(_("Events of the last 24 hours"), arrivals.hourly(source), "hour"),
            "days": trend(_("Events of the last 30 days"), arrivals.daily(source), "day"),
        }
    return drawn | {
        "reasons": [
            {"code": one.reason, "title": title_of(one.reason), "sentence": sentence_of(one.reason),
             "n": one.n,
                "warned": one.warned, "last_at": arrivals.in_utc(one.last_at)}
            for one in rows
        ],
    }  # fmt: skip


def trend(title: str, rows: list[arrivals.Volume], step: Any) -> Trend:
    series = [
        Series(name=_("Stored"), points=[Point(start=one.start, value=one.accepted) for one in rows]),
        Series(name=_("Refused"), points=[Point(start=one.start, value=one.refused) for one in rows]),
    ]
    if any(one.warned for one in rows):
        points = [Point(start=one.start, value=one.warned) for one in rows]
        series.append(Series(name=_("Stored with a warning"), points=points))
    return Trend(title=title, step=step, unit="count", name=f"events-by-{step}", size="small", series=series)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    source = source_for(membership.workspace, source_id)
    initial = {"name": source.name, "kind": source.kind, "origins": "\n".join(source.origins)}
    form = SourceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        actions.change_source(
            source=source, name=values["name"], kind=Source.Kind(values["kind"]), origins=values["origins"],
            by=membership.user,
        )  # fmt: skip
        messages.success(request, _("The source is changed."))
        return redirect("sources:show", slug, source.uuid)
    shown = context_of(membership, form=form, source=source)
    return render(request, "sources/change.html", shown, status=422 if form.errors else 200)


@require_POST
def switch(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    source = source_for(membership.workspace, source_id)
    enabled = request.POST.get("enabled") == "yes"
    actions.switch_source(source=source, enabled=enabled, by=membership.user)
    words = _("The source takes events again.") if enabled else _("The source is switched off; its events are refused.")
    messages.success(request, words)
    return redirect("sources:show", slug, source.uuid)


@require_POST
def delete(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    source = source_for(membership.workspace, source_id)
    actions.delete_source(source=source, by=membership.user)
    messages.success(request, _("The source %(name)s is gone; its events stay.") % {"name": source.name})
    return redirect("sources:list", slug)


@never_cache
@require_POST
def make_key(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    """One more key, shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    source = source_for(membership.workspace, source_id)
    form = SourceKeyForm(request.POST, auto_id="key_%s")
    if form.is_valid():
        try:
            _key, secret = actions.create_key(source=source, name=form.cleaned_data["name"], by=membership.user)
            return page(request, membership, source, secret=secret)
        except Refused as refusal:
            form.add_error("name", str(refusal))
    return page(request, membership, source, key_form=form)


@require_POST
def disable_key(request: HttpRequest, slug: str, source_id: UUID, apikey_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    source = source_for(membership.workspace, source_id)
    actions.disable_key(key=key_for(source, apikey_id), by=membership.user)
    messages.success(request, _("The key is disabled; whoever sends with it is refused from now on."))
    return redirect("sources:show", slug, source.uuid)


@require_POST
def plan_mode(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    source = source_for(membership.workspace, source_id)
    form = PlanModeForm(request.POST)
    if form.is_valid():
        mode = Source.PlanMode(form.cleaned_data["plan_mode"])
        actions.set_plan_mode(source=source, mode=mode, by=membership.user)
        messages.success(request, _("The tracking plan applies to this source as you said."))
    return redirect("sources:show", slug, source.uuid)
