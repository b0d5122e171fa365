"""What can be done with sources, their write keys and the tracking plan. Each change reaches the intake at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.actions import create_api_key, revoke_api_key
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import ApiKey, Role, User, Workspace
from cxm.record.customers.versions import bump_directory

from .actions import Refused
from .models import Source, SourceKey, TrackingPlan
from .plan import read_plan

MOST_KEYS = 20  # living ones of one source


@transaction.atomic
def create_source(
    *, workspace: Workspace, name: str, kind: Source.Kind, by: Actor, origins: Sequence[str] = ()
) -> tuple[Source, str]:
    """A new source with its first write key, whose only appearance in clear is the second value."""
    require_role(workspace, by, Role.ADMIN)
    source = Source.objects.create(
        workspace=workspace,
        name=name,
        kind=kind,
        origins=list(origins),
        created_by=by if isinstance(by, User) else None,
    )
    audit("created", source, workspace=workspace, by=by, changes={"kind": [None, source.kind]})
    _key, clear = create_key(source=source, name=name, by=by)
    return source, clear


@transaction.atomic
def change_source(*, source: Source, name: str, kind: Source.Kind, origins: Sequence[str], by: Actor) -> None:
    """Name, kind, and which pages may send."""
    require_role(source.workspace, by, Role.ADMIN)
    _change(source, {"name": name, "kind": kind.value, "origins": list(origins)}, by)


@transaction.atomic
def switch_source(*, source: Source, enabled: bool, by: Actor) -> None:
    """Take its events, or refuse them all."""
    require_role(source.workspace, by, Role.ADMIN)
    _change(source, {"enabled": enabled}, by)


@transaction.atomic
def delete_source(*, source: Source, by: Actor) -> None:
    """Remove a source with its keys, which open nothing any more, and what was learned of it. Its events stay."""
    require_role(source.workspace, by, Role.ADMIN)
    for key in source.keys.select_related("key").filter(key__revoked_at=None):
        revoke_api_key(key=key.key, by=by)
    audit("deleted", source, workspace=source.workspace, by=by)
    source.delete()
    bump_directory()


@transaction.atomic
def set_plan_mode(*, source: Source, mode: Source.PlanMode, by: Actor) -> None:
    """What happens to an event of this source that the tracking plan does not allow."""
    require_role(source.workspace, by, Role.ANALYST)
    _change(source, {"plan_mode": mode.value}, by)


def _change(source: Source, after: dict[str, object], by: Actor) -> None:
    before = Source.objects.select_for_update().get(pk=source.pk)
    changes = {
        field: [getattr(before, field), value] for field, value in after.items() if getattr(before, field) != value
    }
    if not changes:
        return
    for field, value in after.items():
        setattr(source, field, value)
    source.save(update_fields=list(after))
    audit("changed", source, workspace=source.workspace, by=by, changes=changes)
    bump_directory()


@transaction.atomic
def create_key(*, source: Source, name: str, by: Actor) -> tuple[SourceKey, str]:
    """One more write key, and its only appearance in clear. The others stay valid: that is how keys are rotated.

    Raises Refused where the source has too many.
    """
    require_role(source.workspace, by, Role.ADMIN)
    if source.keys.filter(key__revoked_at=None).count() >= MOST_KEYS:
        raise Refused(_("This source has %(most)d valid keys. Disable those that nobody uses.") % {"most": MOST_KEYS})
    key, clear = create_api_key(workspace=source.workspace, kind=ApiKey.Kind.WRITE, name=name, role=Role.VIEWER, by=by)
    made = SourceKey.objects.create(source=source, key=key)
    bump_directory()
    return made, clear


@transaction.atomic
def disable_key(*, key: SourceKey, by: Actor) -> None:
    """The key opens nothing any more; what came by it stays. Repeating it is harmless."""
    require_role(key.source.workspace, by, Role.ADMIN)
    revoke_api_key(key=key.key, by=by)
    bump_directory()


@transaction.atomic
def save_plan(*, workspace: Workspace, yaml: str, by: Actor) -> TrackingPlan:
    """Put a plan in force, as a new version if it differs from the last. Raises PlanError."""
    require_role(workspace, by, Role.ANALYST)
    read_plan(yaml)
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    last = TrackingPlan.objects.filter(workspace=workspace).first()
    if last and last.yaml == yaml:
        return last
    saved = TrackingPlan.objects.create(
        workspace=workspace, yaml=yaml, version=last.version + 1 if last else 1,
        created_by=by if isinstance(by, User) else None,
    )  # fmt: skip
    audit("saved", saved, workspace=workspace, by=by)
    bump_directory()
    return saved
