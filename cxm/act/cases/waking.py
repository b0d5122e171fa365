"""The clocks of cases: what slept long enough comes back, and what was resolved long ago is closed. Each once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from .actions import close, wake
from .models import Case

AT_ONCE: Final = 500
CLOSED_AFTER: Final = timedelta(days=14)  # until then a message of the customer reopens it without a word


def wake_due() -> int:
    """Bring back every case whose time has come; returns how many. Safe to run in several processes."""
    due = Case.objects.filter(state=Case.State.SNOOZED, snoozed_until__lte=timezone.now())
    return _each(due.order_by("snoozed_until"), lambda case: wake(case=case))


def close_old() -> int:
    """Close what was resolved CLOSED_AFTER ago and did not come back; returns how many."""
    old = Case.objects.filter(state=Case.State.RESOLVED, resolved_at__lte=timezone.now() - CLOSED_AFTER)
    return _each(old, lambda case: close(case=case, by=None))


def _each(due: QuerySet[Case], do: Callable[[Case], None]) -> int:
    """Those that are still due once their row is held: another process or a person may have been faster."""
    done = 0
    for key in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            held = due.select_for_update(of=("self",)).select_related("team", "workspace", "owner").filter(pk=key)
            if case := held.first():
                do(case)
                done += 1
    return done
