"""Numbers of themes as they are written."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.stats.comparison import Difference

register = template.Library()


@register.filter
def points(change: Difference, kind: str) -> str:
    """The change of a share (in percentage points) or of a mood (in points), with its interval."""
    factor = 100 if kind == "share" else 1

    def said(value: float | None) -> str:
        return numbers.signed(None if value is None else value * factor, "points")

    if change.low is None or change.high is None:
        return said(change.value)
    return _("%(value)s (%(low)s to %(high)s)") % {
        "value": said(change.value), "low": said(change.low), "high": said(change.high)
    }  # fmt: skip
