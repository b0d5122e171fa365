"""What lists of cases show in little room: times from now, who it is, how urgent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.act.cases.noticing import unread

register = template.Library()

SOON = timedelta(hours=1)


def short(span: timedelta) -> str:
    """35 min, 4 h, 3 d: the largest unit that says enough."""
    seconds = abs(int(span.total_seconds()))
    if seconds < 3600:
        n = max(1, seconds // 60)
        return ngettext("%(n)d min", "%(n)d min", n) % {"n": n}
    if seconds < 48 * 3600:
        n = round(seconds / 3600)
        return ngettext("%(n)d h", "%(n)d h", n) % {"n": n}
    n = round(seconds / 86400)
    return ngettext("%(n)d d", "%(n)d d", n) % {"n": n}


@register.filter
def ago(moment: datetime | None) -> str:
    """How long since: 35 min, 4 h, 3 d; “now” within a minute."""
    if moment is None:
        return ""
    span = timezone.now() - moment
    return _("now") if timedelta(0) <= span < timedelta(minutes=1) else short(span)


@register.simple_tag
def due(case: Any, now: datetime) -> SafeString:
    """Until when somebody must answer, as a mark that says how it stands in words and in colour."""
    if case.due_at is None:
        return SafeString("")
    left = case.due_at - now
    words = {"span": short(left)}
    if left < timedelta(0):
        tone, text = "late", _("%(span)s late") % words
    else:
        tone, text = "soon" if left < SOON else "calm", _("in %(span)s") % words
    return format_html(
        '<span class="due due-{}"><time datetime="{}">{}</time></span>', tone, case.due_at.isoformat(), text
    )


@register.filter
def initials(person: object) -> str:
    """Two letters for a person: of the first and the last word of the name."""
    words = [word for word in str(person).replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


@register.filter
def shade(person: Any) -> int:
    """One of six colours, always the same for a person."""
    return sum(str(person).encode()) % 6 + 1


@register.simple_tag
def unread_notices(workspace: Any, user: Any) -> str:
    """How many notices wait for this person, for the menu of every page."""
    n = unread(workspace, user) if workspace and user.is_authenticated else 0
    return "" if not n else "99+" if n >= 100 else str(n)


@register.filter
def get(mapping: dict[str, Any], key: object) -> Any:
    return mapping.get(str(key), "")
