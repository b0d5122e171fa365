"""Expressions of SurveyJS, XLSForm (XPath) and LimeSurvey, read into one tree, and into conditions and formulas.

Only what the other side can say is translated; `Unsaid` is raised for the rest, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from cxm.lib.conditions import Condition, Operator

from ..definition import Formula

DEEPEST = 40
LONGEST = 10_000
Dialect = Literal["surveyjs", "xpath", "lime"]


class Unsaid(Exception):
    """An expression that cannot be said in our conditions, or is none."""


class Const(Struct, frozen=True):
    value: Any  # text, number, truth value, None, or a list of these


class Name(Struct, frozen=True):
    name: str


class Op(Struct, frozen=True):
    """`do`: or, and, not, =, <>, <, <=, >, >=, contains, notcontains, anyof, allof, noneof, empty, notempty, + - * / %
    ^, or `call <function>`."""

    do: str
    args: tuple[Any, ...]


Node = Const | Name | Op

TOKEN = {
    "surveyjs": re.compile(
        r"""\s*(?:(?P<name>\{[^{}]+\})|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)
        |(?P<op><=|>=|<>|!=|==|&&|\|\||[-+*/%^()\[\],<>=!])|(?P<word>[A-Za-z_][\w.]*))""",
        re.VERBOSE,
    ),
    "xpath": re.compile(
        r"""\s*(?:(?P<name>\$\{[^{}]+\}|(?:\.\./)+[A-Za-z_][\w.-]*|\.(?![\d.]))|(?P<text>'[^']*'|"[^"]*"|‘[^’]*’|“[^”]*”)
        |(?P<number>\d+(?:\.\d+)?|\.\d+)
        |(?P<op><=|>=|!=|[-+*()\[\],<>=|])|(?P<word>[A-Za-z_][\w.-]*))""",
        re.VERBOSE,
    ),
    "lime": re.compile(
        r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<word>\d+X\d+X\w+(?:\#\d)?(?:\.[A-Za-z]+)?|[A-Za-z_]\w*(?:\.[A-Za-z]+)?)
        |(?P<number>\d+(?:\.\d+)?)|(?P<op><=|>=|!=|==|&&|\|\||[-+*/(),<>=!]))""",
        re.VERBOSE,
    ),
}
WORDS = {
    "or": "or", "and": "and", "equal": "=", "notequal": "<>", "less": "<", "lessorequal": "<=", "greater": ">",
    "greaterorequal": ">=", "contains": "contains", "contain": "contains", "notcontains": "notcontains",
    "notcontain": "notcontains", "anyof": "anyof", "allof": "allof", "noneof": "noneof", "power": "^",
}  # fmt: skip
LIME = {"or": "or", "and": "and", "eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SIGNS = {"==": "=", "!=": "<>", "&&": "and", "||": "or"}
LEVELS = [
    frozenset({"or"}), frozenset({"and"}),
    frozenset({"=", "<>", "<", "<=", ">", ">=", "contains", "notcontains", "anyof", "allof", "noneof"}),
    frozenset({"+", "-"}), frozenset({"*", "/", "%"}), frozenset({"^"}),
]  # fmt: skip


class _Parser:
    def __init__(self, text: str, dialect: Dialect) -> None:
        self.dialect = dialect
        self.tokens = self._tokens(text)
        self.at = 0
        self.depth = 0

    def _tokens(self, text: str) -> list[tuple[str, str]]:
        if len(text) > LONGEST:
            raise Unsaid("too long")
        found, at, end = [], 0, len(text.rstrip())
        while at < end:
            match = TOKEN[self.dialect].match(text, at)
            if not match or match.end() == at:
                raise Unsaid(f"cannot read {text[at : at + 20]!r}")
            kind = str(match.lastgroup)
            found.append((kind, match[kind]))
            at = match.end()
        return found

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, sign: str) -> None:
        if self.next() != ("op", sign):
            raise Unsaid(f"{sign} is missing")

    def whole(self) -> Node:
        node = self.level(0)
        if self.peek()[0] != "end":
            raise Unsaid(f"{self.peek()[1]!r} is left over")
        return node

    def operator(self) -> str:
        """The operator that stands here, as a name of the tree; empty: none."""
        kind, text = self.peek()
        if kind == "op":
            return SIGNS.get(text, text)
        if kind != "word":
            return ""
        if self.dialect == "xpath":
            return {"or": "or", "and": "and", "div": "/", "mod": "%"}.get(text, "")
        if self.dialect == "lime":
            return LIME.get(text.lower(), "")
        return WORDS.get(text.lower(), "")

    def level(self, number: int) -> Node:
        self.depth += 1
        if self.depth > DEEPEST * len(LEVELS):
            raise Unsaid("too deep")
        try:
            if number == len(LEVELS):
                return self.unary()
            node = self.level(number + 1)
            while (operator := self.operator()) in LEVELS[number]:
                self.next()
                node = Op(operator, (node, self.level(number + 1)))
            return node
        finally:
            self.depth -= 1

    def unary(self) -> Node:
        kind, text = self.peek()
        if kind == "op" and text == "!":
            self.next()
            return Op("not", (self.unary(),))
        if kind == "op" and text == "-":
            self.next()
            inner = self.unary()
            if isinstance(inner, Const) and isinstance(inner.value, float):
                return Const(-inner.value)
            return Op("-", (Const(0.0), inner))
        if kind == "word" and text.lower() == "negate":
            self.next()
            return Op("not", (self.unary(),))
        node = self.primary()
        while (
            self.dialect == "surveyjs" and self.peek()[0] == "word" and self.peek()[1].lower() in ("empty", "notempty")
        ):
            node = Op(self.next()[1].lower(), (node,))
        return node

    def primary(self) -> Node:
        kind, text = self.next()
        if kind == "name":
            return Name(text[text.index("{") + 1 : -1].strip() if "{" in text else text.removeprefix("../") or text)
        if kind == "text":
            body = text[1:-1]
            return Const(re.sub(r"\\(.)", r"\1", body) if self.dialect == "surveyjs" else body)
        if kind == "number":
            return Const(float(text))
        if kind == "op" and text == "(":
            node = self.level(0)
            self.expect(")")
            return node
        if kind == "op" and text == "[" and self.dialect == "surveyjs":
            items = self.arguments("]")
            if not all(isinstance(item, Const) for item in items):
                raise Unsaid("a list of something else than values")
            return Const([item.value for item in items if isinstance(item, Const)])
        if kind == "word":
            if self.peek() == ("op", "("):
                self.next()
                return Op(f"call {text}", tuple(self.arguments(")")))
            if self.dialect == "lime":
                return Name(text)
            known = {"true": True, "false": False, "undefined": None, "null": None}
            if self.dialect == "surveyjs":
                return Const(known.get(text.lower(), text))  # a bare word is a text there
        raise Unsaid(f"{text or 'something'} is out of place")

    def arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        if self.peek() == ("op", end):
            self.next()
            return found
        while True:
            found.append(self.level(0))
            sign = self.next()
            if sign == ("op", end):
                return found
            if sign != ("op", ","):
                raise Unsaid(f"{end} is missing")


