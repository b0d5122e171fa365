"""The page to share a survey: public link, QR code, kiosk, personal links, the way to mailings and the website."""

from __future__ import annotations

from io import BytesIO

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.listen.surveys.distribution import actions
from cxm.listen.surveys.distribution.forms import InviteForm
from cxm.listen.surveys.distribution.links import personal_link, public_link
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.queries import draft_of, survey_called
from cxm.listen.surveys.respond.beginning import clean
from cxm.record.customers.models import Customer

from . import context_of

LONGEST_PLACE = 100  # characters


def address_of(survey: Survey, kind: str, place: str = "") -> str:
    """The link by itself, of a kiosk, or of a QR code. Those of a place say it: results can be filtered by it."""
    said = {"kiosk": {"kiosk": place or "1"}, "qr": {"utm_source": place or "qr"}}
    return public_link(survey, **said.get(kind, {}))


def _place(request: HttpRequest) -> str:
    return clean(request.GET.get("place", ""))[:LONGEST_PLACE]


@require_safe
def share(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    shown = context_of(
        membership, survey=survey, tab="share", definition=draft_of(survey), form=InviteForm(),
        link=address_of(survey, "link"), kiosk=address_of(survey, "kiosk", _place(request)), place=_place(request),
        embed=f'<iframe src="{address_of(survey, "link")}" title="{survey.name}" width="100%" height="600"></iframe>'
        if '"' not in survey.name and "<" not in survey.name
        else f'<iframe src="{address_of(survey, "link")}" width="100%" height="600"></iframe>',
    )  # fmt: skip
    return render(request, "distribution/share.html", shown)


@require_safe
def qr(request: HttpRequest, slug: str, survey_id: int, form: str) -> HttpResponse:
    """The QR code of the public link as SVG or PNG. `?of=kiosk`: of the kiosk; `?place=`: of a place; `?download`."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    if form not in {"svg", "png"}:
        raise Http404
    kind = "kiosk" if request.GET.get("of") == "kiosk" else "qr"
    out = BytesIO()
    # Error level M bears a scratch or a small logo; four modules of margin are the standard's own.
    segno.make(address_of(survey, kind, _place(request)), error="m", micro=False).save(
        out, kind=form, scale=10, border=4
    )
    response = HttpResponse(out.getvalue(), content_type="image/svg+xml" if form == "svg" else "image/png")
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="survey-{survey.pk}.{form}"'
    return response


@require_POST
def invite(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """A personal link for one address: shown to be handed over, or sent."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    survey = survey_called(membership.workspace, survey_id)
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give an e-mail address to send the invitation to."))
        return redirect("surveys:share", slug, survey.pk)
    address = form.cleaned_data["address"]
    customer = Customer.objects.filter(workspace=membership.workspace, email__iexact=address).first()
    try:
        made = actions.invite(
            survey=survey, by=membership.user, customer=customer, address=address, send=form.cleaned_data["send"]
        )
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        if form.cleaned_data["send"]:
            messages.success(request, _("The invitation is on its way to %(address)s.") % {"address": address})
        else:
            link = personal_link(made)
            messages.success(
                request, _("The personal link of %(address)s: %(link)s") % {"address": address, "link": link}
            )
    return redirect("surveys:share", slug, survey.pk)
