"""What is different between two maps: versions of one, or what is and what should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    FeedbackRule,
    MapDefinition,
    Stage,
    Test,
    Touchpoint,
)

from .board import FEELINGS, channel_label, kind_of_journey, lane_label, promise_text
from .forms import METRICS, OPERATORS


@dataclass(frozen=True, slots=True)
class Line:
    """One field, before and after; empty texts where there was or is nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that came, went, moved or says something else. `key`: of the touchpoint, in the newer map."""

    what: Literal["map", "stage", "touchpoint"]
    how: Literal["added", "removed", "moved", "changed"]
    name: str
    lines: list[Line]
    key: str = ""


def differences(before: MapDefinition, after: MapDefinition, owners: Mapping[int, str]) -> list[Difference]:
    """The map itself first, then its stages and touchpoints in the order of the newer map, then what went.

    Parts are the same where their keys are; a touchpoint has moved when it stands in another stage, or its neighbours
    that both maps have stand in another order.
    """
    return [*_map(before, after), *_stages(before, after), *_touchpoints(before, after, owners)]


def _map(before: MapDefinition, after: MapDefinition) -> Iterator[Difference]:
    fields = [
        (_("Who goes this way"), before.persona, after.persona),
        (_("What they want"), before.goal, after.goal),
        (_("One journey is"), kind_of_journey(before.case), kind_of_journey(after.case)),
        (_("The score that is shown"), str(METRICS[before.metric]), str(METRICS[after.metric])),
        (_("Currency of costs"), before.currency, after.currency),
        (_("Lanes"), ", ".join(map(lane_label, before.lanes)), ", ".join(map(lane_label, after.lanes))),
        (_("Segment"), before.segment, after.segment),
    ]
    lines = [Line(*one) for one in fields if one[1] != one[2]]
    if lines:
        yield Difference("map", "changed", _("The map itself"), lines)


def _stages(before: MapDefinition, after: MapDefinition) -> Iterator[Difference]:
    old = {one.key: one for one in before.stages}
    new = {one.key: one for one in after.stages}
    moved = _moved([one.key for one in before.stages], [one.key for one in after.stages])
    for stage in after.stages:
        if stage.key not in old:
            yield Difference("stage", "added", stage.name, [])
            continue
        was = old[stage.key]
        if was.name != stage.name:
            label = pgettext("of a thing", "Name")
            yield Difference("stage", "changed", stage.name, [Line(label, was.name, stage.name)])
        if stage.key in moved:
            yield Difference("stage", "moved", stage.name, [])
    for stage in before.stages:
        if stage.key not in new:
            yield Difference("stage", "removed", stage.name, [])


def _touchpoints(before: MapDefinition, after: MapDefinition, owners: Mapping[int, str]) -> Iterator[Difference]:
    old, new = _by_key(before), _by_key(after)
    names = {one.key: one.name for each in (before, after) for one in each.touchpoints()}
    moved = _moved([one.key for one in before.touchpoints()], [one.key for one in after.touchpoints()])
    for key, (stage, one) in new.items():
        if key not in old:
            yield Difference("touchpoint", "added", one.name, _said(None, one, names, owners), key)
            continue
        was_in, was = old[key]
        lines = _said(was, one, names, owners)
        if lines:
            yield Difference("touchpoint", "changed", one.name, lines, key)
        if was_in.key != stage.key:
            label = pgettext("part of a journey", "Stage")
            yield Difference("touchpoint", "moved", one.name, [Line(label, was_in.name, stage.name)], key)
        elif key in moved:
            yield Difference("touchpoint", "moved", one.name, [], key)
    for key, (_stage, one) in old.items():
        if key not in new:
            yield Difference("touchpoint", "removed", one.name, _said(one, None, names, owners))


def _by_key(definition: MapDefinition) -> dict[str, tuple[Stage, Touchpoint]]:
    return {one.key: (stage, one) for stage in definition.stages for one in stage.touchpoints}


def _moved(before: list[str], after: list[str]) -> set[str]:
    """The fewest keys that have to be moved to make one order the other: all but a longest common one."""
    place = {key: number for number, key in enumerate(before)}
    shared = [key for key in after if key in place]
    best: list[int] = []  # length of the longest rising run of places that ends at each key
    back: list[int] = []
    for number, key in enumerate(shared):
        length, came = 1, -1
        for earlier in range(number):
            if place[shared[earlier]] < place[key] and best[earlier] >= length:
                length, came = best[earlier] + 1, earlier
        best.append(length)
        back.append(came)
    kept: set[str] = set()
    at = max(range(len(shared)), key=lambda number: best[number], default=-1)
    while at >= 0:
        kept.add(shared[at])
        at = back[at]
    return set(shared) - kept


def _said(
    was: Touchpoint | None, now: Touchpoint | None, names: Mapping[str, str], owners: Mapping[int, str]
) -> list[Line]:  # fmt: skip
    old, new = _fields(was, names, owners), _fields(now, names, owners)
    labels = dict.fromkeys([*new, *old])
    return [Line(one, old.get(one, ""), new.get(one, "")) for one in labels if old.get(one, "") != new.get(one, "")]


def _fields(one: Touchpoint | None, names: Mapping[str, str], owners: Mapping[int, str]) -> dict[str, str]:
    """Everything that a touchpoint says, in words, by its label."""
    if one is None:
        return {}
    yes = _("yes")
    found = {
        pgettext("of a thing", "Name"): one.name,
        _("Description"): one.text,
        pgettext("way of contact", "Channel"): channel_label(one.channel),
        _("Owner"): owners.get(one.owner or 0, ""),
        _("Partner"): one.partner,
        _("Moment of truth"): yes if one.moment_of_truth else "",
        _("Not on every journey"): yes if one.optional else "",
        _("A good end"): yes if one.ends else "",
        _("Promises"): "; ".join(promise_text(each, names) for each in one.promises),
        _("Cost of one contact"): "" if one.cost is None else f"{one.cost:g}",
        _("Target of the score"): "" if one.target is None else f"{one.target:g}",
        **_binding(one.binding),
    }
    for lane, text in one.lanes.items():
        found[lane_label(lane)] = str(FEELINGS.get(text, text)) if lane == "emotion" else text
    return found


def _binding(binding: Binding) -> dict[str, str]:
    return {
        _("Events"): "; ".join(map(_event, binding.events)),
        _("Answers"): "; ".join(map(_rule, binding.feedback)),
        _("Tickets and cases"): "; ".join(map(_rule, binding.tickets)),
        _("Topics"): ", ".join(binding.topics),
    }


def _event(rule: EventRule) -> str:
    return f"{rule.event} ({_tests(rule.where)})" if rule.where else rule.event


def _rule(rule: FeedbackRule) -> str:
    return _tests(rule.where)


def _tests(tests: tuple[Test, ...]) -> str:
    return ", ".join(
        " ".join((one.field, str(OPERATORS[one.operator]), " / ".join(one.values))).strip() for one in tests
    )  # fmt: skip
