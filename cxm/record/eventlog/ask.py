"""Ask the log a question and get typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from .engine import engine
from .memory import give_back_if_much
from .scope import Compiled, Grain, Scope, compile_question

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Row]):
    """The rows, and the question as the engine saw it: the "why this number?" of a page."""

    rows: list[Row]
    sql: str
    parameters: Mapping[str, Any]


def ask(
    sql: str,
    scope: Scope,
    *,
    row: type[Row],
    name: str,
    table: str = "feedback",
    time: str = "occurred_at",
    grain: Grain = "all",
    by: str | None = None,
    **parameters: Any,
) -> Answer[Row]:
    """Run `sql` within `scope`; `row` is a dataclass whose fields name the selected columns, in order.

    The marks $scope (required), $join, $period, $by and $tz are filled in (see `scope.compile_question`). `name` goes
    to the engine's query log. Raises UnknownField for a filter that the table does not have, EventlogError if the
    engine fails.
    """
    compiled = compile_question(sql, scope, table=table, time=time, grain=grain, by=by, parameters=parameters)
    return Answer(rows=run(compiled, row=row, name=name), sql=compiled.sql, parameters=compiled.parameters)


def run(compiled: Compiled, *, row: type[Row], name: str) -> list[Row]:
    columns = [column.name for column in fields(row)]  # type: ignore[arg-type]  # a dataclass by contract
    with engine().client() as client:
        result = client.query(compiled.sql, parameters=compiled.parameters, settings={"log_comment": name})
    give_back_if_much()
    if result.result_rows and list(result.column_names) != columns:
        raise TypeError(f"{name} selects {list(result.column_names)}, but its row has {columns}.")
    return [row(*values) for values in result.result_rows]
