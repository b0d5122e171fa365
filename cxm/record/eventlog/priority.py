"""Merging gives way: the threads in which the in-process engine merges parts run when nobody else needs the processor.

On two cores merges would otherwise keep requests waiting whose events they have nothing to do with. Linux only, where
the priority of one thread can be set; elsewhere nothing happens.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

MERGING = "MergeMutate"  # as the engine names these threads; they exist once a table is open
NICE = 15


def merges_give_way() -> int:
    """Lower the priority of the merging threads of this process; returns how many there are."""
    if not sys.platform.startswith("linux"):
        return 0
    found = 0
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            if (thread / "comm").read_text().strip() == MERGING:
                os.setpriority(os.PRIO_PROCESS, int(thread.name), NICE)
                found += 1
    return found
