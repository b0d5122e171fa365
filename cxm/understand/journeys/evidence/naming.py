"""What moments are called."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def mood_name(mood: int) -> str:
    """Of 1, 0 and −1."""
    return {
        1: pgettext("moment", "good"), 0: pgettext("moment", "neutral"), -1: pgettext("moment", "bad")
    }[mood]  # fmt: skip


def kind_name(kind: str) -> str:
    """What kind of event a moment was, where it names no touchpoint."""
    return {"answer": _("an answer"), "ticket": _("a ticket"), "delivery": _("a delivery")}.get(kind, kind)
