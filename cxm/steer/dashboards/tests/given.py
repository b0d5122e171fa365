"""What the tests of boards start from: a logged-in client, and answers on known days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.test import Client

from cxm.accounts.models import Role, User, Workspace
from cxm.record.eventlog.append import Event
from cxm.testing.cast import answer, make_member

NOW = datetime.now(UTC)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def viewer_of(workspace: Workspace) -> User:
    return make_member(workspace, Role.VIEWER, "vera@example.com")


def days_ago(days: int) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M")


def nps_answers(
    workspace: Workspace, promoters: int, passives: int, detractors: int, when: str, **more: object
) -> list[Event]:
    scores = [10] * promoters + [8] * passives + [2] * detractors
    return [answer(workspace, score, when, scale="0-10", **more) for score in scores]  # type: ignore[arg-type]  # passed on
