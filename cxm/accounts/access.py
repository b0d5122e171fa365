"""Access checks: each returns the object that was asked for, or raises as if it did not exist."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404

from .audit import Actor
from .models import ApiKey, Membership, Role, User, Workspace

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def membership_for(user: User | AnonymousUser, slug: str, at_least: Role = Role.VIEWER) -> Membership:
    """The user's membership of the workspace at `slug`.

    A stranger gets Http404, as if the workspace did not exist; a member whose role does not suffice PermissionDenied.
    """
    if not isinstance(user, User):
        raise Http404
    membership = (
        Membership.objects.select_related("workspace", "user")
        .filter(workspace__slug=slug, workspace__deleted_at=None, user=user)
        .first()
    )
    if membership is None or not user.is_active:
        raise Http404
    require(membership, at_least)
    return membership


def require(membership: Membership, at_least: Role) -> None:
    if not Role(membership.role).includes(at_least):
        raise PermissionDenied


def require_role(workspace: Workspace, by: Actor, at_least: Role) -> None:
    """What every verb asks first: may this person or program change that here? The system itself may do all.

    Raises Http404 for strangers, as if the workspace did not exist, and PermissionDenied for too small a role. Only
    secret keys act: a key that sends or shows surveys does nothing else, whatever its role.
    """
    if isinstance(by, User):
        membership_for(by, workspace.slug, at_least)
    elif isinstance(by, ApiKey):
        if by.workspace_id != workspace.pk:
            raise Http404
        if by.kind != ApiKey.Kind.SECRET or not Role(by.role).includes(at_least):
            raise PermissionDenied


def may_grant(membership: Membership, role: Role) -> bool:
    """Administrators and owners give roles to people and keys, and nobody gives more than they have."""
    own = Role(membership.role)
    return own.includes(Role.ADMIN) and own.includes(role)


def sees_personal(who: Membership | ApiKey | None) -> bool:
    """Whether personal data in what people wrote is shown as it is: to agents and above. Nobody is the public."""
    return who is not None and Role(who.role).includes(Role.AGENT)


def may_export_personal(who: Membership | ApiKey) -> bool:
    """Whether a file may hold what people wrote unmasked, when that is asked for: by analysts and above."""
    return Role(who.role).includes(Role.ANALYST)


def workspace_for(user: User | AnonymousUser, slug: str, at_least: Role = Role.VIEWER) -> Workspace:
    """The workspace at `slug`, if the user is a member of it with that role."""
    return membership_for(user, slug, at_least).workspace


def hash_key(key: str) -> str:
    """Keys are 256 random bits, so a plain digest is as safe as a slow one, and can be looked up."""
    return hashlib.sha256(key.encode()).hexdigest()


def api_key_for(key: str, kind: ApiKey.Kind) -> ApiKey | None:
    """The living key of that kind, or None."""
    return (
        ApiKey.objects.select_related("workspace", "created_by")
        .filter(key_hash=hash_key(key), kind=kind, revoked_at=None, workspace__deleted_at=None)
        .first()
    )
