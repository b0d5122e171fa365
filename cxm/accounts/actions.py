"""What can be done to people, workspaces, members and keys. Invitations have a file of their own."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from .access import hash_key, may_grant
from .audit import Actor, audit
from .models import ApiKey, Membership, Role, User, Workspace


class LastOwner(ValidationError):
    """The change would leave the workspace without an owner."""

    def __init__(self) -> None:
        super().__init__(_("A workspace needs an owner. Make somebody else an owner first."), code="last_owner")


@transaction.atomic
def create_user(*, email: str, name: str = "", password: str | None, by: Actor, language: str = "") -> User:
    """A new person; without a password they cannot log in until they reset it.

    Raises ValidationError for an e-mail in use or malformed, and for a weak password.
    """
    email = email.strip().lower()
    validate_email(email)
    if User.objects.filter(email__iexact=email).exists():
        raise ValidationError({"email": _("There is an account with this e-mail already.")}, code="email_in_use")
    if password is not None:
        validate_password(password, User(email=email, name=name))
    user = User.objects.create_user(email=email, password=password, name=name, language=language)
    audit("created", user, workspace=None, by=by)
    return user


@transaction.atomic
def create_first_owner(
    *, name: str, email: str, password: str, workspace: str, time_zone: str, currency: str, language: str = ""
) -> tuple[User, Workspace]:
    """The owner account and the first workspace of a new installation.

    Raises PermissionDenied once anybody exists.
    """
    if User.objects.exists():
        raise PermissionDenied
    user = create_user(email=email, name=name, password=password, by=None, language=language)
    return user, create_workspace(name=workspace, owner=user, time_zone=time_zone, currency=currency)


@transaction.atomic
def change_profile(*, user: User, name: str, language: str, by: User) -> None:
    after = {"name": name, "language": language}
    changes = {field: [getattr(user, field), value] for field, value in after.items() if getattr(user, field) != value}
    if changes:
        for field, value in after.items():
            setattr(user, field, value)
        user.save(update_fields=list(after))
        audit("changed", user, workspace=None, by=by, changes=changes)


@transaction.atomic
def create_workspace(
    *, name: str, owner: User | None, time_zone: str = "UTC", currency: str = "EUR", is_sample: bool = False
) -> Workspace:
    """A new workspace, with `owner` in it; its address is made from its name."""
    base = slugify(name)[:50].strip("-") or "workspace"
    slug = base
    while Workspace.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(2)}"
    workspace = Workspace.objects.create(
        slug=slug, name=name, time_zone=time_zone, currency=currency, is_sample=is_sample
    )
    if owner:
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    audit("created", workspace, workspace=workspace, by=owner)
    return workspace


@transaction.atomic
def change_workspace(*, workspace: Workspace, name: str, time_zone: str, currency: str, by: Actor) -> None:
    """Change the name, the time zone (IANA name) or the currency (ISO 4217); the address stays."""
    before = Workspace.objects.select_for_update().get(pk=workspace.pk)
    after = {"name": name, "time_zone": time_zone, "currency": currency}
    changes = {
        field: [getattr(before, field), value] for field, value in after.items() if getattr(before, field) != value
    }
    if changes:
        for field, value in after.items():
            setattr(workspace, field, value)
        workspace.save(update_fields=list(after))
        audit("changed", workspace, workspace=workspace, by=by, changes=changes)


def rename_workspace(*, workspace: Workspace, name: str, by: Actor) -> None:
    change_workspace(workspace=workspace, name=name, time_zone=workspace.time_zone, currency=workspace.currency, by=by)


@transaction.atomic
def close_workspace(*, workspace: Workspace, by: Actor) -> None:
    """Nobody and no key gets in any more. `web.workspaces` erases what the workspace held, on every shelf."""
    if Workspace.objects.filter(pk=workspace.pk, deleted_at=None).update(deleted_at=timezone.now()):
        workspace.refresh_from_db(fields=["deleted_at"])
        workspace.memberships.all().delete()
        workspace.invitations.all().delete()
        workspace.api_keys.all().delete()
        audit("deleted", workspace, workspace=None, by=by)


@transaction.atomic
def add_member(*, workspace: Workspace, user: User, role: Role, by: Actor) -> Membership:
    """Put a person into the workspace. One who is in it already keeps the role they have."""
    if by_member := membership_of(workspace, by):
        require_grant(by_member, role)
    membership, created = Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": role})
    if created:
        audit("added", membership, workspace=workspace, by=by, changes={"role": [None, role.value]})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Actor) -> None:
    """Give a member another role.

    Nobody gives a role above their own, nor touches somebody above them (PermissionDenied); the last owner stays one
    (LastOwner). `by` None is the operator of the server, who may do everything.
    """
    membership = locked(membership)
    before = Role(membership.role)
    if by_member := membership_of(membership.workspace, by):
        require_grant(by_member, before)
        require_grant(by_member, role)
    if before == role:
        return
    if before == Role.OWNER:
        keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    audit("changed", membership, workspace=membership.workspace, by=by, changes={"role": [before.value, role.value]})


@transaction.atomic
def remove_member(*, membership: Membership, by: Actor) -> None:
    """Take a person out of the workspace; everybody may take out themselves. Raises as `change_role` does."""
    membership = locked(membership)
    if (by_member := membership_of(membership.workspace, by)) and by_member != membership:
        require_grant(by_member, Role(membership.role))
    if membership.role == Role.OWNER:
        keep_an_owner(membership)
    audit("removed", membership, workspace=membership.workspace, by=by, changes={"role": [membership.role, None]})
    membership.delete()


def locked(membership: Membership) -> Membership:
    """The membership as it is now. The lock on its workspace makes two owners leave one after the other."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    return Membership.objects.select_related("workspace", "user").get(pk=membership.pk)


def keep_an_owner(membership: Membership) -> None:
    others = membership.workspace.memberships.filter(role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner


def membership_of(workspace: Workspace, by: Actor) -> Membership | None:
    """The membership with which a person acts; None for the operator of the server.

    Raises PermissionDenied for a person who is no member, and for keys: programs do not administer people.
    """
    if by is None:
        return None
    if not isinstance(by, User):
        raise PermissionDenied
    membership = workspace.memberships.filter(user=by).first()
    if membership is None:
        raise PermissionDenied
    return membership


def require_grant(membership: Membership, role: Role) -> None:
    if not may_grant(membership, role):
        raise PermissionDenied


@transaction.atomic
def create_api_key(
    *, workspace: Workspace, kind: ApiKey.Kind, name: str, by: Actor, role: Role = Role.ANALYST
) -> tuple[ApiKey, str]:
    """A new key and its only appearance in clear. A person gives a key no more than they have themselves."""
    program = isinstance(by, ApiKey) and by.workspace_id == workspace.pk and Role(by.role).includes(Role.ADMIN)
    # Programs of administrators make keys that may only send events; keys that read are made by people.
    if not (program and kind == ApiKey.Kind.WRITE) and (by_member := membership_of(workspace, by)):
        require_grant(by_member, role)
    key = f"cxm_{kind}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        workspace=workspace,
        kind=kind,
        role=role,
        name=name,
        prefix=key[:14],
        key_hash=hash_key(key),
        created_by=by if isinstance(by, User) else None,
    )
    audit("created", row, workspace=workspace, by=by, changes={"kind": [None, row.kind], "role": [None, row.role]})
    return row, key


@transaction.atomic
def revoke_api_key(*, key: ApiKey, by: Actor) -> None:
    """The key opens nothing any more, from the next request on."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit("revoked", key, workspace=key.workspace, by=by)
