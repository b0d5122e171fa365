"""The texts of a workspace as themes read them, and which theme each has: the doors to the log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.scope import Scope


@dataclass(frozen=True, slots=True)
class Text:
    """A comment with what the log says of it."""

    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    import_id: UUID
    comment: str


@dataclass(frozen=True, slots=True)
class _Count:
    n: int


TEXTS = "SELECT event_id, customer_id, occurred_at, import_id, comment FROM feedback WHERE $scope AND comment != ''"
THEMED = "SELECT event_id FROM theme_members WHERE $workspace AND run = {run:UInt32}"
ENCODED = "SELECT event_id FROM text_vectors WHERE $workspace AND encoder = {encoder:String}"


def count_texts(workspace_id: int) -> int:
    sql = "SELECT uniqExact(event_id) AS n FROM feedback WHERE $scope AND comment != ''"
    return ask(sql, Scope(workspace_id), row=_Count, name="themes.count_texts").rows[0].n


def count_members(workspace_id: int, run: int) -> int:
    sql = "SELECT uniqExact(event_id) AS n FROM theme_members WHERE $scope AND run = {run:UInt32}"
    return ask(sql, Scope(workspace_id), row=_Count, name="themes.count_members", run=run).rows[0].n


def some_texts(workspace_id: int, most: int) -> list[Text]:
    """At most so many, the same ones each time, taken evenly from all."""
    sql = f"{TEXTS} ORDER BY cityHash64(event_id) LIMIT {{most:UInt32}}"
    return ask(sql, Scope(workspace_id), row=Text, name="themes.some_texts", most=most).rows


def texts_in(workspace_id: int, part: int, parts: int) -> list[Text]:
    """One of so many parts of all texts, of about the same size each."""
    sql = f"{TEXTS} AND cityHash64(event_id) % {{parts:UInt32}} = {{part:UInt32}}"
    return ask(sql, Scope(workspace_id), row=Text, name="themes.texts_in", part=part, parts=parts).rows


def texts_without_theme(workspace_id: int, run: int, most: int) -> list[Text]:
    """Texts that the run and what followed it have not looked at."""
    sql = f"{TEXTS} AND event_id GLOBAL NOT IN ({THEMED}) LIMIT {{most:UInt32}}"
    return ask(sql, Scope(workspace_id), row=Text, name="themes.without", run=run, most=most).rows


def texts_without_vector(workspace_id: int, encoder: str, most: int) -> list[Text]:
    """Texts that this encoder has not been asked about, the newest first."""
    sql = f"{TEXTS} AND event_id GLOBAL NOT IN ({ENCODED}) ORDER BY occurred_at DESC LIMIT {{most:UInt32}}"
    return ask(sql, Scope(workspace_id), row=Text, name="themes.unencoded", encoder=encoder, most=most).rows


def count_answers(workspace_id: int) -> int:
    """Answers, with a comment or without: cheap to count, and a new text makes them more."""
    return ask("SELECT count() AS n FROM feedback WHERE $scope", Scope(workspace_id), row=_Count,
               name="themes.count_answers").rows[0].n  # fmt: skip


def texts_called(workspace_id: int, event_ids: Sequence[str]) -> list[Text]:
    """Those of these texts that are still there, in the order asked for."""
    sql = f"{TEXTS} AND event_id IN {{ids:Array(UUID)}} LIMIT 1 BY event_id"
    found = ask(sql, Scope(workspace_id), row=Text, name="themes.texts_called", ids=list(event_ids)).rows
    by_id = {str(one.event_id): one for one in found}
    return [by_id[one] for one in event_ids if one in by_id]


HEAD = [
    ("workspace_id", "<u4"), ("event_id", "<u8", 2), ("customer_id", "<u8", 2), ("occurred_at", "<i8"),
    ("import_id", "<u8", 2), ("version", "<u8"),
]  # fmt: skip


def put_members(
    workspace_id: int, run: int, texts: Sequence[Text], themes: NDArray[np.int64], strength: NDArray[np.float32]
) -> None:
    """Write down the theme of each text; of what is written twice the later holds. Raises EventlogError."""
    rows = _rows(workspace_id, texts, [("run", "<u4"), ("theme", "<u4"), ("strength", "<f4")])
    rows["run"], rows["theme"], rows["strength"] = run, themes, strength
    _put("theme_members", rows, rows.dtype.names or ())


def put_vectors(workspace_id: int, encoder: str, texts: Sequence[Text], vectors: NDArray[np.int8]) -> None:
    """Write down what each text means to the encoder. `vectors`: (texts, up to 127 dimensions)."""
    name = encoder.encode()
    size = vectors.shape[1]
    # RowBinary puts its length in front of a text and of a list.
    rows = _rows(workspace_id, texts, [
        ("name_length", "u1"), ("encoder", f"S{len(name)}"), ("length", "u1"), ("vector", "i1", size)
    ])  # fmt: skip
    rows["name_length"], rows["encoder"], rows["length"], rows["vector"] = len(name), name, size, vectors
    _put("text_vectors", rows, [*(str(one[0]) for one in HEAD), "encoder", "vector"])


def _rows(workspace_id: int, texts: Sequence[Text], more: list[tuple[Any, ...]]) -> NDArray[np.void]:
    """One row for each text as RowBinary has it, with what every table begins with."""
    rows = np.zeros(len(texts), np.dtype([*HEAD, *more]))
    rows["workspace_id"] = workspace_id
    rows["version"] = time.time_ns() // 1_000_000
    for name in ("event_id", "customer_id", "import_id"):
        rows[name] = _halves([getattr(text, name) for text in texts])
    rows["occurred_at"] = [round(text.occurred_at.replace(tzinfo=UTC).timestamp() * 1000) for text in texts]
    return rows


def _put(table: str, rows: NDArray[np.void], columns: Sequence[str]) -> None:
    if len(rows):
        with engine().client() as client:
            client.raw_insert(table, insert_block=rows.tobytes(), fmt="RowBinary", column_names=list(columns))


def _halves(ids: Sequence[UUID]) -> NDArray[np.uint64]:
    """As RowBinary has them: the first eight bytes as a number, then the last eight."""
    joined = b"".join(one.bytes for one in ids)
    return np.frombuffer(joined, ">u8").reshape(-1, 2).astype("<u8")


def forget_other_runs(workspace_id: int, run: int) -> None:
    """What earlier runs, and such as came to no end, have written down."""
    opened = engine()
    with opened.nobody_writes():
        for node in opened.addresses:
            with opened.client(node) as client:
                client.command(
                    f"DELETE FROM {opened.local('theme_members')} WHERE workspace_id = {{workspace:UInt32}}"
                    " AND run != {run:UInt32}", parameters={"workspace": workspace_id, "run": run},
                )  # fmt: skip
