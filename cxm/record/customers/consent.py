"""Consent: every decision of a customer on a purpose is kept, and the newest counts."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User
from cxm.record.eventlog.outbox import emit

from .actions import clean_text
from .errors import Refused
from .models import ANALYTICS, Consent, Customer
from .versions import bump_directory


@transaction.atomic
def set_consent(*, customer: Customer, purpose: str, granted: bool, source: str = "", by: Actor) -> Consent:
    """Record a decision; saying the same again is recorded too, because when it was last confirmed matters."""
    workspace = customer.workspace
    require_role(workspace, by, Role.AGENT)
    purpose, source = clean_text(purpose).casefold(), clean_text(source)
    if not purpose or len(purpose) > 60:
        raise Refused(_("A consent needs a purpose of at most 60 characters."))
    if len(source) > 200:
        raise Refused(_("Describe the source in at most 200 characters."))
    before = Consent.objects.filter(customer=customer, purpose=purpose).first()
    row = Consent.objects.create(
        customer=customer,
        purpose=purpose,
        granted=granted,
        source=source,
        by=by if isinstance(by, User) else None,
    )
    if purpose == ANALYTICS:
        bump_directory()
    audit(
        "consent given" if granted else "consent withdrawn", customer, workspace=workspace, by=by,
        changes={purpose: [before.granted if before else None, granted]},
    )  # fmt: skip
    emit(
        "consent_given" if granted else "consent_withdrawn", workspace_id=workspace.pk, customer_id=customer.pk,
        by=str(by or "OpenCXM"), purpose=purpose, source=source,
    )  # fmt: skip
    return row
