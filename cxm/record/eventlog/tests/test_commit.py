"""Which rows go into one insert when many are sent at once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from cxm.record.eventlog import commit
from cxm.record.eventlog.commit import GroupCommit, Outcome, Row


def rows(name: str, n: int) -> list[Row]:
    return [Row(f"{name}{one}".encode(), b"line\n") for one in range(n)]


@pytest.mark.parametrize(("n", "inserts"), [(commit.HEAVY, ["A", "BA"]), (1, ["A", "B", "A"])])
def test_after_a_large_insert_the_next_one_waits_for_those_who_come_back(
    monkeypatch: pytest.MonkeyPatch, n: int, inserts: list[str]
) -> None:
    """A is being written, B comes, A comes again: two inserts if they are large; single events wait for nobody."""
    clock = itertools.count(step=60)  # each insert takes a minute, so the pause ends only when all have come back
    monkeypatch.setattr(commit, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(commit, "LONGEST_SHARE", 60.0)
    writer, written = GroupCommit(), list[str]()
    b_waits, a_may_come, a_is_back = threading.Event(), threading.Event(), threading.Event()

    def write(some: Sequence[Row]) -> Outcome:
        written.append("".join(dict.fromkeys(chr(row.event_id[0]) for row in some)))
        if len(written) == 1:
            b_waits.wait(60)
        elif n == 1 and len(written) == 2:
            a_may_come.set()
            a_is_back.wait(60)
        return Outcome()

    monkeypatch.setattr(writer, "_commit", write)

    def queued() -> bool:
        with writer._wake:
            return bool(writer._queue)

    with ThreadPoolExecutor(3) as people:
        first = people.submit(writer.write_now, rows("A", n))
        while not written:
            threading.Event().wait(0.001)
        second = people.submit(writer.write_now, rows("B", n))
        while not queued():
            threading.Event().wait(0.001)
        b_waits.set()
        first.result(60)
        if n == 1:
            a_may_come.wait(60)
        third = people.submit(writer.write_now, rows("A", n))
        if n == 1:
            while not queued():
                threading.Event().wait(0.001)
            a_is_back.set()
        second.result(60)
        third.result(60)
    writer.stop()
    assert written == inserts
