"""What people did with texts, in the log: the copy by which lists of texts are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from .append import LOOKUP
from .engine import engine

_encoder = msgspec.json.Encoder()


class TextMark(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `text_marks`; of several of one event the highest `version` holds."""

    workspace_id: int
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    import_id: UUID
    version: int
    handled: bool
    assignee: int
    case_number: int
    tags: tuple[str, ...]


def write_text_marks(rows: Sequence[TextMark]) -> None:
    """Safe to repeat. Raises EventlogError."""
    opened = engine()
    for start in range(0, len(rows), LOOKUP):
        with opened.write_lock, opened.client() as client:
            client.raw_insert(
                "text_marks", insert_block=_encoder.encode_lines(rows[start : start + LOOKUP]), fmt="JSONEachRow",
                settings={"date_time_input_format": "best_effort"},
            )  # fmt: skip
