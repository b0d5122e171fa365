"""Conditions of QSF (display, branch and skip logic, quotas) as ours. Only what can be said; Unsaid for the rest.

A logic holds sets by number, a set holds expressions by number; each but the first says whether it is joined by And or
Or, and And binds closer, among sets as well as within one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from cxm.lib.conditions import Condition, Operator, text_of

from .expressions import Unsaid
from .reading import all_of, any_of
from .surveyjs_names import is_text, number_in

LOCATOR = re.compile(r"q://(?P<question>[^/]+)/(?P<what>[A-Za-z]+)(?:/(?P<rest>.*))?")
OPERATORS: dict[str, Operator] = {
    "EqualTo": "is", "NotEqualTo": "is_not", "GreaterThan": "more_than", "GreaterThanOrEqual": "at_least",
    "LessThan": "less_than", "LessThanOrEqual": "at_most", "Empty": "is_not_set", "NotEmpty": "is_set",
    "Contains": "contains", "DoesNotContain": "not_contains", "MatchesRegex": "matches",
}  # fmt: skip
ORDERS = ("more_than", "at_least", "less_than", "at_most")
# What a term, a set and a logic may hold; descriptions say the same in words.
TERM = frozenset({
    "LogicType", "QuestionID", "QuestionIsInLoop", "ChoiceLocator", "Operator", "QuestionIDFromLocator", "LeftOperand",
    "RightOperand", "Type", "Description", "Conjuction", "Conjunction",
})  # fmt: skip


class Place(Struct, frozen=True):
    """Where a locator points. `field`: an answer or a part of it. `choice`: what of it must be chosen, if anything."""

    field: str
    choice: str | float | None = None


Locate = Callable[[str, str, list[str]], Place]  # question, what, the rest of a locator; raises Unsaid
Embedded = Callable[[str], str]  # the field of an embedded datum; raises Unsaid


def condition_of_logic(logic: Any, locate: Locate, embedded: Embedded) -> Condition:
    """Raises Unsaid when any part of it cannot be said."""
    sets: list[tuple[bool, Condition]] = []
    for one in _numbered(logic):
        terms = [
            (str(term.get("Conjuction") or term.get("Conjunction") or "And").lower() == "or",
             _expression(term, locate, embedded))
            for term in _numbered(one)
            if term.get("_HiddenExpression") not in (True, "true")
        ]  # fmt: skip
        if terms:
            sets.append((str(one.get("Type")) in ("OrIf", "ElseIf"), _joined(terms)))
    if not sets:
        raise Unsaid("no condition")
    return _joined(sets)


def unread(logic: Any) -> Iterator[tuple[str, Any]]:
    """What of a logic says something that `condition_of_logic` does not take: name and value."""
    if not isinstance(logic, dict):
        return
    sets = [one for key, one in logic.items() if str(key).isdecimal() and isinstance(one, dict)]
    terms = [term for one in sets for key, term in one.items() if str(key).isdecimal() and isinstance(term, dict)]
    levels = ((sets, frozenset({"Type"})), (terms, TERM), ([logic], frozenset({"Type"})))
    for nodes, known in levels:
        for node in nodes:
            yield from ((key, one) for key, one in node.items() if key not in known and not str(key).isdecimal())


def _numbered(node: Any) -> list[dict[str, Any]]:
    """The objects under keys that are numbers, in their order."""
    if isinstance(node, list):
        return [one for one in node if isinstance(one, dict)]
    if not isinstance(node, dict):
        raise Unsaid("no condition")
    keys = sorted((key for key in node if str(key).isdecimal()), key=int)
    return [node[key] for key in keys if isinstance(node[key], dict)]


def _joined(terms: list[tuple[bool, Condition]]) -> Condition:
    groups: list[list[Condition]] = [[]]
    for number, (is_or, term) in enumerate(terms):
        if is_or and number:
            groups.append([])
        groups[-1].append(term)
    return any_of(all_of(one) for one in groups)


def _expression(term: dict[str, Any], locate: Locate, embedded: Embedded) -> Condition:
    left, kind = text_of(term.get("LeftOperand") or term.get("ChoiceLocator") or ""), term.get("LogicType")
    operator, right = text_of(term.get("Operator") or ""), term.get("RightOperand")
    if kind == "EmbeddedField":
        return compared(embedded(left), operator, right)
    if kind == "Question" or left.startswith("q://"):
        return located(left, operator, right, locate)
    raise Unsaid(f"{kind} {left}")


def located(locator: str, operator: str, right: Any, locate: Locate) -> Condition:
    found = LOCATOR.fullmatch(locator)
    if not found:
        raise Unsaid(locator)
    rest = [unquote(one) for one in (found["rest"] or "").split("/") if one]
    place = locate(unquote(found["question"]), found["what"], rest)
    if place.choice is None:
        return compared(place.field, operator, right)
    if operator not in ("Selected", "NotSelected"):
        raise Unsaid(operator)
    chosen = Condition(field=place.field, values=(place.choice,))
    return chosen if operator == "Selected" else Condition(not_=chosen)


def compared(field: str, operator: str, right: Any) -> Condition:
    found = OPERATORS.get(operator)
    if found is None:
        raise Unsaid(operator)
    if found in ("is_set", "is_not_set"):
        return Condition(field=field, operator=found)
    if not is_text(right) or "${" in text_of(right) or "$e{" in text_of(right):
        raise Unsaid("a comparison with something else than a value")
    value = text_of(right)
    if not value:
        raise Unsaid("a comparison with nothing")
    if found in ORDERS:
        number = number_in(value)
        if number is None:
            raise Unsaid(f"{value} is no number")
        return Condition(field=field, operator=found, values=(number,))
    if found == "matches" and (wrapped := re.fullmatch(r"/(.*)/([a-z]*)", value, re.DOTALL)):
        value = f"(?i){wrapped[1]}" if "i" in wrapped[2] else wrapped[1]
    return Condition(field=field, operator=found, values=(value,))
