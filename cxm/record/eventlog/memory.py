"""Give back what loading the in-process engine leaves in memory."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

from .engine import EventlogError, engine

MADV_DONTNEED = 4
MUCH = 450 * 1024 * 1024  # bytes resident from which a question cleans up behind itself
AT_MOST_EVERY = 1.0  # seconds
_cleaned_at = 0.0


def give_back_if_much() -> None:
    """Called behind each question: heavy ones in a row would otherwise pile up what each leaves."""
    global _cleaned_at
    now = time.monotonic()
    if now - _cleaned_at > AT_MOST_EVERY and resident() > MUCH:
        _cleaned_at = now  # two threads at once clean twice, which does no harm
        give_back_memory()


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell in Linux's way."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def give_back_memory() -> None:
    """Return what questions have left behind; measured after heavy ones, 170 MB of 590. For the in-process engine."""
    opened = engine()
    if opened.in_process:
        with suppress(EventlogError), opened.client() as client:  # a build without jemalloc refuses
            client.command("SYSTEM JEMALLOC PURGE")
        release_engine_code()


def release_engine_code() -> int:
    """Drop the engine's program text from this process; what is needed comes back page by page. Returns bytes mapped.

    Loading the library touches 120 MB of its 370 MB of code, most of it never again, and Arrow's is alike. The pages
    are clean copies of the file and executable only, so dropping them loses nothing. Linux only; elsewhere it does
    nothing.
    """
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    released = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .*/(?:_chdb[^/]*\.so|libarrow[^/]*)$", line)
        if found:
            start, end = int(found[1], 16), int(found[2], 16)
            if libc.madvise(start, end - start, MADV_DONTNEED) == 0:
                released += end - start
    return released
