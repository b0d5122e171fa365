"""What can be done to workspaces, members and keys."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from .access import hash_key
from .audit import Actor, audit
from .models import ApiKey, Membership, Role, User, Workspace


@transaction.atomic
def create_workspace(
    *, name: str, owner: User | None, time_zone: str = "UTC", currency: str = "EUR", is_sample: bool = False
) -> Workspace:
    """A new workspace, with `owner` in it; its address is made from its name."""
    base = slugify(name)[:50] or "workspace"
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
def create_api_key(
    *, workspace: Workspace, kind: ApiKey.Kind, name: str, by: Actor, role: Role = Role.ANALYST
) -> tuple[ApiKey, str]:
    """A new key and its only appearance in clear."""
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
    audit("created", row, workspace=workspace, by=by)
    return row, key


@transaction.atomic
def revoke_api_key(*, key: ApiKey, by: Actor) -> None:
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        audit("revoked", key, workspace=key.workspace, by=by)
