"""Arithmetic of `compute` rules.

Fields that are not set are left out by `add`, `average`, `smallest`, `largest`, `count` and `join`; the others come to
nothing when a part is missing. A choice counts with its score, else with the number that its id is; true is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cxm.lib.conditions import number_of, text_of

from ..definition import Formula
from .prepared import FIELD

DEEPEST = 20


def computed(formula: Formula, value_of: Callable[[str], Any], piped: Callable[[str], str], depth: int = 0) -> Any:
    """The value of a formula: a number, a text, a truth value, a list (of `value`), or None.

    `value_of` gives the value of a field, choices as their scores where they have some; `piped` fills in a template.
    """
    if depth > DEEPEST:
        return None
    parts = [_part(one, value_of, piped, depth) for one in formula.of]
    if formula.do == "value":
        return parts[0] if parts else None
    items = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    present = [item for item in items if item is not None and item != ""]
    if formula.do == "count":
        return float(len(present))
    if formula.do == "join":
        return "".join(text_of(item) for item in present) or None
    numbers = [_number(item) for item in (items if formula.do in ("subtract", "multiply", "divide") else present)]
    known = [one for one in numbers if one is not None]
    if not known or (formula.do in ("subtract", "multiply", "divide") and len(known) < len(numbers)):
        return None
    return _sound(_arithmetic(formula.do, known))


def _arithmetic(do: str, numbers: list[float]) -> float | None:
    match do:
        case "add":
            return sum(numbers)
        case "average":
            return sum(numbers) / len(numbers)
        case "smallest":
            return min(numbers)
        case "largest":
            return max(numbers)
        case "multiply":
            return math.prod(numbers)
        case "subtract":
            return numbers[0] - sum(numbers[1:])
        case _:
            below = math.prod(numbers[1:])
            return numbers[0] / below if below else None


def _sound(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _part(one: Any, value_of: Callable[[str], Any], piped: Callable[[str], str], depth: int) -> Any:
    if isinstance(one, Formula):
        return computed(one, value_of, piped, depth + 1)
    if not isinstance(one, str):
        return one
    whole = FIELD.fullmatch(one)
    if whole and whole[2] is None:
        return value_of(whole[1])
    return piped(one) if "{" in one else one


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    found = number_of(value)
    return found if found is not None and math.isfinite(found) else None
