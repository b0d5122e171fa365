"""One question to several tables of the log at once, each seen through the same scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from cxm.record.eventlog.ask import Answer, run
from cxm.record.eventlog.scope import Compiled, Scope, UnknownField, compile_question

Row = TypeVar("Row")
Parts = Mapping[str, str]  # table: SELECT … that holds $scope


def ask_together(
    sql: str, parts: Parts, scope: Scope, *, row: type[Row], name: str, **parameters: Any
) -> Answer[Row]:  # fmt: skip
    """Run `sql`, in which $all stands for the rows of all parts.

    A part whose table does not have a field of the scope's filters is left away: nothing in it can be told by that
    field. Raises UnknownField where no part is left, EventlogError.
    """
    compiled = []
    missing: UnknownField | None = None
    for table, part in parts.items():
        try:
            compiled.append(
                compile_question(
                    part, scope, table=table.partition(":")[0], time="occurred_at", grain="all", by=None, parameters={}
                )
            )
        except UnknownField as error:
            missing = error
    if not compiled:
        raise missing or ValueError("nothing to ask")
    values = {**parameters}
    for one in compiled:
        values |= one.parameters
    whole = Compiled(sql.replace("$all", " UNION ALL ".join(f"({one.sql})" for one in compiled)), values)
    return Answer(run(whole, row=row, name=name), whole.sql, whole.parameters)
