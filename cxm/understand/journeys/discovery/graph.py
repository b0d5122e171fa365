"""The transition graph as a picture: boxes in rows from the first steps to the last, arrows between them.

Pure geometry, in units of the picture. The rows follow Sugiyama's steps (IEEE SMC 11, 1981) in their simplest form:
cycles are broken by a greedy order of the boxes (Eades, Lin and Smyth, 1993), each box stands one row below the box
that most of its traffic comes from, and a few sweeps of means put the boxes of a row near those they belong to.
Arrows over more than one row run in lanes beside the boxes between, onwards at the right and back rather at the left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

START, END = "\x02", "\x03"  # what stands before the first step and after the last; no label can be one of them
WIDTH, HEIGHT = 184, 54  # of a box
COLUMN, ROW = 220, 122  # from box to box
MARGIN = 28
SWEEPS = 6
LANE, BESIDE = 15, 20  # from lane to lane, and from a box to the first one
TEXT_WIDTH, TEXT_HEIGHT = 46, 15  # that the number of an arrow takes
PLACES = (0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8, 0.14, 0.86)  # along its arrow, where it may stand
Point = tuple[float, float]


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
    boxes = {key: Box(key, columns[key], rows[key] * ROW + HEIGHT / 2 + MARGIN, n / most) for key, n in traffic.items()}
    lanes = _lanes(boxes, rows, edges)
    curves = {(a, b): _curve(boxes[a], boxes[b], lanes.get((a, b))) for a, b in edges}
    xs = [x for curve in curves.values() for x, _y in curve]
    left = min([x - WIDTH / 2 for x in columns.values()] + xs)
    right = max([x + WIDTH / 2 for x in columns.values()] + xs)
    aside = MARGIN + TEXT_WIDTH / 2 - left
    heaviest = max(edges.values(), default=1)
    places = _places(boxes, curves, edges)
    arrows = [
        Arrow(a, b, _path(curves[a, b], aside), places[a, b][0] + aside, places[a, b][1],
              round(1 + 5 * math.sqrt(n / heaviest), 2))
        for (a, b), n in edges.items()
    ]  # fmt: skip
    return Picture(
        right + aside + MARGIN + TEXT_WIDTH / 2, max(rows.values()) * ROW + HEIGHT + 2 * MARGIN,
        [replace(boxes[key], x=boxes[key].x + aside) for key in order], arrows,
    )  # fmt: skip


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


def _lanes(
    boxes: Mapping[str, Box], rows: Mapping[str, int], edges: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], float]:
    """Where the arrows that pass a row run beside its boxes; the longest are outermost, so that few cross."""
    made: dict[tuple[str, str], float] = {}
    taken: list[tuple[int, int, float]] = []
    for a, b in sorted(edges, key=lambda edge: (abs(rows[edge[1]] - rows[edge[0]]), edge)):
        first, last = sorted((rows[a], rows[b]))
        if last - first < 2:
            continue
        onwards = rows[b] > rows[a]
        side = 1 if onwards else _side_back(boxes, boxes[a], boxes[b])
        # A way back leaves and enters at the sides, so the boxes at its ends are in its way too.
        passed = [
            box.x + side * WIDTH / 2 for box in boxes.values()
            if first < rows[box.key] < last or (not onwards and rows[box.key] in (first, last))
        ]  # fmt: skip
        x = (max(passed) if side > 0 else min(passed)) + side * BESIDE
        while any(abs(x - other) < LANE and first < high and low < last for low, high, other in taken):
            x += side * LANE
        taken.append((first, last, x))
        made[a, b] = x
    return made


def _side_back(boxes: Mapping[str, Box], a: Box, b: Box) -> int:
    """The side on which fewer boxes of their rows stand between them and the lane; rather the left."""
    left = sum((box.y == a.y and box.x < a.x) + (box.y == b.y and box.x < b.x) for box in boxes.values())
    right = sum((box.y == a.y and box.x > a.x) + (box.y == b.y and box.x > b.x) for box in boxes.values())
    return 1 if right < left else -1


def _curve(a: Box, b: Box, lane: float | None) -> list[Point]:
    """The points of the cubic curves of an arrow: a start, and three more for each piece."""
    if a.key == b.key:
        x, y = a.x + WIDTH / 2, a.y
        return [(x, y - 9), (x + 40, y - 26), (x + 40, y + 26), (x + 5, y + 9)]
    if b.y > a.y:  # downwards: out of the bottom, into the top
        x1, y1, x2, y2 = a.x, a.y + HEIGHT / 2, b.x, b.y - HEIGHT / 2 - 5
        if lane is None:
            middle = (y1 + y2) / 2
            return [(x1, y1), (x1, middle), (x2, middle), (x2, y2)]
        low, high = y1 + ROW - HEIGHT, y2 + 5 - (ROW - HEIGHT)  # the edges of the boxes that it passes
        return [
            (x1, y1), (x1, y1 + 34), (lane, low - 34), (lane, low),
            (lane, low + 1), (lane, high - 1), (lane, high), (lane, high + 34), (x2, y2 - 34), (x2, y2),
        ]  # fmt: skip
    if a.y == b.y:  # along the row: over it
        way = math.copysign(WIDTH / 2, b.x - a.x)
        x1, x2 = a.x + way / 2, b.x - way / 2
        y1 = a.y - HEIGHT / 2
        return [(x1, y1), (x1, y1 - 30), (x2, y1 - 35), (x2, y1 - 5)]
    side = (
        (1 if lane > a.x else -1) if lane is not None else 1 if b.x <= a.x else -1
    )  # back: out of one side and into the other's
    x1, y1, x2, y2 = a.x + side * WIDTH / 2, a.y - 6, b.x + side * (WIDTH / 2 + 5), b.y + 6
    if lane is None:
        far = side * 46 + (max(x1, x2) if side > 0 else min(x1, x2))
        return [(x1, y1), (far, y1), (far, y2), (x2, y2)]
    return [
        (x1, y1), (lane, y1), (lane, y1), (lane, y1 - 24), (lane, y1 - 25), (lane, y2 + 25), (lane, y2 + 24),
        (lane, y2), (lane, y2), (x2, y2),
    ]  # fmt: skip


def _path(curve: Sequence[Point], aside: float) -> str:
    points = [f"{x + aside:.1f} {y:.1f}" for x, y in curve]
    return f"M{points[0]}" + "".join(f"C{' '.join(points[at : at + 3])}" for at in range(1, len(points), 3))


def _along(curve: Sequence[Point], part: float) -> Point:
    """The point of the first piece at `part` 0 … 1 of its way: there one sees where an arrow comes from."""
    t, u = part, 1 - part
    weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    first = curve[:4]
    return (
        sum(weight * x for weight, (x, _y) in zip(weights, first, strict=True)),
        sum(weight * y for weight, (_x, y) in zip(weights, first, strict=True)) + 4,
    )


def _places(
    boxes: Mapping[str, Box], curves: Mapping[tuple[str, str], Sequence[Point]], edges: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], Point]:
    """Where the numbers stand: on their arrows, not over boxes nor over each other as far as there is room."""
    blocked = [(box.x, box.y, (WIDTH + TEXT_WIDTH) / 2, (HEIGHT + TEXT_HEIGHT) / 2) for box in boxes.values()]
    made: dict[tuple[str, str], Point] = {}
    for edge in sorted(edges, key=lambda one: (-edges[one], one)):
        wishes = [_along(curves[edge], part) for part in PLACES]
        wishes += [(x + way, y) for way in (TEXT_WIDTH * 0.6, -TEXT_WIDTH * 0.6) for x, y in wishes]
        if edge[0] == edge[1]:
            wishes.insert(0, (curves[edge][1][0] + 8, boxes[edge[0]].y + 4))

        def covered(at: Point) -> float:
            x, y = at[0], at[1] - 4  # the middle of the letters, above their line
            return sum(
                max(wide - abs(x - one), 0) * max(high - abs(y - other), 0) for one, other, wide, high in blocked
            )

        best = min(wishes, key=covered)  # the first of those that are free
        made[edge] = best
        blocked.append((best[0], best[1] - 4, TEXT_WIDTH, TEXT_HEIGHT))
    return made


def labels_of(edges: Iterable[tuple[str, str]]) -> set[str]:
    return {key for edge in edges for key in edge}
