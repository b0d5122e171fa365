"""Scope: whose events, of which time, seen from which time zone, with which filters.

`ask` requires a scope, and the scope is the only writer of the workspace filter, so no query can forget it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import UTC, datetime
from typing import Any, Literal

from cxm.lib.conditions import Condition

from .membership import people

Operator = Literal["is", "is_not", "contains", "at_least", "at_most", "is_set", "is_not_set"]
Grain = Literal["day", "week", "month", "quarter", "year", "all"]

# Columns that a filter or a breakdown may name directly, table by table; all else is `property.NAME` or `trait.NAME`.
COLUMNS: Mapping[str, frozenset[str]] = {
    "events": frozenset({"name", "source"}),
    "feedback": frozenset(
        {"metric", "question", "question_version", "scale", "score", "survey", "channel", "touchpoint", "language"}
    ),
    "texts": frozenset({"name", "metric", "question", "scale", "score", "survey", "channel", "touchpoint", "language"}),
    "feedback_rollup": frozenset({"metric", "question", "scale", "score"}),
    "tickets": frozenset(
        {"state", "priority", "channel", "touchpoint", "reopened", "reassigned", "sla_met", "complaint"}
    ),
    "order_milestones": frozenset({"milestone", "currency", "touchpoint", "channel"}),
    "subscriptions": frozenset({"status", "plan", "currency"}),
    "purchase_histories": frozenset(),
    "steps": frozenset({"label", "next", "touchpoint", "channel"}),
}
# What an answer may be told apart by through the order that it is about (its property `order_id`).
ORDER_FIELDS: Mapping[str, str] = {
    "order.delivery": "multiIf(about.known = 0, '', about.delivered_at = 0, 'not delivered',"
    " about.promised_at = 0, 'delivered', about.delivered_at > about.promised_at, 'late', 'on time')",
}
ORDER_JOIN = (
    "GLOBAL ANY LEFT JOIN (SELECT order_id, 1 AS known,"
    " minIf(toUnixTimestamp64Milli(occurred_at), milestone = 'delivered') AS delivered_at,"
    " max(toUnixTimestamp64Milli(ifNull(promised_at, toDateTime64(0, 3, 'UTC')))) AS promised_at"
    " FROM order_milestones WHERE $workspace GROUP BY order_id) AS about"
    " ON toString(properties.order_id) = about.order_id"
)
# What an answer may be told apart by through what was read in its comment, and the column of `annotations`.
TEXT_FIELDS: Mapping[str, str] = {
    "text.sentiment": "sentiment",
    "text.emotion": "emotion",
    "text.intent": "intent",
    "text.language": "language",
    "text.effort": "effort",
    "text.urgent": "urgent",
    "text.topic": "topics",
}
MANY = frozenset({"text.topic"})  # an answer has several: it counts in the group of each
YES_NO = frozenset({"text.effort", "text.urgent"})
TEXT_JOIN = (
    "GLOBAL ANY LEFT JOIN (SELECT event_id AS read_event, 1 AS read_known, $columns FROM annotations FINAL"
    " WHERE $workspace$time) AS reading ON event_id = reading.read_event"
)
# Steps do not hold the properties of their events: a step has the time and the id of its event, which does.
# What an import could not place is one level down.
EVENT_TEXT = (
    "coalesce(nullIf(JSONExtractString(properties, {$name:String}), ''),"
    " JSONExtractString(properties, 'properties', {$name:String}))"
)
EVENT_JOIN = (
    "GLOBAL ANY LEFT JOIN (SELECT event_id AS told_event, $text AS told_value FROM events"
    " WHERE $workspace$time AND told_value != '') AS told ON event_id = told.told_event"
)
EVENT_FILTER = (
    "event_id GLOBAL IN (SELECT event_id FROM events WHERE workspace_id = {scope_workspace:UInt32}$time AND $test)"
)
PERIOD: Mapping[Grain, str] = {
    "day": "toDate({time}, $tz)",
    "week": "toMonday({time}, $tz)",
    "month": "toStartOfMonth({time}, $tz)",
    "quarter": "toStartOfQuarter({time}, $tz)",
    "year": "toStartOfYear({time}, $tz)",
    "all": "toDate('1970-01-01')",
}


SEGMENT = "segment"  # the field of a filter whose values are ids of segments


class UnknownField(ValueError):
    """A filter or a breakdown names a field that this table does not have; `field` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no field {name!r} here.")
        self.field = name


