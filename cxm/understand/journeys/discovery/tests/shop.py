"""A small shop in the log: who looked and bought when, and what they said of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import Event
from cxm.testing.cast import at, event, given_events

DAY = 24 * 60  # minutes
Step = tuple[str, float]  # name of the event, minutes after the beginning


def visit(
    workspace: Workspace, begins: str, steps: Sequence[Step], customer: uuid.UUID | None = None, **more: Any
) -> uuid.UUID:
    """The events of one customer; returns whose they are."""
    customer = customer or uuid.uuid4()
    start = at(begins)
    given_events(
        [
            _moved(event(workspace, name, begins, customer_id=customer, **more), start + timedelta(minutes=minutes))
            for name, minutes in steps
        ]
    )
    return customer


def _moved(one: Event, when: Any) -> Event:
    return Event(**{name: getattr(one, name) for name in one.__struct_fields__} | {"occurred_at": when})


def four_visits(workspace: Workspace) -> list[uuid.UUID]:
    """Two who buy on the web, and two of the app: one who looks twice, one who buys before looking."""
    return [
        visit(workspace, "2026-01-05 10:00", [("look", 0), ("buy", 30), ("look", 40), ("buy", DAY)], channel="web"),
        visit(workspace, "2026-01-06 10:00", [("look", 0), ("look", 5), ("buy", 10)], channel="web"),
        visit(workspace, "2026-01-12 10:00", [("look", 0), ("look", 8 * DAY)], channel="app"),
        visit(workspace, "2026-01-12 11:00", [("buy", 0), ("look", 1)], channel="app"),
    ]
