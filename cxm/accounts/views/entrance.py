"""The ways in: the first start, the list of one's workspaces, an invitation."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.actions import create_first_owner, create_workspace
from cxm.accounts.forms import JoinForm, SetupForm, WorkspaceForm
from cxm.accounts.invitations import accept_invitation, invitation_for
from cxm.accounts.middleware import LAST_WORKSPACE
from cxm.accounts.models import Invitation, User, Workspace
from cxm.accounts.queries import memberships_of

from . import person

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def workspace_page(workspace: Workspace) -> HttpResponse:
    return redirect(f"/w/{workspace.slug}/")


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the workspace last seen or the only one, else to the list; on the first start to the set-up."""
    if not isinstance(request.user, User):
        return redirect_to_login("/") if User.objects.exists() else redirect("accounts:setup")
    own = {membership.workspace.slug: membership.workspace for membership in memberships_of(request.user)}
    last = own.get(request.session.get(LAST_WORKSPACE, ""))
    if last or len(own) == 1:
        return workspace_page(last or next(iter(own.values())))
    return redirect("accounts:workspaces")


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Create the owner account and the first workspace; gone once anybody exists."""
    if User.objects.exists():
        return redirect("accounts:home")
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            user, workspace = create_first_owner(
                name=values["your_name"], email=values["email"], password=values["password"],
                workspace=values["name"], time_zone=values["time_zone"], currency=values["currency"],
                language=get_language() or "",
            )  # fmt: skip
        except PermissionDenied:  # somebody was a second faster
            return redirect("accounts:home")
        login(request, user, backend=BACKEND)
        return workspace_page(workspace)
    return render(request, "accounts/setup.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def workspaces(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/workspaces.html", {"memberships": memberships_of(person(request))})


@require_http_methods(["GET", "HEAD", "POST"])
def new_workspace(request: HttpRequest) -> HttpResponse:
    """Anybody with an account may open a workspace, and owns it."""
    form = WorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return workspace_page(create_workspace(owner=person(request), **form.cleaned_data))
    return render(request, "accounts/new_workspace.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation: with a new account, or with the account that has the invited e-mail."""
    invitation = invitation_for(token)
    if invitation is None:
        return render(request, "accounts/join_expired.html", status=404)
    if isinstance(request.user, User):
        return join_as(request, invitation, request.user)
    if User.objects.filter(email__iexact=invitation.email).exists():
        return redirect_to_login(request.path, reverse("account_login"))
    form = JoinForm(request.POST or None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        membership = accept_invitation(
            invitation=invitation, name=form.cleaned_data["name"], password=form.cleaned_data["password"],
            language=get_language() or "",
        )  # fmt: skip
        login(request, membership.user, backend=BACKEND)
        return workspace_page(membership.workspace)
    context = {"form": form, "invitation": invitation}
    return render(request, "accounts/join.html", context, status=422 if form.errors else 200)


def join_as(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    ours = user.email.lower() == invitation.email.lower()
    if request.method == "POST" and ours:
        return workspace_page(accept_invitation(invitation=invitation, by=user).workspace)
    context = {"invitation": invitation, "ours": ours}
    return render(request, "accounts/join_as.html", context, status=403 if request.method == "POST" else 200)
