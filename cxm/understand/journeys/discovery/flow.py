"""The first or last steps of journeys as a picture of streams (Sankey): a column for each step, ribbons between them.

Pure geometry, in units of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OTHER = "\x04"  # all labels of a column that are too rare to stand alone
END = "\x03"  # where the journey is over before the last column, or has not begun at the first
BAR, HEIGHT, GAP, TOP = 14, 420, 13, 26  # GAP: a label of one line fits beside the thinnest bar
WIDTH, NARROWEST = 960, 150  # of the picture, if no column gets narrower than that
Key = tuple[int, str]  # number of the step, label


@dataclass(frozen=True, slots=True)
class Bar:
    number: int
    label: str
    n: int
    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Where the foot of a line of text stands beside it, from its top."""
        return min(self.height / 2, 12) + 4


@dataclass(frozen=True, slots=True)
class Ribbon:
    number: int
    start: str
    end: str
    n: int
    path: str  # an SVG path, to be filled


@dataclass(frozen=True, slots=True)
class Picture:
    width: float
    height: float
    column: float  # from one column to the next
    bars: list[Bar]
    ribbons: list[Ribbon]


def gathered(streams: Mapping[tuple[int, str, str], int], most: int) -> dict[tuple[int, str, str], int]:
    """The streams with, in each column, all but the `most` busiest labels as one."""
    traffic: dict[int, dict[str, int]] = {}
    for (number, start, end), n in streams.items():
        for column, label in ((number, start), (number + 1, end)):
            if label != END:
                counts = traffic.setdefault(column, {})
                counts[label] = counts.get(label, 0) + n
    kept = {
        column: set(sorted(counts, key=lambda one: (-counts[one], one))[:most]) | {END}
        for column, counts in traffic.items()
    }
    made: dict[tuple[int, str, str], int] = {}
    for (number, start, end), n in streams.items():
        key = (
            number,
            start if start in kept.get(number, {END}) else OTHER,
            end if end in kept.get(number + 1, {END}) else OTHER,
        )
        made[key] = made.get(key, 0) + n
    return made


def shown_labels(gathered_ones: Iterable[tuple[int, str, str]]) -> dict[int, list[str]]:
    """The labels that stand alone, by their column: `OTHER` there are all but these."""
    found: dict[int, set[str]] = {}
    for number, start, end in gathered_ones:
        found.setdefault(number, set()).add(start)
        found.setdefault(number + 1, set()).add(end)
    return {column: sorted(labels - {OTHER, END}) for column, labels in found.items()}


def lay_out(streams: Mapping[tuple[int, str, str], int]) -> Picture:
    """Place streams (number of the step, its label, the next one's) → how many journeys. Numbers count from 1."""
    if not streams:
        return Picture(0, 0, 0, [], [])
    into: dict[Key, int] = {}
    out: dict[Key, int] = {}
    for (number, start, end), n in streams.items():
        out[number, start] = out.get((number, start), 0) + n
        into[number + 1, end] = into.get((number + 1, end), 0) + n
    sizes = {key: max(into.get(key, 0), out.get(key, 0)) for key in into | out}
    columns: dict[int, list[str]] = {}
    for number, label in sorted(sizes, key=lambda key: (key[0], key[1] in (OTHER, END), key[1] == END, -sizes[key])):
        columns.setdefault(number, []).append(label)
    unit = min(
        (HEIGHT - GAP * (len(labels) - 1)) / sum(sizes[number, label] for label in labels)
        for number, labels in columns.items()
    )
    unit = max(unit, 1e-9)
    bars: dict[Key, Bar] = {}
    first = min(columns)
    column = max(WIDTH / (max(columns) - first + 1), NARROWEST)
    for number, labels in columns.items():
        y = float(TOP)
        for label in labels:
            height = max(sizes[number, label] * unit, 1.0)
            bars[number, label] = Bar(
                number, label, sizes[number, label], (number - first) * column, y, round(height, 2)
            )
            y += height + GAP
    ribbons = _ribbons(streams, bars, unit)
    bottom = max(bar.y + bar.height for bar in bars.values())
    width = (max(columns) - first + 1) * column
    return Picture(width, round(bottom + 8, 2), column, list(bars.values()), ribbons)


def _ribbons(streams: Mapping[tuple[int, str, str], int], bars: Mapping[Key, Bar], unit: float) -> list[Ribbon]:
    left = {key: bar.y for key, bar in bars.items()}
    right = dict(left)
    made = []
    order = sorted(streams.items(), key=lambda item: (item[0][0], bars[item[0][0], item[0][1]].y,
                                                      bars[item[0][0] + 1, item[0][2]].y))  # fmt: skip
    for (number, start, end), n in order:
        a, b = (number, start), (number + 1, end)
        thick = max(n * unit, 0.5)
        x1, x2 = bars[a].x + BAR, bars[b].x
        y1, y2 = right[a], left[b]
        right[a] += n * unit
        left[b] += n * unit
        mid = (x1 + x2) / 2
        y3, y4 = y2 + thick, y1 + thick
        path = (
            f"M{x1:.1f} {y1:.1f}C{mid:.1f} {y1:.1f} {mid:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
            f"L{x2:.1f} {y3:.1f}C{mid:.1f} {y3:.1f} {mid:.1f} {y4:.1f} {x1:.1f} {y4:.1f}Z"
        )
        made.append(Ribbon(number, start, end, n, path))
    return made
