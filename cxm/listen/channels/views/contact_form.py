"""The contact form at /f/<id>: a page for everybody, or a frame in a page of the company. It needs no script."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from cxm.listen.channels.kinds.form.fields import (
    LANGUAGES,
    MOST_FILE_BYTES,
    MOST_FILES,
    TRAP,
    Asked,
    asked,
    checked,
    origins_of,
)
from cxm.listen.channels.kinds.form.limits import MOST_BYTES, TOO_LARGE, Bound, address_of, limit
from cxm.listen.channels.kinds.form.taking import new_ticket, take, ticket_id, trapped
from cxm.listen.channels.models import Channel
from cxm.listen.channels.receiving import File

NAMES = {"en": "English", "pl": "polski", "ru": "русский", "uk": "українська", "zh-hant": "繁體中文"}


@csrf_exempt  # there is no login and no cookie that another page could make use of
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, public_id: UUID) -> HttpResponse:
    channel = (
        Channel.objects.select_related("workspace")
        .filter(public_id=public_id, kind="form", workspace__deleted_at=None)
        .first()
    )
    if channel is None:
        raise Http404
    language = _language(request)
    with translation.override(language):
        form = asked(channel.settings, language, values=request.GET.dict())
        if channel.is_paused:
            return _page(request, channel, form, notice=_("This form is closed for now."), status=410)
        if request.method == "POST":
            return _posted(request, channel, form)
        return _page(request, channel, form, sent=request.GET.get("sent") == "1")


def _posted(request: HttpRequest, channel: Channel, form: Asked) -> HttpResponse:
    try:
        said, uploaded = _read(request)
    except ValueError as refusal:
        return _page(request, channel, form, problem=str(refusal), status=413)
    done = HttpResponseRedirect(
        f"{reverse('contact_form', args=[channel.public_id])}?{urlencode({'sent': '1', 'lang': form.language})}"
    )
    if said.get(TRAP):
        trapped(channel)
        return done  # the robot may believe that it worked
    form, values = checked(form, said)
    ticket = ticket_id(channel, said.get("ticket", ""))
    problem, status = "", 422
    if any(one.problem for one in form.fields):
        problem = _("Some answers cannot be used. They are marked below.")
    elif not ticket:
        problem = _("This page was open for too long. Please send it once more; nothing is lost.")
    elif len(uploaded) > MOST_FILES or any((one.size or 0) > MOST_FILE_BYTES for one in uploaded):
        problem = _("At most %(n)d files of %(most)d MB each.") % {"n": MOST_FILES, "most": MOST_FILE_BYTES // 2**20}
    elif not limit.may(channel.pk, address_of(request)):
        problem, status = _("Too many messages came from your network. Please try again in a few minutes."), 429
    if problem:
        return _page(request, channel, form, problem=problem, status=status, ticket=said.get("ticket", ""))
    files = [File(one.name or "", one.content_type or "", one.read()) for one in uploaded] if form.takes_files else []
    take(
        channel=channel,
        ticket=ticket,
        form=form,
        values=values,
        files=files,
        page=said.get("page", "")[:500].replace("\x00", ""),
    )
    return done


def _read(request: HttpRequest) -> tuple[dict[str, str], list[UploadedFile[Any]]]:
    """The fields and files of a request. Raises ValueError with a sentence for more than a form takes."""
    too_large = _("The files are too large. At most %(n)d files of %(most)d MB each.") % {
        "n": MOST_FILES, "most": MOST_FILE_BYTES // 2**20
    }  # fmt: skip
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MOST_BYTES:
        raise ValueError(too_large)
    request.upload_handlers.insert(0, Bound(request))
    try:
        said = {name: value for name, value in request.POST.items() if isinstance(value, str)}
        uploaded = [one for one in request.FILES.getlist("files") if isinstance(one, UploadedFile) and one.size]
    except (MultiPartParserError, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent) as error:
        raise ValueError(_("What was sent cannot be read. Please try again.")) from error
    if request.META.get(TOO_LARGE):
        raise ValueError(too_large)
    return said, uploaded


def _language(request: HttpRequest) -> str:
    """What the address says, else what the browser asks for; the login of somebody of ours makes no difference."""
    chosen = request.GET.get("lang", "").lower()
    if chosen in LANGUAGES:
        return chosen
    found = translation.get_language_from_request(request)
    return found if found in LANGUAGES else "en"


def _page(
    request: HttpRequest, channel: Channel, form: Asked, *, sent: bool = False, notice: str = "", problem: str = "",
    status: int = 200, ticket: str = "",
) -> HttpResponse:  # fmt: skip
    here = reverse("contact_form", args=[channel.public_id])
    kept = {name: value for name in ("frame", "page") if (value := request.GET.get(name, "")[:500])}
    context = {
        "channel": channel, "form": form, "sent": sent, "notice": notice, "problem": problem, "trap": TRAP,
        "ticket": ticket if ticket and ticket_id(channel, ticket) else new_ticket(channel),
        "page": (request.POST if request.method == "POST" else request.GET).get("page", "")[:500],
        "action": f"{here}?{urlencode({**kept, 'lang': form.language})}", "framed": bool(kept.get("frame")),
        "links": [(code, NAMES[code], f"{here}?{urlencode({**kept, 'lang': code})}") for code in LANGUAGES],
        "wrong": [one for one in form.fields if one.problem],
    }  # fmt: skip
    response = render(request, "channels/contact_form.html", context, status=status)
    return with_headers(response, channel, form.language)


def with_headers(response: HttpResponse, channel: Channel, language: str) -> HttpResponse:
    try:
        sites = origins_of(str(channel.settings.get("sites", "")))
    except ValueError:
        sites = []
    around = " ".join(["'self'", *sites]) if sites else "*"
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        f" base-uri 'none'; frame-ancestors {around}"
    )
    set_exempt(response)
    response["Content-Language"] = language
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def set_exempt(response: HttpResponse) -> None:
    """The policy above says who may frame it; the older header knows only all or nothing."""
    response.xframe_options_exempt = True
