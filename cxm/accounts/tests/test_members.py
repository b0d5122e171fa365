"""Changing roles and removing members."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from cxm.accounts.actions import LastOwner, change_role, remove_member
from cxm.accounts.models import AuditEntry, Membership, Role, Workspace
from cxm.testing.cast import make_member, make_workspace

pytestmark = pytest.mark.django_db

MEMBERS = "/w/kyiv-kettles/settings/members/"


def roles(workspace: Workspace) -> dict[str, str]:
    return {one.user.email.split("@")[0]: one.role for one in workspace.memberships.select_related("user")}


def membership(workspace: Workspace, name: str) -> Membership:
    return workspace.memberships.get(user__email=f"{name}@example.com")


def firm() -> Workspace:
    workspace = make_workspace()
    for role in (Role.ADMIN, Role.ANALYST, Role.AGENT, Role.VIEWER):
        make_member(workspace, role, f"{role}@example.com")
    return workspace


def test_an_administrator_changes_a_role_and_the_trail_says_so(client: Client) -> None:
    workspace = firm()
    client.force_login(membership(workspace, "admin").user)
    other = membership(workspace, "viewer")
    assert client.post(f"{MEMBERS}{other.user.uuid}/role/", {"role": "analyst"})["Location"] == MEMBERS
    assert roles(workspace)["viewer"] == "analyst"
    entry = AuditEntry.objects.filter(workspace=workspace).latest("id")
    assert (entry.by_name, entry.verb, entry.subject, entry.subject_name, entry.changes) == (
        "Admin", "changed", "membership", "Viewer", {"role": ["viewer", "analyst"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("by", "whom", "role"),
    [
        ("admin", "viewer", Role.OWNER),  # more than one has
        ("admin", "olena", Role.VIEWER),  # somebody above
        ("admin", "admin", Role.OWNER),
        ("analyst", "viewer", Role.AGENT),  # not their business
        ("viewer", "viewer", Role.OWNER),
    ],
)
def test_nobody_grants_more_than_they_have(client: Client, by: str, whom: str, role: Role) -> None:
    workspace = firm()
    before = roles(workspace)
    by_user, other = membership(workspace, by).user, membership(workspace, whom)
    with pytest.raises(PermissionDenied):
        change_role(membership=other, role=role, by=by_user)
    client.force_login(by_user)
    assert client.post(f"{MEMBERS}{other.user.uuid}/role/", {"role": role}).status_code == 403
    if by != whom:
        assert client.post(f"{MEMBERS}{other.user.uuid}/remove/").status_code == (
            302 if whom == "viewer" and by == "admin" else 403
        )
        before.pop("viewer") if whom == "viewer" and by == "admin" else None
    assert roles(workspace) == before


def test_the_last_owner_cannot_go(client: Client) -> None:
    workspace = firm()
    owner = membership(workspace, "olena")
    with pytest.raises(LastOwner):
        remove_member(membership=owner, by=owner.user)
    with pytest.raises(LastOwner):
        change_role(membership=owner, role=Role.ADMIN, by=None)
    client.force_login(owner.user)
    page = client.post(f"{MEMBERS}{owner.user.uuid}/remove/", follow=True).content.decode()
    assert "needs an owner" in page
    assert roles(workspace)["olena"] == "owner"
    change_role(membership=membership(workspace, "admin"), role=Role.OWNER, by=owner.user)
    assert client.post(f"{MEMBERS}{owner.user.uuid}/remove/")["Location"] == "/workspaces/"
    assert "olena" not in roles(workspace)


def test_everybody_may_leave_and_is_out_at_once(client: Client) -> None:
    workspace = firm()
    viewer = membership(workspace, "viewer").user
    client.force_login(viewer)
    assert client.get(MEMBERS).status_code == 200
    assert client.post(f"{MEMBERS}{viewer.uuid}/remove/")["Location"] == "/workspaces/"
    assert client.get(MEMBERS).status_code == 404


def test_a_role_that_does_not_exist_changes_nothing(client: Client) -> None:
    workspace = firm()
    before = roles(workspace)
    client.force_login(membership(workspace, "olena").user)
    other = membership(workspace, "viewer").user
    page = client.post(f"{MEMBERS}{other.uuid}/role/", {"role": "emperor"}, follow=True).content.decode()
    assert "There is no such role" in page
    assert roles(workspace) == before