@dataclass(frozen=True, slots=True)
class Filter:
    """`field` is a column (`channel`), `property.NAME` of the event, `trait.NAME` of its customer, `text.NAME` of what
    was read in its comment, or `segment`.

    Several values mean any of them. Comparison is by text for is, is_not and contains, by number for at_least, at_most.
    """

    field: str
    operator: Operator = "is"
    values: tuple[str, ...] = ()
    # Of `segment`: whom the segments hold for. They are kept above the log, see customers.segments.with_segments.
    members: Condition | None = made(default=None, compare=False)
    # Of `text.topic`: the keys of the topics with all below them. They are kept above the log, as segments are.
    under: tuple[str, ...] = made(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """`since` is included, `until` is not; None leaves that side open. `time_zone` is an IANA name.

    `segments`: where a question is broken down by segments, the filter on each (customers.segments.each_segment).
    """

    workspace_id: int
    time_zone: str = "UTC"
    since: datetime | None = None
    until: datetime | None = None
    filters: tuple[Filter, ...] = made(default=())
    segments: tuple[Filter, ...] = made(default=())

    def during(self, since: datetime | None, until: datetime | None) -> Scope:
        return replace(self, since=since, until=until)

    def where(self, *filters: Filter) -> Scope:
        return replace(self, filters=(*self.filters, *filters))


@dataclass(slots=True)
class Compiled:
    """A question ready for the engine."""

    sql: str
    parameters: dict[str, Any]


def quoted(path: str) -> str:
    """A JSON path as an identifier; each part may hold any character."""
    if not path or any(ord(letter) < 32 for letter in path):
        raise UnknownField(path)
    return ".".join("`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`" for part in path.split("."))


def expression(name: str, table: str) -> str:
    """SQL for the text value of a field; empty text where it is missing."""
    kind, _, rest = name.partition(".")
    if kind == "property" and rest:
        if table == "events":
            return f"JSONExtractString(properties, {sql_text(rest)})"
        if table == "tickets":  # a Map, not JSON
            return f"properties[{sql_text(rest)}]"
        if table == "steps":
            return "told.told_value"  # of the one field that splits; filters ask the events themselves
        return f"toString(properties.{quoted(rest)})"
    if kind == "trait" and rest:
        return f"toString(customer.traits.{quoted(rest)})"
    if name in ORDER_FIELDS and table == "feedback":
        return ORDER_FIELDS[name]
    if name in TEXT_FIELDS and table == "feedback":
        column = f"reading.read_{TEXT_FIELDS[name]}"
        if name in MANY:
            return f"arrayJoin(emptyArrayToSingle({column}))"
        if name in YES_NO:
            return f"if(reading.read_known = 0, '', if({column} = 1, 'yes', 'no'))"
        return f"toString({column})"
    if name in COLUMNS.get(table, frozenset()):
        return f"ifNull(toString({name}), '')"
    raise UnknownField(name)


def sql_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def compile_question(
    sql: str,
    scope: Scope,
    *,
    table: str,
    time: str,
    grain: Grain,
    by: str | None,
    parameters: Mapping[str, Any],
) -> Compiled:
    """Fill the marks of a question: $scope, $workspace, $join, $period, $by and $tz.

    `$join` adds the customer snapshot when a trait is named, the orders when an `order.` field is, and the events when
    steps are split by a property. `$workspace` is
    the workspace filter alone, for a subquery that looks beyond the period and the filters. Values travel as typed
    parameters, never as text.
    """
    if "$scope" not in sql:
        raise ValueError("A question to the log must hold $scope.")
    values: dict[str, Any] = {
        **parameters,
        "scope_workspace": scope.workspace_id,
        "scope_tz": scope.time_zone,
    }
    conditions = ["workspace_id = {scope_workspace:UInt32}"]
    if scope.since is not None:
        conditions.append(f"{time} >= {{scope_since:DateTime64(3, 'UTC')}}")
        values["scope_since"] = scope.since
    if scope.until is not None:
        conditions.append(f"{time} < {{scope_until:DateTime64(3, 'UTC')}}")
        values["scope_until"] = scope.until
    bounds = len(conditions) - 1
    for number, one in enumerate(scope.filters):
        if one.field == SEGMENT:
            conditions.append(in_segments(one, f"scope_filter{number}", values))
        elif table == "steps" and one.field.startswith("property."):
            test = test_of(one, _event_text(one.field, f"scope_name{number}", values), f"scope_filter{number}", values)
            within = "".join(f" AND {bound}" for bound in conditions[1 : 1 + bounds])
            conditions.append(EVENT_FILTER.replace("$time", within).replace("$test", test))
        else:
            conditions.append(condition(one, table, f"scope_filter{number}", values))
    named = (*(one.field for one in scope.filters), by or "")
    joins = []
    if any(name.startswith("trait.") for name in named):
        joins.append(
            "GLOBAL ANY LEFT JOIN (SELECT customer_id, traits FROM customers FINAL WHERE $workspace)"
            " AS customer USING (customer_id)"
        )
    if any(name.startswith("order.") for name in named):
        joins.append(ORDER_JOIN)
    within = "".join(f" AND {one}" for one in conditions[1 : 1 + bounds])  # a reading has the time of its answer
    if table == "steps" and by and by.startswith("property."):
        joins.append(EVENT_JOIN.replace("$time", within).replace("$text", _event_text(by, "scope_by", values)))
    if columns := [TEXT_FIELDS[name] for name in dict.fromkeys(named) if name in TEXT_FIELDS]:
        joins.append(
            TEXT_JOIN.replace("$columns", ", ".join(f"{one} AS read_{one}" for one in columns)).replace("$time", within)
        )
    workspace = "workspace_id = {scope_workspace:UInt32}"
    zone = "{scope_tz:String}"
    marks = {
        "scope": " AND ".join(conditions),
        "join": " ".join(joins).replace("$workspace", workspace),
        "workspace": workspace,
        "period": PERIOD[grain].format(time=time).replace("$tz", zone),
        "by": expression(by, table) if by else "''",
        "tz": zone,
    }
    # In one pass: a field whose name looks like a mark is text by then, and must stay inside its quotes.
    filled = re.sub(r"\$(\w+)", lambda mark: marks.get(mark[1], mark[0]), sql)
    # TRICKY: toDate and its kin want a constant time zone, and a parameter counts as one.
    return Compiled(sql=re.sub(r"[ \t]+\n", "\n", filled), parameters=values)


def in_segments(one: Filter, name: str, values: dict[str, Any]) -> str:
    """The customer of the record is in one of the segments, or in none of them; nobody we know is in none."""
    if one.operator not in ("is", "is_not") or one.members is None:
        raise UnknownField(one.field)
    who = people(one.members, datetime.now(UTC), name)
    values |= who.parameters
    workspace = "workspace_id = {scope_workspace:UInt32}"
    return (
        f"customer_id GLOBAL {'IN' if one.operator == 'is' else 'NOT IN'} (SELECT customer_id FROM customers FINAL"
        f" WHERE {workspace} AND canonical_id GLOBAL IN"
        f" (SELECT person.customer_id {who.source.replace('$scope', workspace)}))"
    )


def _event_text(field: str, name: str, values: dict[str, Any]) -> str:
    """SQL for the text of `property.NAME` of a row of `events`; the name is put into `values`."""
    values[name] = field.removeprefix("property.")
    if not values[name]:
        raise UnknownField(field)
    return EVENT_TEXT.replace("$name", name)


def condition(one: Filter, table: str, name: str, values: dict[str, Any]) -> str:
    if one.field in MANY and table == "feedback":
        return _condition_on_many(one, f"reading.read_{TEXT_FIELDS[one.field]}", name, values)
    return test_of(one, expression(one.field, table), name, values)


def test_of(one: Filter, text: str, name: str, values: dict[str, Any]) -> str:
    """The operator of the filter put to the SQL `text`; its values are put into `values`."""
    match one.operator:
        case "is_set":
            return f"{text} != ''"
        case "is_not_set":
            return f"{text} = ''"
        case "is" | "is_not":
            values[name] = list(one.values)
            return f"{text} {'IN' if one.operator == 'is' else 'NOT IN'} {{{name}:Array(String)}}"
        case "contains":
            values[name] = list(one.values)
            return f"arrayExists(part -> positionCaseInsensitiveUTF8({text}, part) > 0, {{{name}:Array(String)}})"
        case "at_least" | "at_most":
            values[name] = float(one.values[0])
            return f"toFloat64OrNull({text}) {'>=' if one.operator == 'at_least' else '<='} {{{name}:Float64}}"


def _condition_on_many(one: Filter, column: str, name: str, values: dict[str, Any]) -> str:
    """Of a field with several values: whether one of them fits; `is_not` wants that none does."""
    match one.operator:
        case "is_set":
            return f"notEmpty({column})"
        case "is_not_set":
            return f"empty({column})"
        case "is" | "is_not":
            values[name] = list(one.under or one.values)
            nothing = f" OR empty({column})" if "" in one.values else ""
            return f"{'NOT ' if one.operator == 'is_not' else ''}(hasAny({column}, {{{name}:Array(String)}}){nothing})"
        case "contains":
            values[name] = list(one.values)
            return (
                "arrayExists(value -> arrayExists(part -> positionCaseInsensitiveUTF8(value, part) > 0,"
                f" {{{name}:Array(String)}}), {column})"
            )
    raise UnknownField(one.field)
