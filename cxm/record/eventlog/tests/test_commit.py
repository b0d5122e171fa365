"""Which rows go into one insert when many are sent at once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from cxm.record.eventlog import commit
from cxm.record.eventlog.commit import GroupCommit, Outcome, Row


def rows(name: str, n: int) -> list[Row]:
    return [Row(f"{name}{one}".encode(), b"line\n") for one in range(n)]


@pytest.mark.parametrize(("n", "inserts"), [(commit.HEAVY, ["X", "ABC", "DA"]), (1, ["X", "ABC", "D", "A"])])
def test_after_a_large_insert_the_next_one_waits_until_half_of_all_callers_are_there(
    monkeypatch: pytest.MonkeyPatch, n: int, inserts: list[str]
) -> None:
    """A, B and C come while X is written; while they are, D comes, and then A again."""
    clock = itertools.count(step=60)  # each insert takes a minute, so only callers end a pause
    monkeypatch.setattr(commit, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(commit, "LONGEST_SHARE", 60.0)
    writer, written = GroupCommit(), list[str]()
    may_end = {letter: threading.Event() for letter in "XAD"}

    def write(some: Sequence[Row]) -> Outcome:
        written.append("".join(dict.fromkeys(chr(row.event_id[0]) for row in some)))
        if ends := may_end.get(written[-1][0]):
            assert ends.wait(60)
        return Outcome()

    monkeypatch.setattr(writer, "_commit", write)

    def wait_until(true: Callable[[], bool]) -> None:
        while not true():
            threading.Event().wait(0.001)

    def queued() -> int:
        with writer._wake:
            return len(writer._queue)

    with ThreadPoolExecutor(6) as people:
        calls = [people.submit(writer.write_now, rows("X", 1))]
        wait_until(lambda: written == ["X"])
        for number, letter in enumerate("ABC"):
            calls.append(people.submit(writer.write_now, rows(letter, n)))
            wait_until(lambda number=number: queued() == number + 1)  # type: ignore[misc]  # a default is no argument
        may_end["X"].set()
        wait_until(lambda: written[-1] == "ABC")
        calls.append(people.submit(writer.write_now, rows("D", n)))
        wait_until(lambda: queued() == 1)
        may_end["A"].set()
        calls[1].result(60)  # A has its answer and comes back
        if n == 1:
            wait_until(lambda: written[-1] == "D")
        calls.append(people.submit(writer.write_now, rows("A", n)))
        if n == 1:
            wait_until(lambda: queued() == 1)
        may_end["D"].set()
        for call in calls:
            call.result(60)
    writer.stop()
    assert written == inserts
