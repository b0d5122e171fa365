"""Workflows and events for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.act.automations import actions
from cxm.act.automations.definition import Definition, Step, Trigger
from cxm.act.automations.models import Run, Workflow
from cxm.act.automations.running import advance
from cxm.lib.conditions import Condition
from cxm.record.eventlog.append import NOBODY, encode_properties
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.ids import customer_id_of


def when(field: str, operator: str, *values: Any, within_days: int | None = None) -> Condition:
    return Condition(field=field, operator=operator, values=values, within_days=within_days)  # type: ignore[arg-type]  # as the test says


def made(
    workspace: Workspace, steps: Sequence[Step], *, trigger: Trigger | None = None, name: str = "Rule", on: bool = True,
    **more: Any,
) -> Workflow:  # fmt: skip
    """A published workflow, on since long ago."""
    definition = Definition(trigger=trigger or Trigger(kind="event", event="tea_brewed"), steps=list(steps), **more)
    workflow = actions.create_workflow(workspace=workspace, name=name, by=None, definition=definition)
    actions.publish(workflow=workflow, by=None)
    if on:
        actions.turn_on(workflow=workflow, by=None)
        Workflow.objects.filter(pk=workflow.pk).update(on_since=timezone.now() - timedelta(days=60))
    return workflow


def happened(
    workspace: Workspace, name: str = "tea_brewed", customer_id: UUID = NOBODY, *, at: datetime | None = None,
    source: str = "fact", event_id: UUID | None = None, user_id: str = "", **properties: Any,
) -> LogEvent:  # fmt: skip
    """An event as the flow hands it over."""
    now = at or timezone.now()
    customer_id = customer_id_of(workspace.pk, "user_id", user_id) if user_id else customer_id
    return LogEvent(
        workspace_id=workspace.pk, event_id=event_id or uuid4(), name=name, source=source, type="", source_id=0,
        user_id=user_id, anonymous_id="", customer_id=customer_id, occurred_at=now, received_at=now,
        properties=encode_properties(properties), context="", block=1,
    )  # fmt: skip


def carry_on(now: datetime | None = None) -> None:
    """Every run that is due at that time, as far as it goes."""
    from django.db import transaction

    for pk in list(Run.objects.filter(state="active").order_by("created_at").values_list("pk", flat=True)):
        with transaction.atomic():
            advance(pk, now)
