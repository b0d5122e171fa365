"""Channels: the list, a form for each kind, a page for each channel with a test."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.channels import channel_actions as actions
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.conversations import channel_for, channels_of, traffic
from cxm.listen.channels.models import Channel
from cxm.listen.channels.registry import KINDS


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    may_admin = Role(membership.role).includes(Role.ADMIN)
    return {"membership": membership, "workspace": membership.workspace, "may_admin": may_admin, **more}


def described(channel: Channel) -> dict[str, Any]:
    """A channel with its kind and how it does."""
    state = channel.state
    return {
        "channel": channel,
        "kind": KINDS.get(channel.kind),
        "error": state.get("error", ""),
        "error_at": parse_datetime(state.get("error_at", "")),
        "received_at": parse_datetime(state.get("received_at", "")),
    }


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    busy = traffic(membership.workspace)
    rows = [{**described(one), "traffic": busy.get(one.pk)} for one in channels_of(membership.workspace)]
    return render(request, "channels/channels.html", context_of(membership, rows=rows, tab="channels"))


@require_safe
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Which kind it shall be."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    return render(request, "channels/new_channel.html", context_of(membership, kinds=KINDS.values()))


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    if kind not in KINDS:
        raise Http404
    form = KINDS[kind].form(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_channel(
                workspace=membership.workspace, kind=kind, by=membership.user, **form.kept()
            )  # fmt: skip
            messages.success(request, _("The channel “%(name)s” is set up. Test it now.") % {"name": made.name})
            return redirect("channels:show", slug, made.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    shown = context_of(membership, form=form, kind=KINDS[kind])
    return render(request, "channels/change_channel.html", shown, status=422 if form.errors else 200)


@require_safe
def show(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    channel = channel_for(membership.workspace, channel_id)
    kind = KINDS.get(channel.kind)
    part = kind.context(channel) if kind else {}
    return render(request, "channels/channel.html", context_of(membership, **described(channel), part=part))


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    channel = channel_for(membership.workspace, channel_id)
    if channel.kind not in KINDS:
        raise Http404
    form = KINDS[channel.kind].form(request.POST or None, channel=channel)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_channel(channel=channel, by=membership.user, **form.kept())
            messages.success(request, _("The channel is changed."))
            return redirect("channels:show", slug, channel.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    shown = context_of(membership, form=form, kind=KINDS[channel.kind], channel=channel)
    return render(request, "channels/change_channel.html", shown, status=422 if form.errors else 200)


@require_POST
def check(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    channel = channel_for(membership.workspace, channel_id)
    try:
        messages.success(request, actions.check_channel(channel=channel, by=membership.user))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("channels:show", slug, channel.pk)


@require_POST
def pause(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    channel = channel_for(membership.workspace, channel_id)
    actions.pause_channel(channel=channel, paused=request.POST.get("paused") == "yes", by=membership.user)
    return redirect("channels:show", slug, channel.pk)


@require_POST
def remove(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    channel = channel_for(membership.workspace, channel_id)
    actions.remove_channel(channel=channel, by=membership.user)
    messages.success(request, _("The channel is removed. Its conversations are still there."))
    return redirect("channels:list", slug)
