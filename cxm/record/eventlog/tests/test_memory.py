"""Memory: a question cleans up behind itself once much is resident, and not at every turn."""

from __future__ import annotations

import pytest

from cxm.record.eventlog import memory


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(memory, "give_back_memory", lambda: calls.append(1))
    monkeypatch.setattr(memory, "_cleaned_at", -memory.AT_MOST_EVERY * 2)
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


def test_the_resident_size_is_that_of_a_python_process() -> None:
    assert 10 * 1024 * 1024 < memory.resident() < 64 * 1024**3
