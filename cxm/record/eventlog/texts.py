"""Texts of the log, and what was read out of them: texts after a place, and the table `annotations`.

A text is a row of `feedback` with a comment. Its block numbers grow as those of the events do (see `follow`), so a
place in them is a place in the texts; a large block (an import) is read in parts, in the order of the event ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from .append import LOOKUP, NOBODY
from .engine import Engine, engine
from .follow import Cursor, in_utc, parts_after, still_active, table_id

AT_ONCE = 2_000  # texts of one stretch; their ids go into one question
PLAN = 400_000  # rows of `feedback` that lie between two places at least, where there are so many
NAME = "annotate"
Place = dict[str, Any]  # {"table", "block"}: all up to it is read; with "until" and "after", part of what follows too


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody wrote or said, and the question that it answers, by its key.

    `language` is what the source said, if it said anything; `question_version` is 0 where no survey of ours asked.
    """

    workspace_id: int
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    import_id: UUID
    survey: str
    question: str
    question_version: int
    language: str
    comment: str


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `annotations`; the schema says what each column holds. `tags` is JSON."""

    workspace_id: int
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    import_id: UUID
    version: int
    model: str
    language: str
    script: str
    sentiment: str
    sentiment_score: float
    emotion: str
    intent: str
    effort: bool
    urgent: bool
    topics: tuple[str, ...]
    topic_sentiments: tuple[float, ...]
    personal: tuple[str, ...]
    tags: str
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Texts that follow a place on one node, and the place behind them."""

    node: int
    texts: list[Text]
    place: Place


TEXT_COLUMNS = (
    "workspace_id, event_id, customer_id, occurred_at, import_id, survey, question, question_version, language, comment"
)
_encoder = msgspec.json.Encoder()


class TextCursor(Cursor):
    """How far new texts are read."""

    def __init__(self, holder: str, *, alone: bool = False) -> None:
        super().__init__(NAME, holder, alone=alone, table="feedback")

    def next(self, node: int) -> Stretch | None:
        """New texts on that node, perhaps none of many rows; None when all is read. Raises EventlogError."""
        opened = engine()
        with opened.client(opened.addresses[node]) as client:
            place = self._place(opened, client, node)
        return stretch_after(node, place)

    def advance(self, stretch: Stretch) -> None:
        """Say that the stretch is read. Raises LeaseLost."""
        self._put(stretch.place, stretch.node)


def stretch_after(
    node: int, place: Place, *, until: int | None = None, workspace_id: int | None = None
) -> Stretch | None:
    """The next texts after `place`, up to the block `until`; None when there is nothing more. Raises EventlogError."""
    opened = engine()
    with opened.client(opened.addresses[node]) as client:
        log = table_id(opened, client, "feedback")
        if place.get("table", log) != log:
            place = {}
        block = int(place.get("block", 0))
        while True:
            parts, top = parts_after(opened, client, block, "feedback")
            if top < block:  # emptied parts have gone, and a restarted engine counts on from what is left
                return Stretch(node, [], {"table": log, "block": top})
            parts = [one for one in parts if until is None or one.first <= until]
            if not parts or (until is not None and block >= until):
                return None
            end = int(place.get("until", 0))
            if not end:
                rows = 0
                for number, part in enumerate(parts):
                    if rows >= PLAN and part.first > block + 1 and part.first > end:
                        parts = parts[:number]
                        break
                    rows, end = rows + part.rows, max(end, part.last)
                end = end if until is None else min(end, until)
            found = client.query(
                f"SELECT {TEXT_COLUMNS} FROM {opened.local('feedback')} WHERE _part IN {{parts:Array(String)}}"
                " AND _block_number > {after:UInt64} AND _block_number <= {end:UInt64} AND comment != ''"
                f" AND event_id > {{id:UUID}}{'' if workspace_id is None else ' AND workspace_id = {workspace:UInt32}'}"
                f" ORDER BY event_id LIMIT {AT_ONCE}",
                parameters={
                    "parts": [part.name for part in parts], "after": block, "end": end,
                    "id": place.get("after", str(NOBODY)), "workspace": workspace_id,
                },
                settings={"log_comment": "texts.after"},
            ).result_rows  # fmt: skip
            if still_active(opened, client, parts, "feedback"):
                break
    texts = [_text(row) for row in found]
    if len(texts) < AT_ONCE:
        return Stretch(node, texts, {"table": log, "block": end})
    after = {"table": log, "block": block, "until": end, "after": str(texts[-1].event_id)}
    return Stretch(node, texts, after)


def _text(row: Sequence[Any]) -> Text:
    values = list(row)
    values[3] = in_utc(row[3])
    return Text(*values)


def tops() -> dict[int, int]:
    """The highest block of the texts on each node."""
    opened, found = engine(), {}
    for node, address in enumerate(opened.addresses):
        with opened.client(address) as client:
            found[node] = parts_after(opened, client, 0, "feedback")[1]
    return found


