"""Random orders that are the same each time they are asked for: drawn from the response's seed and the names of things.

Each thing is placed by a hash of its own name, so the others keep their order when one is hidden or added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from typing import Literal, TypeVar

Thing = TypeVar("Thing")


def draw(seed: int, *names: str | int) -> int:
    """A whole number below 2⁶⁴, evenly spread."""
    return int.from_bytes(blake2b(repr((seed, *names)).encode(), digest_size=8).digest(), "big")


def arranged(
    things: Sequence[Thing],
    order: Literal["as_is", "random", "reversed_half"],
    seed: int,
    name: str,
    *,
    id_of: Callable[[Thing], str],
    fixed: Callable[[Thing], bool],
) -> list[Thing]:
    """Things in their order; those that are fixed keep their places, the others fill the places between."""
    if order == "as_is" or (order == "reversed_half" and not draw(seed, "reversed", name) & 1):
        return list(things)
    moving = [thing for thing in things if not fixed(thing)]
    if order == "random":
        moving.sort(key=lambda thing: draw(seed, "order", name, id_of(thing)))
    else:
        moving.reverse()
    following = iter(moving)
    return [thing if fixed(thing) else next(following) for thing in things]


@lru_cache(maxsize=512)
def maxdiff_tasks(ids: tuple[str, ...], per_task: int, tasks: int, seed: int, name: str) -> tuple[tuple[str, ...], ...]:
    """Which choices are shown together: each about equally often (counts differ by one at most), never twice in a task.

    Without a number of tasks, as many as show each choice three times.
    """
    size = min(max(per_task, 2), len(ids))
    if size < 2:
        return ()
    shown = dict.fromkeys(ids, 0)
    made = []
    for task in range(min(tasks or ceil(3 * len(ids) / size), 100)):
        chosen = sorted(ids, key=lambda one: (shown[one], draw(seed, name, task, one)))[:size]
        for one in chosen:
            shown[one] += 1
        made.append(tuple(sorted(chosen, key=lambda one: draw(seed, "place", name, task, one))))
    return tuple(made)
