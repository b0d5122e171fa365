"""What the pages of the feedback inbox say about things that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.lib import numbers
from cxm.stats.comparison import Difference

register = template.Library()


@register.filter
def name_in(line: Any, names: Mapping[str, Mapping[str, Any]]) -> str:
    """What a line is called; a topic that is gone by its key."""
    return str(names.get(line.kind, {}).get(line.name, line.name))


@register.filter
def kind_in(line: Any, _names: object) -> str:
    """What kind of thing a line is."""
    return {
        "topic": pgettext("kind of line", "topic"), "sentiment": pgettext("kind of line", "sentiment"),
        "emotion": pgettext("kind of line", "emotion"), "intent": pgettext("kind of line", "intent"),
    }.get(line.kind, "")  # fmt: skip


@register.filter
def points(difference: Difference) -> str:
    """A difference of shares in points, with its interval: +3.1 (1.0 to 5.2)."""
    if difference.value is None:
        return "–"
    value = numbers.signed(100 * difference.value)
    if difference.low is None or difference.high is None:
        return value
    shown = {"value": value, "low": numbers.signed(100 * difference.low), "high": numbers.signed(100 * difference.high)}
    return _("%(value)s (%(low)s to %(high)s)") % shown
