"""The texts of a workspace as themes read them, and which theme each has: the doors to the log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.scope import Scope

COLUMNS = ("workspace_id", "event_id", "customer_id", "occurred_at", "import_id", "version", "run", "theme", "strength")


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
THEMED = "event_id GLOBAL IN (SELECT event_id FROM theme_members WHERE $workspace AND run = {run:UInt32})"


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
    sql = f"{TEXTS} AND NOT ({THEMED}) LIMIT {{most:UInt32}}"
    return ask(sql, Scope(workspace_id), row=Text, name="themes.without", run=run, most=most).rows


def texts_called(workspace_id: int, event_ids: Sequence[str]) -> list[Text]:
    """Those of these texts that are still there, in the order asked for."""
    sql = f"{TEXTS} AND event_id IN {{ids:Array(UUID)}} LIMIT 1 BY event_id"
    found = ask(sql, Scope(workspace_id), row=Text, name="themes.texts_called", ids=list(event_ids)).rows
    by_id = {str(one.event_id): one for one in found}
    return [by_id[one] for one in event_ids if one in by_id]


ROW = np.dtype([
    ("workspace_id", "<u4"), ("event_id", "<u8", 2), ("customer_id", "<u8", 2), ("occurred_at", "<i8"),
    ("import_id", "<u8", 2), ("version", "<u8"), ("run", "<u4"), ("theme", "<u4"), ("strength", "<f4"),
])  # fmt: skip


def put_members(
    workspace_id: int, run: int, texts: Sequence[Text], themes: NDArray[np.int64], strength: NDArray[np.float32]
) -> None:
    """Write down the theme of each text; of what is written twice the later holds. Raises EventlogError."""
    rows = np.zeros(len(texts), ROW)
    rows["workspace_id"], rows["run"] = workspace_id, run
    rows["version"] = time.time_ns() // 1_000_000
    rows["theme"], rows["strength"] = themes, strength
    for name in ("event_id", "customer_id", "import_id"):
        rows[name] = _halves([getattr(text, name) for text in texts])
    rows["occurred_at"] = [round(text.occurred_at.timestamp() * 1000) for text in texts]
    if len(rows):
        with engine().client() as client:
            client.raw_insert(
                "theme_members", insert_block=rows.tobytes(), fmt="RowBinary", column_names=list(COLUMNS)
            )  # fmt: skip


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
