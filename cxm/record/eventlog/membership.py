"""Whom a condition holds for: a tree of `cxm.lib.conditions` as SQL over the customer snapshot and the events.

Fields are those of the snapshot's `items` (trait.NAME, name, email, phone, language, tag), `event.NAME` (how often;
`within_days` counts the days before now), `last_seen_days` (whole days since the newest event that is not a fact of
our own) and `said.NAME` (what was read in the texts that they wrote, of all texts together; `within_days` as above). A
person is the row of a canonical customer; events and texts of all their profiles and names count together.

Every comparison is the one that `conditions.compare` makes, value by value, on lists of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cxm.lib.conditions import DAY, MOMENT, NUMBER, Condition, folded, is_time, leaves, number_of, text_of

FIELDS = frozenset({"name", "email", "phone", "language", "tag"})
EVENT, LAST_SEEN = "event.", "last_seen_days"
SAID = {  # of a reading, as a list of texts
    "said.sentiment": "[toString(sentiment)]", "said.emotion": "[toString(emotion)]",
    "said.intent": "[toString(intent)]", "said.language": "[toString(language)]",
    "said.effort": "[if(effort = 1, 'true', 'false')]",
    "said.urgent": "[if(urgent = 1, 'true', 'false')]", "said.topic": "arrayMap(one -> toString(one), topics)",
}  # fmt: skip
DAY_MS = 86_400_000
COMPARED = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
TIME = DAY.removesuffix("$") + "([T ]|$)"


class NotAskable(ValueError):
    """The customers cannot be asked this; `field` is the field's name, `operator` the comparison if that is why."""

    def __init__(self, name: str, operator: str = "") -> None:
        super().__init__(f"Customers cannot be asked for {name!r} {operator}".rstrip())
        self.field, self.operator = name, operator


@dataclass(frozen=True, slots=True)
class People:
    """`source` is FROM … WHERE … over rows `person` of the snapshot, one for each customer for whom it holds.

    It holds the mark $scope once; `parameters` belong to it.
    """

    source: str
    parameters: dict[str, Any]


def check(condition: Condition) -> None:
    """Raises NotAskable for a field or a comparison that no customer can be asked."""
    for leaf in leaves(condition):
        kind, _dot, rest = leaf.field.partition(".")
        known = leaf.field in FIELDS or leaf.field == LAST_SEEN or leaf.field in SAID
        if not known and not (kind in ("trait", "event") and rest):
            raise NotAskable(leaf.field)
        if leaf.operator == "matches":  # the engine's expressions and Python's are two languages
            raise NotAskable(leaf.field, leaf.operator)


def people(condition: Condition, now: datetime, prefix: str = "who") -> People:
    """Raises NotAskable. `prefix` begins the names of the parameters."""
    check(condition)
    writer = _Writer(prefix, now)
    where = writer.write(condition)
    return People(f"{writer.source()} AND {where}", writer.values)


def tally(conditions: Sequence[Condition], now: datetime, prefix: str = "who") -> tuple[list[str], People]:
    """For each condition, SQL that counts whom it holds for; and everybody, as where to count. Raises NotAskable."""
    writer = _Writer(prefix, now)
    columns = []
    for one in conditions:
        check(one)
        columns.append(f"countIf({writer.write(one)})")
    return columns, People(writer.source(), writer.values)


def counted(asked: Sequence[Condition], now: datetime, prefix: str = "did") -> tuple[list[str], dict[str, Any]]:
    """For each leaf on an event, SQL that counts it over rows of `events`; and the parameters."""
    columns, values = [], dict[str, Any]()
    for place, leaf in enumerate(asked):
        values[f"{prefix}_event{place}"] = leaf.field.removeprefix(EVENT)
        counts = f"name = {{{prefix}_event{place}:String}}"
        if leaf.within_days is not None:
            values[f"{prefix}_since{place}"] = now - timedelta(days=leaf.within_days)
            values[f"{prefix}_now"] = now
            counts += (
                f" AND occurred_at >= {{{prefix}_since{place}:DateTime64(3, 'UTC')}}"
                f" AND occurred_at <= {{{prefix}_now:DateTime64(3, 'UTC')}}"
            )
        columns.append(f"countIf({counts})")
    return columns, values


