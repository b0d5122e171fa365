"""What is computed about a map, as data: the same bytes for the same log, map and moment."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

Kind = Literal["stale", "dark", "dead_end", "handover", "detour", "broken_promise", "worse"]
KINDS: tuple[Kind, ...] = ("handover", "dead_end", "broken_promise", "worse", "detour", "dark", "stale")


class Number(Struct, frozen=True, omit_defaults=True):
    """A value with its 95 % interval and how many things it was made from."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class Verbatim(Struct, frozen=True, omit_defaults=True):
    """A text that tells what customers say here. Its words stay in the log."""

    event_id: UUID
    sentiment: str


class Kept(Struct, frozen=True, omit_defaults=True):
    """How a promise was kept: of `n` journeys that had the time for it, `late` were not there in time."""

    text: str
    reaches: str
    n: int
    late: int
    number: int = 0  # of the promise at its touchpoint


class Figures(Struct, frozen=True, omit_defaults=True):
    """One touchpoint. Moments in milliseconds since 1970 (0: never), times in seconds, money in the map's currency."""

    key: str
    steps: int = 0  # how often customers passed
    journeys: int = 0
    customers: int = 0
    settled: int = 0  # journeys that have had time enough to go on
    went_on: int = 0  # of them: those that reached a later touchpoint of the expected path
    on: Number = Number()  # that share, 0–1
    median_s: float | None = None  # until that touchpoint, of those who reached it
    p90_s: float | None = None
    patience_s: float = 0.0  # 99 in 100 of those who went on had done so by then; who came later is not judged yet
    repeated: int = 0  # journeys that came more than once
    back: int = 0  # journeys that were at an earlier touchpoint of the expected path again afterwards
    switched: int = 0  # steps that were followed by a detour in another channel
    answers: int = 0
    metric: str = ""  # of the score
    unit: str = ""
    scale: str = ""
    score: Number = Number()
    level: Number = Number()  # the mean score as a share of its scale, 0–1, to compare touchpoints
    texts: int = 0
    mood: Number = Number()  # mean sentiment, −1 … 1
    emotions: tuple[tuple[str, int], ...] = ()
    effort: int = 0  # texts that speak of effort
    tickets: int = 0
    complaints: int = 0
    reopened: int = 0
    cost: float | None = None
    passed_at: int = 0
    heard_at: int = 0
    promises: tuple[Kept, ...] = ()
    verbatims: tuple[Verbatim, ...] = ()


class Finding(Struct, frozen=True, omit_defaults=True):
    """Something that is not as it should be. What the numbers mean depends on `kind` and `about`; see `wording`."""

    kind: Kind
    key: str  # of the touchpoint
    # What exactly: drop, repeat, back, switch, score, mood, target, never, unbound, unasked; of a promise its number.
    about: str = ""
    to: str = ""  # the touchpoint that is not reached
    hits: int = 0
    n: int = 0
    share: Number = Number()
    usual: float | None = None  # the same number at the other touchpoints of the map (their median)
    lost: int = 0  # customers or journeys concerned: what findings are sorted by
    p_value: float | None = None
    text: str = ""  # of the promise


class Flow(Struct, frozen=True, omit_defaults=True):
    """How often the step `label` was followed directly by `next`."""

    label: str
    next: str
    n: int
    median_s: float


class Handover(Struct, frozen=True, omit_defaults=True):
    """From one touchpoint of the expected path to the next, and what it costs to be slow there.

    Slow are the journeys that took longer than nine in ten; `slow` and `rest` are mean scores. `difference`: slow less
    rest, in points of the scale. `is_real`: the test says so, among all hand-overs of the map.
    """

    key: str
    to: str
    median_s: float
    p90_s: float
    scale: str
    slow: Number = Number()
    rest: Number = Number()
    difference: Number = Number()
    p_value: float | None = None
    is_real: bool = False


class Evidence(Struct, frozen=True, omit_defaults=True):
    journeys: int = 0
    customers: int = 0
    at: int = 0  # the moment that ages are counted from
    figures: tuple[Figures, ...] = ()
    findings: tuple[Finding, ...] = ()
    flows: tuple[Flow, ...] = ()
    handovers: tuple[Handover, ...] = ()

    def of(self, key: str) -> Figures:
        return next((one for one in self.figures if one.key == key), Figures(key))


def encode(evidence: Evidence) -> bytes:
    return msgspec.json.encode(evidence)


def decode(body: bytes) -> Evidence:
    return msgspec.json.decode(body, type=Evidence)
