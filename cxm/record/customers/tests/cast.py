"""What the tests of customers share: the people of a workspace by role, and the state that must not change."""

from __future__ import annotations

from typing import Any

from cxm.accounts.models import AuditEntry, Membership, Role, User, Workspace
from cxm.record.customers.models import Consent, Customer, Identity, Note, Tag, Trait
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_workspace


class Firm:
    """A workspace with an agent and a viewer in it, and a stranger outside."""

    def __init__(self) -> None:
        self.owner, self.agent, self.viewer, self.stranger = map(person, ("Olena", "Ivan", "Wei", "Stranger"))
        self.workspace: Workspace = make_workspace(owner=self.owner)
        for user, role in ((self.agent, Role.AGENT), (self.viewer, Role.VIEWER)):
            Membership.objects.create(workspace=self.workspace, user=user, role=role)


def person(name: str) -> User:
    """A user without a password: to hash one takes longer than most of these tests."""
    return User.objects.create(email=f"{name.lower()}@example.com", name=name)


def state() -> list[Any]:
    """Everything that a verb of customers could have changed."""
    rows: list[Any] = []
    for model in (Customer, Identity, Consent, Tag, Note, Trait, AuditEntry, OutboxFact):
        rows.append(sorted(map(str, model.objects.values_list())))
    rows.append(sorted(map(str, Tag.customers.through.objects.values_list())))
    return rows


def facts(*names: str) -> list[tuple[str, str]]:
    """The name and customer of each fact stated so far, in order; of these names only, if any are given."""
    rows = OutboxFact.objects.order_by("id")
    return [(row.name, str(row.customer_id)) for row in rows if not names or row.name in names]


def verbs() -> list[str]:
    """The audit trail of customers, oldest first."""
    return list(AuditEntry.objects.filter(subject="customer").order_by("id").values_list("verb", flat=True))
