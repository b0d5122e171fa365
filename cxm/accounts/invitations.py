"""Inviting people: a link that one person can use once, within seven days."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from .access import hash_key
from .actions import add_member, create_user, membership_of, require_grant
from .audit import Actor, audit
from .models import Invitation, Membership, Role, User, Workspace

LIFETIME = timedelta(days=7)


@transaction.atomic
def invite(*, workspace: Workspace, email: str, role: Role, by: Actor) -> tuple[Invitation, str]:
    """A new invitation and the only appearance of its link. An open one for the same e-mail is replaced.

    The link is mailed too where a mail server is configured. Raises ValidationError if the e-mail is malformed or
    belongs to a member, PermissionDenied if `by` may not give that role.
    """
    if by_member := membership_of(workspace, by):
        require_grant(by_member, role)
    email = email.strip().lower()
    validate_email(email)
    if workspace.memberships.filter(user__email__iexact=email).exists():
        raise ValidationError({"email": _("This person is a member already.")}, code="is_member")
    workspace.invitations.filter(email__iexact=email, accepted_at=None).delete()
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        workspace=workspace,
        email=email,
        role=role,
        token_hash=hash_key(token),
        invited_by=by if isinstance(by, User) else None,
        expires_at=timezone.now() + LIFETIME,
    )
    link = settings.BASE_URL + reverse("accounts:join", args=[token])
    audit("invited", invitation, workspace=workspace, by=by, changes={"role": [None, role.value]})
    if settings.EMAIL_URL:
        transaction.on_commit(lambda: mail_invitation(invitation, link, by))
    return invitation, link


def mail_invitation(invitation: Invitation, link: str, by: Actor) -> None:
    context = {"invitation": invitation, "workspace": invitation.workspace, "by": by, "link": link}
    subject = render_to_string("accounts/mail/invitation_subject.txt", context)
    # A mail server that is away must not undo the invitation: the link is on the page as well.
    send_mail(
        " ".join(subject.split()),
        render_to_string("accounts/mail/invitation.txt", context),
        settings.DEFAULT_FROM_EMAIL,
        [invitation.email],
        fail_silently=True,
    )


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: Actor) -> None:
    """The link opens nothing any more. An accepted invitation stays as it is."""
    if Invitation.objects.filter(pk=invitation.pk, accepted_at=None).delete()[0]:
        audit("revoked", invitation, workspace=invitation.workspace, by=by)


def invitation_for(token: str) -> Invitation | None:
    """The open invitation behind a link, or None."""
    invitation = (
        Invitation.objects.select_related("workspace", "invited_by")
        .filter(token_hash=hash_key(token), workspace__deleted_at=None)
        .first()
    )
    return invitation if invitation and invitation.is_open else None


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, by: User | None = None, name: str = "", password: str = "", language: str = ""
) -> Membership:
    """Join the workspace: as the account `by`, or as a new account with the invited e-mail.

    Raises PermissionDenied if the invitation is used up or was meant for another e-mail, ValidationError for a weak
    password.
    """
    used = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=timezone.now()).update(
        accepted_at=timezone.now()
    )
    if not used:
        raise PermissionDenied
    if by is None:
        by = create_user(email=invitation.email, name=name, password=password, by=None, language=language)
    elif by.email.lower() != invitation.email.lower():
        raise PermissionDenied
    # The right to join comes from whoever invited, not from the person who joins.
    membership = add_member(workspace=invitation.workspace, user=by, role=Role(invitation.role), by=None)
    audit("accepted", invitation, workspace=invitation.workspace, by=by)
    return membership
