"""Applying what mail servers report: messages that came back, dead addresses, complaints."""

from __future__ import annotations

import re

from cxm.accounts.models import Workspace

from . import actions
from .mail.bounces import Report, read
from .models import Delivery, Suppression

DEAD = re.compile(r"^5\.(1\.[0-9]+|2\.1|0\.0|4\.4)$")  # no such mailbox, switched off, no such domain


def take(raw: bytes, *, workspace: Workspace) -> list[Report]:
    """Apply what a message reports to the deliveries of the workspace; returns the reports that concern one."""
    taken = []
    for report in read(raw):
        delivery = (
            Delivery.objects.select_related("workspace").filter(workspace=workspace, pk=report.delivery_id).first()
            if report.delivery_id
            else None
        )
        if delivery is None:
            continue
        taken.append(report)
        if report.kind == "bounce":
            words = f"{report.status} {report.words}".strip()
            actions.bounced(delivery=delivery, error=words, dead=bool(DEAD.match(report.status)))
        elif report.kind == "complaint":
            actions.suppress(workspace=workspace, address=delivery.to, reason=Suppression.Reason.COMPLAINED, by=None)
    return taken