def parse(text: str, dialect: Dialect) -> Node:
    """Raises Unsaid."""
    return _Parser(text, dialect).whole()


class Field(Struct, frozen=True):
    """What a name stands for. `listed`: its answer is a list. `codes`: our values for theirs."""

    name: str
    listed: bool = False
    truth: bool = False
    codes: dict[str, Any] = {}
    count: str = ""  # the field of how many there are, where the name does not say it


Resolve = Callable[[str], Field]  # raises Unsaid for names that mean nothing to us

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
ORDERS: dict[str, Operator] = {"<": "less_than", "<=": "at_most", ">": "more_than", ">=": "at_least"}


def condition_of(node: Node, resolve: Resolve) -> Condition:
    """Raises Unsaid."""
    if isinstance(node, Const):
        return Condition(all=()) if node.value else Condition(any=())
    if isinstance(node, Name):
        field = resolve(node.name)
        return (
            Condition(field=field.name, values=(True,))
            if field.truth
            else Condition(field=field.name, operator="is_set")
        )
    if node.do in ("and", "or"):
        branches = tuple(branch for arg in node.args for branch in _branches(condition_of(arg, resolve), node.do))
        return Condition(all=branches) if node.do == "and" else Condition(any=branches)
    if node.do == "not":
        return Condition(not_=condition_of(node.args[0], resolve))
    if node.do.startswith("call "):
        return _call(node.do[5:].lower(), node.args, resolve)
    if node.do in ("empty", "notempty"):
        return Condition(
            field=_field(node.args[0], resolve).name, operator="is_not_set" if node.do == "empty" else "is_set"
        )
    if len(node.args) != 2:
        raise Unsaid(node.do)
    return _comparison(node.do, node.args[0], node.args[1], resolve)


def _branches(condition: Condition, do: str) -> tuple[Condition, ...]:
    """Nested ands and ors of one kind become one."""
    inner = condition.all if do == "and" else condition.any
    return inner if inner else (condition,)


def _call(name: str, args: tuple[Node, ...], resolve: Resolve) -> Condition:
    if name == "not" and len(args) == 1:
        return Condition(not_=condition_of(args[0], resolve))
    if name == "is_empty" and len(args) == 1:
        return Condition(field=_field(args[0], resolve).name, operator="is_not_set")
    if name in ("true", "false") and not args:
        return Condition(all=()) if name == "true" else Condition(any=())
    if name == "selected" and len(args) == 2:
        return _comparison("anyof", args[0], args[1], resolve)
    if name == "boolean" and len(args) == 1:
        return condition_of(args[0], resolve)
    if name in ("contains", "starts-with", "ends-with", "regex") and len(args) == 2 and isinstance(args[1], Const):
        operators: dict[str, Operator] = {
            "contains": "contains",
            "starts-with": "starts_with",
            "ends-with": "ends_with",
            "regex": "matches",
        }
        text = str(args[1].value)
        if name == "regex":  # XPath's has to fit the whole text
            text = f"^(?:{text})$"
        return Condition(field=_field(args[0], resolve).name, operator=operators[name], values=(text,))
    raise Unsaid(f"{name}()")


