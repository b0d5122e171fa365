"""Messages and what became of them; the addresses that must not be written to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.channels import actions
from cxm.listen.channels.forms import SuppressForm
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.queries import deliveries_of, delivery_for, suppressions_of

PAGE = 50


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    may_change = Role(membership.role).includes(Role.ANALYST)
    return {"membership": membership, "workspace": membership.workspace, "may_change": may_change, **more}


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rows = deliveries_of(membership.workspace).defer("message").order_by("-created_at")
    state, text = request.GET.get("state", ""), request.GET.get("q", "").strip()
    if state in Delivery.State.values:
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(to__icontains=text.replace("\x00", ""))
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = {"page_obj": page_obj, "state": state, "text": text, "states": Delivery.State.choices, "tab": "messages"}
    return render(request, "channels/list.html", context_of(membership, **shown))


@require_safe
def show(request: HttpRequest, slug: str, delivery_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    delivery = delivery_for(membership.workspace, delivery_id)
    again = delivery.state in {Delivery.State.FAILED, Delivery.State.UNCERTAIN, Delivery.State.CANCELLED}
    return render(request, "channels/show.html", context_of(membership, delivery=delivery, again=again))


@require_POST
def cancel(request: HttpRequest, slug: str, delivery_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    delivery = delivery_for(membership.workspace, delivery_id)
    try:
        actions.cancel(delivery=delivery, by=membership.user)
        messages.success(request, _("The message will not be sent."))
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("messages:show", slug, delivery.pk)


@require_POST
def again(request: HttpRequest, slug: str, delivery_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    delivery = delivery_for(membership.workspace, delivery_id)
    try:
        actions.send_again(delivery=delivery, by=membership.user)
        messages.success(request, _("The message waits to be sent."))
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("messages:show", slug, delivery.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def suppressions(request: HttpRequest, slug: str) -> HttpResponse:
    """The list of addresses that must not be written to, and a form to add one."""
    role = Role.ANALYST if request.method == "POST" else Role.AGENT
    membership = membership_for(request.user, slug, role)
    form = SuppressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.suppress(
            workspace=membership.workspace, address=form.cleaned_data["address"],
            reason=Suppression.Reason.MANUAL, by=membership.user,
        )  # fmt: skip
        messages.success(request, _("Nothing is sent to this address any more."))
        return redirect("messages:suppressions", slug)
    rows = suppressions_of(membership.workspace).order_by("-at", "-pk")
    if text := request.GET.get("q", "").strip().replace("\x00", ""):
        rows = rows.filter(address__icontains=text)
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = context_of(membership, page_obj=page_obj, form=form, text=text, tab="suppressions")
    return render(request, "channels/suppressions.html", shown, status=422 if form.errors else 200)


@require_POST
def release(request: HttpRequest, slug: str, suppression_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    row = suppressions_of(membership.workspace).filter(pk=suppression_id).first()
    if row is None:
        raise Http404
    actions.release(suppression=row, by=membership.user)
    messages.success(request, _("This address may be written to again."))
    return redirect("messages:suppressions", slug)
