"""Conditions: the one language in which surveys, segments and rules say "when". A small tree of JSON.

    {"all": [{"field": "answer.nps", "operator": "at_most", "values": [6]},
             {"not": {"field": "trait.plan", "operator": "is", "values": ["trial"]}}]}

`all`, `any` and `not` may be nested; a leaf names a field, an operator and values (several mean: any of them). What
fields there are depends on who asks; `holds` evaluates a tree in Python, `cxm.record.eventlog.membership` compiles it
to SQL, and a test holds the two against each other on random trees and random customers.

What a comparison means (docs/reference/conditions.md says it for people):

* A value is a list of **items**: a list has its own, anything else is a list of one. Missing values, empty texts and
  objects are no items. A leaf looks at each item by itself: `is`, `contains` … hold when they hold for **one** item and
  **one** of the wanted values, `includes_all` when each wanted value is an item. `is_not`, `not_contains` and
  `is_not_set` are exactly the opposite of `is`, `contains` and `is_set`: they hold for what is missing. No other does.
* Two values are **the same** if both are numbers and equal, else if their texts are, letter for letter. A text is a
  number if JSON would write that number so: "5", "-2.50", but not "1_0", "007", "+48", " 5", "1e3", "nan" or "٣". Yes
  and no are the texts "true" and "false", never numbers.
* **More and less**: two numbers as numbers; two dates (2026-03-01) or moments (2026-03-01T10:00:00Z) as text, so that
  moments should share a time zone. A day beside a moment is compared with the moment's day. Nothing else has an order:
  a word is neither more nor less than a number or another word.
* `contains`, `starts_with` and `ends_with` do not tell small letters from capitals; `is` and `matches` do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

Operator = Literal[
    "is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "matches", "at_least", "at_most",
    "more_than", "less_than", "is_set", "is_not_set", "includes_all",
]  # fmt: skip
ORDERS = frozenset({"at_least", "at_most", "more_than", "less_than"})
WITHOUT_VALUES = frozenset({"is_set", "is_not_set"})
DEEPEST = 20  # levels of nesting
MOST_LEAVES = 200
MOST_VALUES = 500  # of one leaf
LONGEST = 2000  # characters of a value
MOST_LETTERS = 30_000  # of the values of a leaf: a server of the log takes 128 KB for a parameter

# The engine of the log reads these too: nothing in them that RE2 and Python read differently.
NUMBER = r"^-?(0|[1-9][0-9]{0,299})(\.[0-9]{1,299})?$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]"
_number, _day, _moment = (re.compile(one.replace("$", r"\Z")) for one in (NUMBER, DAY, MOMENT))


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
Wanted = str | float | bool


def branches(condition: Condition) -> tuple[Condition, ...]:
    """What lies directly below; nothing below a leaf."""
    return (*(condition.all or ()), *(condition.any or ()), *((condition.not_,) if condition.not_ else ()))


def leaves(condition: Condition) -> Iterator[Condition]:
    """Every leaf, in order."""
    for branch in branches(condition):
        yield from leaves(branch)
    if condition.field:
        yield condition


def faults(condition: Condition, depth: int = 1) -> list[str]:
    """What is wrong with a tree, as codes; empty when it is sound. `conditions_form.explained` has the sentences.

    `shape`, `too_deep`, `too_many`, `values` (none, an empty one, too many or too long), `order` (more or less than
    what has no order), `pattern` (no regular expression), `days`.
    """
    if depth > DEEPEST:
        return ["too_deep"]
    given = [condition.all is not None, condition.any is not None, condition.not_ is not None, bool(condition.field)]
    if sum(given) != 1:
        return ["shape"]
    if condition.field:
        return list(_faults_of_leaf(condition))
    found = [fault for branch in branches(condition) for fault in faults(branch, depth + 1)]
    if depth == 1 and sum(1 for _ in leaves(condition)) > MOST_LEAVES:
        found.append("too_many")
    return found


def _faults_of_leaf(leaf: Condition) -> Iterator[str]:
    texts = [text_of(one) for one in leaf.values]
    if leaf.within_days is not None and not 0 < leaf.within_days <= 36_500:
        yield "days"
    if leaf.operator in WITHOUT_VALUES:
        return
    if (
        not texts
        or "" in texts
        or len(texts) > MOST_VALUES
        or any(len(one) > LONGEST for one in texts)
        or sum(map(len, texts)) > MOST_LETTERS
    ):
        yield "values"
    elif leaf.operator in ORDERS:
        if any(number_of(one) is None and not is_time(one) for one in leaf.values):
            yield "order"
    elif leaf.operator == "matches" and not all(map(is_pattern, texts)):
        yield "pattern"


def normal(condition: Condition) -> Condition:
    """A tree that means the same, without a `not` directly below a `not`."""
    if condition.not_ is not None:
        if condition.not_.not_ is not None:
            return normal(condition.not_.not_)
        return Condition(not_=normal(condition.not_))
    if condition.all is not None:
        return Condition(all=tuple(map(normal, condition.all)))
    if condition.any is not None:
        return Condition(any=tuple(map(normal, condition.any)))
    return condition


def holds(condition: Condition, value_of: Callable[[Condition], Value] | Mapping[str, Value]) -> bool:
    """Whether the tree is true. `value_of` is a mapping of fields, or a function of the leaf (for `within_days`).

    An empty `all` is true, an empty `any` is false.
    """
    if condition.all is not None:
        return all(holds(one, value_of) for one in condition.all)
    if condition.any is not None:
        return any(holds(one, value_of) for one in condition.any)
    if condition.not_ is not None:
        return not holds(condition.not_, value_of)
    value = value_of.get(condition.field) if isinstance(value_of, Mapping) else value_of(condition)
    return compare(value, condition.operator, condition.values)


def compare(value: Value, operator: Operator, wanted: tuple[Wanted, ...]) -> bool:
    """One comparison, as the head of this module defines it."""
    items = items_of(value)
    match operator:
        case "is_set":
            return bool(items) or _has_object(value)
        case "is_not_set":
            return not items and not _has_object(value)
        case "is":
            return any(same(one, other) for one in items for other in wanted)
        case "is_not":
            return not any(same(one, other) for one in items for other in wanted)
        case "includes_all":
            return bool(items) and all(any(same(one, other) for one in items) for other in wanted)
        case "matches":
            return any(matches(text_of(other), text_of(one)) for one in items for other in wanted)
        case "at_least" | "at_most" | "more_than" | "less_than":
            return any(_ordered(one, operator, other) for one in items for other in wanted)
    texts, parts = [folded(text_of(one)) for one in items], [folded(text_of(other)) for other in wanted]
    match operator:
        case "contains":
            return any(part in text for text in texts for part in parts)
        case "not_contains":
            return not any(part in text for text in texts for part in parts)
        case "starts_with":
            return any(text.startswith(part) for text in texts for part in parts)
        case "ends_with":
            return any(text.endswith(part) for text in texts for part in parts)


def items_of(value: Any) -> list[Wanted]:
    """What can be compared: lists are taken apart, what is missing and objects are left out."""
    if isinstance(value, list | tuple):
        return [item for one in value for item in items_of(one)]
    return [] if value is None or value == "" or isinstance(value, Mapping) else [value]


def _has_object(value: Any) -> bool:
    """An answer to a matrix, or an object as a trait: something is there, though nothing that can be compared."""
    if isinstance(value, list | tuple):
        return any(map(_has_object, value))
    return isinstance(value, Mapping) and any(items_of(one) or _has_object(one) for one in value.values())


def same(one: Any, other: Any) -> bool:
    first, second = number_of(one), number_of(other)
    if first is not None and second is not None:
        return first == second
    left, right = text_of(one), text_of(other)
    return left == right or (is_time(left) and is_time(right) and len(_at(left, right)) == 10 and
                             _at(left, right) == _at(right, left))  # fmt: skip


def _ordered(one: Any, operator: str, other: Any) -> bool:
    first: Any = number_of(one)
    second: Any = number_of(other)
    if first is None and second is None and is_time(one) and is_time(other):
        first, second = _at(one, other), _at(other, one)
    if first is None or second is None:
        return False
    match operator:
        case "at_least":
            return bool(first >= second)
        case "at_most":
            return bool(first <= second)
        case "more_than":
            return bool(first > second)
        case _:
            return bool(first < second)


def is_time(value: Any) -> bool:
    """A day (2026-03-01), or a moment that begins with one."""
    return isinstance(value, str) and bool(_day.match(value) or _moment.match(value))


def _at(one: str, beside: str) -> str:
    """A time as text; its day, where the other is a day."""
    return one[:10] if _day.match(beside) else one


def number_of(value: Any) -> float | None:
    """Of a number, or of a text that JSON would write a number as. None for anything else, and for what is infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _number.match(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def text_of(value: Any) -> str:
    """true, 3, 2.5, 0.0000001: a number is written as `NUMBER` reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return str(value)


def folded(text: str) -> str:
    """For comparing without regard to capitals."""
    return text.casefold()


def is_pattern(pattern: str) -> bool:
    import regex

    try:
        regex.compile(pattern)
    except regex.error:
        return False
    return True


def matches(pattern: str, text: str) -> bool:
    """A regular expression found anywhere in the text; a pattern that is wrong or takes too long matches nothing."""
    import regex

    try:
        return regex.search(pattern, text, timeout=0.05) is not None
    except (regex.error, TimeoutError):
        return False
