"""Pages to share a survey, to send it, and to see who was asked. Nothing is changed but by a verb of actions.py."""

from __future__ import annotations

from typing import Any

from cxm.accounts.models import Membership, Role


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    role = Role(membership.role)
    return {
        "membership": membership, "workspace": membership.workspace, "may_edit": role.includes(Role.ANALYST),
        "may_admin": role.includes(Role.ADMIN), **more,
    }  # fmt: skip
