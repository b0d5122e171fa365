"""Merges have a lower priority than requests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.priority import NICE, merges_give_way


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has priorities of threads")
def test_only_the_threads_that_merge_give_way() -> None:
    if not engine().in_process:
        return  # a server's threads are not ours
    with engine().client() as client:
        client.command("SELECT 1")
    assert merges_give_way() > 0
    nice = {
        name
        for thread in Path("/proc/self/task").iterdir()
        if os.getpriority(os.PRIO_PROCESS, int(thread.name)) == NICE
        for name in [(thread / "comm").read_text().strip()]
    }
    assert nice == {"MergeMutate"}
