"""What templates of maps need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of_touchpoint(found: Mapping[str, Any] | None, key: str) -> Any:
    """What a mapping by keys of touchpoints holds for this one; None where there is nothing."""
    return found.get(key) if found else None
