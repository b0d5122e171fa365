"""Steps put into the log by hand, so that questions are asked of exactly these."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.engine import engine
from cxm.testing.cast import at
from cxm.understand.journeys.models import Process

Step = tuple[str, float]  # label, minutes after the beginning


def plant(
    process: Process, begins: str, steps: Sequence[Step], *, customer: uuid.UUID | None = None,
    channel: str = "",
) -> uuid.UUID:  # fmt: skip
    """One journey; returns its id, which is the customer's."""
    customer = customer or uuid.uuid4()
    start = at(begins)
    times = [start + timedelta(minutes=minutes) for _label, minutes in steps]
    rows = []
    for place, (label, _minutes) in enumerate(steps):
        last = place == len(steps) - 1
        gap = 0 if last else int((times[place + 1] - times[place]).total_seconds() * 1000)
        rows.append({
            "workspace_id": process.workspace_id, "process": process.pk, "journey": customer, "number": place + 1,
            "from_end": len(steps) - place, "customer_id": customer, "event_id": uuid.uuid4(),
            "occurred_at": times[place], "import_id": NOBODY, "label": label,
            "next": "" if last else steps[place + 1][0], "gap_ms": gap, "touchpoint": "", "channel": channel, "version": 1,
        })  # fmt: skip
    opened = engine()
    with opened.write_lock, opened.client() as client:
        client.raw_insert(
            "steps", insert_block=msgspec.json.Encoder().encode_lines(rows), fmt="JSONEachRow",
            settings={"date_time_input_format": "best_effort"},
        )  # fmt: skip
    return customer
