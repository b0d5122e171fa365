"""Builder of captured events: rows in the log as the tracking API leaves them, without going through it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import encode_properties
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import CAPTURED, LogEvent
from cxm.record.eventlog.ids import customer_id_of, event_id_of

from .cast import at

NAMES = {
    "identify": "customer_identified", "page": "page_viewed", "screen": "screen_viewed", "group": "group_joined",
    "alias": "customer_aliased",
}  # fmt: skip
_numbers = itertools.count()


@dataclass(frozen=True)
class Captured:
    """One call of a tracking client; `message_id` is made where none is given."""

    type: str = "track"
    user_id: str = ""
    anonymous_id: str = ""
    when: str = "2026-03-01 12:00"
    name: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""
    source_id: int = 1


def identify(user_id: str = "", anonymous_id: str = "", when: str = "2026-03-01 12:00", **traits: Any) -> Captured:
    return Captured("identify", user_id, anonymous_id, when, properties={"traits": traits})


def alias(previous_id: str, user_id: str, when: str = "2026-03-01 12:00") -> Captured:
    return Captured("alias", user_id, "", when, properties={"previous_id": previous_id})


def captured(workspace: Workspace, one: Captured, block: int = 1) -> LogEvent:
    """The event as a follower would hand it to the steps."""
    kind, value = ("user_id", one.user_id) if one.user_id else ("anonymous_id", one.anonymous_id)
    moment = at(one.when)
    return LogEvent(
        workspace_id=workspace.pk,
        event_id=event_id_of(workspace.pk, one.message_id or f"message {next(_numbers)}"),
        name=one.name or NAMES.get(one.type, "tea_brewed"),
        source=CAPTURED,
        type=one.type,
        source_id=one.source_id,
        user_id=one.user_id,
        anonymous_id=one.anonymous_id,
        customer_id=customer_id_of(workspace.pk, kind, value),
        occurred_at=moment,
        received_at=moment + timedelta(seconds=1),
        properties=encode_properties(one.properties),
        context=encode_properties(one.context) if one.context else "",
        block=block,
    )


def given_captured(workspace: Workspace, *calls: Captured) -> list[UUID]:
    """Put them into the log as one block; returns the ids of the events."""
    events = [captured(workspace, one) for one in calls]
    put_captured(events)
    return [event.event_id for event in events]


def put_captured(events: list[LogEvent]) -> None:
    rows = []
    for event in events:
        row = msgspec.to_builtins(event, builtin_types=())
        del row["block"]
        rows.append({**row, "source": "capture"})
    with engine().client() as client:
        client.raw_insert(
            "arrivals", insert_block=msgspec.json.Encoder().encode_lines(rows), fmt="JSONEachRow",
            settings={"date_time_input_format": "best_effort"},
        )  # fmt: skip
