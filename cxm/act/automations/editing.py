"""Changes to the tree of a draft: add, move and remove steps. A list of steps is named by the way that leads to it."""

from __future__ import annotations

from typing import cast

from django.utils.translation import gettext as _

from .actions import Refused
from .definition import MOST_STEPS, STEPS, Definition, Path, Step, StepKind, every_step, lists_of, new_id


def list_at(definition: Definition, place: str) -> list[Step]:
    """ "" is the trunk; `s3.then` the steps of a branch, `s5.0` those of the first way of a split. Raises Refused."""
    if not place:
        return definition.steps
    step_id, _dot, way = place.partition(".")
    for one in every_step(definition.steps):
        if one.id == step_id:
            for name, below in lists_of(one):
                if name == way:
                    return below
    raise Refused(_("This place is not there any more. Look at the workflow again."))


def home_of(definition: Definition, step_id: str) -> tuple[list[Step], int]:
    """The list that a step is in, and where. Raises Refused."""

    def look(steps: list[Step]) -> tuple[list[Step], int] | None:
        for index, one in enumerate(steps):
            if one.id == step_id:
                return steps, index
            for _way, below in lists_of(one):
                if found := look(below):
                    return found
        return None

    found = look(definition.steps)
    if found is None:
        raise Refused(_("This step is not there any more. Look at the workflow again."))
    return found


def add(definition: Definition, place: str, kind: str, at: int | None = None) -> Step:
    """A new step in a list, at its end or before the one at `at`. Raises Refused."""
    if kind not in STEPS:
        raise Refused(_("There is no such step."))
    if len(list(every_step(definition.steps))) >= MOST_STEPS:
        raise Refused(_("A workflow has at most %(most)d steps.") % {"most": MOST_STEPS})
    step = Step(id=new_id(definition), kind=cast(StepKind, kind))
    if kind == "split":
        step.paths = [Path(share=50), Path(share=50)]
    if kind in ("wait", "wait_until"):
        step.days = 1
    steps = list_at(definition, place)
    steps.insert(len(steps) if at is None else max(0, min(at, len(steps))), step)
    return step


def remove(definition: Definition, step_id: str) -> None:
    """With all that lies in its branches."""
    steps, index = home_of(definition, step_id)
    del steps[index]


def move(definition: Definition, step_id: str, by: int) -> None:
    """Up or down within its list; at the end of it nothing changes."""
    steps, index = home_of(definition, step_id)
    to = index + by
    if 0 <= to < len(steps):
        steps[index], steps[to] = steps[to], steps[index]
