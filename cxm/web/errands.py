"""How a command gets at the log while `cxm serve` holds it: it leaves a job for the server and waits for it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django_tasks.base import Task, TaskResultStatus
from django_tasks_db.models import DBTaskResult

from .data_directory import Refused, exchange_folder, holder

LOOK_EVERY = 0.25  # seconds


def server_holds_log() -> bool:
    """Whether the log is in a running server's process, so that this process cannot open it."""
    return not settings.EVENTLOG_URL and holder() is not None


def new_folder() -> str:
    return uuid.uuid4().hex


def ask_server(job: Task[Any, int], folder: str, *args: object, progress: Callable[[float, float], None]) -> int:
    """Let the server run `job(folder, *args)`; returns what it returns. Raises Refused when the job fails."""
    row_id = job.enqueue(folder, *args).id
    place = exchange_folder(folder)
    try:
        while True:
            row = DBTaskResult.objects.get(pk=row_id)
            with suppress(OSError, ValueError):
                done, total = (float(part) for part in (place / "progress").read_text().split())
                progress(done, total)
            if row.status == TaskResultStatus.SUCCESSFUL:
                return int(row.return_value or 0)
            if row.status == TaskResultStatus.FAILED:
                reason = row.traceback.strip().rpartition("\n")[2]
                raise Refused(_("The server could not do it: %(reason)s") % {"reason": reason})
            if not server_holds_log():
                raise Refused(_("The server stopped before it was done. Run the command again."))
            time.sleep(LOOK_EVERY)
    finally:
        DBTaskResult.objects.filter(pk=row_id, status=TaskResultStatus.READY).delete()
