"""What can be done with imports and mappings."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace

from . import files, running, storage
from .mapping import read_mapping
from .models import Import, Mapping

State = Import.State


class Refused(Exception):
    """The verb does not fit the state of the import; the message says why, in the user's language."""


@transaction.atomic
def save_mapping(*, workspace: Workspace, yaml: str, by: Actor) -> Mapping:
    """Save a mapping under the name it gives itself, as a new version if it differs. Raises MappingError."""
    require_role(workspace, by, Role.ANALYST)
    mapping = read_mapping(yaml)
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    last = Mapping.objects.filter(workspace=workspace, name=mapping.name).first()
    if last and last.yaml == yaml:
        return last
    saved = Mapping.objects.create(
        workspace=workspace,
        name=mapping.name,
        version=last.version + 1 if last else 1,
        yaml=yaml,
        created_by=user_behind(by),
    )
    audit("saved", saved, workspace=workspace, by=by)
    return saved


@transaction.atomic
def add_file(*, workspace: Workspace, path: Path, name: str, by: Actor, move: bool = True) -> Import:
    """A new import of the file at `path`, being prepared. The file is moved, or copied, into the data directory.

    Raises Refused where it is empty or too large.
    """
    require_role(workspace, by, Role.ANALYST)
    size = path.stat().st_size
    if not size:
        raise Refused(_("The file is empty."))
    if size > settings.UPLOAD_MAX_BYTES:
        raise Refused(_("The file is larger than %(size)d MB.") % {"size": settings.UPLOAD_MAX_BYTES // 2**20})
    one = Import(workspace=workspace, file_name=name[-300:], file_size=size, created_by=user_behind(by))
    target = storage.new_file(one.pk)
    if move:
        shutil.move(path, target)
    else:
        shutil.copyfile(path, target)
    one.file_path = str(target)
    one.file_sha256 = storage.sha256_of(target)
    one.save()
    audit("uploaded", one, workspace=workspace, by=by)
    return one


@transaction.atomic
def start_import(*, one: Import, yaml: str, by: Actor) -> Import:
    """Let the import wait for a job thread, with this mapping, which is saved. The caller enqueues `jobs.run_import`.

    Raises MappingError, FileProblem, Refused.
    """
    require_role(one.workspace, by, Role.ANALYST)
    one = _locked(one)
    if one.state != State.DRAFT:
        raise Refused(_("This import has been started already."))
    mapping = read_mapping(yaml)
    look = files.look(Path(one.file_path), one.file_name, mapping.format)
    running.compiled(one, mapping, look)
    save_mapping(workspace=one.workspace, yaml=yaml, by=by)
    one.state, one.mapping_yaml, one.dataset = State.WAITING, yaml, mapping.name
    one.save(update_fields=["state", "mapping_yaml", "dataset"])
    audit("started", one, workspace=one.workspace, by=by)
    return one


@transaction.atomic
def resume_import(*, one: Import, by: Actor, path: Path | None = None) -> Import:
    """Go on with an import that stopped or was killed, with a better copy of its file if `path` names one.

    The caller enqueues `jobs.run_import`. Raises Refused.
    """
    require_role(one.workspace, by, Role.ANALYST)
    one = _locked(one)
    if one.state not in {State.FAILED, State.RUNNING, State.WAITING} or running.is_alive(one):
        raise Refused(_("Only an import that has stopped can go on."))
    if path is not None:
        target = storage.new_file(one.pk)
        shutil.move(path, target)
        one.file_path, one.file_size = str(target), target.stat().st_size
        one.file_sha256 = storage.sha256_of(target)
        # Its rows are compared with the log, so those that are there already are not stored again.
        one.rows_read = one.rows_rejected = one.rows_known = one.rejected_bytes = 0
    one.state, one.problem = State.WAITING, ""
    one.save()
    audit("resumed", one, workspace=one.workspace, by=by)
    return one


@transaction.atomic
def undo_import(*, one: Import, by: Actor) -> Import:
    """Let a job thread take back all that an import brought. The caller enqueues `jobs.run_import`. Raises Refused."""
    require_role(one.workspace, by, Role.ANALYST)
    one = _locked(one)
    if one.state not in {State.DONE, State.FAILED} and not (one.state == State.RUNNING and not running.is_alive(one)):
        raise Refused(_("Only an import that is done or has stopped can be undone."))
    one.state = State.UNDOING
    one.save(update_fields=["state"])
    audit("undone", one, workspace=one.workspace, by=by)
    return one


@transaction.atomic
def discard_import(*, one: Import, by: Actor) -> None:
    """Remove an import that was never started, with its file. Raises Refused."""
    require_role(one.workspace, by, Role.ANALYST)
    one = _locked(one)
    if one.state != State.DRAFT:
        raise Refused(_("This import has been started already."))
    audit("discarded", one, workspace=one.workspace, by=by)
    pk: uuid.UUID = one.pk
    one.delete()
    transaction.on_commit(lambda: storage.remove_folder(pk))


def _locked(one: Import) -> Import:
    return Import.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=one.pk)
