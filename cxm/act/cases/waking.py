"""The clocks of cases: what slept long enough comes back, and what was resolved long ago is closed. Each once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from .actions import close, wake
from .errors import Refused
from .models import Case

AT_ONCE: Final = 500
CLOSED_AFTER: Final = timedelta(days=14)  # until then a message of the customer reopens it without a word


def wake_due() -> int:
    """Bring back every case whose time has come; returns how many. Safe to run in several processes."""
    due = Case.objects.filter(state=Case.State.SNOOZED, snoozed_until__lte=timezone.now())
    rows = list(due.select_related("team", "workspace", "owner").order_by("snoozed_until")[:AT_ONCE])
    for case in rows:
        wake(case=case)
    return len(rows)


def close_old() -> int:
    """Close what was resolved CLOSED_AFTER ago and did not come back; returns how many."""
    old = Case.objects.filter(state=Case.State.RESOLVED, resolved_at__lte=timezone.now() - CLOSED_AFTER)
    closed = 0
    for case in old.select_related("team", "workspace")[:AT_ONCE]:
        try:
            close(case=case, by=None)
            closed += 1
        except Refused:  # another process or a person was faster
            continue
    return closed
