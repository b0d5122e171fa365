"""The clock of snoozed cases: what slept long enough comes back, once."""

from __future__ import annotations

from django.utils import timezone

from .actions import wake
from .models import Case

AT_ONCE = 500


def wake_due() -> int:
    """Bring back every case whose time has come; returns how many. Safe to run in several processes."""
    due = Case.objects.filter(state=Case.State.SNOOZED, snoozed_until__lte=timezone.now())
    rows = list(due.select_related("team", "workspace", "owner").order_by("snoozed_until")[:AT_ONCE])
    for case in rows:
        wake(case=case)
    return len(rows)
