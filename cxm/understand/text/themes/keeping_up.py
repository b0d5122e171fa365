"""New texts find their theme, get their vector and are read by the deep tier: a loop of the process, behind the first
reading of texts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.core.cache import cache

from cxm.accounts.models import Workspace
from cxm.understand.text import deepening
from cxm.understand.text.models import ThemeRun

from . import discovering, members, similar

EVERY = 30.0  # seconds
TURN = 20.0  # seconds of one workspace, before the next has its turn
waiting = threading.Event()  # set when there may be something to do at once
_done: dict[int, tuple[int, int]] = {}  # by workspace: the run, and the number of answers, when all was done


def keep_up(stopping: Callable[[], bool]) -> bool:
    """One turn of every workspace; whether there is more to do. One process of the installation at a time."""
    if not cache.add("themes:keeping-up", 1, timeout=10 * TURN):
        return False
    more = False
    try:
        for workspace in Workspace.objects.filter(deleted_at=None).order_by("pk"):
            if stopping():
                break
            cache.touch("themes:keeping-up", 10 * TURN)
            more |= not keep_up_with(workspace, stopping)
            more |= not deepening.deepen(workspace.pk, stopping)
    finally:
        cache.delete("themes:keeping-up")
    return more


def keep_up_with(workspace: Workspace, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Whether all is done. While themes are being looked for, it waits: both would have the same texts in hand."""
    if ThemeRun.objects.filter(workspace=workspace, state__in=ThemeRun.UNDER_WAY).exists():
        return True
    run = discovering.current_run(workspace.pk)
    state = (run.pk if run else 0, members.count_answers(workspace.pk))
    if _done.get(workspace.pk) == state:
        return True
    until = time.monotonic() + TURN
    done = discovering.assign_new(workspace.pk, stopping, until)
    if similar.encode_new(workspace.pk, stopping, until) and done:
        _done[workspace.pk] = state
        return True
    return False
