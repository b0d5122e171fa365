"""One's own account: profile and sessions. Password and second factor are allauth's pages with our templates."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST

from cxm.accounts.actions import change_profile
from cxm.accounts.adapter import remember_language
from cxm.accounts.forms import ProfileForm

from . import person


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = ProfileForm(request.POST or None, initial={f: getattr(user, f) for f in ("name", "language")})
    if request.method == "POST" and form.is_valid():
        change_profile(user=user, by=user, **form.cleaned_data)
        with override(user.language or None):
            messages.success(request, _("Your profile is saved."))
        response = redirect("accounts:profile")
        remember_language(response, user.language)
        return response
    return render(request, "accounts/profile.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Log out one other browser of the same person."""
    session = get_object_or_404(UserSession, pk=session_id, user=person(request))
    current = session.session_key == request.session.session_key
    session.end()
    if current:
        return redirect("account_login")
    messages.success(request, _("That session is ended."))
    return redirect("usersessions_list")
