"""The edits of a map, one function each: from a definition to the next one. Nothing is changed in place.

Each raises Refused with a sentence where it makes no sense.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

from django.utils.text import slugify
from django.utils.translation import gettext as _
from msgspec.structs import replace

from cxm.understand.journeys.definition import MapDefinition, Stage, Touchpoint

from .errors import Refused

Edit = Callable[[MapDefinition], MapDefinition]
Direction = Literal["up", "down", "left", "right"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("up", "down", "left", "right")
# Fields of the map itself that may be changed one by one.
OF_MAP: Final = frozenset(
    {"case", "gap_s", "persona", "goal", "segment", "metric", "currency", "stale_after_days"}
)  # fmt: skip


def gone() -> Refused:
    return Refused(_("This part of the map is not there any more: it was removed meanwhile."))


# Finding


def stage_at(definition: MapDefinition, key: str) -> Stage:
    for stage in definition.stages:
        if stage.key == key:
            return stage
    raise gone()


def touchpoint_at(definition: MapDefinition, key: str) -> tuple[Stage, Touchpoint]:
    for stage in definition.stages:
        for one in stage.touchpoints:
            if one.key == key:
                return stage, one
    raise gone()


def free_key(wish: str, taken: Iterable[str]) -> str:
    """`wish` as a key, with a number if it is taken; names in other scripts than Latin become step, step_2 …"""
    plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "_", slugify(plain).replace("-", "_"))[:50].strip("_") or "step"
    used, number = set(taken), 1
    while (found := base if number == 1 else f"{base}_{number}") in used:
        number += 1
    return found


# The map itself


def change_map(**fields: Any) -> Edit:
    """Give fields of the map new values; see OF_MAP."""
    if not fields.keys() <= OF_MAP:
        raise TypeError(f"A map has no field {sorted(fields.keys() - OF_MAP)[0]!r} to change.")
    return lambda definition: replace(definition, **fields)


def put_lanes(lanes: Iterable[str]) -> Edit:
    """The lanes in their order. What touchpoints say in a lane that goes is kept, and is there when it comes back."""
    names = tuple(dict.fromkeys(" ".join(one.split()) for one in lanes if one.strip()))
    return lambda definition: replace(definition, lanes=names)


# Stages


def add_stage(name: str, after: str = "") -> Edit:
    """A stage behind the one with the key `after`, or at the end."""

    def edit(definition: MapDefinition) -> MapDefinition:
        stages = list(definition.stages)
        key = free_key(name, (one.key for one in stages))
        place = _place([one.key for one in stages], after)
        stages.insert(place, Stage(key=key, name=name))
        return replace(definition, stages=tuple(stages))

    return edit


def rename_stage(key: str, name: str) -> Edit:
    def edit(definition: MapDefinition) -> MapDefinition:
        stage_at(definition, key)
        return _stages(definition, lambda one: replace(one, name=name) if one.key == key else one)

    return edit


def remove_stage(key: str) -> Edit:
    """The stage with its touchpoints."""

    def edit(definition: MapDefinition) -> MapDefinition:
        stage = stage_at(definition, key)
        after = replace(definition, stages=tuple(one for one in definition.stages if one.key != key))
        return _forget(after, {one.key for one in stage.touchpoints})

    return edit


def move_stage(key: str, to: int) -> Edit:
    """To the place `to`, counted from 0; beyond the ends it is the first or last."""

    def edit(definition: MapDefinition) -> MapDefinition:
        stage = stage_at(definition, key)
        others = [one for one in definition.stages if one.key != key]
        others.insert(max(0, min(to, len(others))), stage)
        return replace(definition, stages=tuple(others))

    return edit


def step_stage(key: str, direction: Direction) -> Edit:
    """One place towards the start (left, up) or the end of the map."""

    def edit(definition: MapDefinition) -> MapDefinition:
        place = definition.stages.index(stage_at(definition, key))
        return move_stage(key, place + (-1 if direction in ("left", "up") else 1))(definition)

    return edit


# Touchpoints


def add_touchpoint(name: str, stage: str, after: str = "", **fields: Any) -> Edit:
    """In that stage, behind the touchpoint `after` or at the end. Its key is made of its name and never changes."""

    def edit(definition: MapDefinition) -> MapDefinition:
        key = free_key(name, (one.key for one in definition.touchpoints()))
        return _insert(definition, Touchpoint(key=key, name=name, **fields), stage, after)

    return edit


def copy_touchpoint(key: str) -> Edit:
    """The same again behind it, without what binds it: no event is two touchpoints."""

    def edit(definition: MapDefinition) -> MapDefinition:
        stage, one = touchpoint_at(definition, key)
        twin = {name: getattr(one, name) for name in ("text", "channel", "owner", "partner", "cost", "target", "lanes")}
        name = _("%(name)s (copy)") % {"name": one.name}
        return add_touchpoint(name, stage.key, key, optional=one.optional, **twin)(definition)

    return edit


def change_touchpoint(key: str, **fields: Any) -> Edit:
    """Give fields of the touchpoint new values; its key stays."""
    if "key" in fields:
        raise TypeError("The key of a touchpoint never changes.")

    def edit(definition: MapDefinition) -> MapDefinition:
        touchpoint_at(definition, key)

        def changed(one: Touchpoint) -> Touchpoint:
            return replace(one, **fields) if one.key == key else one

        return _stages(
            definition, lambda stage: replace(stage, touchpoints=tuple(changed(one) for one in stage.touchpoints))
        )

    return edit


def remove_touchpoint(key: str) -> Edit:
    """Promises that said it would be reached say again that the next one is."""

    def edit(definition: MapDefinition) -> MapDefinition:
        touchpoint_at(definition, key)
        return _forget(_without(definition, key), {key})

    return edit


def move_touchpoint(key: str, stage: str, after: str = "", *, first: bool = False) -> Edit:
    """Into that stage: behind `after`, at the start with `first`, else at the end."""

    def edit(definition: MapDefinition) -> MapDefinition:
        _stage, one = touchpoint_at(definition, key)
        if after == key:
            return definition
        return _insert(_without(definition, key), one, stage, after, first=first)

    return edit


def step_touchpoint(key: str, direction: Direction) -> Edit:
    """Up or down within its stage and over its edge into the next one; left or right into the stage beside it."""

    def edit(definition: MapDefinition) -> MapDefinition:
        stage, one = touchpoint_at(definition, key)
        keys = [each.key for each in definition.stages]
        number, place = keys.index(stage.key), stage.touchpoints.index(one)
        rest = [each.key for each in stage.touchpoints if each.key != key]
        if direction == "up" and place > 0:
            return move_touchpoint(key, stage.key, rest[place - 2] if place > 1 else "", first=place == 1)(definition)
        if direction == "down" and place < len(rest):
            return move_touchpoint(key, stage.key, rest[place])(definition)
        to = number + (-1 if direction in ("up", "left") else 1)
        if not 0 <= to < len(keys):
            return definition
        return move_touchpoint(key, keys[to], first=direction == "down")(definition)

    return edit


# Parts of edits


def _stages(definition: MapDefinition, change: Callable[[Stage], Stage]) -> MapDefinition:
    return replace(definition, stages=tuple(change(one) for one in definition.stages))


def _without(definition: MapDefinition, key: str) -> MapDefinition:
    return _stages(
        definition,
        lambda stage: replace(stage, touchpoints=tuple(one for one in stage.touchpoints if one.key != key)),
    )


def _forget(definition: MapDefinition, keys: set[str]) -> MapDefinition:
    def changed(one: Touchpoint) -> Touchpoint:
        if not any(promise.reaches in keys for promise in one.promises):
            return one
        promises = (replace(each, reaches="") if each.reaches in keys else each for each in one.promises)
        return replace(one, promises=tuple(promises))

    return _stages(
        definition, lambda stage: replace(stage, touchpoints=tuple(changed(one) for one in stage.touchpoints))
    )


def _insert(
    definition: MapDefinition, one: Touchpoint, key: str, after: str, *, first: bool = False
) -> MapDefinition:  # fmt: skip
    stage_at(definition, key)

    def changed(stage: Stage) -> Stage:
        if stage.key != key:
            return stage
        touchpoints = list(stage.touchpoints)
        touchpoints.insert(0 if first else _place([each.key for each in touchpoints], after), one)
        return replace(stage, touchpoints=tuple(touchpoints))

    return _stages(definition, changed)


def _place(keys: list[str], after: str) -> int:
    """The place behind the key `after`; the end where it is not there."""
    return keys.index(after) + 1 if after in keys else len(keys)
