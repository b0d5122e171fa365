"""What follows a change of a case, inside its transaction: names, in order, like the middleware of a site.

The bodies live in modules that use the verbs of cases themselves, so they are looked up by name when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from .models import Case

Hook = Callable[[Case], Any]

ROUTED = ("cxm.act.cases.routing.place",)  # which team, and who of it: of a case that nobody gave to a team
GIVEN = ("cxm.act.cases.routing.give",)  # who of the team that it was given to
OPENED = (
    "cxm.act.cases.levels.started",  # until when
    "cxm.act.cases.recovery.assign",  # by which play, if any
    "cxm.act.cases.acknowledging.acknowledge",  # what the customer is told at once
)
CHANGED = (
    "cxm.act.cases.levels.changed",
    "cxm.act.cases.recovery.changed",  # a severe case gets its play
    "cxm.act.cases.satisfaction.changed",  # whether the customer is asked how it went
)
# Each returns what `ticket_updated` says more of a case: a mapping of texts, and `sla_met` as yes or no.
TOLD = (
    "cxm.act.cases.levels.told",
    "cxm.act.cases.acknowledging.told",
    "cxm.act.cases.recovery.told",
)


@cache
def _called(name: str) -> Hook:
    module, _, function = name.rpartition(".")
    hook: Hook = getattr(import_module(module), function)
    return hook


def run(names: tuple[str, ...], case: Case) -> list[Any]:
    """What each of these returned for the case."""
    return [_called(name)(case) for name in names]
