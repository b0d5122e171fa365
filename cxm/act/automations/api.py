"""REST: workflows, their dry run and their runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.record.customers.access import customer_for
from cxm.record.eventlog.engine import EventlogError

from . import actions
from .definition import problems
from .dry_run import DAYS, effects_of, rehearse
from .models import Run, Workflow
from .queries import draft_of, run_for, workflow_for
from .texts import problem

router = Router(tags=["automations"])
SHAPE = "A trigger, a condition and a tree of steps; see the guide to automations"


class WorkflowOut(Schema):
    id: int
    name: str
    is_on: bool
    version: int = Field(description="The published one; 0: none yet")
    revision: int = Field(description="Of the draft")
    trigger: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ProblemOut(Schema):
    place: str = Field(description="Id of a step, or “trigger”")
    code: str
    message: str


class WorkflowFullOut(WorkflowOut):
    definition: dict[str, Any] = Field(description="The draft. " + SHAPE)
    problems: list[ProblemOut] = Field(description="What stops it from being published")


class WorkflowIn(Schema):
    name: str = Field(max_length=200)
    definition: dict[str, Any] = Field({}, description=SHAPE)


class WorkflowChange(Schema):
    """What is left out stays as it is."""

    name: str | None = Field(None, max_length=200)
    definition: dict[str, Any] | None = Field(None, description="The whole draft. " + SHAPE)


class StateIn(Schema):
    do: Literal["publish", "on", "off", "stop", "archive"] = Field(description="stop: off, and end every run")


class StepOut(Schema):
    step: str
    kind: str
    outcome: str = Field(description="done, skipped or failed")
    detail: dict[str, Any]
    at: datetime


class RunOut(Schema):
    id: UUID
    workflow_id: int
    version: int
    customer_id: UUID | None
    state: str = Field(description="active, done, stopped or failed")
    position: str = Field(description="Id of the step that comes next")
    due_at: datetime | None
    error: str
    created_at: datetime
    ended_at: datetime | None


class RunFullOut(RunOut):
    steps: list[StepOut]


class RunsQuery(PageQuery):
    state: Literal["", "active", "done", "stopped", "failed"] = ""
    customer: UUID | None = Field(None, description="Only runs of this customer")


class StartIn(Schema):
    customer_id: UUID | None = None
    key: str = Field(min_length=1, max_length=100, description="The same key begins one run")
    properties: dict[str, Any] = {}


class StartOut(Schema):
    begun: int = Field(description="0: its condition does not hold, or the customer had it already")


class ReachedOut(Schema):
    at: datetime
    customer_id: UUID | None
    steps: list[str]
    effects: list[str]


class DryRunOut(Schema):
    days: int
    looks_back: bool = Field(description="Whether the past is known; else `customers` says how many it is about today")
    events: int
    imported: int = Field(description="Of the events: came by import, which begins nothing")
    is_cut: bool
    runs: int
    customers: int
    without_address: int
    steps: dict[str, int] = Field(description="How often each step would have been made")
    people: list[ReachedOut] = Field(description="The newest hundred")


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except actions.Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_unavailable", "The event log does not answer just now.") from error


def _workflow(key: ApiKey, workflow_id: int) -> Workflow:
    return workflow_for(key.workspace, min(workflow_id, 2**63 - 1))


def _full(workflow: Workflow) -> dict[str, Any]:
    plain = {name: getattr(workflow, name) for name in WorkflowOut.model_fields}
    found = [{"place": place, "code": code, "message": problem(code)} for place, code in problems(draft_of(workflow))]
    return {**plain, "definition": workflow.draft, "problems": found}


@router.get("", response=PageOut[WorkflowOut], summary="Workflows, newest first")
def list_workflows(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    key = require_key(request)
    return page_of(Workflow.objects.filter(workspace=key.workspace, archived_at=None), query, newest_first=True)


@router.post("", response={201: WorkflowFullOut}, summary="A new workflow, as a draft")
def create(request: HttpRequest, body: WorkflowIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.ANALYST)
    with refusals(), transaction.atomic():
        made = actions.create_workflow(workspace=key.workspace, name=body.name, by=key)
        if body.definition:
            actions.put_draft(workflow=made, definition=body.definition, by=key)
    return 201, _full(made)


@router.get("/runs/{uuid:run_id}", response=RunFullOut, summary="One run with every step that it made")
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    found = run_for(require_key(request, Role.AGENT).workspace, run_id)
    plain = {name: getattr(found, name) for name in RunOut.model_fields}
    return {**plain, "steps": list(found.steps.order_by("pk"))}


@router.post("/runs/{uuid:run_id}/stop", response={204: None}, summary="Stop a run")
def stop_run(request: HttpRequest, run_id: UUID) -> tuple[int, None]:
    key = require_key(request, Role.AGENT)
    with refusals():
        actions.stop_run(run=run_for(key.workspace, run_id), by=key)
    return 204, None


@router.get("/{int:workflow_id}", response=WorkflowFullOut, summary="One workflow with its draft")
def get(request: HttpRequest, workflow_id: int) -> dict[str, Any]:
    return _full(_workflow(require_key(request), workflow_id))


@router.patch("/{int:workflow_id}", response=WorkflowFullOut, summary="Change the name or the draft")
def change(request: HttpRequest, workflow_id: int, body: WorkflowChange) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    workflow = _workflow(key, workflow_id)
    with refusals():
        if body.definition is not None:
            actions.put_draft(workflow=workflow, definition=body.definition, by=key)
        if body.name is not None:
            actions.rename_workflow(workflow=workflow, name=body.name, by=key)
    return _full(workflow)


@router.post("/{int:workflow_id}/state", response=WorkflowFullOut, summary="Publish, turn on or off, archive")
def change_state(request: HttpRequest, workflow_id: int, body: StateIn) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    workflow = _workflow(key, workflow_id)
    with refusals():
        match body.do:
            case "publish":
                actions.publish(workflow=workflow, by=key)
            case "on":
                actions.turn_on(workflow=workflow, by=key)
            case "archive":
                actions.archive(workflow=workflow, by=key)
            case _:
                actions.turn_off(workflow=workflow, by=key, stop=body.do == "stop")
    return _full(workflow)


@router.get("/{int:workflow_id}/dry-run", response=DryRunOut, summary="What the draft would have done in 30 days")
def dry_run(request: HttpRequest, workflow_id: int) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    workflow = _workflow(key, workflow_id)
    definition = draft_of(workflow)
    with refusals():
        found = rehearse(key.workspace, definition, workflow_id=workflow.pk, days=DAYS)
    people = [
        {"at": one.at, "customer_id": one.customer_id, "steps": list(one.steps), "effects": effects_of(one, definition)}
        for one in found.people
    ]
    plain = {name: getattr(found, name) for name in DryRunOut.model_fields if name not in ("people", "steps")}
    return {**plain, "steps": dict(found.steps), "people": people}


@router.get("/{int:workflow_id}/runs", response=PageOut[RunOut], summary="Runs of a workflow, by id")
def list_runs(request: HttpRequest, workflow_id: int, query: Query[RunsQuery]) -> dict[str, Any]:
    rows = Run.objects.filter(workflow=_workflow(require_key(request, Role.AGENT), workflow_id))
    if query.state:
        rows = rows.filter(state=query.state)
    if query.customer:
        rows = rows.filter(customer=query.customer)
    return page_of(rows, query)


@router.post("/{int:workflow_id}/runs", response={202: StartOut}, summary="Begin a run")
def start(request: HttpRequest, workflow_id: int, body: StartIn) -> tuple[int, dict[str, int]]:
    key = require_key(request, Role.AGENT)
    workflow = _workflow(key, workflow_id)
    customer = customer_for(key.workspace, body.customer_id) if body.customer_id else None
    with refusals():
        begun = actions.start_by_hand(
            workflow=workflow, customer=customer, by=key, key=f"api:{body.key}", properties=body.properties
        )
    return 202, {"begun": begun}
