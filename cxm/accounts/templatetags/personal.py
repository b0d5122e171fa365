"""What people wrote, for the one who looks: `{{ text|personal:membership }}`."""

from __future__ import annotations

from typing import Any

from django import template

from cxm.accounts.access import sees_personal
from cxm.accounts.models import ApiKey, Membership
from cxm.lib.personal import mask

register = template.Library()


@register.filter
def personal(text: Any, membership: Membership | ApiKey | None) -> Any:
    """The text as it is for agents and above; for viewers and the public what is personal in it is masked."""
    if sees_personal(membership if isinstance(membership, Membership | ApiKey) else None):
        return text
    return "" if text is None else mask(str(text))
