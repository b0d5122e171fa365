"""What the way in must know of customers: under which ids their events are not to be kept, or may be."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db.models import F, Q, Window
from django.db.models.functions import Coalesce, RowNumber

from .linking import TRACKED, log_id, parts
from .models import ANALYTICS, Consent, Customer, Identity


def refused_analytics() -> Iterator[tuple[int, UUID]]:
    """(workspace, customer id as events carry it) of everybody whose newest decision on analytics is no."""
    return _deciding(False)


def granted_analytics() -> Iterator[tuple[int, UUID]]:
    return _deciding(True)


def _deciding(granted: bool) -> Iterator[tuple[int, UUID]]:
    person = Coalesce("customer__canonical_id", "customer_id")
    newest = Window(RowNumber(), partition_by=[person], order_by=[F("at").desc(), F("granted").asc(), F("id").desc()])
    # Two steps, because a condition beside the window's would choose rows before the window counts them.
    last = Consent.objects.filter(purpose=ANALYTICS).annotate(place=newest).filter(place=1).order_by().values("pk")
    rows = Consent.objects.filter(pk__in=last, granted=granted).order_by()
    for part in parts(list(rows.values_list(person, flat=True))):
        members = Customer.objects.filter(Q(pk__in=part) | Q(canonical__in=part))
        yield from members.values_list("workspace_id", "pk")
        names = Identity.objects.filter(customer__in=members.values("pk"), kind__in=TRACKED)
        for workspace_id, kind, value in names.values_list("workspace_id", "kind", "value"):
            yield workspace_id, log_id(workspace_id, (kind, value))
