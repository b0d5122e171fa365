"""How often somebody may be written to without having asked for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from cxm.listen.channels.models import Delivery
from cxm.listen.surveys import budget
from cxm.record.customers.models import Consent, Customer

PURPOSE = "marketing"  # of the consent that a refusal speaks of
MOST, WITHIN = 3, timedelta(days=7)  # advertisements of all workflows together, for one customer


def refusal_of_marketing(workspace_id: int, customer: Customer, now: datetime) -> tuple[str, str] | None:
    """Why this customer gets no advertisement now: (reason, sentence); None if nothing stands against it.

    The contact budget counts as it stands: whoever was asked as often as its rules allow is left in peace. An
    advertisement itself is no contact of a survey; of these there are at most MOST in WITHIN.
    """
    root = customer.canonical_id or customer.pk
    family = Q(customer__in=Customer.objects.filter(Q(pk=root) | Q(canonical=root)).values("pk"))
    said = Consent.objects.filter(family, purpose=PURPOSE).order_by("-at", "-pk").first()
    if said is not None and not said.granted:
        return "consent", ""
    lately = Delivery.objects.filter(
        family, workspace=workspace_id, cause__startswith="automation:", created_at__gt=now - WITHIN
    ).exclude(state__in=[Delivery.State.CANCELLED, Delivery.State.FAILED])
    if lately.count() >= MOST:
        return "too_many", ""
    [decision] = budget.decide(workspace_id, [budget.Request(root, 0, "email")], now=now, record=False)
    if decision.reason == "rule":
        return "budget", budget.sentence_of("rule", decision.detail)
    return None
