"""Where the generator puts its events: chunk by chunk into the log, counted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cxm.record.eventlog.append import Event, encode_properties

CHUNK = 25_000
FACTS = {  # stated by the firm's own people or by the product
    "consent_given", "consent_withdrawn", "customers_merged", "customer_tagged", "note_added",
}  # fmt: skip


class Sink:
    """`write` takes a chunk; ids follow from the namespace and a key, so that a second run makes the same events."""

    def __init__(self, workspace_id: int, namespace: uuid.UUID, write: Callable[[list[Event]], object]) -> None:
        self.workspace_id = workspace_id
        self.namespace = namespace
        self.write = write
        self.count = 0
        self._waiting: list[Event] = []

    def add(self, name: str, customer_id: uuid.UUID, when: datetime, key: str, /, **properties: Any) -> None:
        self.put(
            Event(
                workspace_id=self.workspace_id,
                event_id=uuid.uuid5(self.namespace, f"{name} {key}"),
                name=name,
                customer_id=customer_id,
                occurred_at=when.replace(microsecond=0),
                source="fact" if name in FACTS else "sample",
                properties=encode_properties(properties),
            )
        )

    def put(self, event: Event) -> None:
        self._waiting.append(event)
        self.count += 1
        if len(self._waiting) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self.write(self._waiting)
            self._waiting = []
