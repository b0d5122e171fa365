"""A map as it is shown: stages with their touchpoints, and what each says in each lane, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.lib.numbers import duration
from cxm.record.customers.models import Segment
from cxm.understand.journeys.definition import MapDefinition, Promise, Stage, Touchpoint

EMOTION: Final = "emotion"
LANES: Final = {
    "actions": pgettext_lazy("lane of a journey map", "What customers do"),
    "thoughts": pgettext_lazy("lane of a journey map", "What they think"),
    "emotion": pgettext_lazy("lane of a journey map", "How they feel"),
    "pain_points": pgettext_lazy("lane of a journey map", "What hurts"),
    "opportunities": pgettext_lazy("lane of a journey map", "What could be better"),
}
FEELINGS: Final = {
    "-2": pgettext_lazy("feeling on a journey map", "Very bad"),
    "-1": pgettext_lazy("feeling on a journey map", "Bad"),
    "0": pgettext_lazy("feeling on a journey map", "Neither good nor bad"),
    "1": pgettext_lazy("feeling on a journey map", "Good"),
    "2": pgettext_lazy("feeling on a journey map", "Very good"),
}
CHANNELS: Final = {
    "app": pgettext_lazy("channel", "App"),
    "branch": pgettext_lazy("channel", "Branch"),
    "chat": pgettext_lazy("channel", "Chat"),
    "clinic": pgettext_lazy("channel", "Clinic"),
    "delivery": pgettext_lazy("channel", "Delivery"),
    "email": pgettext_lazy("channel", "E-mail"),
    "field": pgettext_lazy("channel", "Visit at the customer’s"),
    "laboratory": pgettext_lazy("channel", "Laboratory"),
    "letter": pgettext_lazy("channel", "Letter"),
    "online": pgettext_lazy("channel", "Online"),
    "phone": pgettext_lazy("channel", "Phone"),
    "sms": pgettext_lazy("channel", "Text message"),
    "social": pgettext_lazy("channel", "Social media"),
    "store": pgettext_lazy("channel", "Shop"),
    "video": pgettext_lazy("channel", "Video call"),
    "web": pgettext_lazy("channel", "Website"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a touchpoint says in a lane. Of the lane of feelings: `curve` holds the points of its piece of the line, in
    a box of 100 × 60, and `feeling` −2 … 2."""

    lane: str
    label: str
    text: str
    feeling: int | None = None
    curve: str = ""
    height: int = 0  # of the point on the curve


@dataclass(frozen=True, slots=True)
class Card:
    touchpoint: Touchpoint
    number: int  # on the map, from 1
    channel: str
    owner: str
    promises: list[str]
    cells: list[Cell]
    comments: int = 0

    @property
    def key(self) -> str:
        return self.touchpoint.key

    @property
    def bound(self) -> bool:
        binding = self.touchpoint.binding
        return bool(binding.events or binding.feedback or binding.topics or binding.tickets)


@dataclass(frozen=True, slots=True)
class Column:
    stage: Stage
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class Board:
    persona: str
    goal: str
    segment: str  # its name
    columns: list[Column] = field(default_factory=list)
    lanes: list[tuple[str, str]] = field(default_factory=list)  # (name, label) of those with any text

    @property
    def cards(self) -> list[Card]:
        return [card for column in self.columns for card in column.cards]


def board_of(
    definition: MapDefinition, workspace: Workspace, *, named: bool = True, comments: Mapping[str, int] | None = None
) -> Board:
    """`named`: with the names of owners, which the public does not see. `comments`: the open ones, by touchpoint."""
    owners = owner_names(definition) if named else {}
    touchpoints = definition.touchpoints()
    names = {one.key: one.name for one in touchpoints}
    curves = curve_of([feeling_of(one) for one in touchpoints]) if EMOTION in definition.lanes else {}
    lanes = [one for one in definition.lanes if any(each.lanes.get(one) for each in touchpoints)]
    columns, number = [], 0
    for stage in definition.stages:
        cards = []
        for one in stage.touchpoints:
            cards.append(
                Card(
                    one, number + 1, channel_label(one.channel), owners.get(one.owner or 0, ""),
                    [promise_text(each, names) for each in one.promises],
                    [_cell(one, lane, curves.get(number)) for lane in lanes],
                    (comments or {}).get(one.key, 0),
                )
            )  # fmt: skip
            number += 1
        columns.append(Column(stage, cards))
    segment = Segment.objects.filter(workspace=workspace, pk=definition.segment).first() if definition.segment else None
    return Board(
        definition.persona, definition.goal, segment.name if segment else "", columns,
        [(one, lane_label(one)) for one in lanes],
    )  # fmt: skip


def owner_names(definition: MapDefinition) -> dict[int, str]:
    """The owners of touchpoints by their number."""
    wanted = {one.owner for one in definition.touchpoints() if one.owner is not None}
    return {user.pk: str(user) for user in User.objects.filter(pk__in=wanted)} if wanted else {}


def lane_label(lane: str) -> str:
    return str(LANES.get(lane, lane))


def channel_label(channel: str) -> str:
    return str(CHANNELS.get(channel, channel))


def feeling_of(one: Touchpoint) -> int | None:
    text = one.lanes.get(EMOTION, "")
    return int(text) if text in FEELINGS else None


def promise_text(promise: Promise, names: Mapping[str, str]) -> str:
    """The promise with its time, in one line."""
    if promise.until:
        values = {"text": promise.text, "property": promise.until}
        return pgettext("promise on a journey map", "%(text)s (until the moment in “%(property)s”)") % values
    values = {
        "text": promise.text,
        "time": duration(timedelta(seconds=promise.within_s)),
        "touchpoint": names.get(promise.reaches),
    }
    if promise.reaches:
        return pgettext("promise on a journey map", "%(text)s (“%(touchpoint)s” within %(time)s)") % values
    return pgettext("promise on a journey map", "%(text)s (the next touchpoint within %(time)s)") % values


def curve_of(feelings: list[int | None]) -> dict[int, tuple[str, int]]:
    """(points, height) of the pieces of the line, by place: each from halfway to the one before to halfway to the next.

    A box is 100 wide and 60 high; feelings from 2 to −2 lie at heights 6 to 54. Where a feeling is missing, the line is
    broken.
    """
    heights = [None if one is None else 30 - 12 * one for one in feelings]
    found = {}
    for place, height in enumerate(heights):
        if height is None:
            continue
        points = [(50, height)]
        before = heights[place - 1] if place else None
        after = heights[place + 1] if place + 1 < len(heights) else None
        if before is not None:
            points.insert(0, (0, (before + height) // 2))
        if after is not None:
            points.append((100, (height + after) // 2))
        found[place] = (" ".join(f"{x},{y}" for x, y in points), height)
    return found


def _cell(one: Touchpoint, lane: str, curve: tuple[str, int] | None) -> Cell:
    text = one.lanes.get(lane, "")
    if lane != EMOTION:
        return Cell(lane, lane_label(lane), text)
    feeling = feeling_of(one)
    if feeling is None or curve is None:
        return Cell(lane, lane_label(lane), "")
    return Cell(lane, lane_label(lane), str(FEELINGS[text]), feeling, *curve)


def kind_of_journey(case: str) -> str:
    """What one journey is, in words."""
    if case == "customer":
        return _("All that one customer did")
    return _("All events with the same “%(property)s”") % {"property": case}
