"""Give back what the in-process engine and its questions leave in memory."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .engine import EventlogError, engine

MADV_DONTNEED = 4
MUCH = 350 * 1024 * 1024  # bytes resident from which a question cleans up behind itself
AT_MOST_EVERY = 1.0  # seconds
ROOM = 64 * 1024 * 1024  # where cleaning left MUCH all the same, bytes that must come to it before the next time
_cleaned_at = 0.0
_left = 0  # bytes resident after the last time


def give_back_if_much() -> None:
    """Called behind each question: heavy ones in a row would otherwise pile up what each leaves.

    A process that needs much does not clean for nothing: each time it stands still, and then reads its programs anew.
    """
    global _cleaned_at, _left
    now = time.monotonic()
    if now - _cleaned_at > AT_MOST_EVERY and resident() > (_left + ROOM if _left > MUCH else MUCH):
        _cleaned_at = now  # two threads at once clean twice, which does no harm
        give_back_memory()
        _left = resident()


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell in Linux's way."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def give_back_memory() -> None:
    """Return what questions have left behind, and what was read of files. For the in-process engine."""
    opened = engine()
    if opened.in_process:
        with suppress(EventlogError), opened.client() as client:  # a build without jemalloc refuses
            client.command("SYSTEM JEMALLOC PURGE")
        release_file_pages()


def release_file_pages() -> int:
    """Drop from this process what it has in memory of files that it only reads: programs and their constants, mostly.

    Loading the engine's library touches 180 MB of it, most of that never again; what is needed comes back page by page
    from the system's own cache. A part that holds pages of our own (addresses that were filled in at loading) is left
    alone. Returns bytes dropped. Linux only; elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    released = 0
    for start, end, held in _parts_only_read(Path("/proc/self/smaps").read_text()):
        if libc.madvise(start, end - start, MADV_DONTNEED) == 0:
            released += held
    return released


def _parts_only_read(smaps: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, bytes in memory) of each part that is a file's, cannot be written, and holds no page of our own."""
    for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +/", part)
        sizes = dict(re.findall(r"^(Rss|Anonymous): +(\d+) kB$", part, re.MULTILINE))
        if head and sizes.get("Anonymous") == "0" and sizes["Rss"] != "0":
            yield int(head[1], 16), int(head[2], 16), int(sizes["Rss"]) * 1024
