"""The form in which people write conditions: a tree of rows and groups that works without scripts.

Every button of it is a submit button: the page is shown again with a row more or less, and htmx does the same without
a new page. A view gives the fields that may be named and includes `components/conditions.html`:

    form = ConditionForm.read(request.POST, fields, prefix="when") if request.method == "POST" \\
        else ConditionForm(fields, condition, prefix="when")
    if request.method == "POST" and not form.changed and form.is_valid():
        save(form.condition)  # None: no condition at all
    return render(request, "…", {"form": form}, status=422 if form.problems else 200)

    {% include "components/conditions.html" with form=form %}  {# inside <form method="post"> #}
    {% include "components/conditions_said.html" with form=form %}  {# the same in words, to be read #}

`changed` means that somebody asked for another row, not to save: show the page again with everything else that was
sent, with status 200. What is sent: for each node at a path such as 0.2.1 (the tree is at 0) either `PREFIX-PATH-join`,
or `-field`, `-shown` (the field that the row was shown for), `-operator`, `-value` (repeated), `-within` and `-not`;
and `PREFIX-do`, a button: `add:0.2`, `group:0.2`, `remove:0.2.1`, `negate:0.2.1`, `or:0.2.1`, `show:0.2.1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Literal, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from .conditions import DEEPEST, MOST_LEAVES, ORDERS, WITHOUT_VALUES, Condition, faults, normal, number_of, text_of

Kind = Literal["text", "number", "yes_no", "date", "choice"]
Join = Literal["all", "any", "not_any", "not_all"]
MOST_ROWS = 150  # in a form: Django takes a thousand fields
DEEPEST_GROUP = 5  # to which the form offers another group; what is deeper already can be seen and changed
COMPARISONS: Mapping[str, tuple[str, ...]] = {
    "text": (
        "is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "matches", "is_set", "is_not_set",
    ),
    "number": ("is", "is_not", "at_least", "at_most", "more_than", "less_than", "is_set", "is_not_set"),
    "yes_no": ("is", "is_set", "is_not_set"),
    "date": ("is", "is_not", "at_least", "at_most", "more_than", "less_than", "is_set", "is_not_set"),
    "choice": ("is", "is_not", "is_set", "is_not_set"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """What a condition may ask for. `many`: it holds several values at once; `counted`: how often in so many days.

    `without` leaves out operators that the field cannot be asked with.
    """

    name: str
    label: str
    kind: Kind = "text"
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    many: bool = False
    counted: bool = False
    without: frozenset[str] = frozenset()

    @property
    def operators(self) -> tuple[str, ...]:
        found = COMPARISONS[self.kind]
        if self.many:
            found = (*found[:2], "includes_all", *found[2:])
        if self.counted:  # an event that never happened was counted too: it happened 0 times
            found = tuple(one for one in found if one not in WITHOUT_VALUES)
        return tuple(one for one in found if one not in self.without)


class Sent(Protocol):
    """A QueryDict."""

    def getlist(self, key: str) -> list[Any]: ...
    def get(self, key: str) -> Any: ...
    def __iter__(self) -> Iterator[str]: ...


@dataclass(slots=True)
class Row:
    """A leaf as it is typed."""

    form: ConditionForm
    asked: Field
    operator: str = ""
    values: list[str] = field(default_factory=list)
    within: str = ""
    negated: bool = False
    problem: str = ""
    focused: bool = False
    path: str = ""
    is_group: bool = False

    @property
    def key(self) -> str:
        return f"{self.form.prefix}-{self.path}"

    @property
    def number(self) -> str:
        """What people call the row: 2.1."""
        return _counted(self.path)

    @property
    def operators(self) -> list[tuple[str, str]]:
        codes = self.asked.operators
        if self.operator and self.operator not in codes:
            codes = (*codes, self.operator)
        return [(code, operator_label(code, self.asked)) for code in codes]

    @property
    def is_foreign(self) -> bool:
        """Not among the fields that are offered."""
        return bool(self.asked.name) and not self.form.offers(self.asked.name)

    @property
    def takes_choices(self) -> bool:
        """Whether a value is one of the choices, not a part of its name."""
        return self.operator in ("is", "is_not", "includes_all")

    @property
    def takes_values(self) -> bool:
        return self.operator not in WITHOUT_VALUES

    @property
    def takes_more(self) -> bool:
        """Whether another value makes sense: "is A or B", but not "is at least 3 or 5", nor "is yes or no"."""
        return self.operator not in ORDERS and self.asked.kind != "yes_no" and not self.asked.counted

    @property
    def shown_values(self) -> list[str]:
        given = self.values or [""]
        return given if self.takes_more else given[:1]

    @property
    def choices(self) -> list[tuple[str, str]]:
        if self.asked.kind == "yes_no":
            return [("true", pgettext("an answer", "yes")), ("false", pgettext("an answer", "no"))]
        known = {code for code, _label in self.asked.choices}
        return [*self.asked.choices, *((one, one) for one in self.values if one and one not in known)]

    @property
    def sentence(self) -> str:
        """The condition in words: Plan is pro or team."""
        named = dict(self.choices) if self.asked.kind in ("yes_no", "choice") and self.takes_choices else {}
        values = [named.get(one, one) for one in self.shown_values if one] if self.takes_values else []
        words = {"field": self.asked.label, "comparison": operator_label(self.operator, self.asked)}
        text = _("%(field)s %(comparison)s") % words
        if values:
            either = values[0]
            for one in values[1:]:
                pair = {"one": either, "other": one}
                either = _("%(one)s and %(other)s") % pair if self.operator == "includes_all" else (
                    _("%(one)s or %(other)s") % pair
                )  # fmt: skip
            text = _("%(field)s %(comparison)s %(values)s") % {**words, "values": either}
            if self.asked.counted and self.operator in COUNTS:
                text = _("%(event)s: %(comparison)s %(count)s times") % {
                    "event": self.asked.label, "comparison": operator_words(self.operator), "count": either
                }  # fmt: skip
        if self.within:
            text = _("%(sentence)s in the last %(days)s days") % {"sentence": text, "days": self.within}
        return _("not: %(sentence)s") % {"sentence": text} if self.negated else text


@dataclass(slots=True)
class Group:
    form: ConditionForm
    join: Join = "all"
    children: list[Row | Group] = field(default_factory=list)
    focused: bool = False
    path: str = ""
    is_group: bool = True

    @property
    def key(self) -> str:
        return f"{self.form.prefix}-{self.path}"

    @property
    def number(self) -> str:
        return _counted(self.path)

    @property
    def is_root(self) -> bool:
        return "." not in self.path

    @property
    def takes_groups(self) -> bool:
        return self.path.count(".") < DEEPEST_GROUP

    @property
    def joins(self) -> list[tuple[Join, str]]:
        return [
            ("all", _("All of these hold")), ("any", _("At least one of these holds")),
            ("not_any", _("None of these holds")), ("not_all", _("Not all of these hold")),
        ]  # fmt: skip

    @property
    def sentence(self) -> str:
        return dict(self.joins)[self.join]


def _counted(path: str) -> str:
    return ".".join(str(int(part) + 1) for part in path.split(".")[1:])


@dataclass(init=False)
class ConditionForm:
    """See the head of this module."""

    prefix: str
    fields: Sequence[Field]
    root: Group
    changed: bool = (
        False  # a button of the form was pressed, or a row names another field than the one it was shown for
    )
    problems: list[str] = field(default_factory=list)  # of the whole; each row has its own
    nothing: str = ""  # what to say where there is no row
    address: str = ""  # where its buttons send the page to; empty: to the page's own address

    def __init__(self, fields: Sequence[Field], condition: Condition | None = None, *, prefix: str = "when") -> None:
        self.prefix, self.fields, self.problems = prefix, fields, []
        self._by_name = {one.name: one for one in fields}
        root = self._shown(normal(condition)) if condition is not None else Group(self)
        self.root = root if isinstance(root, Group) else Group(self, "all", [root])
        self._number()

    @classmethod
    def read(cls, sent: Sent, fields: Sequence[Field], *, prefix: str = "when") -> ConditionForm:
        form = cls(fields, prefix=prefix)
        form._read(sent)
        form._number()
        return form

    @property
    def id(self) -> str:
        return f"{self.prefix}-conditions"

    @property
    def grouped(self) -> list[tuple[str, list[Field]]]:
        """The fields under their headings, in the order given."""
        return [(name, list(some)) for name, some in groupby(self.fields, key=lambda one: one.group)]

    @property
    def is_full(self) -> bool:
        return sum(1 for _row in self.rows()) >= MOST_ROWS

    def rows(self, group: Group | None = None) -> Iterator[Row]:
        for child in (group or self.root).children:
            if isinstance(child, Group):
                yield from self.rows(child)
            else:
                yield child

    def sent(self) -> list[tuple[str, str]]:
        """What a browser sends of the rows as they are shown; for tests."""

        def walk(node: Row | Group) -> Iterator[tuple[str, str]]:
            if isinstance(node, Group):
                yield f"{node.key}-join", node.join
                for child in node.children:
                    yield from walk(child)
                return
            yield f"{node.key}-field", node.asked.name
            yield f"{node.key}-shown", node.asked.name
            yield f"{node.key}-operator", node.operator
            yield from ((f"{node.key}-value", one) for one in (node.shown_values if node.takes_values else ()))
            if node.asked.counted:
                yield f"{node.key}-within", node.within
            if node.negated:
                yield f"{node.key}-not", "1"

        return list(walk(self.root))

    def is_valid(self) -> bool:
        """Also says in each row what is wrong with it."""
        for row in self.rows():
            self._leaf(row)
        wrong = any(row.problem for row in self.rows())
        condition = None if wrong else self.condition
        self.problems = [explained(code) for code in sorted(set(faults(condition)))] if condition else []
        return not wrong and not self.problems

    def is_whole(self) -> bool:
        """Whether every row is complete, without saying anything in the rows."""
        before = [(row, row.problem) for row in self.rows()]
        problems, self.problems = self.problems, []
        whole = self.is_valid()
        for row, problem in before:
            row.problem = problem
        self.problems = problems
        return whole

    @property
    def condition(self) -> Condition | None:
        """What the rows say; None without any row. For a form that is valid."""
        if not any(True for _row in self.rows()):
            return None
        return normal(self._condition(self.root))

    # From a condition to rows

    def _shown(self, condition: Condition) -> Row | Group:
        if condition.not_ is not None:
            below = self._shown(condition.not_)
            if isinstance(below, Row) and not below.negated:
                below.negated = True
                return below
            if isinstance(below, Group) and below.join in ("all", "any"):
                below.join = "not_all" if below.join == "all" else "not_any"
                return below
            return Group(self, "not_all", [below])
        if condition.all is not None:
            return Group(self, "all", [self._shown(one) for one in condition.all])
        if condition.any is not None:
            return Group(self, "any", [self._shown(one) for one in condition.any])
        within = "" if condition.within_days is None else str(condition.within_days)
        values = [text_of(one) for one in condition.values]
        return Row(self, self._field(condition.field), condition.operator, values, within)

    def offers(self, name: str) -> bool:
        return name in self._by_name

    def _field(self, name: str) -> Field:
        """A field that is not offered (a trait that nobody has any more) stays what it is."""
        return self._by_name.get(name) or Field(name, name)

    def _number(self) -> None:
        """Give every node its path."""

        def walk(node: Row | Group, path: str) -> None:
            node.path = path
            for place, child in enumerate(node.children if isinstance(node, Group) else ()):
                walk(child, f"{path}.{place}")

        walk(self.root, "0")

    # From what was sent to rows

    def _read(self, sent: Sent) -> None:
        pattern = re.compile(rf"{re.escape(self.prefix)}-(0(?:\.[0-9]{{1,4}}){{0,{DEEPEST}}})-(join|field)\Z")
        found = {match[1]: match[2] for key in sent if (match := pattern.match(key))}
        nodes: dict[str, Row | Group] = {"0": self.root}
        for path in sorted(found, key=lambda one: [int(part) for part in one.split(".")])[: 2 * MOST_LEAVES]:
            key = f"{self.prefix}-{path}"
            if found[path] == "join":
                join = sent.get(f"{key}-join")
                node: Row | Group = Group(self, join if join in ("all", "any", "not_any", "not_all") else "all")
            else:
                node = self._read_row(sent, key)
            if path == "0":
                if isinstance(node, Group):
                    self.root.join = node.join
                continue
            above = nodes.get(path.rpartition(".")[0])
            if isinstance(above, Group):
                above.children.append(node)
                nodes[path] = node
        self._do(str(sent.get(f"{self.prefix}-do") or ""), nodes)

    def _read_row(self, sent: Sent, key: str) -> Row:
        asked = self._field(str(sent.get(f"{key}-field") or ""))
        row = Row(self, asked, str(sent.get(f"{key}-operator") or ""))
        row.values = [text for one in sent.getlist(f"{key}-value") if (text := str(one))]
        row.within = str(sent.get(f"{key}-within") or "").strip()
        row.negated = sent.get(f"{key}-not") == "1"
        if str(sent.get(f"{key}-shown") or "") != asked.name:
            shown = self._field(str(sent.get(f"{key}-shown") or ""))
            if shown.kind != asked.kind or asked.choices or shown.choices:
                row.values = []
            self.changed = row.focused = True
        if row.operator not in COMPARISONS["text"] + COMPARISONS["number"] + ("includes_all",) or (
            row.focused and row.operator not in asked.operators
        ):
            row.operator = asked.operators[0] if not asked.counted else "at_least"
        return row

    def _do(self, button: str, nodes: Mapping[str, Row | Group]) -> None:
        deed, _colon, path = button.partition(":")
        node = nodes.get(path)
        if deed not in ("add", "group", "remove", "negate", "or", "show") or node is None:
            self.changed = self.changed or bool(button)
            return
        self.changed = True
        for row in self.rows():
            row.focused = False
        node.focused = True
        above = nodes.get(path.rpartition(".")[0])
        if deed in ("add", "group") and isinstance(node, Group) and not self.is_full:
            row = Row(self, Field("", ""), "is", focused=True)
            node.focused = False
            node.children.append(row if deed == "add" else Group(self, "any", [row]))
        elif deed == "remove" and isinstance(above, Group):
            above.children.remove(node)
            above.focused = True
        elif deed == "negate" and isinstance(node, Row):
            node.negated = not node.negated
        elif deed == "or" and isinstance(node, Row):
            node.values.append("")

    # From rows to a condition

    def _condition(self, node: Row | Group) -> Condition:
        if isinstance(node, Row):
            leaf = self._leaf(node)
            return Condition(not_=leaf) if node.negated else leaf
        parts = tuple(self._condition(child) for child in node.children)
        whole = Condition(all=parts) if node.join in ("all", "not_all") else Condition(any=parts)
        return Condition(not_=whole) if node.join.startswith("not") else whole

    def _leaf(self, row: Row) -> Condition:
        row.problem = ""
        values: list[str | float | bool] = []
        within: int | None = None
        if not row.asked.name:
            row.problem = _("Choose what the condition looks at, or remove the row.")
        elif row.takes_values:
            for text in [one for one in row.shown_values if one]:
                try:
                    values.append(typed(row.asked, row.operator, text))
                except ValueError as wrong:
                    row.problem = str(wrong)
            if not values and not row.problem:
                row.problem = _("Say what to compare with.")
        if row.within and row.asked.counted:
            if re.fullmatch(r"[0-9]{1,5}", row.within) and 0 < int(row.within) <= 36_500:
                within = int(row.within)
            else:
                row.problem = _("“%(text)s” is not a number of days.") % {"text": row.within[:60]}
        leaf = Condition(
            field=row.asked.name, operator=row.operator, values=tuple(values), within_days=within  # type: ignore[arg-type]  # checked when read
        )  # fmt: skip
        if row.asked.name and not row.problem:
            row.problem = next(map(explained, faults(leaf)), "")
        return leaf


def typed(asked: Field, operator: str, text: str) -> str | float | bool:
    """What somebody typed, as a value of the field. Raises ValueError with a sentence."""
    if operator in ("matches", "contains", "not_contains", "starts_with", "ends_with"):
        return text
    match asked.kind:
        case "number":
            number = number_of(re.sub(r"[\s\u202f\u00a0]", "", text).replace(",", ".").replace("\N{MINUS SIGN}", "-"))
            if number is None:
                raise ValueError(_("“%(text)s” is not a number.") % {"text": text[:60]})
            return number
        case "date":
            try:
                return text if "T" in text else date.fromisoformat(text.strip()).isoformat()
            except ValueError:
                raise ValueError(_("“%(text)s” is not a date such as 2026-03-01.") % {"text": text[:60]}) from None
        case "yes_no" if text in ("true", "false"):
            return text == "true"
    return text


def explained(code: str) -> str:
    """A fault of `conditions.faults` as a sentence."""
    return {
        "too_deep": _("The groups are nested too deeply."),
        "too_many": _("There are too many conditions."),
        "values": _("Say what to compare with; a value must not be empty or very long."),
        "order": _("“More” and “less” need a number or a date."),
        "pattern": _("That is not a regular expression."),
        "days": _("The number of days must be between 1 and 36,500."),
    }.get(code, _("The condition has a shape that we cannot read."))


COUNTS = ("is", "at_least", "at_most", "more_than", "less_than")


def operator_words(code: str) -> str:
    """Before a number of times."""
    return {
        "is": _("exactly"), "at_least": _("at least"), "at_most": _("at most"), "more_than": _("more than"),
        "less_than": _("fewer than"),
    }[code]  # fmt: skip


def operator_label(code: str, asked: Field) -> str:
    """As people say it: a number is at least, a date is on or after."""
    if asked.kind == "date":
        dates = {
            "at_least": _("is on or after"), "at_most": _("is on or before"), "more_than": _("is after"),
            "less_than": _("is before"),
        }  # fmt: skip
        if code in dates:
            return dates[code]
    if asked.counted:
        counts = {
            "is": _("happened exactly (times)"), "is_not": _("did not happen exactly (times)"),
            "at_least": _("happened at least (times)"), "at_most": _("happened at most (times)"),
            "more_than": _("happened more often than"), "less_than": _("happened less often than"),
        }  # fmt: skip
        if code in counts:
            return counts[code]
    return {
        "is": _("is"),
        "is_not": _("is not"),
        "contains": _("contains"),
        "not_contains": _("does not contain"),
        "starts_with": _("begins with"),
        "ends_with": _("ends with"),
        "matches": _("matches the pattern"),
        "at_least": _("is at least"),
        "at_most": _("is at most"),
        "more_than": _("is more than"),
        "less_than": _("is less than"),
        "is_set": _("has a value"),
        "is_not_set": _("has no value"),
        "includes_all": _("includes all of"),
    }.get(code, code)
