"""The page of the endpoint: its switch, and what it has done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role

from .actions import endpoint_of, save_endpoint
from .forms import EndpointForm


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    row = endpoint_of(membership.workspace)
    form = EndpointForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        save_endpoint(workspace=membership.workspace, by=membership.user, **form.arguments())
        messages.success(request, _("The settings are saved."))
        return redirect("endpoint:settings", slug)
    shown = {
        "membership": membership, "workspace": membership.workspace, "form": form,
        "endpoint": endpoint_of(membership.workspace), "tab": "accuracy",
    }  # fmt: skip
    return render(request, "text/endpoint.html", shown, status=422 if form.errors else 200)
