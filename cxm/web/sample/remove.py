"""Remove the sample company, all of it and nothing else."""

from __future__ import annotations

from cxm.accounts.actions import close_workspace
from cxm.accounts.audit import Actor
from cxm.accounts.models import Workspace
from cxm.web.workspaces import erase_workspace


class NotSample(ValueError):
    """The workspace holds a firm's own data; sample data is all that may be removed this way."""


def remove(workspace: Workspace, by: Actor) -> None:
    """Close a sample workspace and erase it at once: its rows, then its log, the workspace itself last.

    After a crash in between, the next start of the server erases the rest. The people who looked at it keep their
    logins. Raises NotSample for any other workspace, EventlogError when the log cannot be reached.
    """
    if not Workspace.objects.filter(pk=workspace.pk, is_sample=True).exists():
        raise NotSample(workspace.slug)
    close_workspace(workspace=workspace, by=by)
    erase_workspace.call(str(workspace.pk))
