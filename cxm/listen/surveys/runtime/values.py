"""Answers as values: what each kind of question takes, and what of a stored answer still means something.

Formats are in docs/reference/survey-definition.md. Nothing here trusts its input: a value of a wrong type is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

from ..definition import SCORED, Question, Scale, default_scale

LONGEST = 100_000  # characters of any text; what is longer is refused
MOST_FILES = 20
ONE_CHOICE = frozenset({"single", "dropdown"})
TEXTS = frozenset({"short_text", "long_text", "email", "phone", "url", "date"})
BOOLEAN = frozenset({"yes_no", "thumbs", "consent"})


def scale_of(question: Question) -> Scale:
    return question.scale or default_scale(question.kind)


def several(question: Question) -> bool:
    """Whether the answer is a list of choices."""
    return question.kind == "multiple" or (question.kind == "picture" and question.several)


def number(value: Any) -> float | None:
    """A finite number that is not a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def on_scale(value: float, scale: Scale) -> bool:
    """Within the scale and on one of its steps, up to the error of binary fractions."""
    if not scale.lowest <= value <= scale.highest:
        return False
    if scale.step <= 0:
        return True
    steps = (value - scale.lowest) / scale.step
    return abs(steps - round(steps)) < 1e-6


def typed(question: Question, value: Any, choices: Container[str], rows: Container[str]) -> Any:
    """What of a value is an answer to this question with these choices and rows; None: nothing.

    Choices that are not offered fall out of lists and parts; a number off the scale, a text where a number belongs and
    everything else of a wrong type is nothing at all.
    """
    kind = question.kind
    if value is None or kind == "statement":
        return None
    if kind in SCORED:
        found = number(value)
        return found if found is not None and on_scale(found, scale_of(question)) else None
    if kind == "number":
        return number(value)
    if kind in BOOLEAN:
        return value if isinstance(value, bool) else None
    if kind in TEXTS:
        return value if isinstance(value, str) and 0 < len(value) <= LONGEST else None
    if kind in ONE_CHOICE or (kind == "picture" and not question.several):
        return value if isinstance(value, str) and value in choices else None
    if kind in ("multiple", "picture", "ranking"):
        return _ids(value, choices) or None
    return _parts(question, value, choices, rows)


def _parts(question: Question, value: Any, choices: Container[str], rows: Container[str]) -> Any:
    """Answers that are made of parts."""
    if question.kind == "file":
        good = [one for one in value[:MOST_FILES] if _is_file(one)] if isinstance(value, list) else []
        return good or None
    if question.kind == "maxdiff":
        return _tasks(value, choices)
    if not isinstance(value, dict):
        return None
    found: dict[str, Any] = {}
    for part, one in value.items():
        if not isinstance(part, str):
            continue
        if question.kind == "constant_sum":
            amount = number(one)
            if part in choices and amount is not None and amount >= 0:
                found[part] = amount
        elif question.kind == "contact":
            if part in choices and isinstance(one, str) and 0 < len(one) <= LONGEST:
                found[part] = one
        elif part in rows:  # a matrix
            cell = _ids(one, choices) if question.several else one if isinstance(one, str) and one in choices else None
            if cell:
                found[part] = cell
    return found or None


def _ids(value: Any, choices: Container[str]) -> list[str]:
    """The ids that are offered, each once, in the order given."""
    if not isinstance(value, list):
        return []
    return list(dict.fromkeys(one for one in value[:1000] if isinstance(one, str) and one in choices))


def _tasks(value: Any, choices: Container[str]) -> list[dict[str, str]] | None:
    if not isinstance(value, list):
        return None
    found = []
    for task in value[:100]:
        given = task if isinstance(task, dict) else {}
        pair = {end: given.get(end) for end in ("best", "worst")}
        found.append({end: one for end, one in pair.items() if isinstance(one, str) and one in choices})
    return found if any(found) else None


def _is_file(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), str) and len(value[name]) <= 500 for name in ("name", "type", "key"))
        and number(value.get("size")) is not None
    )


def as_field(question: Question, value: Any) -> Any:
    """An answer as conditions see it when they name no part: a value, or a list of what was chosen or written."""
    if isinstance(value, list):
        if question.kind == "maxdiff":
            return [task["best"] for task in value if "best" in task]
        return [one["name"] for one in value] if question.kind == "file" else value
    if isinstance(value, dict):
        if question.kind == "constant_sum":
            return [part for part, amount in value.items() if amount > 0]
        return [item for cell in value.values() for item in (cell if isinstance(cell, list) else [cell])]
    return value


def part_of(question: Question, value: Any, part: str) -> Any:
    """`answer.<question>.<part>`: a row, a part of a contact, an amount; of a ranking the place (1 is the best); of
    MaxDiff what was chosen as `best` or `worst`."""
    if question.kind == "ranking" and isinstance(value, list):
        return float(value.index(part) + 1) if part in value else None
    if question.kind == "maxdiff" and isinstance(value, list):
        return [task[part] for task in value if part in task]
    return value.get(part) if isinstance(value, dict) else None


def count_of(question: Question, value: Any) -> float:
    """`count.<question>`: how many choices, rows, parts, files or tasks have an answer; 0 or 1 for all else."""
    if isinstance(value, list):
        return float(sum(1 for one in value if one))
    if isinstance(value, dict):
        return float(sum(1 for one in value.values() if one)) if question.kind == "constant_sum" else float(len(value))
    return 0.0 if value is None else 1.0
