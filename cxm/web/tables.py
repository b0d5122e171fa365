"""The operational tables as JSON lines and back, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

# Not in a backup: what `migrate` makes by itself, sessions (people log in again) and the queue of background jobs.
LEFT_OUT = {"auth", "contenttypes", "sessions", "usersessions", "django_tasks_database"}
BATCH = 1000

Model = type[models.Model]
Migration = tuple[str, str]


class BadRow(Exception):
    """A row of a backup does not fit its table."""


def portable_models(registry: Any = apps) -> list[Model]:
    """The models whose rows a backup holds; `registry` may be the one of an older state of the schema."""
    return [
        model
        for model in registry.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.app_label not in LEFT_OUT
    ]


def columns(model: Model) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.local_concrete_fields if not getattr(field, "generated", False)]


def part_name(model: Model) -> str:
    """Named by label, because table names are a matter of the database."""
    return f"database/{model._meta.label_lower}.jsonl"


@contextmanager
def snapshot() -> Iterator[None]:
    """Within, this thread sees the database as it was at the first question, whatever others write meanwhile."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")  # deferred: it locks nobody out, unlike the transactions that the settings ask for
            try:
                cursor.execute("SELECT count(*) FROM django_migrations").fetchone()
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SELECT count(*) FROM django_migrations")
            yield


def dump(model: Model) -> Iterator[bytes]:
    """Each row as one line of JSON, its columns by name."""
    encoder = msgspec.json.Encoder()
    names = [field.attname for field in columns(model)]
    rows = model._default_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=BATCH):
        yield encoder.encode(dict(zip(names, row, strict=True))) + b"\n"


def load(model: Model, lines: Iterable[bytes], tick: Callable[[int], None] = lambda rows: None) -> int:
    """Insert rows as `dump` wrote them; returns how many. Raises BadRow. The caller holds the transaction."""
    fields = {field.attname: field for field in columns(model)}
    for field in fields.values():
        if isinstance(field, models.DateTimeField):
            field.auto_now = field.auto_now_add = False  # times are restored, not made; the model is a copy of ours
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    batch: list[models.Model] = []
    done = 0

    def flush() -> None:
        model._base_manager.bulk_create(batch, batch_size=BATCH)
        batch.clear()
        tick(done)

    for line in lines:
        try:
            values = decode(line)
            if b"\\u0000" in line:
                values = _without_nul(values)  # SQLite keeps NUL, PostgreSQL refuses it, and nobody needs it
            batch.append(model(**{name: fields[name].to_python(value) for name, value in values.items()}))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise BadRow(f"{model._meta.label}, row {done + 1}: {error}") from error
        done += 1
        if len(batch) >= BATCH:
            flush()
    flush()
    return done


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return [_without_nul(one) for one in value] if isinstance(value, list) else value


def reset_sequences(loaded: Iterable[Model]) -> None:
    """Let new rows be numbered behind the restored ones (PostgreSQL counts apart from the rows)."""
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(loaded)):
            cursor.execute(sql)


def applied_migrations() -> list[Migration]:
    executor = MigrationExecutor(connection)
    return sorted(executor.loader.applied_migrations)


def migrations_wait() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def unknown_migrations(wanted: Iterable[Migration]) -> list[Migration]:
    """Those that this version of the program does not have: a backup with one is newer than the program."""
    known = MigrationExecutor(connection).loader.disk_migrations
    return [one for one in wanted if one not in known]


def migrate_to(wanted: list[Migration]) -> Any:
    """Bring an empty database to that state of the schema; returns the registry of its models."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    present = set(wanted)
    targets = [
        one
        for one in wanted
        if one in graph.nodes
        and not any(child.key in present and child.key[0] == one[0] for child in graph.node_map[one].children)
    ]
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def drop_all() -> None:
    """Drop every table of ours: only inside a transaction of a database whose schema changes can be taken back."""
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        ours = {*connection.introspection.django_table_names(), "django_migrations", "web_cache"} & present
        if ours:
            names = ", ".join(connection.ops.quote_name(name) for name in sorted(ours))
            cursor.execute(f"DROP TABLE {names} CASCADE")
