"""The emotion curve of a map: the mood at each touchpoint with its interval, as places in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxm.understand.journeys.definition import MapDefinition

from .figures import Figures
from .wording import statement, tone

WIDTH, HEIGHT, EDGE = 1_000, 180, 14  # of the picture, and what is free above and below
LEAST = 3  # texts that a point of the curve needs


@dataclass(frozen=True, slots=True)
class Spot:
    """A touchpoint on the curve. `y`, `top` and `bottom` are None where too little was said."""

    key: str
    name: str
    x: float
    y: float | None
    top: float | None
    bottom: float | None
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Curve:
    spots: list[Spot]
    lines: list[str]  # points of each unbroken piece, for <polyline>
    bands: list[str]  # and of the interval around it, for <polygon>
    stages: list[tuple[str, float, float]]  # name, left edge, width
    zero: float

    @property
    def is_empty(self) -> bool:
        return not any(spot.y is not None for spot in self.spots)


def curve_of(definition: MapDefinition, figures: Mapping[str, Figures]) -> Curve:
    points = definition.touchpoints()
    step = WIDTH / max(len(points), 1)
    spots = []
    for number, point in enumerate(points):
        mood = figures.get(point.key, Figures(point.key)).mood
        known = mood.value is not None and mood.n >= LEAST
        spots.append(
            Spot(
                point.key, point.name, round(step * (number + 0.5), 1), _y(mood.value) if known else None,
                _y(mood.high) if known else None, _y(mood.low) if known else None, statement(mood), tone(mood),
            )
        )  # fmt: skip
    lines, bands = [], []
    for piece in _pieces(spots):
        lines.append(" ".join(f"{one.x},{one.y}" for one in piece))
        above = [f"{one.x},{one.top}" for one in piece if one.top is not None]
        below = [f"{one.x},{one.bottom}" for one in reversed(piece) if one.bottom is not None]
        bands.append(" ".join([*above, *below]))
    stages, left = [], 0.0
    for stage in definition.stages:
        width = step * len(stage.touchpoints)
        if width:
            stages.append((stage.name, round(left, 1), round(width, 1)))
        left += width
    return Curve(spots, lines, bands, stages, _y(0.0) or 0.0)


def _y(value: float | None) -> float | None:
    """From 1 at the top to −1 at the bottom."""
    return None if value is None else round(EDGE + (1 - value) / 2 * (HEIGHT - 2 * EDGE), 1)


def _pieces(spots: list[Spot]) -> list[list[Spot]]:
    pieces: list[list[Spot]] = [[]]
    for spot in spots:
        if spot.y is None:
            pieces.append([])
        else:
            pieces[-1].append(spot)
    return [piece for piece in pieces if piece]
