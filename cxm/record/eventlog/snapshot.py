"""The customer snapshot in the log: traits as the operational database has them, for filters and breakdowns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from .append import encode_properties
from .engine import engine


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True):
    workspace_id: int
    customer_id: UUID
    canonical_id: UUID
    traits: msgspec.Raw
    version: int
    gone: int = 0


def customer_row(
    workspace_id: int,
    customer_id: UUID,
    traits: Mapping[str, object],
    *,
    canonical_id: UUID | None = None,
    gone: bool = False,
    version: int = 0,
) -> CustomerRow:
    """`version` is the time at which the caller began to read what the row says; now, where nobody else writes it."""
    return CustomerRow(
        workspace_id=workspace_id,
        customer_id=customer_id,
        canonical_id=canonical_id or customer_id,
        traits=msgspec.Raw(encode_properties(traits).encode()),
        version=version or version_now(),
        gone=int(gone),
    )


def version_now() -> int:
    return time.time_ns() // 1000


def put_customers(rows: Iterable[CustomerRow]) -> None:
    """Write the present state of customers; the newest version of each wins."""
    lines = msgspec.json.Encoder().encode_lines(list(rows))
    if lines:
        with engine().client() as client:
            client.raw_insert("customers", insert_block=lines, fmt="JSONEachRow")
