"""Background work of drivers: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from uuid import UUID

from django_tasks import task

from . import computing


@task()
def compute_model(model_id: str) -> None:
    """Compute a driver model that is wanted."""
    computing.run(UUID(model_id))
