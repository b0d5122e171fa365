"""Processes made, changed and removed."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.record.eventlog.scope import UnknownField
from cxm.record.eventlog.steps import forget_process

from ..definition import MapDefinition, ProcessDefinition
from ..models import JourneyMap, Process
from .building import want_steps
from .compiling import compile_process

LONGEST_NAME = 200


@transaction.atomic
def create_process(*, workspace: Workspace, name: str, definition: ProcessDefinition, by: Actor) -> Process:
    """A new process; its steps are built in the background. Raises ValidationError."""
    require_role(workspace, by, Role.ANALYST)
    name = _checked(workspace, name, definition)
    process = Process.objects.create(
        workspace=workspace, name=name, definition=_kept(definition),
        created_by=user_behind(by),
    )  # fmt: skip
    audit("created", process, workspace=workspace, by=by)
    want_steps(process)
    return process


@transaction.atomic
def change_process(*, process: Process, name: str, definition: ProcessDefinition, by: Actor) -> Process:
    """Give it another name or other steps; a new definition builds them anew. Raises ValidationError."""
    require_role(process.workspace, by, Role.ANALYST)
    process = Process.objects.select_for_update().select_related("workspace").get(pk=process.pk)
    name = _checked(process.workspace, name, definition, but=process)
    changes: dict[str, Any] = {}
    if name != process.name:
        changes["name"] = [process.name, name]
    if (kept := _kept(definition)) != process.definition:
        changes["definition"] = [process.definition, kept]
    if not changes:
        return process
    process.name, process.definition = name, kept
    process.save(update_fields=["name", "definition"])
    audit("changed", process, workspace=process.workspace, by=by, changes=changes)
    if "definition" in changes:
        want_steps(process)
    return process


@transaction.atomic
def remove_process(*, process: Process, by: Actor) -> None:
    """Remove the process and its steps; the events stay. That of a map goes with its map. Raises ValidationError."""
    require_role(process.workspace, by, Role.ANALYST)
    if process.map_id is not None:
        raise ValidationError(_("These are the steps of a map. They are removed with the map."))
    audit("removed", process, workspace=process.workspace, by=by)
    workspace_id, number = process.workspace_id, process.pk
    process.delete()
    transaction.on_commit(lambda: forget_process(workspace_id, number))


@transaction.atomic
def process_for_map(drawn: JourneyMap) -> Process:
    """The process whose steps are the touchpoints of the map, brought up to date with it."""
    kept = _kept(msgspec.convert(drawn.definition, MapDefinition).process())
    process, made = Process.objects.get_or_create(
        map=drawn, defaults={"workspace_id": drawn.workspace_id, "name": f"map {drawn.pk}", "definition": kept}
    )
    if made or process.definition != kept:
        process.definition = kept
        process.save(update_fields=["definition"])
        want_steps(process)
    return process


def _kept(definition: ProcessDefinition) -> dict[str, Any]:
    # As the database gives it back: lists, not tuples, so that what did not change is seen not to have.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(definition))
    return found


def _checked(workspace: Workspace, name: str, definition: ProcessDefinition, but: Process | None = None) -> str:
    """The name without blanks around it. Raises ValidationError for what cannot be a process."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise ValidationError(_("Give the process a name of at most 200 characters."))
    if Process.objects.filter(workspace=workspace, name=name).exclude(pk=but.pk if but else 0).exists():
        raise ValidationError(_("There is a process with this name already."))
    keys = [one.key for one in definition.labels]
    if not all(keys) or len(set(keys)) < len(keys):
        raise ValidationError(_("Each step needs a name of its own."))
    if any(not one.events for one in definition.labels):
        raise ValidationError(_("Say for each step which events belong to it."))
    if not definition.case.strip():
        raise ValidationError(_("Say what counts as one journey: a customer, or a property such as the order number."))
    if definition.gap_s is not None and definition.gap_s <= 0:
        raise ValidationError(_("The pause that ends a journey must be longer than nothing."))
    try:
        compile_process(workspace.pk, 0, 0, definition)
    except (UnknownField, ValueError, IndexError) as error:
        raise ValidationError(
            _("A condition of the process cannot be understood: %(reason)s") % {"reason": error}
        ) from error
    return name
