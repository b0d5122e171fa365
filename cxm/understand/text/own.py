"""A workspace's own heads: train a version, use it, go back. Whoever reads texts asks `heads_of`.

A version is trained and compared in the background (`learning.running`); nothing changes until somebody uses it, and
one click goes back to the shipped heads or to another version. Either has all texts read anew.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace

from .learning.training import unpacked
from .models import OwnModel
from .reading.heads import Heads
from .rereading import read_again
from .signals import forget_signals

LOADED: Final = 10  # versions in memory: an installation of many workspaces keeps the last ones only
GIVEN_UP_AFTER: Final = timedelta(minutes=30)  # a training that long has died with its process
LOOK_EVERY: Final = 2.0  # seconds after which another process has noticed which version is used
State = OwnModel.State


class Refused(ValueError):
    """The change cannot be made; the message says why, in the language of the person."""


@transaction.atomic
def new_version(*, workspace: Workspace, by: Actor) -> OwnModel:
    """A version that waits to be trained; the caller has `learning.running.run` or its job do it."""
    require_role(workspace, by, Role.ANALYST)
    versions = OwnModel.objects.select_for_update().filter(workspace=workspace)
    for one in versions.filter(state=State.TRAINING):
        if one.created_at > timezone.now() - GIVEN_UP_AFTER:
            raise Refused(_("A version is being trained already. Wait until it is done."))
        one.state, one.problem = State.REFUSED, _("The training was interrupted.")
        one.save()
    number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
    user = user_behind(by)
    version = OwnModel.objects.create(workspace=workspace, number=number, created_by=user)
    audit("created", version, workspace=workspace, by=by, name=_name(version))
    return version


@transaction.atomic
def use_version(*, version: OwnModel, by: Actor) -> None:
    """Texts are read with this version from now on, and those that are there already are read anew."""
    workspace = version.workspace
    require_role(workspace, by, Role.ANALYST)
    now = OwnModel.objects.select_for_update().get(pk=version.pk)
    if now.state != State.READY or not now.weights:
        raise Refused(_("This version cannot be used. Train a new one."))
    if now.is_used:
        return
    before = _stop_using(workspace)
    now.is_used = True
    now.save()
    audit("used", now, workspace=workspace, by=by, name=_name(now), changes={"version": [before, now.number]})
    _changed(workspace)


@transaction.atomic
def use_shipped(*, workspace: Workspace, by: Actor) -> None:
    """Texts are read with the shipped heads again."""
    require_role(workspace, by, Role.ANALYST)
    used = OwnModel.objects.filter(workspace=workspace, is_used=True).first()
    if used is None:
        return
    before = _stop_using(workspace)
    audit("stopped using", used, workspace=workspace, by=by, name=_name(used), changes={"version": [before, None]})
    _changed(workspace)


def _stop_using(workspace: Workspace) -> int | None:
    rows = OwnModel.objects.filter(workspace=workspace, is_used=True)
    before = rows.values_list("number", flat=True).first()
    rows.update(is_used=False)
    return before


def _changed(workspace: Workspace) -> None:
    def say() -> None:
        _looked.pop(workspace.pk, None)
        forget_signals()

    read_again(workspace)
    transaction.on_commit(say)


def _name(version: OwnModel) -> str:
    return _("Own labels, version %(number)d") % {"number": version.number}


# Reading with them

_looked: dict[int, tuple[float, UUID | None]] = {}
_loaded: dict[UUID, Heads] = {}
_guard = threading.Lock()


def heads_of(workspace_id: int) -> Heads | None:
    """The heads that the workspace uses in place of the shipped ones; None where it uses none.

    Asked for each batch of texts: the database is looked at every two seconds at most.
    """
    now = time.monotonic()
    seen = _looked.get(workspace_id)
    if seen is None or now - seen[0] > LOOK_EVERY:
        used = OwnModel.objects.filter(workspace=workspace_id, is_used=True).values_list("pk", flat=True).first()
        seen = _looked[workspace_id] = (now, used)
    if seen[1] is None:
        return None
    return _loaded.get(seen[1]) or _load(seen[1])


def _load(version_id: UUID) -> Heads | None:
    row = OwnModel.objects.filter(pk=version_id).only("number", "weights", "workspace_id").first()
    if row is None or not row.weights:
        return None
    heads = Heads(f"own{row.number}", unpacked(bytes(row.weights)))
    with _guard:
        while len(_loaded) >= LOADED:
            _loaded.pop(next(iter(_loaded)))
        _loaded[version_id] = heads
    return heads


def forget_loaded() -> None:
    """For tests: what was looked at belongs to another database."""
    _looked.clear()
    _loaded.clear()
