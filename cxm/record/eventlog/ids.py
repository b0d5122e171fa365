"""Ids that follow from what they name, so that every process gives the same one without asking anybody."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID


def customer_id_of(workspace_id: int, kind: str, value: str) -> UUID:
    """The customer id that events carry for a name by which a sender knows somebody: `user_id` or `anonymous_id`.

    It names the identity, not the person: which customer an identity belongs to may change, its events stay as they
    are. The `customers` snapshot of the log says to whom it leads.
    """
    return UUID(bytes=blake2b(f"{workspace_id}\x1f{kind}\x1f{value}".encode(), digest_size=16).digest())


def event_id_of(workspace_id: int, message_id: str) -> UUID:
    """The id of an event of the tracking API: one message id is one event, for ever."""
    return UUID(bytes=blake2b(f"{workspace_id}\x1fmessage\x1f{message_id}".encode(), digest_size=16).digest())
