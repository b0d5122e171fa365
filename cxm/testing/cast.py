"""Builders, and the fixed cast of the tests: an owner, a member, and a stranger who must see nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cxm.accounts.actions import create_workspace
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.capture.models import Source
from cxm.record.capture.source_actions import create_source
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import NOBODY, Event, append, encode_properties

PASSWORD = "correct horse battery"


def make_user(email: str = "olena@example.com", name: str = "Olena") -> User:
    return User.objects.create_user(email=email, password=PASSWORD, name=name)


def make_workspace(name: str = "Kyiv Kettles", owner: User | None = None, time_zone: str = "UTC") -> Workspace:
    return create_workspace(name=name, owner=owner or make_user(), time_zone=time_zone)


def make_member(workspace: Workspace, role: Role, email: str) -> User:
    user = make_user(email, email.split("@")[0].title())
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


def make_customer(workspace: Workspace, name: str = "Ada", **fields: Any) -> Customer:
    return Customer.objects.create(workspace=workspace, name=name, **fields)


def at(text: str) -> datetime:
    """A time in UTC: at("2026-03-01 12:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(workspace: Workspace, name: str, when: str, *, customer_id: uuid.UUID = NOBODY, **properties: Any) -> Event:
    return Event(
        workspace_id=workspace.pk,
        event_id=uuid.uuid4(),
        name=name,
        customer_id=customer_id,
        occurred_at=at(when),
        source="api",
        properties=encode_properties(properties),
    )


def answer(
    workspace: Workspace, score: float | None, when: str = "2026-03-01 12:00", *,
    metric: str = "nps", question: str = "nps", customer_id: uuid.UUID = NOBODY, weight: float = 1, **more: Any,
) -> Event:  # fmt: skip
    """An answer as the log takes it; `more` holds channel, touchpoint, comment … and `properties`."""
    return event(
        workspace, "answer_given", when, customer_id=customer_id,
        metric=metric, question=question, score=score, weight=weight, **more,
    )  # fmt: skip


def given_events(events: Iterable[Event]) -> None:
    """Put events into the log by its real writer."""
    append(list(events))


def make_write_key(workspace: Workspace) -> str:
    """A key that may send events to the workspace."""
    return create_source(workspace=workspace, name="Web", kind=Source.Kind.WEBSITE, by=None)[1]
