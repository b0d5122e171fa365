"""Background work of result pages: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from uuid import UUID

from django_tasks import task

from .surveys import exporting


@task()
def run_export(export_id: str) -> None:
    """Make the file of an export."""
    exporting.run(UUID(export_id))