def said(asked: Sequence[Condition], now: datetime, prefix: str = "said") -> tuple[list[str], dict[str, Any]]:
    """For each leaf on what was said, SQL that lists it over rows of `annotations`; and the parameters."""
    columns, values = [], dict[str, Any]()
    for place, leaf in enumerate(asked):
        when = "1"
        if leaf.within_days is not None:
            values[f"{prefix}_from{place}"] = now - timedelta(days=leaf.within_days)
            values[f"{prefix}_to"] = now
            when = (
                f"occurred_at >= {{{prefix}_from{place}:DateTime64(3, 'UTC')}}"
                f" AND occurred_at <= {{{prefix}_to:DateTime64(3, 'UTC')}}"
            )
        columns.append(f"arrayFilter(one -> one != '', groupUniqArrayArrayIf({SAID[leaf.field]}, {when}))")
    return columns, values


SEEN = "maxIf(toUnixTimestamp64Milli(occurred_at), source != 'fact')"


@dataclass(slots=True)
class _Writer:
    prefix: str
    now: datetime
    values: dict[str, Any] = field(default_factory=dict)
    events: list[Condition] = field(default_factory=list)
    seen: bool = False
    texts: list[Condition] = field(default_factory=list)

    def write(self, condition: Condition) -> str:
        if condition.all is not None:
            return "(" + (" AND ".join(map(self.write, condition.all)) or "1") + ")"
        if condition.any is not None:
            return "(" + (" OR ".join(map(self.write, condition.any)) or "0") + ")"
        if condition.not_ is not None:
            return f"NOT {self.write(condition.not_)}"
        return "(" + self.leaf(condition) + ")"

    def source(self) -> str:
        """Every customer; to be asked last, when the writer knows what the conditions need."""
        return (
            f"FROM customers AS person FINAL{self.join()}{self.join_texts()}"
            " WHERE $scope AND person.customer_id = person.canonical_id"
        )

    def join(self) -> str:
        """What the people did, where the condition asks for it; nobody is left out for having done nothing."""
        if not self.events and not self.seen:
            return ""
        columns, values = counted(self.events, self.now, self.prefix)
        self.values |= values
        parts = [f"{column} AS c{place}" for place, column in enumerate(columns)]
        wholes = [f"sum(done.c{place}) AS c{place}" for place in range(len(columns))]
        names = self.put(sorted({one.field.removeprefix(EVENT) for one in self.events}), "Array(String)")
        which = f"name IN {names}"
        if self.seen:
            parts, wholes = [*parts, f"{SEEN} AS seen"], [*wholes, "max(done.seen) AS seen"]
            which = f"({which} OR source != 'fact')"
        elif all(leaf.within_days for leaf in self.events):
            since = self.now - timedelta(days=max(leaf.within_days or 0 for leaf in self.events))
            which += " AND occurred_at >= " + self.put(since, "DateTime64(3, 'UTC')")
        workspace = "workspace_id = {scope_workspace:UInt32}"
        return (
            f" GLOBAL ANY LEFT JOIN (SELECT who.person_id AS person_id, {', '.join(wholes)}"
            f" FROM (SELECT customer_id, {', '.join(parts)} FROM events WHERE {workspace} AND {which}"
            " GROUP BY customer_id) AS done GLOBAL ANY INNER JOIN (SELECT customer_id AS log_id,"
            f" canonical_id AS person_id FROM customers FINAL WHERE {workspace}) AS who"
            " ON done.customer_id = who.log_id"
            " GROUP BY who.person_id) AS did ON person.customer_id = did.person_id"
        )

    def join_texts(self) -> str:
        """What was read in their texts, where the condition asks for it."""
        if not self.texts:
            return ""
        columns, values = said(self.texts, self.now, f"{self.prefix}_said")
        self.values |= values
        workspace = "workspace_id = {scope_workspace:UInt32}"
        parts = ", ".join(f"{column} AS t{place}" for place, column in enumerate(columns))
        wholes = ", ".join(f"groupUniqArrayArray(heard.t{place}) AS t{place}" for place in range(len(columns)))
        return (
            f" GLOBAL ANY LEFT JOIN (SELECT writer.person_id AS writer_id, {wholes}"
            f" FROM (SELECT customer_id, {parts} FROM annotations FINAL WHERE {workspace}"
            " GROUP BY customer_id) AS heard GLOBAL ANY INNER JOIN (SELECT customer_id AS log_id,"
            f" canonical_id AS person_id FROM customers FINAL WHERE {workspace}) AS writer"
            " ON heard.customer_id = writer.log_id"
            " GROUP BY writer.person_id) AS told ON person.customer_id = told.writer_id"
        )

    def put(self, value: Any, kind: str) -> str:
        name = f"{self.prefix}_{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def items(self, leaf: Condition) -> str:
        """SQL for the list of texts that the leaf looks at."""
        if leaf.field.startswith(EVENT):
            place = next((at for at, one in enumerate(self.events) if _counts_alike(one, leaf)), len(self.events))
            if place == len(self.events):
                self.events.append(leaf)
            return f"[toString(did.c{place})]"
        if leaf.field in SAID:
            place = next((at for at, one in enumerate(self.texts) if _counts_alike(one, leaf)), len(self.texts))
            if place == len(self.texts):
                self.texts.append(leaf)
            return f"told.t{place}"
        if leaf.field == LAST_SEEN:
            self.seen = True
            now = int(self.now.timestamp() * 1000)
            return f"if(did.seen = 0, [], [toString(intDiv(greatest({now} - did.seen, 0), {DAY_MS}))])"
        return f"person.items[{self.put(leaf.field, 'String')}]"

    def leaf(self, leaf: Condition) -> str:
        items = self.items(leaf)
        texts = [text_of(one) for one in leaf.values]
        match leaf.operator:
            case "is_set":
                return f"notEmpty({items})"
            case "is_not_set":
                return f"empty({items})"
            case "is":
                return self.same(items, leaf.values)
            case "is_not":
                return f"NOT ({self.same(items, leaf.values)})"
            case "includes_all":
                return " AND ".join([f"notEmpty({items})", *(f"({self.same(items, (one,))})" for one in leaf.values)])
            case "contains":
                return self.parts(items, texts, "position(item, part) > 0")
            case "not_contains":
                return f"NOT {self.parts(items, texts, 'position(item, part) > 0')}"
            case "starts_with":
                return self.parts(items, texts, "startsWith(item, part)")
            case "ends_with":
                return self.parts(items, texts, "endsWith(item, part)")
        return " OR ".join(f"({self.ordered(items, leaf.operator, one)})" for one in leaf.values) or "0"

    def parts(self, items: str, texts: Sequence[str], test: str) -> str:
        wanted = self.put([folded(one) for one in texts], "Array(String)")
        return (
            f"arrayExists(item -> arrayExists(part -> {test}, {wanted}), arrayMap(one -> caseFoldUTF8(one), {items}))"
        )

    def same(self, items: str, wanted: Sequence[Any]) -> str:
        texts = {text_of(one) for one in wanted}
        texts |= {one[:10] for one in texts if is_time(one)}  # a day is any moment of it
        days = sorted(text_of(one) for one in wanted if is_time(one) and len(one) == 10)
        numbers = sorted({number for one in wanted if (number := number_of(one)) is not None})
        tests = [f"hasAny({items}, {self.put(sorted(texts), 'Array(String)')})"]
        if numbers:
            known = self.put(numbers, "Array(Float64)")
            tests.append(f"arrayExists(item -> {_is(NUMBER)} AND has({known}, toFloat64OrZero(item)), {items})")
        if days:
            known = self.put(days, "Array(String)")
            tests.append(f"arrayExists(item -> {_is(MOMENT)} AND has({known}, substring(item, 1, 10)), {items})")
        return " OR ".join(tests)

    def ordered(self, items: str, operator: str, wanted: Any) -> str:
        sign, number = COMPARED[operator], number_of(wanted)
        if number is not None:
            value = self.put(number, "Float64")
            return f"arrayExists(item -> {_is(NUMBER)} AND toFloat64OrZero(item) {sign} {value}, {items})"
        if not is_time(wanted):
            return "0"
        day = self.put(wanted[:10], "String")
        if len(wanted) == 10:
            return f"arrayExists(item -> {_is(TIME)} AND substring(item, 1, 10) {sign} {day}, {items})"
        moment = self.put(wanted, "String")
        either = f"({_is(DAY)} AND item {sign} {day}) OR ({_is(MOMENT)} AND item {sign} {moment})"
        return f"arrayExists(item -> {either}, {items})"


def _is(pattern: str) -> str:
    return "match(item, '" + pattern.replace("\\", "\\\\") + "')"


def _counts_alike(one: Condition, other: Condition) -> bool:
    return one.field == other.field and one.within_days == other.within_days
