"""Questions of the pages: workflows with their numbers, runs, and what names mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Survey
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.timeline import kind_label

from .definition import Definition, read
from .models import Run, Workflow

PAGE = 50


def workflow_for(workspace: Workspace, workflow_id: int) -> Workflow:
    """The workflow of that workspace, or Http404 as if it did not exist."""
    found = Workflow.objects.select_related("workspace").filter(workspace=workspace, pk=workflow_id).first()
    if found is None:
        raise Http404
    return found


def run_for(workspace: Workspace, run_id: UUID) -> Run:
    rows = Run.objects.select_related("workspace", "workflow", "customer")
    found = rows.filter(workspace=workspace, pk=run_id).first()
    if found is None:
        raise Http404
    return found


def draft_of(workflow: Workflow) -> Definition:
    return read(workflow.draft)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Runs of the last 30 days by state; those that go on whenever they began."""

    begun: int = 0
    active: int = 0
    failed: int = 0


def numbers_of(workspace: Workspace) -> dict[int, Numbers]:
    since = timezone.now() - timedelta(days=30)
    rows = Run.objects.filter(workspace=workspace).filter(Q(created_at__gte=since) | Q(state=Run.State.ACTIVE))
    counted = rows.order_by().values("workflow").annotate(
        begun=Count("pk", filter=Q(created_at__gte=since)), active=Count("pk", filter=Q(state=Run.State.ACTIVE)),
        failed=Count("pk", filter=Q(state=Run.State.FAILED)),
    )  # fmt: skip
    return {row["workflow"]: Numbers(row["begun"], row["active"], row["failed"]) for row in counted}


def runs_of(workflow: Workflow, state: str = "") -> QuerySet[Run]:
    rows = workflow.runs.select_related("customer").order_by("-created_at")
    return rows.filter(state=state) if state in Run.State.values else rows


def runs_of_customer(customer: Customer) -> QuerySet[Run]:
    """Of the person with all profiles: a run belongs to the canonical one."""
    root = customer.canonical_id or customer.pk
    family = Q(customer__in=Customer.objects.filter(Q(pk=root) | Q(canonical=root)).values("pk"))
    return Run.objects.filter(family).select_related("workflow").order_by("-created_at")


def names_of(workspace: Workspace, definition: Definition) -> dict[str, str]:
    """What ids and machine names in a definition are called."""
    names = {str(pk): name for pk, name in Segment.objects.filter(workspace=workspace).values_list("pk", "name")}
    names |= dict(Survey.objects.filter(workspace=workspace).values_list("key", "name"))
    if definition.trigger.event:
        names[definition.trigger.event] = kind_label(definition.trigger.event)
    return names
