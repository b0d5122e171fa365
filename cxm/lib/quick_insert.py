"""Insert many rows of a model in a tenth of the time that `bulk_create` takes: no model is asked to prepare its values.

For tables that take thousands of rows a second. Values must already be what the fields hold; nothing is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
from django.db import connection
from django.db.models import AutoField, BigAutoField, DateTimeField, Field, JSONField, Model, UUIDField

Adapt = Callable[[Any], Any]
_encode = msgspec.json.Encoder().encode


def insert_rows(rows: Iterable[Model], *, ignore_conflicts: bool = False) -> None:
    """All rows of one model, in one statement's worth of work. With `ignore_conflicts`, a row that is there stays."""
    rows = list(rows)
    if not rows:
        return
    sql, columns = _plan(type(rows[0]), connection.vendor, ignore_conflicts)
    values = [
        tuple([adapt(value) if (value := row.__dict__[name]) is not None else None for name, adapt in columns])
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


@cache
def _plan(model: type[Model], vendor: str, ignore: bool) -> tuple[str, list[tuple[str, Adapt]]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField | BigAutoField)]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    sql = f"INSERT INTO {table} ({names}) VALUES ({places}){' ON CONFLICT DO NOTHING' if ignore else ''}"
    return sql, [(field.attname, _adapt(field, vendor)) for field in fields]


def _adapt(field: Field[Any, Any], vendor: str) -> Adapt:
    while field.remote_field is not None:  # a foreign key holds what it points to
        field = field.target_field  # type: ignore[attr-defined]  # every relation of a column has it
    if isinstance(field, JSONField):
        return lambda value: _encode(value).decode()
    if vendor == "sqlite" and isinstance(field, UUIDField):
        return lambda value: value.hex
    if vendor == "sqlite" and isinstance(field, DateTimeField):
        return lambda value: connection.ops.adapt_datetimefield_value(value)
    return _same


def _same(value: Any) -> Any:
    return value
