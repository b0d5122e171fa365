"""The transition graph as a picture: boxes in rows from the first steps to the last, arrows between them.

Pure geometry, in units of the picture. The rows follow Sugiyama's steps (IEEE SMC 11, 1981) in their simplest form:
cycles are broken by a greedy order of the boxes (Eades, Lin and Smyth, 1993), each box stands one row below the box
that most of its traffic comes from, and a few sweeps of means put the boxes of a row near those they belong to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

START, END = "\x02", "\x03"  # what stands before the first step and after the last; no label can be one of them
WIDTH, HEIGHT = 172, 44  # of a box
COLUMN, ROW = 212, 112  # from box to box
MARGIN = 28
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """`x` and `y` are the middle. `weight` 0 … 1 is its traffic beside the busiest one's."""

    key: str
    x: float
    y: float
    weight: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """`path` is an SVG path; `x` and `y` where its number stands; `width` of the line."""

    start: str
    end: str
    path: str
    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Picture:
    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]


def most_frequent(edges: Mapping[tuple[str, str], int], wanted: int) -> dict[tuple[str, str], int]:
    """The `wanted` most frequent edges, and for each key its own most frequent one in and out: none is alone."""
    ranked = sorted(edges.items(), key=lambda item: (-item[1], item[0]))
    kept = {edge for edge, _n in ranked[:wanted]}
    into: set[str] = set()
    out: set[str] = set()
    for (start, end), _n in ranked:
        if start == end:
            continue
        if start not in out or end not in into:
            kept.add((start, end))
        out.add(start)
        into.add(end)
    return {edge: n for edge, n in ranked if edge in kept}


def lay_out(traffic: Mapping[str, int], edges: Mapping[tuple[str, str], int]) -> Picture:
    """Place the boxes (key → how often) and the arrows (start, end → how often; both ends are boxes)."""
    if not traffic:
        return Picture(0, 0, [], [])
    order = _line(list(traffic), edges)
    rows = _rows(order, edges)
    columns = _columns(rows, edges)
    most = max(traffic.values()) or 1
    height = max(rows.values()) * ROW + HEIGHT + 2 * MARGIN
    left = min(columns.values())
    width = max(columns.values()) - left + WIDTH + 2 * MARGIN + 40  # room for loops at the right
    boxes = {
        key: Box(key, columns[key] - left + WIDTH / 2 + MARGIN, rows[key] * ROW + HEIGHT / 2 + MARGIN, n / most)
        for key, n in traffic.items()
    }
    heaviest = max(edges.values(), default=1)
    arrows = [_arrow(boxes[a], boxes[b], n / heaviest) for (a, b), n in edges.items()]
    return Picture(width, height, [boxes[key] for key in order], arrows)


def _line(keys: Sequence[str], edges: Mapping[tuple[str, str], int]) -> list[str]:
    """All keys in an order that few arrows go against."""
    left = set(keys) - {START, END}
    first: list[str] = [START] if START in keys else []
    last: list[str] = [END] if END in keys else []
    out = dict.fromkeys(keys, 0)
    into = dict.fromkeys(keys, 0)
    for (a, b), n in edges.items():
        if a != b and a in left and b in left:
            out[a] += n
            into[b] += n
    begun = {b: n for (a, b), n in edges.items() if a == START}
    total = sum(begun.values()) or 1
    while left:
        sinks = [key for key in left if not out[key] and into[key]]
        if sinks:
            key = min(sinks)
            last.insert(0, key)
        else:
            key = max(left, key=lambda one: (out[one] - into[one] + begun.get(one, 0) / total, one))
            first.append(key)
        left.remove(key)
        for (a, b), n in edges.items():
            if a == key and b in left:
                into[b] -= n
            if b == key and a in left:
                out[a] -= n
    if END in keys:
        last.remove(END)
        last.append(END)
    return first + last


def _rows(order: Sequence[str], edges: Mapping[tuple[str, str], int]) -> dict[str, int]:
    place = {key: number for number, key in enumerate(order)}
    rows: dict[str, int] = {}
    for key in order:
        before = [(n, a) for (a, b), n in edges.items() if b == key and place[a] < place[key]]
        rows[key] = rows[max(before)[1]] + 1 if before else 0
    if END in rows:
        rows[END] = max((row for key, row in rows.items() if key != END), default=0) + 1
    used = sorted(set(rows.values()))
    return {key: used.index(row) for key, row in rows.items()}


