"""Conversations, one of them with its messages and an answer, and the files that came with them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.conversations import attachment_for, conversation_for, conversations_of, thread
from cxm.listen.channels.conversing import reply
from cxm.listen.channels.files import path_of
from cxm.listen.channels.forms import ReplyForm
from cxm.listen.channels.receiving import File

from .channels import context_of

PAGE = 50
# Types that a browser shows or plays without running anything; all others are handed over as bytes.
HARMLESS = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/pdf"}


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rows = conversations_of(membership.workspace).order_by("-last_at", "pk")
    text = request.GET.get("q", "").strip().replace("\x00", "")
    if text:
        rows = rows.filter(subject__icontains=text) | rows.filter(address__icontains=text)
    if (channel := request.GET.get("channel", "")).isdecimal() and len(channel) < 18:
        rows = rows.filter(channel=int(channel))
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = context_of(membership, page_obj=page_obj, text=text, tab="conversations")
    return render(request, "channels/conversations.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, slug: str, conversation_id: UUID) -> HttpResponse:
    """The messages, and an answer to them: by POST."""
    membership = membership_for(request.user, slug, Role.AGENT)
    conversation = conversation_for(membership.workspace, conversation_id)
    form = ReplyForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        files = [
            File(one.name or "", one.content_type or "application/octet-stream", one.read())
            for one in form.cleaned_data["attached"]
        ]
        try:
            said = reply(
                conversation=conversation, text=form.cleaned_data["text"], by=membership.user, attachments=files
            )
            messages.success(request, _("Your answer is on its way.") if said.delivery else _("Your answer is noted."))
            return redirect("channels:conversation", slug, conversation.pk)
        except Refused as refusal:
            form.add_error("text", str(refusal))
    shown = context_of(membership, conversation=conversation, thread=thread(conversation), form=form)
    return render(request, "channels/conversation.html", shown, status=422 if form.errors else 200)


@require_safe
def attachment(request: HttpRequest, slug: str, attachment_id: UUID) -> HttpResponse | FileResponse:
    """A file that came with a message: always to be saved, never to be run."""
    membership = membership_for(request.user, slug, Role.AGENT)
    found = attachment_for(membership.workspace, attachment_id)
    path = path_of(found.key)
    if not path.is_file():
        raise Http404
    harmless = found.type in HARMLESS or found.type.startswith("audio/")
    response = FileResponse(
        path.open("rb"), as_attachment=True, filename=found.name,
        content_type=found.type if harmless else "application/octet-stream",
    )  # fmt: skip
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
