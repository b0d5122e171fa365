"""API keys of a workspace: the secret ones. Write keys belong to sources (cxm.record.capture)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cxm.accounts.access import membership_for
from cxm.accounts.actions import create_api_key, revoke_api_key
from cxm.accounts.forms import KeyForm
from cxm.accounts.models import ApiKey, Role
from cxm.accounts.queries import keys_of


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest, slug: str) -> HttpResponse:
    """List and make keys. A new key is shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    form = KeyForm(request.POST or None, by=membership)
    created: ApiKey | None = None
    secret = ""
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        created, secret = create_api_key(
            workspace=membership.workspace, kind=ApiKey.Kind.SECRET, name=values["name"],
            role=Role(values["role"] or Role.ANALYST), by=membership.user,
        )  # fmt: skip
        form = KeyForm(by=membership)
    context = {
        "membership": membership,
        "workspace": membership.workspace,
        "keys": keys_of(membership.workspace),
        "form": form,
        "created": created,
        "secret": secret,
        "tab": "keys",
    }
    return render(request, "accounts/keys.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, slug: str, key_id: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    key = get_object_or_404(keys_of(membership.workspace), uuid=key_id)
    revoke_api_key(key=key, by=membership.user)
    messages.success(request, _("The key is revoked; programs that use it are refused from now on."))
    return redirect("accounts:keys", slug=slug)