def _columns(rows: Mapping[str, int], edges: Mapping[tuple[str, str], int]) -> dict[str, float]:
    """The middle of each box, from the left; boxes of a row stand COLUMN apart at least."""
    at: dict[str, float] = {}
    lines: dict[int, list[str]] = {}
    for key, row in rows.items():
        lines.setdefault(row, []).append(key)
    for line in lines.values():
        for place, key in enumerate(line):
            at[key] = (place - (len(line) - 1) / 2) * COLUMN
    beside: dict[str, list[tuple[str, int]]] = {key: [] for key in rows}
    for (a, b), n in edges.items():
        if a != b:
            beside[a].append((b, n))
            beside[b].append((a, n))
    for sweep in range(SWEEPS):
        for row in sorted(lines, reverse=bool(sweep % 2)):
            wish = {
                key: sum(at[other] * n for other, n in beside[key]) / sum(n for _o, n in beside[key])
                if beside[key]
                else at[key]
                for key in lines[row]
            }
            line = sorted(lines[row], key=lambda key: (wish[key], key))
            at |= _apart(line, wish)
    return at


def _apart(line: Sequence[str], wish: Mapping[str, float]) -> dict[str, float]:
    """The wishes, moved so that nobody stands closer than COLUMN, and the row as a whole where it wanted to be."""
    placed: list[float] = []
    for key in line:
        placed.append(max(wish[key], placed[-1] + COLUMN) if placed else wish[key])
    shift = sum(wish[key] - x for key, x in zip(line, placed, strict=True)) / len(line)
    return {key: x + shift for key, x in zip(line, placed, strict=True)}


def _arrow(a: Box, b: Box, weight: float) -> Arrow:
    width = round(1 + 5 * math.sqrt(weight), 2)
    if a.key == b.key:
        x, y = a.x + WIDTH / 2, a.y
        path = f"M{x:.1f} {y - 9:.1f}C{x + 40:.1f} {y - 26:.1f} {x + 40:.1f} {y + 26:.1f} {x + 5:.1f} {y + 9:.1f}"
        return Arrow(a.key, b.key, path, x + 34, y, width)
    if b.y > a.y:  # downwards: out of the bottom, into the top
        x1, y1, x2, y2 = a.x, a.y + HEIGHT / 2, b.x, b.y - HEIGHT / 2 - 5
        far = (y2 - y1) / 2
        bend = 0.0 if y2 - y1 <= ROW else (70 if b.x >= a.x else -70)  # a long arrow goes around what is between
        points = ((x1, y1), (x1 + bend, y1 + far), (x2 + bend, y2 - far), (x2, y2))
    else:  # back, or along the row: out of one side and into the other's
        side = 1 if b.x <= a.x else -1
        x1, y1, x2, y2 = a.x + side * WIDTH / 2, a.y - 6, b.x + side * (WIDTH / 2 + 5), b.y + 6
        if a.y == b.y:
            x2 = b.x - math.copysign(WIDTH / 2 + 5, b.x - a.x)
            x1 = a.x + math.copysign(WIDTH / 2, b.x - a.x)
            points = ((x1, y1), (x1, y1 - 22), (x2, y2 - 34), (x2, y2 - 12))
        else:
            points = ((x1, y1), (x1 + side * 46, y1), (x2 + side * 46, y2), (x2, y2))
    (x1, y1), (xa, ya), (xb, yb), (x2, y2) = points
    path = f"M{x1:.1f} {y1:.1f}C{xa:.1f} {ya:.1f} {xb:.1f} {yb:.1f} {x2:.1f} {y2:.1f}"
    # The number of a long arrow stands just below where it begins, not over the boxes that it passes.
    t = 0.5 if abs(y2 - y1) <= ROW else 20 / abs(y2 - y1)
    u = 1 - t
    parts = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    x = sum(part * place for part, place in zip(parts, (x1, xa, xb, x2), strict=True))
    y = sum(part * place for part, place in zip(parts, (y1, ya, yb, y2), strict=True))
    return Arrow(a.key, b.key, path, x, y, width)


def labels_of(edges: Iterable[tuple[str, str]]) -> set[str]:
    return {key for edge in edges for key in edge}
