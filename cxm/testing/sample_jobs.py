"""Jobs for tests: one takes as long as it is told, one fails."""

from __future__ import annotations

import time

from django_tasks import task


@task()
def sleep(seconds: float) -> None:
    time.sleep(seconds)


@task()
def fail(why: str) -> None:
    raise ValueError(why)
