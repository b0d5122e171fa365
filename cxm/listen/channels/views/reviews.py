"""Reviews of a channel: the list, the answer that was given on the site, and reading a file of them."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.channels import jobs
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.kinds.reviews import importing
from cxm.listen.channels.kinds.reviews.forms import FIELD_LABELS, ReviewFileForm
from cxm.listen.channels.kinds.reviews.rows import SYNONYMS
from cxm.listen.channels.kinds.reviews.taking import note_answer
from cxm.listen.channels.models import Channel, Message

PAGE = 25


def channel_of(membership: Membership, channel_id: int, kind: str) -> Channel:
    found = Channel.objects.filter(workspace=membership.workspace, pk=channel_id, kind=kind).first()
    if found is None:
        raise Http404
    found.workspace = membership.workspace
    return found


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    may_import = Role(membership.role).includes(Role.ANALYST)
    return {"membership": membership, "workspace": membership.workspace, "may_import": may_import, **more}


@require_safe
def show_list(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    channel = channel_of(membership, channel_id, "reviews")
    answers = Message.objects.filter(direction=Message.Direction.OUT).order_by("at")
    rows = (
        Message.objects.filter(conversation__channel=channel, direction=Message.Direction.IN)
        .select_related("conversation__customer")
        .prefetch_related(Prefetch("conversation__messages", answers, to_attr="answers"))
    )
    only, stars = request.GET.get("only", ""), request.GET.get("stars", "")
    if only == "unanswered":
        given = Message.objects.filter(conversation=OuterRef("conversation"), direction=Message.Direction.OUT)
        rows = rows.filter(~Exists(given))
    if stars in {"1", "2", "3", "4", "5"}:
        rows = rows.filter(score__gte=float(stars) - 0.5, score__lt=float(stars) + 0.5)
    if text := request.GET.get("q", "").strip().replace("\x00", ""):
        rows = rows.filter(Q(text__icontains=text) | Q(conversation__name__icontains=text))
    page_obj = Paginator(rows.order_by("-at", "-pk"), PAGE).get_page(request.GET.get("page"))
    shown = {"channel": channel, "page_obj": page_obj, "only": only, "stars": stars, "text": text}
    shown["reading"] = channel.state.get(importing.STATE, {})
    return render(request, "channels/reviews.html", context_of(membership, **shown))


@require_POST
def answer(request: HttpRequest, slug: str, channel_id: int, message_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    channel = channel_of(membership, channel_id, "reviews")
    message = Message.objects.filter(pk=message_id, conversation__channel=channel, direction="in").first()
    if message is None:
        raise Http404
    try:
        note_answer(message=message, text=request.POST.get("text", ""), by=membership.user)
        messages.success(request, _("The answer is noted."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("voices:reviews", slug, channel_id)


@require_http_methods(["GET", "HEAD", "POST"])
def read_file(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    """Upload a file, look at what it comes to, and have it read; while it is read, how far it is."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    channel = channel_of(membership, channel_id, "reviews")
    form = ReviewFileForm()
    shown: dict[str, Any] = {"channel": channel, "form": form, "reading": channel.state.get(importing.STATE, {}),
                             "files": importing.files_of(channel)}  # fmt: skip
    status = 200
    try:
        if request.method == "POST" and "begin" in request.POST:
            _begin(request, channel, membership)
            return redirect("voices:review_file", slug, channel_id)
        if request.method == "POST" and "undo" in request.POST:
            importing.undo(channel=channel, import_id=request.POST["undo"], by=membership.user)
            jobs.undo_reviews.enqueue(str(channel.pk))
            messages.success(request, _("The reviews of this file are being taken back."))
            return redirect("voices:review_file", slug, channel_id)
        if request.method == "POST":
            shown |= _previewed(request, channel)
            status = 422 if shown["form"].errors else 200
    except (Refused, ValueError) as refusal:
        messages.error(request, str(refusal))
        status = 422
    template = "channels/_review_reading.html" if request.headers.get("HX-Request") else "channels/review_file.html"
    return render(request, template, context_of(membership, **shown), status=status)


def _chosen(request: HttpRequest) -> dict[str, str] | None:
    """Field → column, as the page says; None: nobody has chosen yet."""
    if not any(name.startswith("column_") for name in request.POST):
        return None
    return {name: column for name in SYNONYMS if (column := request.POST.get(f"column_{name}", ""))}


def _previewed(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    """What a file comes to with the chosen columns. Raises Refused."""
    key, name = request.POST.get("key", ""), request.POST.get("name", "")[:200]
    if not key:
        form = ReviewFileForm(request.POST, request.FILES)
        if not form.is_valid():
            return {"form": form}
        uploaded = form.cleaned_data["file"]
        assert isinstance(uploaded, UploadedFile)
        key, name = importing.keep(channel, uploaded), (uploaded.name or "")[:200]
    preview = importing.look(channel, key, name, _chosen(request))
    columns = [(field, FIELD_LABELS[field], preview.plan.columns.get(field, "")) for field in SYNONYMS]
    return {"preview": preview, "columns": columns, "key": key, "name": name}


def _begin(request: HttpRequest, channel: Channel, membership: Membership) -> None:
    """Raises Refused."""
    with transaction.atomic():
        importing.begin(
            channel=channel, key=request.POST.get("key", ""), name=request.POST.get("name", ""),
            columns=_chosen(request) or {}, by=membership.user,
        )  # fmt: skip
        transaction.on_commit(partial(jobs.import_reviews.enqueue, str(channel.pk)))
