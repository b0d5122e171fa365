"""The step of the flow that tells endpoints what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from cxm.record.customers.linking import USER, Name, existing, holders
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.follow import LogEvent

from .actions import Told, tell_all
from .queries import listening, wants
from .types import BY_EVENT

_decoder = msgspec.json.Decoder()


def tell_webhooks(events: Sequence[LogEvent]) -> None:
    """Queue each event for the endpoints that want its type. The event's id is the key, so repeating adds nothing."""
    by_workspace: dict[int, list[LogEvent]] = defaultdict(list)
    for event in events:
        if event.name in BY_EVENT:
            by_workspace[event.workspace_id].append(event)
    if not by_workspace:
        return
    for workspace_id, endpoints in listening(by_workspace).items():
        wanted = [
            one for one in by_workspace[workspace_id]
            if any(wants(endpoint, BY_EVENT[one.name].name) for endpoint in endpoints)
        ]  # fmt: skip
        if wanted:
            profiles = _profiles(workspace_id, wanted)
            with transaction.atomic():
                tell_all([_told(one, profiles.get(one.event_id)) for one in wanted])


def _told(event: LogEvent, customer: UUID | None) -> Told:
    properties = _object(event.properties)
    kind = BY_EVENT[event.name]
    data = kind.data(str(event.event_id), event.name, str(customer) if customer else None, properties)
    return Told(event.workspace_id, kind.name, data, event.occurred_at, f"event {event.event_id}", customer)


def _profiles(workspace_id: int, events: Sequence[LogEvent]) -> dict[UUID, UUID]:
    """Event → the profile that it is about. A captured event names an identity, a fact the profile itself."""
    users: dict[Name, UUID] = holders(workspace_id, {(USER, one.user_id) for one in events if one.user_id})
    found: dict[UUID, UUID] = {}
    for one in events:
        if one.user_id and (USER, one.user_id) in users:
            found[one.event_id] = users[USER, one.user_id]
        elif not one.user_id and one.customer_id != NOBODY:
            found[one.event_id] = one.customer_id
    there = set(existing(list(set(found.values()))))
    return {event_id: customer for event_id, customer in found.items() if customer in there}


def _object(text: str) -> dict[str, Any]:
    try:
        read = _decoder.decode(text) if text else {}
    except msgspec.DecodeError:
        return {}
    return read if isinstance(read, dict) else {}
