"""Background work of living maps: the threads of `cxm serve` and `cxm work` run it."""

from __future__ import annotations

from django_tasks import task

from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused

from ..models import MapEvidence
from . import keeping


@task()
def compute_evidence(row_id: str) -> None:
    """Compute one row anew; a filter that has become impossible is said on the page."""
    row = MapEvidence.objects.select_related("map__workspace").filter(pk=int(row_id)).first()
    if row is None:
        return
    try:
        keeping.refresh(row)
    except (Refused, UnknownField) as refusal:
        MapEvidence.objects.filter(pk=row.pk).update(problem=str(refusal)[:500], wanted_at=None)
