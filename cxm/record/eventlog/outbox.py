"""Facts that we state ourselves: into the outbox with the caller's transaction, and from there to the log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from cxm.lib.quick_insert import insert_rows

from .append import NOBODY, Event, append, encode_properties
from .follow import arrivals
from .models import OutboxFact

BATCH = 3000
waiting = threading.Event()  # set when a transaction of this process has committed facts: whoever moves them wakes


@dataclass(frozen=True, slots=True)
class Causation:
    """Why something is done without a person: the event that led to it, and how many such steps lie before it."""

    cause: UUID
    depth: int  # 1: the event came from outside or from a person


_causation: ContextVar[Causation | None] = ContextVar("causation", default=None)


@contextmanager
def caused_by(cause: UUID, depth: int) -> Iterator[None]:
    """Facts stated inside carry `cause` and `depth`, by which rules see that they go in circles."""
    token = _causation.set(Causation(cause, depth))
    try:
        yield
    finally:
        _causation.reset(token)


def causation() -> Causation | None:
    """Of what is being done just now; None when a person does it."""
    return _causation.get()


def emit(
    name: str,
    *,
    workspace_id: int,
    customer_id: UUID = NOBODY,
    occurred_at: datetime | None = None,
    event_id: UUID | None = None,
    **properties: Any,
) -> None:
    """State a fact. It reaches the log if, and only if, the surrounding transaction commits.

    `event_id`: an id that follows from what the fact tells, for whoever looks for it in the log; else any.
    """
    _in_transaction(name)
    if why := causation():
        properties |= {"cause": str(why.cause), "depth": why.depth}
    OutboxFact.objects.create(
        event_id=event_id or uuid4(),
        workspace_id=workspace_id,
        name=name,
        customer_id=customer_id,
        occurred_at=occurred_at or timezone.now(),
        properties=properties,
    )
    transaction.on_commit(waiting.set)


def emit_all(facts: Sequence[OutboxFact]) -> None:
    """State many facts at once, under ids that follow from what they tell: one that is stated already stays."""
    if facts:
        _in_transaction(facts[0].name)
        insert_rows(facts, ignore_conflicts=True)
        transaction.on_commit(waiting.set)


def _in_transaction(name: str) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"emit({name!r}) outside a transaction could be lost or premature.")


def move_outbox() -> int:
    """Move the waiting facts to the log; returns how many. Repeating it after a crash adds nothing twice.

    Facts that come meanwhile wait for the next call, so that they gather: an insert costs much the same for few.
    """
    moved = 0
    # Rows, not models: under load the making of models is a third of the work.
    columns = ("pk", "event_id", "workspace_id", "name", "customer_id", "occurred_at", "properties")
    more = True
    while more and (facts := list(OutboxFact.objects.values_list(*columns)[:BATCH])):
        append(
            [
                Event(
                    workspace_id=workspace,
                    event_id=event_id,
                    name=name,
                    customer_id=customer,
                    occurred_at=occurred_at,
                    source="fact",
                    properties=encode_properties(properties),
                )
                for _pk, event_id, workspace, name, customer, occurred_at, properties in facts
            ]
        )
        arrivals.tell(len(facts), {fact[3] for fact in facts})
        OutboxFact.objects.filter(pk__in=[fact[0] for fact in facts]).delete()
        moved += len(facts)
        more = len(facts) == BATCH
    return moved
