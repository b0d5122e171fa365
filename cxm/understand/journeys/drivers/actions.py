"""What can be done with driver models: make, change, have computed, remove. The caller enqueues the computation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Membership, Role, Workspace
from cxm.stats.importance import BINARY_UP_TO, MOST
from cxm.understand.journeys.models import DriverModel
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.refusals import Refused as MetricRefused

from .definition import FACTS, DriverDefinition
from .errors import Refused

MOST_MODELS: Final = 200
STALE_AFTER: Final = timedelta(hours=12)  # a page that is looked at has an older result computed anew
GIVEN_UP_AFTER: Final = timedelta(minutes=10)  # a computation that long has died with its process


@transaction.atomic
def create_model(*, workspace: Workspace, name: str, definition: DriverDefinition, by: Actor) -> DriverModel:
    """A model that waits to be computed. Raises Refused."""
    require_role(workspace, by, Role.ANALYST)
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    if DriverModel.objects.filter(workspace=workspace).count() >= MOST_MODELS:
        raise Refused(_("A workspace has at most %(n)s driver models.") % {"n": MOST_MODELS})
    checked_definition(workspace, definition)
    model = DriverModel.objects.create(
        workspace=workspace, name=_name(workspace, name, None), definition=msgspec.to_builtins(definition),
        created_by=user_behind(by),
    )  # fmt: skip
    audit("created", model, workspace=workspace, by=by)
    return model


@transaction.atomic
def change_model(
    *, model: DriverModel, by: Actor, name: str | None = None, definition: DriverDefinition | None = None
) -> DriverModel:
    """What is given. Another definition has the model computed anew, and drops what came out before. Raises Refused."""
    require_role(model.workspace, by, Role.ANALYST)
    kept = DriverModel.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=model.pk)
    changes: dict[str, Any] = {}
    if name is not None and (new := _name(kept.workspace, name, kept)) != kept.name:
        changes["name"] = [kept.name, new]
        kept.name = new
    if definition is not None:
        checked_definition(kept.workspace, definition)
        said: dict[str, Any] = msgspec.to_builtins(definition)
        if said != kept.definition:
            changes["definition"] = [kept.definition, said]
            kept.definition, kept.result, kept.problem, kept.wanted_at = said, {}, {}, timezone.now()
            kept.computed_at = None
    if changes:
        kept.updated_at = timezone.now()
        kept.save()
        audit("changed", kept, workspace=kept.workspace, by=by, changes=changes)
    return kept


@transaction.atomic
def want_model(*, model: DriverModel, by: Actor) -> bool:
    """Have it computed anew; False where that is under way already."""
    require_role(model.workspace, by, Role.VIEWER)
    kept = DriverModel.objects.select_for_update().get(pk=model.pk)
    if kept.is_under_way and kept.wanted_at > timezone.now() - GIVEN_UP_AFTER:
        return False
    DriverModel.objects.filter(pk=kept.pk).update(wanted_at=timezone.now())
    return True


def is_stale(model: DriverModel) -> bool:
    """Whether a look at it should have it computed anew."""
    now = timezone.now()
    if model.is_under_way:
        return model.wanted_at <= now - GIVEN_UP_AFTER
    return model.computed_at is not None and model.computed_at <= now - STALE_AFTER


@transaction.atomic
def remove_model(*, model: DriverModel, by: Actor) -> None:
    require_role(model.workspace, by, Role.ANALYST)
    audit("removed", model, workspace=model.workspace, by=by)
    model.delete()


def checked_definition(workspace: Workspace, definition: DriverDefinition) -> None:
    """Raises Refused for what can never be computed."""
    outcome, drivers = definition.outcome, definition.drivers
    if outcome.kind == "answer" and not (outcome.metric and outcome.question):
        raise Refused(_("Choose the question whose answers are to be explained."))
    if not drivers:
        raise Refused(_("Choose the drivers: what may explain the outcome."))
    if len({one.name for one in drivers}) < len(drivers):
        raise Refused(_("Each driver can be named once."))
    most = MOST if outcome.kind == "answer" else BINARY_UP_TO
    if len(drivers) > most:
        raise Refused(_("A model of this outcome takes at most %(n)d drivers.") % {"n": most})
    if not (1 <= definition.window_days <= 3650 and 1 <= outcome.days <= 3650 and 0 <= definition.period_days <= 36500):
        raise Refused(_("Say the days as a number from 1 to 3650."))
    for one in drivers:
        if one.kind == "rating" and (one.metric, one.key) == (outcome.metric, outcome.question):
            raise Refused(_("The outcome cannot explain itself. Leave it out of the drivers."))
        if not one.key or len(one.key) > 500 or (one.kind == "fact" and one.key not in FACTS):
            raise Refused(_("There is no driver “%(name)s”.") % {"name": one.name[:80]})
        if one.kind == "group" and not one.key.startswith(("property.", "trait.")):
            raise Refused(_("A group is a property of the outcome or a trait of its customer."))
        if one.target is not None and abs(one.target) > 1e9:
            raise Refused(_("A target is a number."))
        if one.owner and not Membership.objects.filter(workspace=workspace, user=one.owner).exists():
            raise Refused(_("The owner is not a member of this workspace."))
    try:
        read_filters(definition.filters, workspace.pk)
    except MetricRefused as error:
        raise Refused(str(error)) from error


def _name(workspace: Workspace, name: str, own: DriverModel | None) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > 200:
        raise Refused(_("A driver model needs a name of at most 200 characters."))
    others = DriverModel.objects.filter(workspace=workspace, name=name)
    if (others.exclude(pk=own.pk) if own else others).exists():
        raise Refused(_("There is a driver model of this name already."))
    return name