def count_texts(workspace_id: int) -> int:
    with engine().client() as client:
        rows = client.query(
            "SELECT count() FROM feedback WHERE workspace_id = {workspace:UInt32} AND comment != ''",
            parameters={"workspace": workspace_id},
        ).result_rows
    return int(rows[0][0])


def annotated(texts: Sequence[Text]) -> dict[UUID, int]:
    """The newest version (milliseconds) of the annotation of each of these texts that has one."""
    found: dict[UUID, int] = {}
    for start in range(0, len(texts), LOOKUP):
        some = texts[start : start + LOOKUP]
        with engine().client() as client:
            rows = client.query(
                "SELECT event_id, max(version) FROM annotations"
                " WHERE workspace_id IN {workspaces:Array(UInt32)}"
                f" AND event_id IN ({_listed(one.event_id for one in some)})"
                " AND occurred_at BETWEEN {first:DateTime64(3, 'UTC')} AND {last:DateTime64(3, 'UTC')}"
                " GROUP BY event_id",
                parameters={
                    "workspaces": sorted({one.workspace_id for one in some}),
                    "first": min(one.occurred_at for one in some), "last": max(one.occurred_at for one in some),
                },
                settings={"log_comment": "texts.annotated"},
            ).result_rows  # fmt: skip
        found.update((row[0], int(row[1])) for row in rows)
    return found


def write_annotations(rows: Sequence[Annotation]) -> int:
    """Write them; a text that was erased meanwhile gets none. Returns how many were written. Safe to repeat."""
    written, opened = 0, engine()
    for start in range(0, len(rows), LOOKUP):
        some = rows[start : start + LOOKUP]
        # With the lock, or what an erasure removes in between would come back as an annotation.
        with opened.write_lock:
            there = _still_there(opened, some)
            some = [one for one in some if one.event_id in there]
            if some:
                with opened.client() as client:
                    client.raw_insert(
                        "annotations", insert_block=_encoder.encode_lines(some), fmt="JSONEachRow",
                        settings={"date_time_input_format": "best_effort"},
                    )  # fmt: skip
        written += len(some)
    return written


def _still_there(opened: Engine, rows: Sequence[Annotation]) -> set[UUID]:
    with opened.client() as client:
        found = client.query(
            "SELECT event_id FROM feedback WHERE workspace_id IN {workspaces:Array(UInt32)}"
            f" AND event_id IN ({_listed(one.event_id for one in rows)})"
            " AND occurred_at BETWEEN {first:DateTime64(3, 'UTC')} AND {last:DateTime64(3, 'UTC')}",
            parameters={
                "workspaces": sorted({one.workspace_id for one in rows}),
                "first": min(one.occurred_at for one in rows), "last": max(one.occurred_at for one in rows),
            },
            settings={"log_comment": "texts.there"},
        ).result_rows  # fmt: skip
    return {row[0] for row in found}


def _listed(ids: Iterable[UUID]) -> str:
    """Written into the question: as parameters, each letter of them is looked at."""
    return ",".join(f"'{one}'" for one in ids)


def texts_by_id(workspace_id: int, event_ids: Sequence[UUID]) -> list[Text]:
    """The texts of these events, those that have one."""
    question = (
        f"SELECT {TEXT_COLUMNS} FROM feedback WHERE workspace_id = {{workspace:UInt32}} AND comment != ''"
        " AND event_id IN {ids:Array(UUID)}"
    )
    return list({row[1]: _text(row) for row in _by_id("texts.by_id", question, workspace_id, event_ids)}.values())


def annotations_of(workspace_id: int, event_ids: Sequence[UUID]) -> dict[UUID, Annotation]:
    """The newest annotation of each of these events that has one."""
    columns = Annotation.__struct_fields__
    question = (
        f"SELECT {', '.join(columns)} FROM annotations WHERE workspace_id = {{workspace:UInt32}}"
        " AND event_id IN {ids:Array(UUID)} ORDER BY version DESC LIMIT 1 BY event_id"
    )
    found: dict[UUID, Annotation] = {}
    for row in _by_id("texts.annotations", question, workspace_id, event_ids):
        values: Mapping[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in zip(columns, row, strict=True)
        }
        found[values["event_id"]] = Annotation(**{**values, "occurred_at": in_utc(values["occurred_at"])})
    return found


def _by_id(name: str, question: str, workspace_id: int, event_ids: Sequence[UUID]) -> Iterator[Sequence[Any]]:
    """The rows of a question about these events, so many events at a time."""
    for start in range(0, len(event_ids), LOOKUP):
        ids = [str(one) for one in event_ids[start : start + LOOKUP]]
        with engine().client() as client:
            rows: Sequence[Sequence[Any]] = client.query(
                question, parameters={"workspace": workspace_id, "ids": ids}, settings={"log_comment": name}
            ).result_rows
        yield from rows
