"""The customer snapshot in the log: traits as the operational database has them, for filters and breakdowns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from cxm.lib.conditions import items_of, text_of

from .append import encode_properties
from .engine import engine


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True):
    workspace_id: int
    customer_id: UUID
    canonical_id: UUID
    traits: msgspec.Raw
    items: Mapping[str, Sequence[str]]
    version: int
    gone: int = 0


def customer_row(
    workspace_id: int,
    customer_id: UUID,
    traits: Mapping[str, object],
    *,
    fields: Mapping[str, object] | None = None,
    canonical_id: UUID | None = None,
    gone: bool = False,
    version: int = 0,
) -> CustomerRow:
    """`fields` is what conditions may ask for beside the traits: name, email, phone, language, tag.

    `version` is the time at which the caller began to read what the row says; now, where nobody else writes it.
    """
    return CustomerRow(
        workspace_id=workspace_id,
        customer_id=customer_id,
        canonical_id=canonical_id or customer_id,
        traits=msgspec.Raw(encode_properties(traits).encode()),
        items=items_by_field(traits, fields or {}),
        version=version or version_now(),
        gone=int(gone),
    )


def items_by_field(traits: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, list[str]]:
    """What conditions can compare, by field; of an object the parts, each with its path (trait.address.city)."""
    found: dict[str, list[str]] = {}
    for name, value in (*_parts("trait", traits), *fields.items()):
        if texts := [text_of(item).replace("\x00", "") for item in items_of(value)]:
            found.setdefault(name, []).extend(texts)
    return found


def _parts(path: str, value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, part in value.items():
        if isinstance(part, Mapping):
            yield from _parts(f"{path}.{key}", part)
        else:
            yield f"{path}.{key}", part


def version_now() -> int:
    return time.time_ns() // 1000


def put_customers(rows: Iterable[CustomerRow]) -> None:
    """Write the present state of customers; the newest version of each wins."""
    lines = msgspec.json.Encoder().encode_lines(list(rows))
    if lines:
        with engine().client() as client:
            client.raw_insert("customers", insert_block=lines, fmt="JSONEachRow")