def _field(node: Node, resolve: Resolve) -> Field:
    if isinstance(node, Name):
        return resolve(node.name)
    if isinstance(node, Op) and len(node.args) == 1 and isinstance(node.args[0], Name):
        call, field = node.do.lower(), resolve(node.args[0].name)
        if call == "call count-selected" and (field.count or field.name.startswith("answer.")):
            return Field(field.count or "count." + field.name[len("answer.") :])
        if call in ("call string", "call number", "call int"):
            return field
    raise Unsaid("a comparison of something else than one answer")


def _comparison(do: str, left: Node, right: Node, resolve: Resolve) -> Condition:
    if isinstance(left, Const) and not isinstance(right, Const) and do in FLIPPED:
        do, left, right = FLIPPED[do], right, left
    if isinstance(right, Op) and right.do in ("call true", "call false"):
        right = Const(right.do == "call true")
    if not isinstance(right, Const):
        raise Unsaid("a comparison with something else than a value")
    field = _field(left, resolve)
    items = right.value if isinstance(right.value, list) else [right.value]
    if any(item is None or item == "" for item in items):
        if do in ("=", "<>") and len(items) == 1:
            return Condition(field=field.name, operator="is_not_set" if do == "=" else "is_set")
        raise Unsaid("a comparison with nothing")
    values = tuple(_code(field, item) for item in items)
    if do in ORDERS:
        return Condition(field=field.name, operator=ORDERS[do], values=values)
    several = isinstance(right.value, list)
    if several and do in ("=", "<>"):
        raise Unsaid("a list that must be the same")
    if do in ("contains", "notcontains") and not field.listed:
        return Condition(field=field.name, operator="contains" if do == "contains" else "not_contains", values=values)
    operators: dict[str, Operator] = {"=": "is", "<>": "is_not", "anyof": "is", "noneof": "is_not",
                                      "allof": "includes_all",
                                      "contains": "includes_all"}  # fmt: skip
    if do == "notcontains":
        return Condition(not_=Condition(field=field.name, operator="includes_all", values=values))
    if do not in operators:
        raise Unsaid(do)
    return Condition(
        field=field.name, operator="is" if do == "contains" and len(values) == 1 else operators[do], values=values
    )


def _code(field: Field, value: Any) -> str | float | bool:
    from cxm.lib.conditions import text_of

    if (known := field.codes.get(text_of(value))) is not None:
        return known if isinstance(known, bool) else str(known)
    return value if isinstance(value, bool | float) else str(value)


def formula_of(node: Node, resolve: Resolve) -> Formula:
    """Arithmetic and joining. Raises Unsaid."""
    part = _part(node, resolve)
    return part if isinstance(part, Formula) else Formula("value", [part])


def branches_of(node: Node, function: str, resolve: Resolve) -> list[tuple[Condition | None, Formula]]:
    """`iif(when, a, b)` as what holds always and then what replaces it, in the order of rules. Raises Unsaid."""
    if isinstance(node, Op) and node.do.lower() == f"call {function}" and len(node.args) == 3:
        when, then, otherwise = node.args
        return [
            *branches_of(otherwise, function, resolve),
            (condition_of(when, resolve), formula_of(then, resolve)),
        ]
    return [(None, formula_of(node, resolve))]


ARITHMETIC: dict[str, Any] = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
FUNCTIONS: dict[str, Any] = {
    "sum": "add", "avg": "average", "min": "smallest", "max": "largest", "count": "count", "concat": "join",
}  # fmt: skip


def _part(node: Node, resolve: Resolve) -> float | str | Formula:
    if isinstance(node, Const):
        if isinstance(node.value, bool | list) or node.value is None:
            raise Unsaid("a value that is no number and no text")
        return float(node.value) if isinstance(node.value, int | float) else str(node.value)
    if isinstance(node, Name):
        return "{" + resolve(node.name).name + "}"
    if node.do in ARITHMETIC and len(node.args) == 2:
        return Formula(ARITHMETIC[node.do], [_part(arg, resolve) for arg in node.args])
    name = node.do[5:].lower() if node.do.startswith("call ") else ""
    if name in FUNCTIONS:
        return Formula(FUNCTIONS[name], [_part(arg, resolve) for arg in node.args])
    if name in ("number", "int", "string") and len(node.args) == 1:
        return _part(node.args[0], resolve)
    raise Unsaid(node.do.removeprefix("call "))
