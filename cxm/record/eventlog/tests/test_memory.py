"""Memory: a question cleans up behind itself once much is resident, and not at every turn."""

from __future__ import annotations

import sys

import pytest

from cxm.record.eventlog import memory


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(memory, "give_back_memory", lambda: calls.append(1))
    monkeypatch.setattr(memory, "_cleaned_at", -memory.AT_MOST_EVERY * 2)
    monkeypatch.setattr(memory, "_left", 0)
    return calls


def test_little_is_left_alone(cleaned: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "resident", lambda: memory.MUCH)
    memory.give_back_if_much()
    assert cleaned == []


def test_much_is_given_back_once_in_a_while(cleaned: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "resident", lambda: memory.MUCH + 1)
    memory.give_back_if_much()
    memory.give_back_if_much()  # within the same second
    assert cleaned == [1]


def test_a_process_that_needs_much_cleans_again_only_when_more_has_come(
    cleaned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "AT_MOST_EVERY", -1.0)
    asked = []
    for more in (1, 1, memory.ROOM, memory.ROOM + 2, -1, 1):
        monkeypatch.setattr(memory, "resident", lambda more=more: memory.MUCH + more)
        memory.give_back_if_much()
        asked.append(len(cleaned))
    # The first time; when ROOM and a byte have come to what was left then; no more at that height.
    assert asked == [1, 1, 1, 2, 2, 2]
    monkeypatch.setattr(memory, "_left", memory.MUCH)  # cleaning had helped: much is MUCH again
    memory.give_back_if_much()
    assert len(cleaned) == 3


def test_the_resident_size_is_that_of_a_python_process() -> None:
    assert 10 * 1024 * 1024 < memory.resident() < 64 * 1024**3


SMAPS = """\
7f01a000-7f02a000 r--p 00000000 fe:00 1201  /lib/_chdb.abi3.so
Rss:                 200 kB
Anonymous:             0 kB
7f02a000-7f03a000 r-xp 00010000 fe:00 1201  /lib/_chdb.abi3.so
Rss:                 100 kB
Anonymous:             0 kB
7f03a000-7f04a000 r--p 00020000 fe:00 1201  /lib/_chdb.abi3.so
Rss:                  64 kB
Anonymous:            60 kB
7f04a000-7f05a000 rw-p 00030000 fe:00 1201  /lib/_chdb.abi3.so
Rss:                  64 kB
Anonymous:             0 kB
7f05a000-7f06a000 r--s 00000000 fe:00 1300  /data/cxm.sqlite3
Rss:                  64 kB
Anonymous:             0 kB
7f06a000-7f07a000 rw-p 00000000 00:00 0     [heap]
Rss:                  64 kB
Anonymous:            64 kB
7f07a000-7f08a000 r-xp 00000000 00:00 0     [vdso]
Rss:                   8 kB
Anonymous:             0 kB
7f08a000-7f09a000 r--p 00000000 fe:00 1400  /lib/never touched.so
Rss:                   0 kB
Anonymous:             0 kB
"""


def test_only_what_a_file_can_give_again_is_dropped() -> None:
    """Not addresses filled in at loading (60 kB of our own), nor what can be written, is shared, or has no file."""
    assert list(memory._parts_only_read(SMAPS)) == [
        (0x7F01A000, 0x7F02A000, 200 * 1024),
        (0x7F02A000, 0x7F03A000, 100 * 1024),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is in memory")
def test_a_process_goes_on_without_what_it_dropped() -> None:
    assert memory.release_file_pages() > 1024 * 1024  # Python's own program alone is more
    assert sum(range(1000)) == 499_500
