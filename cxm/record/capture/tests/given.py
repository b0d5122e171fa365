"""Builders for imports: a file with these bytes, run as a job would run it."""

from __future__ import annotations

from pathlib import Path

from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.capture import actions, running
from cxm.record.capture.models import Import


def owner_of(workspace: Workspace) -> User:
    return Membership.objects.get(workspace=workspace, role=Role.OWNER).user


def draft(workspace: Workspace, path: Path, name: str = "") -> Import:
    return actions.add_file(workspace=workspace, path=path, name=name or path.name, by=owner_of(workspace), move=False)


def waiting(workspace: Workspace, path: Path, yaml: str, name: str = "") -> Import:
    return actions.start_import(one=draft(workspace, path, name), yaml=yaml, by=owner_of(workspace))


def import_file(workspace: Workspace, path: Path, yaml: str, name: str = "") -> Import:
    done = running.run(waiting(workspace, path, yaml, name).pk)
    assert done is not None
    return done
