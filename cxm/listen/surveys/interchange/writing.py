"""Conditions and formulas as expressions of SurveyJS and XLSForm, and links as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from cxm.lib.conditions import Condition, text_of

from ..definition import Ending, Formula, Question
from ..runtime.prepared import FIELD
from .expressions import Dialect, Unsaid

ORDERS = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}


class Their(Struct, frozen=True):
    """How they write a field: `{q}` or `${q}`, and what kind of answer it has. `codes`: their values for ours."""

    text: str
    listed: bool = False
    codes: dict[str, Any] = {}


Lookup = Callable[[str], Their]  # of our field; raises Unsaid


class Writer:
    """One dialect."""

    def __init__(self, dialect: Dialect, lookup: Lookup) -> None:
        self.xpath = dialect == "xpath"
        self.lookup = lookup

    def condition(self, condition: Condition) -> str:
        """Raises Unsaid."""
        if condition.all is not None or condition.any is not None:
            branches = condition.all if condition.all is not None else condition.any or ()
            if not branches:
                return self._constant(condition.all is not None)
            word = " and " if condition.all is not None else " or "
            return "(" + word.join(self.condition(branch) for branch in branches) + ")"
        if condition.not_ is not None:
            return self._not(self.condition(condition.not_))
        return self._leaf(condition)

    def _constant(self, value: bool) -> str:
        return ("true()" if value else "false()") if self.xpath else ("1 = 1" if value else "1 = 0")

    def _not(self, text: str) -> str:
        if self.xpath:
            return f"not({text})"
        return f"!({text})"

    def _leaf(self, leaf: Condition) -> str:
        their = self.lookup(leaf.field)
        field, operator = their.text, leaf.operator
        values = [self._value(their.codes.get(text_of(value), value)) for value in leaf.values]
        if operator in ("is_set", "is_not_set"):
            if self.xpath:
                return f"{field} {'!=' if operator == 'is_set' else '='} ''"
            return f"{field} {'notempty' if operator == 'is_set' else 'empty'}"
        if operator in ORDERS:
            return self._any([f"{field} {ORDERS[operator]} {value}" for value in values])
        if operator in ("is", "is_not"):
            text = self._any([self._one(field, value, their.listed) for value in values])
            return text if operator == "is" else self._not(text)
        if operator == "includes_all":
            texts = [self._one(field, value, their.listed) for value in values]
            return "(" + " and ".join(texts) + ")" if len(texts) != 1 else texts[0]
        if operator in ("contains", "not_contains") and not their.listed:
            texts = [f"contains({field}, {value})" if self.xpath else f"{field} contains {value}" for value in values]
            return self._any(texts) if operator == "contains" else self._not(self._any(texts))
        if operator == "starts_with" and self.xpath:
            return self._any([f"starts-with({field}, {value})" for value in values])
        if operator == "ends_with" and self.xpath:
            return self._any([f"ends-with({field}, {value})" for value in values])
        if operator == "matches" and self.xpath:
            return self._any([f"regex({field}, {self._value(_whole(text_of(value)))})" for value in leaf.values])
        raise Unsaid(operator)

    def _one(self, field: str, value: str, listed: bool) -> str:
        if self.xpath:
            return f"selected({field}, {value})" if listed else f"{field} = {value}"
        return f"{field} contains {value}" if listed else f"{field} = {value}"

    def _any(self, texts: list[str]) -> str:
        return texts[0] if len(texts) == 1 else "(" + " or ".join(texts) + ")"

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return ("true()" if value else "false()") if self.xpath else ("true" if value else "false")
        if isinstance(value, int | float):
            return text_of(float(value))
        text = str(value)
        if self.xpath:
            if "'" in text and '"' in text:
                raise Unsaid("both kinds of quotes")
            return f'"{text}"' if "'" in text else f"'{text}'"
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def formula(self, formula: Formula) -> str:
        """Raises Unsaid."""
        parts = [self._part(part) for part in formula.of]
        signs = {"subtract": "-", "multiply": "*", "divide": "div" if self.xpath else "/"}
        if formula.do == "value" and len(parts) == 1:
            return parts[0]
        if formula.do == "add" and (self.xpath or len(parts) == 2):
            return "(" + " + ".join(parts) + ")"
        if formula.do in signs:
            return "(" + f" {signs[formula.do]} ".join(parts) + ")"
        functions = {"smallest": "min", "largest": "max"} if self.xpath else {
            "add": "sum", "average": "avg", "smallest": "min", "largest": "max",
        }  # fmt: skip
        if self.xpath and formula.do == "join":
            return f"concat({', '.join(parts)})"
        if formula.do in functions:
            return f"{functions[formula.do]}({', '.join(parts)})"
        raise Unsaid(formula.do)

    def _part(self, part: float | str | Formula) -> str:
        if isinstance(part, Formula):
            return self.formula(part)
        if isinstance(part, str):
            whole = FIELD.fullmatch(part)
            if whole and whole[2] is None:
                return self.lookup(whole[1]).text
            if FIELD.search(part):
                raise Unsaid("a text with answers in it")
        return self._value(part)


def _whole(pattern: str) -> str:
    """XPath's pattern has to fit the whole text; ours is found anywhere in it."""
    if pattern.startswith("^(?:") and pattern.endswith(")$"):
        return pattern[4:-2]
    start, end = ("" if pattern.startswith("^") else ".*"), ("" if pattern.endswith("$") else ".*")
    return f"{start}{pattern.removeprefix('^').removesuffix('$')}{end}"


def anchor(of: Ending | Question, code: str) -> str:
    """The link of an end screen or a statement; none for an address that waits for answers."""
    if not of.link or FIELD.search(of.link):
        return ""
    label = of.link_label.get(code) or of.link
    return f'<p><a href="{html.escape(of.link)}">{html.escape(label, quote=False)}</a></p>'
