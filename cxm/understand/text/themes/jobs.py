"""Background work of themes: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from django_tasks import task

from . import discovering


@task()
def find_themes(run_id: str) -> None:
    """Carry out a run; one that was interrupted begins anew."""
    discovering.run(int(run_id))
