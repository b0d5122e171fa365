"""The settings of a workspace: general, members and invitations."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import may_grant, membership_for
from cxm.accounts.actions import change_role, change_workspace, remove_member
from cxm.accounts.forms import DeleteForm, InviteForm, RoleForm, WorkspaceForm, grantable
from cxm.accounts.invitations import invite as send_invitation
from cxm.accounts.invitations import revoke_invitation
from cxm.accounts.models import Invitation, Membership, Role
from cxm.accounts.queries import members_of, open_invitations

from . import person


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Every member sees the general settings, administrators change them."""
    membership = membership_for(request.user, slug, Role.ADMIN if request.method == "POST" else Role.VIEWER)
    workspace = membership.workspace
    form = WorkspaceForm(
        request.POST or None,
        initial={"name": workspace.name, "time_zone": workspace.time_zone, "currency": workspace.currency},
    )
    del form.fields["time_zone"].widget.attrs["data-guess-time-zone"]
    if request.method == "POST" and form.is_valid():
        change_workspace(workspace=workspace, by=membership.user, **form.cleaned_data)
        messages.success(request, _("The settings are saved."))
        return redirect("accounts:settings", slug=slug)
    context = {
        "membership": membership,
        "workspace": workspace,
        "form": form,
        "delete_form": DeleteForm(name=workspace.name),
        "may_change": Role(membership.role).includes(Role.ADMIN),
        "may_delete": membership.role == Role.OWNER,
        "tab": "general",
    }
    return render(request, "accounts/settings.html", context, status=422 if form.errors else 200)


@require_safe
def members(request: HttpRequest, slug: str) -> HttpResponse:
    return members_page(request, membership_for(request.user, slug))


def members_page(
    request: HttpRequest,
    membership: Membership,
    *,
    form: InviteForm | None = None,
    link: str = "",
    invited: Invitation | None = None,
    status: int = 200,
) -> HttpResponse:
    workspace = membership.workspace
    may_invite = Role(membership.role).includes(Role.ADMIN)
    rows = [
        {
            "member": member,
            "may_change": may_grant(membership, Role(member.role)),
            "may_remove": member == membership or may_grant(membership, Role(member.role)),
        }
        for member in members_of(workspace)
    ]
    context = {
        "membership": membership,
        "workspace": workspace,
        "rows": rows,
        "roles": grantable(membership),
        "invitations": open_invitations(workspace) if may_invite else [],
        "may_invite": may_invite,
        "form": form or InviteForm(by=membership),
        "link": link,
        "invited": invited,
        "tab": "members",
    }
    return render(request, "accounts/members.html", context, status=status)


@never_cache
@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Invite a person. The link is shown in the answer to this request and never again."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    form = InviteForm(request.POST, by=membership)
    if form.is_valid():
        try:
            invited, link = send_invitation(
                workspace=membership.workspace, email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]), by=membership.user,
            )  # fmt: skip
            return members_page(request, membership, link=link, invited=invited)
        except ValidationError as error:
            form.add_error(None, error)
    return members_page(request, membership, form=form, status=422)


@require_POST
def revoke(request: HttpRequest, slug: str, invitation_id: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    invitation = get_object_or_404(membership.workspace.invitations, uuid=invitation_id)
    revoke_invitation(invitation=invitation, by=membership.user)
    messages.success(request, _("The invitation is revoked; its link opens nothing any more."))
    return redirect("accounts:members", slug=slug)


@require_POST
def role(request: HttpRequest, slug: str, user_id: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    other = get_object_or_404(membership.workspace.memberships, user__uuid=user_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            change_role(membership=other, role=Role(form.cleaned_data["role"]), by=membership.user)
            messages.success(request, _("The role is changed."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    else:
        messages.error(request, _("There is no such role."))
    return redirect("accounts:members", slug=slug)


@require_POST
def remove(request: HttpRequest, slug: str, user_id: str) -> HttpResponse:
    """Administrators remove others, everybody may leave."""
    leaving = str(user_id) == str(person(request).uuid)
    membership = membership_for(request.user, slug, Role.VIEWER if leaving else Role.ADMIN)
    other = get_object_or_404(membership.workspace.memberships, user__uuid=user_id)
    try:
        remove_member(membership=other, by=membership.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("accounts:members", slug=slug)
    if leaving:
        messages.success(request, _("You have left the workspace."))
        return redirect("accounts:workspaces")
    messages.success(request, _("The member is removed."))
    return redirect("accounts:members", slug=slug)
