"""The threads that do background jobs, and what happens to a job whose process died.

A job is claimed by a worker whose name is in the job's row. Each working process says "I live" in the cache every
few seconds; a job that is claimed by a worker of a process that fell silent goes back into the queue. Jobs are safe
to repeat, so that is all a `kill -9` needs.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from datetime import timedelta

from django.core.cache import cache
from django.db import Error, close_old_connections, connections, transaction
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

logger = logging.getLogger(__name__)

POLL = 0.5  # seconds between two looks into an empty queue
SILENT_AFTER = 120  # seconds without a sign of life after which a process counts as dead
MOST_ATTEMPTS = 5  # a job that took its process down so often is not tried again
KEEP_FINISHED = timedelta(days=30)


class JobInterrupted(Exception):
    """The process that ran this job ended in the middle, again and again."""


def new_process_name() -> str:
    return f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"


def say_alive(process: str) -> None:
    cache.set(f"process:{process}", 1, timeout=SILENT_AFTER)


def say_goodbye(process: str) -> None:
    cache.delete(f"process:{process}")


def is_alive(worker: str) -> bool:
    """Whether the process of a thread, named `process/number`, said so lately."""
    return bool(cache.get(f"process:{worker.rpartition('/')[0]}"))


def requeue_interrupted(*, alone: bool) -> int:
    """Put jobs whose process died back into the queue; returns how many.

    `alone` says that no other process can be at work on this database, so that every running job is a dead one.
    """
    found = 0
    with transaction.atomic():
        for job in DBTaskResult.objects.select_for_update(skip_locked=True).running():
            if not alone and is_alive(str(job.worker_ids[-1] if job.worker_ids else "")):
                continue
            found += 1
            if len(job.worker_ids) >= MOST_ATTEMPTS:
                job.set_failed(
                    JobInterrupted(f"The process of this job ended {MOST_ATTEMPTS} times in the middle of it.")
                )
                logger.error("Job %s (%s) was interrupted too often and is not tried again.", job.id, job.task_path)
                continue
            job.status = TaskResultStatus.READY
            job.started_at = None
            job.save(update_fields=["status", "started_at"])
            logger.warning("Job %s (%s) was interrupted and runs again.", job.id, job.task_path)
    return found


def prune_finished() -> None:
    """Forget jobs that ended long ago."""
    DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - KEEP_FINISHED).delete()


class JobThread(threading.Thread):
    """Runs jobs one after the other until told to stop; then it ends the one in hand. Number 0 does only errands."""

    def __init__(self, process: str, number: int) -> None:
        super().__init__(name=f"jobs-{number}", daemon=True)
        self._stopping = threading.Event()
        self._worker = Worker(
            queue_names=["*"] if number else ["errands"],
            excluded_queue_names=["errands"] if number else [],
            interval=POLL,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"{process}/{number}"[-64:],
        )

    def stop(self) -> None:
        self._stopping.set()
        self._worker.running = False

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._worker.run()
            except Error as error:  # the database is away: the queue waits for it
                logger.warning("The job queue cannot be read: %s", error)
                close_old_connections()
                self._stopping.wait(5)
            except Exception:
                logger.exception("A job thread failed")
                self._stopping.wait(5)
        connections.close_all()
