"""Background work of own labels: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from uuid import UUID

from django_tasks import task

from . import running


@task()
def train_version(version_id: str) -> None:
    """Train and compare a version of a workspace's own heads."""
    running.run(UUID(version_id))
