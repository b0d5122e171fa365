"""The number by which every process notices that what the intake keeps in memory is out of date.

The intake answers thousands of requests a second and asks no database: it holds keys, suppressed people, refusals and
plans in memory. Whoever changes one of those calls `bump_directory` in the same transaction; the other processes look
at the number once a second, this one hears at once.
"""

from __future__ import annotations

import threading

from django.db import transaction
from django.db.models import F

from .models import DirectoryVersion

ROW = 1
changed = threading.Event()  # set when a transaction of this process has committed a change


def bump_directory() -> None:
    """Say that the directory of the intake has changed. For the transaction of the change."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("bump_directory() outside the transaction of the change could come too early.")
    DirectoryVersion.objects.get_or_create(pk=ROW)
    DirectoryVersion.objects.filter(pk=ROW).update(number=F("number") + 1)
    transaction.on_commit(changed.set)


def directory_version() -> int:
    """The number now; 0 before the first change."""
    return DirectoryVersion.objects.filter(pk=ROW).values_list("number", flat=True).first() or 0
