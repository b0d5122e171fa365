"""What a conversation was like, by its turns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cxm.understand.text.conversation import Turn, measure
from cxm.understand.text.reading.reading import Reading

pytestmark = pytest.mark.once
MOODS = {"bad": -0.8, "worse": -0.6, "fine": 0.6, "thanks": 0.8, "yes": 0.0}


def read(texts: Sequence[str]) -> list[Reading]:
    return [Reading(language="en", supported=True, sentiment="neutral", score=MOODS[one]) if one in MOODS else Reading()
            for one in texts]  # fmt: skip


def test_a_call() -> None:
    call = [
        Turn("Ola", "customer", "bad", 0.0, 10.0),
        Turn("Ben", "agent", "hm", 9.0, 12.0),  # begins a second before she has ended
        Turn("Ola", "customer", "worse", 12.5, 20.0),
        Turn("Ben", "agent", "yes", 30.0, 40.0),  # 10 s later
        Turn("Ola", "customer", "fine", 39.8, 45.0),  # 0.2 s of both: no interruption
        Turn("Ben", "agent", "  ", 45.0, 60.0),  # nothing was said
        Turn("Ola", "customer", "thanks", 48.0, 50.0),  # 3 s of silence before it
    ]
    found = measure(call, read)
    assert [(one.name, one.role, one.turns, one.interruptions) for one in found.speakers] == [
        ("Ola", "customer", 4, 0), ("Ben", "agent", 2, 1),
    ]  # fmt: skip
    ola, ben = found.speakers
    # 10 + 7.5 + 5.2 + 2 seconds of her, 3 + 10 of him
    assert [ola.talk_s, ben.talk_s] == pytest.approx([24.7, 13.0])
    assert ola.talk_share == pytest.approx(24.7 / 37.7)
    # (−0.8 × 3 − 0.6 × 5 + 0.6 × 4 + 0.8 × 6) ÷ 18 letters; of his words only "yes" was understood
    assert [ola.sentiment, ben.sentiment] == pytest.approx([1.8 / 18, 0.0])
    assert (found.length_s, found.silence_s, found.silences, found.interruptions) == (50.0, 13.0, 2, 1)
    assert found.silence_share == pytest.approx(0.26)
    assert (found.longest_silence_s, found.longest_silence_at_s) == (10.0, 20.0)
    assert (found.longest_wait_s, found.longest_wait_at_s) == (10.0, 20.0)
    # Her mood was −0.7 and is 0.7 since she spoke after Ben at 39.8.
    assert found.turning is not None
    assert (found.turning.by, found.turning.role, found.turning.at_s, found.turning.better) == (
        "Ben",
        "agent",
        39.8,
        True,
    )
    assert [found.turning.before, found.turning.after] == pytest.approx([-0.7, 0.7])


def test_a_correspondence_and_what_says_nothing() -> None:
    letters = [Turn("Ada", "customer", "fine", 0.0), Turn("Eve", "agent", "yes", 3600.0),
               Turn("Ada", "customer", "fine", 4000.0), Turn("Ada", "customer", "thanks", 5000.0),
               Turn("Eve", "agent", "yes", 12200.0)]  # fmt: skip
    found = measure(letters, read)
    # Nobody speaks in letters: waits are known, silences are not. Shares are of 14 and 6 letters.
    assert (found.longest_wait_s, found.longest_wait_at_s, found.silence_s, found.turning) == (
        7200.0,
        5000.0,
        None,
        None,
    )
    assert [one.talk_share for one in found.speakers] == [0.7, 0.3]
    bare = measure([Turn("", "", "fine"), Turn("", "", "bad")], read)
    assert (bare.length_s, bare.longest_wait_s, bare.moods) == (None, None, [0.6, -0.8])
    assert measure([], read).speakers == []
