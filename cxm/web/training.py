"""`cxm train --workspace`: train a workspace's own heads from the command line, also while the server runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.record.eventlog.engine import close_engine
from cxm.understand.text import own
from cxm.understand.text.learning import running
from cxm.understand.text.learning.jobs import train_version
from cxm.understand.text.models import OwnModel

from .data_directory import Refused
from .errands import server_holds_log

LOOK_EVERY = 0.5  # seconds


def train_workspace(slug: str, *, use: bool, progress: Callable[[float, float], None]) -> OwnModel:
    """Train and compare a version, and use it if that is wanted and it is better. Raises Refused."""
    workspace = Workspace.objects.filter(slug=slug, deleted_at=None).first()
    if workspace is None:
        raise Refused(_("There is no workspace “%(slug)s”.") % {"slug": slug})
    try:
        version = own.new_version(workspace=workspace, by=None)
        if server_holds_log():
            train_version.enqueue(str(version.pk))
            _look_on(version, progress)
        else:
            running.run(version.pk)
            close_engine()
        version.refresh_from_db()
        progress(100, 100)
        if version.state != OwnModel.State.READY:
            raise Refused(version.problem)
        if use and better(version):
            own.use_version(version=version, by=None)
            version.refresh_from_db()
    except own.Refused as refusal:
        raise Refused(str(refusal)) from refusal
    return version


def better(version: OwnModel) -> bool:
    """With evidence, by any kind of tag, and by none worse."""
    gains = [one["all"]["difference"] for one in version.report.values()]
    return any(gain["low"] > 0 for gain in gains) and not any(gain["high"] < 0 for gain in gains)


def _look_on(version: OwnModel, progress: Callable[[float, float], None]) -> None:
    while True:
        version.refresh_from_db(fields=["state", "progress"])
        progress(version.progress, 100)
        if version.state != OwnModel.State.TRAINING:
            return
        if not server_holds_log():
            raise Refused(_("The server stopped before it was done. Run the command again."))
        time.sleep(LOOK_EVERY)
