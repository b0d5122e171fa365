"""What workflows did and would do: the dry run, runs of a workflow, one run, and all runs of a customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.act.automations import actions, texts
from cxm.act.automations.definition import Definition, program_called
from cxm.act.automations.dry_run import rehearse
from cxm.act.automations.models import Run
from cxm.act.automations.queries import PAGE, draft_of, names_of, run_for, runs_of, runs_of_customer, workflow_for
from cxm.record.customers.access import customer_for
from cxm.record.eventlog.engine import EventlogError

from .editor import AWAY, context_of, steps_by_id


@require_safe
def dry_run(request: HttpRequest, slug: str, workflow_id: int) -> HttpResponse:
    """The draft, as it stands, on the past 30 days."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    workflow = workflow_for(workspace, workflow_id)
    definition = draft_of(workflow)
    context = context_of(membership, workflow, tab="dry_run")
    try:
        found = rehearse(workspace, definition, workflow_id=workflow.pk)
    except EventlogError:
        return render(request, "automations/dry_run.html", {**context, "log_problem": AWAY})
    sentences = sentences_of(definition, names_of(workspace, definition))
    highest = max((n for _day, n in found.by_day), default=0)
    context |= {
        "found": found, "highest": highest,
        "steps": [(sentences[one.id], found.steps[one.id]) for one in steps_by_id(definition).values()],
        "people": [(one, [sentences[step] for step in one.steps]) for one in found.people],
        "days": [(day, n) for day, n in found.by_day if n],
    }  # fmt: skip
    with timezone.override(workspace.time_zone):
        return render(request, "automations/dry_run.html", context)


def sentences_of(definition: Definition, names: dict[str, str]) -> dict[str, str]:
    language = definition.languages[0] if definition.languages else "en"
    return {one.id: texts.step_sentence(one, language, names) for one in steps_by_id(definition).values()}


@require_safe
def runs(request: HttpRequest, slug: str, workflow_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workflow = workflow_for(membership.workspace, workflow_id)
    state = request.GET.get("state", "")
    page = Paginator(runs_of(workflow, state), PAGE).get_page(request.GET.get("page"))
    context = context_of(membership, workflow, tab="runs", page_obj=page, state=state, states=Run.State.choices)
    with timezone.override(membership.workspace.time_zone):
        return render(request, "automations/runs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Every step that a run made, and what became of it."""
    membership = membership_for(request.user, slug, Role.AGENT)
    found = run_for(membership.workspace, run_id)
    if request.method == "POST":
        try:
            if request.POST.get("do") == "repeat":
                actions.repeat_run(run=found, by=membership.user)
            else:
                actions.stop_run(run=found, by=membership.user)
        except actions.Refused as refused:
            messages.error(request, str(refused))
        return redirect("automations:run", slug, found.pk)
    program = program_called(found.workflow_id, found.version, found.workflow.key)
    definition = program.definition if program else Definition()
    sentences = sentences_of(definition, names_of(membership.workspace, definition))
    context = context_of(
        membership, found.workflow, run=found, steps=[_made(one, sentences) for one in found.steps.order_by("pk")],
        next=sentences.get(found.position, ""), properties=found.context.get("properties", {}),
    )  # fmt: skip
    with timezone.override(membership.workspace.time_zone):
        return render(request, "automations/run.html", context)


def _made(step: Any, sentences: dict[str, str]) -> dict[str, Any]:
    detail = step.detail
    said = ""
    if step.outcome == "skipped":
        said = texts.reason(detail.get("reason", ""), detail.get("text", ""))
    elif step.outcome == "failed":
        said = detail.get("text", "")
    return {
        "step": step, "sentence": sentences.get(step.step, step.kind), "said": said,
        "icon": texts.ICONS.get(step.kind, "flag"), "number": detail.get("number"), "held": detail.get("held"),
    }  # fmt: skip


@require_safe
def of_customer(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    customer = customer_for(membership.workspace, customer_id)
    page = Paginator(runs_of_customer(customer), PAGE).get_page(request.GET.get("page"))
    with timezone.override(membership.workspace.time_zone):
        return render(request, "automations/of_customer.html", context_of(membership, customer=customer, page_obj=page))
