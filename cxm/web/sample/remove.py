"""Remove the sample company, all of it and nothing else."""

from __future__ import annotations

from django.db import transaction

from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Workspace
from cxm.record.customers.models import Consent, Customer, Identity, Note, Tag
from cxm.record.eventlog.forget import forget_workspace
from cxm.record.eventlog.models import OutboxFact


class NotSample(ValueError):
    """The workspace holds a firm's own data; sample data is all that may be removed this way."""


def remove(workspace: Workspace, by: Actor) -> None:
    """Remove a sample workspace: its log first, then its rows, so that a crash in between can be repeated.

    Raises NotSample for any other workspace, EventlogError when the log cannot be reached; then nothing is lost but
    sample data. The people who looked at it keep their logins.
    """
    if not Workspace.objects.filter(pk=workspace.pk, is_sample=True).exists():
        raise NotSample(workspace.slug)
    forget_workspace(workspace.pk)
    with transaction.atomic():
        audit("removed", workspace, workspace=None, by=by)
        OutboxFact.objects.filter(workspace_id=workspace.pk).delete()
        # In this order nothing but the customers themselves has to be looked at one by one.
        Identity.objects.filter(workspace=workspace).delete()
        Consent.objects.filter(customer__workspace=workspace).delete()
        Note.objects.filter(customer__workspace=workspace).delete()
        Tag.objects.filter(workspace=workspace).delete()
        Customer.objects.filter(workspace=workspace).update(merged_into=None)
        Customer.objects.filter(workspace=workspace).delete()
        workspace.delete()
