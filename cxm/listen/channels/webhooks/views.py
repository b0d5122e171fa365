"""Webhook endpoints of a workspace: their settings, their secrets, their log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage

from . import actions
from .forms import EndpointForm, NewEndpointForm, ReplayForm, RotateForm
from .queries import counts_of, endpoint_for, endpoints_of, message_for

PAGE = 50


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {"membership": membership, "workspace": membership.workspace, "tab": "webhooks", **more}


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    counts = counts_of(membership.workspace)
    rows = [(one, counts.get(one.pk, {})) for one in endpoints_of(membership.workspace).order_by("created_at")]
    return render(request, "channels/webhooks/list.html", context_of(membership, rows=rows))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an endpoint. Its secret is shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    form = NewEndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            endpoint, secret = actions.create_endpoint(
                workspace=membership.workspace, url=values["url"], name=values["name"], types=form.wanted(),
                scheme=values["scheme"], by=membership.user,
            )  # fmt: skip
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _shown(request, membership, endpoint, secret=secret)
    shown = context_of(membership, form=form)
    return render(request, "channels/webhooks/new.html", shown, status=422 if form.errors else 200)


@require_safe
def show(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    return _shown(request, membership, endpoint_for(membership.workspace, endpoint_id))


def _shown(request: HttpRequest, membership: Membership, endpoint: WebhookEndpoint, **more: Any) -> HttpResponse:
    """The page of an endpoint; `more` may hold a new secret, or a form that was refused."""
    rows = endpoint.messages.order_by("-created_at", "-pk").defer("body")
    state = request.GET.get("state", "")
    if state in WebhookMessage.State.values:
        rows = rows.filter(state=state)
    if kind := request.GET.get("type", "").strip().replace("\x00", ""):
        rows = rows.filter(type__startswith=kind)
    current = endpoint.secrets.filter(ends_at=None).order_by("-pk").first()
    context = {
        "endpoint": endpoint,
        "rests": endpoint.rests_until if endpoint.rests_until and endpoint.rests_until > timezone.now() else None,
        "page_obj": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "state": state,
        "type": kind,
        "states": WebhookMessage.State.choices,
        "secrets": endpoint.secrets.order_by("-pk"),
        "counts": counts_of(membership.workspace).get(endpoint.pk, {}),
        "rotate_form": RotateForm(initial={"scheme": current.scheme if current else "v1", "hours": 24}),
        "replay_form": ReplayForm(),
    } | more
    refused = any(isinstance(one, ReplayForm | RotateForm) and one.errors for one in more.values())
    return render(
        request, "channels/webhooks/show.html", context_of(membership, **context), status=422 if refused else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    endpoint = endpoint_for(membership.workspace, endpoint_id)
    form = EndpointForm(request.POST or None, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            actions.change_endpoint(
                endpoint=endpoint, url=values["url"], name=values["name"], types=form.wanted(), by=membership.user
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The endpoint is changed."))
            return redirect("webhooks:show", slug, endpoint.pk)
    shown = context_of(membership, form=form, endpoint=endpoint)
    return render(request, "channels/webhooks/change.html", shown, status=422 if form.errors else 200)


@never_cache
@require_POST
def rotate(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    """A new secret, shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    endpoint = endpoint_for(membership.workspace, endpoint_id)
    form = RotateForm(request.POST)
    if not form.is_valid():
        return _shown(request, membership, endpoint, rotate_form=form)
    hours = timedelta(hours=form.cleaned_data["hours"])
    secret = actions.rotate(endpoint=endpoint, scheme=form.cleaned_data["scheme"], overlap=hours, by=membership.user)
    return _shown(request, membership, endpoint, secret=secret)


@require_POST
def replay(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    """Send a range of time again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    endpoint = endpoint_for(membership.workspace, endpoint_id)
    form = ReplayForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            n = actions.replay_range(
                endpoint=endpoint, since=values["since"], until=values["until"], delivered=values["delivered"],
                by=membership.user,
            )  # fmt: skip
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, ngettext("%(n)d message is sent again.", "%(n)d messages are sent again.", n) % {"n": n}
            )
            return redirect("webhooks:show", slug, endpoint.pk)
    return _shown(request, membership, endpoint, replay_form=form)


@require_POST
def switch(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    """On if it is off, off if it is on."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    endpoint = endpoint_for(membership.workspace, endpoint_id)
    if request.POST.get("to") == "on":
        actions.switch_on(endpoint=endpoint, by=membership.user)
        messages.success(request, _("The endpoint is on; what waited for it leaves now."))
    else:
        actions.switch_off(endpoint=endpoint, by=membership.user)
        messages.success(request, _("The endpoint is off; nothing more is queued for it."))
    return redirect("webhooks:show", slug, endpoint.pk)


@require_POST
def test(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    endpoint = endpoint_for(membership.workspace, endpoint_id)
    try:
        message = actions.send_test(endpoint=endpoint, by=membership.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("webhooks:show", slug, endpoint.pk)
    messages.success(request, _("A test message is on its way. Load this page again to see what became of it."))
    return redirect("webhooks:message", slug, endpoint.pk, message.pk)


@require_POST
def remove(request: HttpRequest, slug: str, endpoint_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    actions.remove_endpoint(endpoint=endpoint_for(membership.workspace, endpoint_id), by=membership.user)
    messages.success(request, _("The endpoint is removed, with its log."))
    return redirect("webhooks:list", slug)


@require_safe
def show_message(request: HttpRequest, slug: str, endpoint_id: UUID, message_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    message = message_for(endpoint_for(membership.workspace, endpoint_id), message_id)
    shown = context_of(membership, message=message, tries=message.tries.order_by("-pk"))
    return render(request, "channels/webhooks/message.html", shown)


@require_POST
def replay_message(request: HttpRequest, slug: str, endpoint_id: UUID, message_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    message = message_for(endpoint_for(membership.workspace, endpoint_id), message_id)
    try:
        actions.replay(message=message, by=membership.user)
        messages.success(request, _("The message is sent again."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("webhooks:message", slug, endpoint_id, message.pk)
