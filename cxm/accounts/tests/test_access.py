"""Whether a person or a program may change something: the check with which every verb begins."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from cxm.accounts.access import require_role
from cxm.accounts.actions import create_api_key
from cxm.accounts.audit import Actor, user_behind
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


def answer(workspace: Workspace, by: Actor, at_least: Role) -> str:
    try:
        require_role(workspace, by, at_least)
    except Http404:
        return "not found"
    except PermissionDenied:
        return "refused"
    return "may"


def test_people_and_programs_change_what_their_role_allows_and_strangers_find_nothing() -> None:
    owner = make_user()
    ours, theirs = make_workspace(owner=owner), make_workspace("Lviv Lamps", owner=make_user("eve@example.com"))
    agent = make_member(ours, Role.AGENT, "ann@example.com")
    left = make_member(ours, Role.ADMIN, "leo@example.com")
    left.is_active = False
    left.save()

    def key(workspace: Workspace, kind: ApiKey.Kind, role: Role) -> ApiKey:
        return create_api_key(workspace=workspace, kind=kind, name=f"{kind} {role}", by=None, role=role)[0]

    own, sends = key(ours, ApiKey.Kind.SECRET, Role.ANALYST), key(ours, ApiKey.Kind.WRITE, Role.ADMIN)
    foreign = key(theirs, ApiKey.Kind.SECRET, Role.ADMIN)
    everyone: list[Actor] = [None, owner, agent, left, make_user("sam@example.com"), own, sends, foreign]
    told = {role: [answer(ours, by, role) for by in everyone] for role in (Role.AGENT, Role.ANALYST, Role.ADMIN)}
    hidden = "not found"
    assert told == {
        Role.AGENT: ["may", "may", "may", hidden, hidden, "may", "refused", hidden],
        Role.ANALYST: ["may", "may", "refused", hidden, hidden, "may", "refused", hidden],
        Role.ADMIN: ["may", "may", "refused", hidden, hidden, "refused", "refused", hidden],
    }
    assert [user_behind(by) for by in (None, agent, own)] == [None, agent, None]
    made, _clear = create_api_key(workspace=ours, kind=ApiKey.Kind.SECRET, name="by hand", by=owner, role=Role.AGENT)
    assert user_behind(made) == owner

    ours.deleted_at = timezone.now()
    ours.save()
    assert answer(ours, owner, Role.AGENT) == hidden
