"""Calls of a channel: the list, bringing one in, and the page of one with its transcript and its recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.channels import jobs
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.files import path_of
from cxm.listen.channels.kinds.calls.forms import CallForm
from cxm.listen.channels.kinds.calls.taking import name_speakers, take
from cxm.listen.channels.kinds.calls.transcribing import is_recording, try_again
from cxm.listen.channels.models import Attachment, Message

from .reviews import channel_of, context_of

PAGE = 25
View = Callable[..., HttpResponse]
BLOCK = 1 << 20


def with_sound(view: View) -> View:
    """The page may play recordings of ours."""
    return cast(View, csp_update({"media-src": [SELF]})(view))


def message_of(membership: Membership, message_id: UUID) -> Message:
    """A call, or any other message that a recording came with."""
    found = (
        Message.objects.select_related("conversation__customer", "conversation__channel")
        .filter(workspace=membership.workspace, pk=message_id, direction=Message.Direction.IN)
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def show_list(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    channel = channel_of(membership, channel_id, "calls")
    form = CallForm(request.POST, request.FILES) if request.method == "POST" else CallForm()
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            message = take(
                channel=channel, call=form.call(), transcript=data["transcript"], recording=data["recording"]
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The call is kept."))
            return redirect("voices:call", slug, message.pk)
    rows = Message.objects.filter(conversation__channel=channel, direction=Message.Direction.IN)
    rows = rows.select_related("conversation__customer").order_by("-at", "-pk")
    if text := request.GET.get("q", "").strip().replace("\x00", ""):
        rows = rows.filter(text__icontains=text)
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = {"channel": channel, "form": form, "page_obj": page_obj, "text": text}
    return render(request, "channels/calls.html", context_of(membership, **shown), status=422 if form.errors else 200)


@with_sound
@require_safe
def show(request: HttpRequest, slug: str, message_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    message = message_of(membership, message_id)
    recordings = list(message.attachments.filter(type__startswith="audio/").select_related("transcription"))
    said = [("", message.properties)] if message.properties.get("turns") else []
    said += list(message.properties.get("transcripts", {}).items())
    names = {str(one.pk): one.name for one in recordings}
    parts = [{**one, "name": names.get(key, ""), "rows": _rows(one["turns"])} for key, one in said]
    speakers = list(dict.fromkeys(turn["speaker"] for turn in message.properties.get("turns", [])))
    theirs = {turn["speaker"] for turn in message.properties.get("turns", []) if turn["role"] == "customer"}
    shown = {
        "message": message, "parts": parts, "recordings": recordings, "speakers": speakers, "theirs": theirs,
        "player": f"player-{recordings[0].pk}" if len(recordings) == 1 else "",
    }  # fmt: skip
    return render(request, "channels/call.html", context_of(membership, **shown))


def _rows(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "clock": _clock(one["start_s"])} for one in turns]


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


@require_POST
def speakers(request: HttpRequest, slug: str, message_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    message = message_of(membership, message_id)
    try:
        name_speakers(message=message, customer=request.POST.getlist("customer"), by=membership.user)
        messages.success(request, _("The text of the call is what the customer said."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("voices:call", slug, message.pk)


def recording_of(membership: Membership, message_id: UUID, attachment_id: UUID) -> Attachment:
    found = message_of(membership, message_id).attachments.filter(pk=attachment_id).first()
    if found is None or not is_recording(found):
        raise Http404
    return found


@require_POST
def again(request: HttpRequest, slug: str, message_id: UUID, attachment_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    try:
        try_again(attachment=recording_of(membership, message_id, attachment_id), by=membership.user)
        jobs.look_for_recordings()
        messages.success(request, _("The recording is given to the program once more."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("voices:call", slug, message_id)


@require_safe
def recording(request: HttpRequest, slug: str, message_id: UUID, attachment_id: UUID) -> HttpResponseBase:
    """The sound itself, whole or the part that a player asks for (RFC 9110, one range of bytes)."""
    membership = membership_for(request.user, slug, Role.AGENT)
    found = recording_of(membership, message_id, attachment_id)
    path = path_of(found.key)
    if not path.is_file():
        raise Http404
    size = path.stat().st_size
    wanted = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", request.headers.get("Range", ""))
    if wanted and int(wanted[1]) < size:
        start = int(wanted[1])
        end = min(int(wanted[2]) if wanted[2] else size - 1, size - 1, start + BLOCK - 1)
        with path.open("rb") as file:
            file.seek(start)
            response: HttpResponseBase = HttpResponse(file.read(max(0, end - start + 1)), status=206)
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    else:
        response = FileResponse(path.open("rb"))
    # Whatever a mail called it: a sound, and nothing that a browser would run.
    response["Content-Type"] = found.type if re.fullmatch(r"audio/[a-z0-9.+-]{1,40}", found.type) else "audio/mpeg"
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-store"
    return response
