"""The bell of the menu."""

from __future__ import annotations

from typing import Any

from django import template

from cxm.accounts.models import Membership, Role
from cxm.act.cases.alerts.notices import unseen

register = template.Library()


@register.simple_tag(takes_context=True)
def unseen_alerts(context: dict[str, Any]) -> int | None:
    """How many alerts are new to the reader; None for who may not see alerts."""
    membership = context.get("membership")
    if not isinstance(membership, Membership) or not Role(membership.role).includes(Role.AGENT):
        return None
    return unseen(membership.workspace, membership.user)
