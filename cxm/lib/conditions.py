"""Conditions: the one language in which surveys, segments and rules say "when". A small tree of JSON.

    {"all": [{"field": "answer.nps", "operator": "at_most", "values": [6]},
             {"not": {"field": "trait.plan", "operator": "is", "values": ["trial"]}}]}

`all`, `any` and `not` may be nested; a leaf names a field, an operator and values (several mean: any of them). What
fields there are depends on who asks; `holds` evaluates a tree in Python, `cxm.record.eventlog` compiles it to SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct, field

Operator = Literal[
    "is", "is_not", "contains", "not_contains", "starts_with", "matches", "at_least", "at_most", "more_than",
    "less_than", "is_set", "is_not_set", "includes_all",
]  # fmt: skip
DEEPEST = 20  # levels of nesting
MOST_LEAVES = 200


class Condition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly one of `all`, `any`, `not` or `field` is given."""

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = field(default=None, name="not")
    field: str = ""
    operator: Operator = "is"
    values: tuple[str | float | bool, ...] = ()
    within_days: int | None = None  # of an event: only what happened in so many days before now


Value = str | float | bool | None | list[Any] | dict[str, Any]


def leaves(condition: Condition) -> Iterator[Condition]:
    """Every leaf, in order."""
    for branch in (*(condition.all or ()), *(condition.any or ()), *((condition.not_,) if condition.not_ else ())):
        yield from leaves(branch)
    if condition.field:
        yield condition


def faults(condition: Condition, depth: int = 1) -> list[str]:
    """What is wrong with the shape of a tree, as codes: `shape`, `too_deep`, `too_many`, `values`; empty when sound."""
    if depth > DEEPEST:
        return ["too_deep"]
    given = [condition.all is not None, condition.any is not None, condition.not_ is not None, bool(condition.field)]
    if sum(given) != 1:
        return ["shape"]
    if condition.field:
        without = condition.operator in ("is_set", "is_not_set")
        return [] if without or condition.values else ["values"]
    found = [
        fault
        for branch in (*(condition.all or ()), *(condition.any or ()), *((condition.not_,) if condition.not_ else ()))
        for fault in faults(branch, depth + 1)
    ]
    if depth == 1 and sum(1 for _ in leaves(condition)) > MOST_LEAVES:
        found.append("too_many")
    return found


def holds(condition: Condition, value_of: Callable[[Condition], Value] | Mapping[str, Value]) -> bool:
    """Whether the tree is true. `value_of` is a mapping of fields, or a function of the leaf (for `within_days`).

    A value that is missing (None, empty text, empty list) is not set; of the comparisons only `is_not`,
    `not_contains` and `is_not_set` hold for it. An empty `all` is true, an empty `any` is false.
    """
    if condition.all is not None:
        return all(holds(one, value_of) for one in condition.all)
    if condition.any is not None:
        return any(holds(one, value_of) for one in condition.any)
    if condition.not_ is not None:
        return not holds(condition.not_, value_of)
    value = value_of.get(condition.field) if isinstance(value_of, Mapping) else value_of(condition)
    return compare(value, condition.operator, condition.values)


def compare(value: Value, operator: Operator, wanted: tuple[str | float | bool, ...]) -> bool:
    """One comparison. A list value (several choices) `is` what it holds: any of its items is any of the wanted."""
    items = [one for one in (value if isinstance(value, list) else [value]) if one is not None and one != ""]
    match operator:
        case "is_set":
            return bool(items)
        case "is_not_set":
            return not items
        case "is":
            return any(same(one, other) for one in items for other in wanted)
        case "is_not":
            return not any(same(one, other) for one in items for other in wanted)
        case "includes_all":
            return bool(items) and all(any(same(one, other) for one in items) for other in wanted)
        case "contains":
            return any(text_of(other).casefold() in text_of(one).casefold() for one in items for other in wanted)
        case "not_contains":
            return not any(text_of(other).casefold() in text_of(one).casefold() for one in items for other in wanted)
        case "starts_with":
            return any(
                text_of(one).casefold().startswith(text_of(other).casefold()) for one in items for other in wanted
            )
        case "matches":
            return any(matches(text_of(other), text_of(one)) for one in items for other in wanted)
        case "at_least" | "at_most" | "more_than" | "less_than":
            return any(_ordered(one, operator, wanted[0]) for one in items)


def same(one: Any, other: Any) -> bool:
    """Equal as numbers where both are numbers, else as text."""
    first, second = number_of(one), number_of(other)
    if first is not None and second is not None:
        return first == second
    return text_of(one) == text_of(other)


def _ordered(one: Any, operator: Operator, other: Any) -> bool:
    first: Any = number_of(one)
    second: Any = number_of(other)
    if first is None or second is None:  # dates in ISO 8601 compare as text; a word and a number do not compare
        if not (isinstance(one, str) and isinstance(other, str)) or (first is None) != (second is None):
            return False
        first, second = one, other
    match operator:
        case "at_least":
            return bool(first >= second)
        case "at_most":
            return bool(first <= second)
        case "more_than":
            return bool(first > second)
        case _:
            return bool(first < second)


def number_of(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def text_of(value: Any) -> str:
    """As JSON and the log's SQL write it: true, 3, 2.5."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def matches(pattern: str, text: str) -> bool:
    """A regular expression found anywhere in the text; a pattern that is wrong or takes too long matches nothing."""
    import regex

    try:
        return regex.search(pattern, text, timeout=0.05) is not None
    except (regex.error, TimeoutError):
        return False
