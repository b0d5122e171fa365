"""A conversation in numbers: who spoke how much, silences, interruptions, the longest wait, and how the mood went.

Pure: turns in, figures out. A call has times of each turn; of a chat or a correspondence each turn has a moment only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .reading.reading import Reading

SILENCE = 2.0  # seconds: shorter gaps are breath
OVERLAP = 0.3  # seconds of speaking at once, from which on it is an interruption
TURNING = 0.25  # how much the mood of the customer has to go up or down to have turned
LEAST = 2  # turns with a feeling on each side of a turning point
Read = Callable[[Sequence[str]], list[Reading]]


@dataclass(frozen=True, slots=True)
class Turn:
    """`role`: customer, agent or empty. Times in seconds from the beginning; `end_s` None: a moment."""

    speaker: str
    role: str
    text: str
    start_s: float | None = None
    end_s: float | None = None

    @property
    def length_s(self) -> float:
        return max(self.end_s - self.start_s, 0.0) if self.start_s is not None and self.end_s is not None else 0.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """`talk_share` of the time in which anybody spoke (of the characters, where there are no times), 0 to 1.

    `sentiment`: the mean score of their turns, weighted by length, −1 to 1; None where nothing was understood.
    `interruptions`: how often they began while another one was speaking.
    """

    name: str
    role: str
    turns: int
    talk_s: float
    talk_share: float
    sentiment: float | None
    interruptions: int


@dataclass(frozen=True, slots=True)
class Turning:
    """Where the mood of the customer changed most. `by`: who spoke last before it; `turn`: the customer's first after.

    `before` and `after` are mean scores.
    """

    turn: int
    at_s: float | None
    by: str
    role: str
    before: float
    after: float

    @property
    def better(self) -> bool:
        return self.after > self.before


@dataclass(frozen=True, slots=True)
class Conversation:
    """`silence_s`: all gaps of at least SILENCE together; `silence_share` of the whole, 0 to 1.

    `longest_wait_s`: the longest time from the customer's last word to the next word of ours. Times are None where
    the turns have none. `moods`: the score of each turn, None where nothing was understood.
    """

    speakers: list[Speaker]
    length_s: float | None
    silence_s: float | None
    silence_share: float | None
    silences: int
    longest_silence_s: float | None
    longest_silence_at_s: float | None
    longest_wait_s: float | None
    longest_wait_at_s: float | None
    interruptions: int
    moods: list[float | None]
    turning: Turning | None


def measure(turns: Sequence[Turn], read: Read) -> Conversation:
    """The figures of these turns, in the order in which they began."""
    turns = [one for one in turns if one.text.strip()]
    order = sorted(range(len(turns)), key=lambda n: _begin(turns[n], n))
    turns = [turns[n] for n in order] if all(one.start_s is not None for one in turns) else turns
    moods = [_mood(one) for one in read([turn.text for turn in turns])] if turns else []
    timed = bool(turns) and all(one.start_s is not None for one in turns)
    spoken = timed and any(one.length_s for one in turns)
    begins, ends = _edges(turns) if timed else ([], [])
    breaks = _breaks(turns, begins, ends) if timed else []
    cut = _interrupted(turns) if spoken else defaultdict(int)
    longest = max(breaks, key=lambda pair: pair[1], default=None)
    wait = _longest_wait(turns, begins, ends) if timed else None
    length = max(ends) - min(begins) if timed else None
    silence = sum(gap for _at, gap in breaks) if spoken else None
    return Conversation(
        speakers=_speakers(turns, moods, cut), length_s=length, silence_s=silence,
        silence_share=silence / length if silence is not None and length else None,
        silences=len(breaks) if spoken else 0,
        longest_silence_s=longest[1] if spoken and longest else None,
        longest_silence_at_s=longest[0] if spoken and longest else None,
        longest_wait_s=wait[1] if wait else None, longest_wait_at_s=wait[0] if wait else None,
        interruptions=sum(cut.values()), moods=moods, turning=_turning(turns, moods),
    )  # fmt: skip


def _begin(turn: Turn, number: int) -> tuple[float, int]:
    return (turn.start_s if turn.start_s is not None else 0.0, number)


def _mood(reading: Reading) -> float | None:
    return reading.score if reading.supported and reading.sentiment else None


def _edges(turns: Sequence[Turn]) -> tuple[list[float], list[float]]:
    begins = [one.start_s or 0.0 for one in turns]
    return begins, [max(begin, begin if one.end_s is None else one.end_s)
                    for begin, one in zip(begins, turns, strict=True)]  # fmt: skip


def _breaks(turns: Sequence[Turn], begins: Sequence[float], ends: Sequence[float]) -> list[tuple[float, float]]:
    """When nobody spoke for at least SILENCE, and how long."""
    found, until = [], ends[0]
    for begin, end in zip(begins[1:], ends[1:], strict=True):
        if begin - until >= SILENCE:
            found.append((until, begin - until))
        until = max(until, end)
    return found


def _interrupted(turns: Sequence[Turn]) -> defaultdict[str, int]:
    """By speaker, how often they began while another one had still more than OVERLAP to say."""
    found: defaultdict[str, int] = defaultdict(int)
    for number, turn in enumerate(turns):
        for other in turns[max(0, number - 5) : number]:
            apart = other.speaker != turn.speaker and other.end_s is not None
            if apart and turn.start_s is not None and (other.end_s or 0.0) - turn.start_s > OVERLAP:
                found[turn.speaker] += 1
                break
    return found


def _longest_wait(
    turns: Sequence[Turn], begins: Sequence[float], ends: Sequence[float]
) -> tuple[float, float] | None:  # fmt: skip
    """From the end of what the customer said to our next word."""
    found: tuple[float, float] | None = None
    since: float | None = None
    for turn, begin, end in zip(turns, begins, ends, strict=True):
        if turn.role == "customer":
            since = end if since is None else max(since, end)
        elif turn.role == "agent" and since is not None:
            wait = max(begin - since, 0.0)
            if found is None or wait > found[1]:
                found = (since, wait)
            since = None
    return found


def _speakers(turns: Sequence[Turn], moods: Sequence[float | None], cut: defaultdict[str, int]) -> list[Speaker]:
    spoken = sum(one.length_s for one in turns)
    sizes = [one.length_s if spoken else float(len(one.text)) for one in turns]
    whole = sum(sizes) or 1.0
    found = []
    for name in dict.fromkeys(one.speaker for one in turns):
        mine = [n for n, one in enumerate(turns) if one.speaker == name]
        felt = [(mood, len(turns[n].text)) for n in mine if (mood := moods[n]) is not None]
        weight = sum(size for _mood, size in felt)
        found.append(
            Speaker(
                name=name, role=turns[mine[0]].role, turns=len(mine), talk_s=sum(turns[n].length_s for n in mine),
                talk_share=sum(sizes[n] for n in mine) / whole,
                sentiment=sum(mood * size for mood, size in felt) / weight if weight else None,
                interruptions=cut[name],
            )
        )  # fmt: skip
    return found


def _turning(turns: Sequence[Turn], moods: Sequence[float | None]) -> Turning | None:
    """Where the customer's mood before and after differ most (the largest fall in squared error of two means)."""
    theirs = [n for n, one in enumerate(turns) if one.role == "customer" and moods[n] is not None]
    scores = [float(moods[n] or 0.0) for n in theirs]
    best: tuple[float, int] | None = None
    for cut in range(LEAST, len(scores) - LEAST + 1):
        before, after = sum(scores[:cut]) / cut, sum(scores[cut:]) / (len(scores) - cut)
        gain = cut * (len(scores) - cut) / len(scores) * (after - before) ** 2
        if abs(after - before) >= TURNING and (best is None or gain > best[0] + 1e-12):
            best = (gain, cut)
    if best is None:
        return None
    cut = best[1]
    turn = theirs[cut]
    last = turns[turn - 1] if turn else turns[turn]
    return Turning(
        turn=turn, at_s=turns[turn].start_s, by=last.speaker, role=last.role,
        before=sum(scores[:cut]) / cut, after=sum(scores[cut:]) / (len(scores) - cut),
    )  # fmt: skip
