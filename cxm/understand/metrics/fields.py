"""What there is to choose from: the questions of a workspace, and the fields that filters and breakdowns may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import COLUMNS, ORDER_FIELDS, TEXT_FIELDS, YES_NO, Scope, expression, quoted

NEWEST = 20_000  # records that are looked at for values
VALUES = 20  # of a field, the most frequent ones
NOT_OFFERED = {"feedback": {"score", "metric", "question_version"}, "events": {"source"}}


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question that was answered with scores, how often, and on which scale."""

    metric: str
    question: str
    scale: str
    n: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field and its most frequent values with how often each occurs among the newest records."""

    field: str
    values: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Fields:
    questions: list[AskedQuestion]
    fields: Mapping[str, list[Field]]  # by table


@dataclass(frozen=True, slots=True)
class PathsRow:
    paths: list[str]


@dataclass(frozen=True, slots=True)
class ValuesRow:
    field: int
    value: str
    n: int


QUESTIONS_SQL = """
SELECT toString(metric) AS metric, toString(question) AS question, toString(scale) AS scale, toUInt64(sum(n)) AS n
FROM feedback_rollup WHERE $scope
GROUP BY metric, question, scale ORDER BY metric, n DESC, question, scale LIMIT 1000
"""
PATHS_SQL = """
SELECT arraySort(groupUniqArrayArray($keys)) AS paths
FROM (SELECT properties FROM $from WHERE $scope LIMIT {newest:UInt32})
"""
KEYS_OF = {"events": "JSONExtractKeys(properties)", "tickets": "mapKeys(properties)"}
TRAITS_SQL = """
SELECT arraySort(groupUniqArrayArray(JSONAllPaths(traits))) AS paths
FROM (SELECT traits FROM customers WHERE $scope LIMIT {newest:UInt32})
"""
VALUES_SQL = """
SELECT toUInt32(pair.1) AS field, pair.2 AS value, toUInt64(count()) AS n
FROM (
  SELECT arrayJoin(arrayZip(arrayEnumerate(found), found)) AS pair
  FROM (SELECT [$values] AS found FROM $from WHERE $scope LIMIT {newest:UInt32})
)
WHERE value != ''
GROUP BY field, value ORDER BY field, n DESC, value LIMIT {values:UInt32} BY field
"""
TEXT_VALUES_SQL = """
SELECT toUInt32(pair.1) AS field, arrayJoin(pair.2) AS value, toUInt64(count()) AS n
FROM (
  SELECT arrayJoin(arrayZip(arrayEnumerate(found), found)) AS pair
  FROM (SELECT [$values] AS found FROM annotations WHERE $scope ORDER BY occurred_at DESC LIMIT {newest:UInt32})
)
WHERE value != ''
GROUP BY field, value ORDER BY field, n DESC, value LIMIT {values:UInt32} BY field
"""


def questions(workspace_id: int) -> list[AskedQuestion]:
    """The questions with scored answers, the most answered first for each metric."""
    scope = Scope(workspace_id)
    return ask(
        QUESTIONS_SQL, scope, row=AskedQuestion, name="metrics.questions", table="feedback_rollup", time="bucket"
    ).rows


def fields(
    workspace_id: int, tables: tuple[str, ...] = ("feedback", "tickets", "order_milestones", "subscriptions")
) -> Fields:
    """What can be asked about in a workspace. Values are those of some 20 000 records of each table."""
    traits = [f"trait.{path}" for path in paths(workspace_id, "customers", TRAITS_SQL)]
    trait_values = values(workspace_id, "customers", [name.replace("trait.", "", 1) for name in traits])
    found = {}
    for table in tables:
        sql = PATHS_SQL.replace("$keys", KEYS_OF.get(table, "JSONAllPaths(properties)"))
        names = [
            *sorted(COLUMNS[table] - NOT_OFFERED.get(table, set())),
            *(f"property.{path}" for path in paths(workspace_id, table, sql)),
        ]
        offered = values(workspace_id, table, names)
        offered += [Field(f"trait.{one.field}", one.values) for one in trait_values]
        if table == "feedback" and any(one.field == "property.order_id" for one in offered):
            offered += [Field(name, []) for name in ORDER_FIELDS]
        if table == "feedback":
            offered += text_values(workspace_id)
        found[table] = offered
    return Fields(questions(workspace_id), found)


def paths(workspace_id: int, table: str, sql: str) -> list[str]:
    rows = ask(
        sql.replace("$from", table),
        Scope(workspace_id),
        row=PathsRow,
        name="metrics.fields",
        table=table,
        newest=NEWEST,
    ).rows
    return rows[0].paths if rows else []


def text_values(workspace_id: int) -> list[Field]:
    """What was read in comments, where any was; the values from the newest of them."""
    columns = [
        f"if({column} = 1, ['yes'], ['no'])" if name in YES_NO
        else f"arrayMap(one -> toString(one), {column})" if name == "text.topic" else f"[toString({column})]"
        for name, column in TEXT_FIELDS.items()
    ]  # fmt: skip
    rows = ask(
        TEXT_VALUES_SQL.replace("$values", ", ".join(columns)), Scope(workspace_id), row=ValuesRow,
        name="metrics.fields", table="annotations", newest=NEWEST, values=VALUES,
    ).rows  # fmt: skip
    found: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(row.field, []).append((row.value, row.n))
    return [Field(name, found[place]) for place, name in enumerate(TEXT_FIELDS, start=1) if place in found]


def values(workspace_id: int, table: str, names: list[str]) -> list[Field]:
    """Each field that has a value, with the most frequent ones."""
    if not names:
        return []
    if table == "customers":
        texts = [f"toString(traits.{quoted(name)})" for name in names]
    else:
        texts = [expression(name, table) for name in names]
    rows = ask(
        VALUES_SQL.replace("$values", ", ".join(texts)).replace("$from", table), Scope(workspace_id), row=ValuesRow,
        name="metrics.fields", table=table, newest=NEWEST, values=VALUES,
    ).rows  # fmt: skip
    by_field: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        by_field.setdefault(row.field, []).append((row.value, row.n))
    return [Field(name, by_field[place]) for place, name in enumerate(names, start=1) if place in by_field]
