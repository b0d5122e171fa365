"""What can be done with workflows: make, change, publish, turn on and off, archive; and with their runs: stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.record.customers.actions import clean_text
from cxm.record.customers.models import Customer

from . import starting
from .asking import Asked
from .definition import Definition, Trigger, problems, program_called, read, stored
from .models import Run, Watched, Workflow, WorkflowVersion
from .running import stop_runs
from .texts import problem
from .watching import root_of

EVENT_OF = {"answer": "answer_given", "alert": "alert_raised"}


class Refused(ValueError):
    """The change cannot be made; the message says why, in the language of the person."""


def event_of(trigger: Trigger) -> str:
    """The name of the event that begins it; empty: a clock or a webhook does."""
    return EVENT_OF.get(trigger.kind) or (trigger.event if trigger.kind in ("event", "case") else "")


def create_workflow(
    *, workspace: Workspace, name: str, by: Actor, definition: Definition | None = None, recipe: str = ""
) -> Workflow:
    """A draft that does nothing yet. Raises Refused for a name that is taken."""
    require_role(workspace, by, Role.ANALYST)
    made = Workflow(
        workspace=workspace, name=_name(name), recipe=recipe, draft=stored(definition or Definition()),
        created_by=user_behind(by),
    )  # fmt: skip
    with transaction.atomic():
        _save(made)
        audit("created", made, workspace=workspace, by=by, changes={"recipe": [None, recipe]} if recipe else {})
    return made


@transaction.atomic
def rename_workflow(*, workflow: Workflow, name: str, by: Actor) -> None:
    require_role(workflow.workspace, by, Role.ANALYST)
    before, workflow.name = workflow.name, _name(name)
    if workflow.name != before:
        _save(workflow, "name")
        audit("renamed", workflow, workspace=workflow.workspace, by=by, changes={"name": [before, workflow.name]})


@transaction.atomic
def change_draft(
    *, workflow: Workflow, change: Callable[[Definition], None], by: Actor, revision: int | None = None
) -> Definition:
    """Let `change` alter the draft; what runs is the published version. Raises Refused for a stale `revision`.

    A draft may be unfinished: what is wrong with it is said by `problems`, and stops it from being published.
    """
    require_role(workflow.workspace, by, Role.ANALYST)
    kept = Workflow.objects.select_for_update().get(pk=workflow.pk)
    if revision is not None and revision != kept.revision:
        raise Refused(_("Somebody else has changed this workflow meanwhile. Look at it again before you change it."))
    definition = read(kept.draft)
    change(definition)
    draft = stored(definition)
    if draft != kept.draft:
        kept.draft, kept.revision, kept.updated_at = draft, kept.revision + 1, timezone.now()
        kept.save(update_fields=["draft", "revision", "updated_at"])
        audit("changed", kept, workspace=workflow.workspace, by=by)
    workflow.draft, workflow.revision = kept.draft, kept.revision
    return definition


def put_draft(*, workflow: Workflow, definition: Mapping[str, Any], by: Actor) -> Definition:
    """The whole draft at once, as programs send it. Raises Refused for what cannot be read."""
    try:
        new = read(definition)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Refused(_("The definition cannot be read: %(error)s") % {"error": error}) from error

    def change(draft: Definition) -> None:
        for field in msgspec.structs.fields(Definition):
            setattr(draft, field.name, getattr(new, field.name))

    return change_draft(workflow=workflow, change=change, by=by)


@transaction.atomic
def publish(*, workflow: Workflow, by: Actor) -> WorkflowVersion:
    """Make the draft the version that new runs follow; those that go on stay with theirs. Raises Refused."""
    require_role(workflow.workspace, by, Role.ANALYST)
    kept = Workflow.objects.select_for_update().get(pk=workflow.pk)
    definition = read(kept.draft)
    if found := problems(definition):
        raise Refused(" ".join(dict.fromkeys(problem(code) for _place, code in found)))
    number = kept.version + 1
    version = WorkflowVersion.objects.create(
        workflow=kept, number=number, definition=kept.draft, published_by=user_behind(by)
    )
    trigger = definition.trigger
    before = program_called(kept.pk, kept.version, kept.key) if kept.version else None
    if before is None or before.definition.trigger != trigger:
        kept.progress = {}
        Watched.objects.filter(workflow=kept).delete()
        kept.on_since = timezone.now()
    kept.version, kept.trigger, kept.event = number, trigger.kind, event_of(trigger)
    kept.save(update_fields=["version", "trigger", "event", "progress", "on_since"])
    audit("published", kept, workspace=workflow.workspace, by=by, changes={"version": [number - 1, number]})
    workflow.refresh_from_db()
    return version


@transaction.atomic
def turn_on(*, workflow: Workflow, by: Actor) -> None:
    """From now on it begins for what happens. Raises Refused for one that was never published."""
    require_role(workflow.workspace, by, Role.ANALYST)
    kept = Workflow.objects.select_for_update().get(pk=workflow.pk)
    if not kept.version or kept.archived_at:
        raise Refused(_("Publish the workflow first."))
    if not kept.is_on:
        kept.is_on, kept.on_since, kept.progress = True, timezone.now(), {}
        kept.save(update_fields=["is_on", "on_since", "progress"])
        Watched.objects.filter(workflow=kept).delete()
        audit("turned on", kept, workspace=workflow.workspace, by=by)
    workflow.refresh_from_db()


@transaction.atomic
def turn_off(*, workflow: Workflow, by: Actor, stop: bool = False) -> int:
    """Nobody enters it any more. Those who are in it go on to its end, unless `stop`; returns how many were stopped."""
    require_role(workflow.workspace, by, Role.ANALYST)
    was_on = Workflow.objects.filter(pk=workflow.pk, is_on=True).update(is_on=False)
    n = stop_runs(workflow, timezone.now()) if stop else 0
    if was_on or n:
        audit("turned off", workflow, workspace=workflow.workspace, by=by, changes={"stopped": [None, n]} if n else {})
    workflow.refresh_from_db()
    return n


@transaction.atomic
def archive(*, workflow: Workflow, by: Actor) -> None:
    """Off and out of the list; its runs stop, its history stays."""
    turn_off(workflow=workflow, by=by, stop=True)
    if Workflow.objects.filter(pk=workflow.pk, archived_at=None).update(archived_at=timezone.now()):
        audit("archived", workflow, workspace=workflow.workspace, by=by)
    workflow.refresh_from_db()


@transaction.atomic
def stop_run(*, run: Run, by: Actor) -> None:
    """End one run; what it has queued already leaves. Raises Refused for one that is over."""
    require_role(run.workspace, by, Role.AGENT)
    if not Run.objects.filter(pk=run.pk, state=Run.State.ACTIVE).update(
        state=Run.State.STOPPED, due_at=None, ended_at=timezone.now(), waits_for="", wait_until=None
    ):
        raise Refused(_("This run is over already."))
    audit("stopped", run.workflow, workspace=run.workspace, by=by, changes={"run": [None, str(run.pk)]})


@transaction.atomic
def repeat_run(*, run: Run, by: Actor) -> None:
    """Try the step again at which a run failed. Raises Refused for one that did not."""
    require_role(run.workspace, by, Role.ANALYST)
    if not Run.objects.filter(pk=run.pk, state=Run.State.FAILED).update(
        state=Run.State.ACTIVE, due_at=timezone.now(), ended_at=None, attempts=0, error=""
    ):
        raise Refused(_("Only a run that failed can be tried again."))
    run.steps.filter(step=run.position, outcome="failed").delete()
    audit("repeated", run.workflow, workspace=run.workspace, by=by, changes={"run": [None, str(run.pk)]})
    transaction.on_commit(starting.waiting.set)


@transaction.atomic
def start_by_hand(
    *, workflow: Workflow, customer: Customer | None, by: Actor, key: str, properties: Mapping[str, Any]
) -> int:
    """Begin a run from outside: a webhook, a program, a person. Repeating it with the same `key` begins nothing new.

    Returns 1, or 0 if the customer had it already within its days. Raises Refused for a workflow that is off.
    """
    require_role(workflow.workspace, by, Role.AGENT)
    program = program_called(workflow.pk, workflow.version, workflow.key)
    if not workflow.is_on or workflow.archived_at or program is None:
        raise Refused(_("This workflow is off."))
    rule = starting.Rule(workflow.pk, workflow.version, workflow.on_since, program)
    context = {"event": "webhook", "at": timezone.now().isoformat(), "properties": starting.kept(properties)}
    unique = f"webhook:{key}"[:120]
    root: UUID = root_of(workflow.pk, unique)
    who = (customer.canonical_id or customer.pk) if customer else None
    asked = Asked(workflow.workspace_id, properties, customer, timezone.now())
    if not asked.holds(program.definition.condition):
        return 0
    return starting.begin(workflow.workspace_id, [starting.Beginning(rule, unique, who, root, 1, context)])


def _name(text: str) -> str:
    name = clean_text(text)
    if not name or len(name) > 200:
        raise Refused(_("Give the workflow a name of at most 200 characters."))
    return name


def _save(workflow: Workflow, *fields: str) -> None:
    try:
        with transaction.atomic():
            workflow.save(update_fields=list(fields) or None)
    except IntegrityError:
        raise Refused(_("There is a workflow “%(name)s” already.") % {"name": workflow.name}) from None
