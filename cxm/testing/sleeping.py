"""A job for tests that takes as long as it is told."""

from __future__ import annotations

import time

from django_tasks import task


@task()
def sleep(seconds: float) -> None:
    time.sleep(seconds)
