"""Inviting a person, and joining by the link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from cxm.accounts.invitations import accept_invitation, invite, revoke_invitation
from cxm.accounts.models import AuditEntry, Invitation, Membership, Role, User
from cxm.testing.cast import PASSWORD, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

NEW = {"name": "Petro", "password": PASSWORD, "password_again": PASSWORD}


def path_of(link: str) -> str:
    return link.removeprefix("http://127.0.0.1:8000")


def test_an_administrator_invites_and_the_link_is_shown_once(client: Client) -> None:
    workspace = make_workspace()
    client.force_login(make_member(workspace, Role.ADMIN, "admin@example.com"))
    response = client.post("/w/kyiv-kettles/settings/members/invite/", {"email": "Petro@example.com", "role": "agent"})
    link = response.context["link"]
    assert link.startswith("http://127.0.0.1:8000/join/") and link in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role, invitation.invited_by) == (
        "petro@example.com", "agent", User.objects.get(email="admin@example.com"),
    )  # fmt: skip
    token = link.rsplit("/", 2)[1]
    assert token not in str(Invitation.objects.values()) and token not in str(AuditEntry.objects.values())
    assert token not in client.get("/w/kyiv-kettles/settings/members/").content.decode()


def test_a_new_person_joins_by_choosing_a_password(client: Client) -> None:
    workspace = make_workspace()
    _invitation, link = invite(workspace=workspace, email="petro@example.com", role=Role.AGENT, by=None)
    assert "petro@example.com" in client.get(path_of(link)).content.decode()
    weak = client.post(path_of(link), {**NEW, "password": "petro@example.com", "password_again": "petro@example.com"})
    assert weak.status_code == 422 and not User.objects.filter(email="petro@example.com").exists()
    assert client.post(path_of(link), NEW)["Location"] == "/w/kyiv-kettles/"
    member = workspace.memberships.get(user__email="petro@example.com")
    assert (member.role, member.user.name) == ("agent", "Petro")
    assert client.get("/w/kyiv-kettles/settings/members/").status_code == 200
    assert Client().get(path_of(link)).status_code == 404  # used up
    assert Client().post(path_of(link), NEW).status_code == 404


def test_a_person_with_an_account_logs_in_and_joins(client: Client) -> None:
    workspace, petro = make_workspace(), make_user("petro@example.com", "Petro")
    _invitation, link = invite(workspace=workspace, email="petro@example.com", role=Role.ANALYST, by=None)
    assert client.get(path_of(link))["Location"] == f"/account/login/?next={path_of(link)}"
    assert client.post(path_of(link), NEW).status_code == 302
    assert not workspace.memberships.filter(user=petro).exists()  # the link alone does not open their account
    client.force_login(petro)
    assert client.get(path_of(link)).status_code == 200
    assert client.post(path_of(link))["Location"] == "/w/kyiv-kettles/"
    assert workspace.memberships.get(user=petro).role == "analyst"


def test_somebody_else_cannot_use_the_link(client: Client) -> None:
    workspace, stranger = make_workspace(), make_user("stranger@example.com", "Stranger")
    invitation, link = invite(workspace=workspace, email="petro@example.com", role=Role.ADMIN, by=None)
    client.force_login(stranger)
    assert "petro@example.com" in client.get(path_of(link)).content.decode()
    assert client.post(path_of(link)).status_code == 403
    with pytest.raises(PermissionDenied):
        accept_invitation(invitation=invitation, by=stranger)
    assert not Membership.objects.filter(user=stranger).exists()


def test_an_invitation_ends_after_seven_days_or_when_revoked_or_replaced(client: Client) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    first, old = invite(workspace=workspace, email="petro@example.com", role=Role.VIEWER, by=owner)
    assert timedelta(days=6, hours=23) < first.expires_at - timezone.now() <= timedelta(days=7)
    second, link = invite(workspace=workspace, email="petro@example.com", role=Role.AGENT, by=owner)
    assert client.get(path_of(old)).status_code == 404
    assert client.get(path_of(link)).status_code == 200
    Invitation.objects.filter(pk=second.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(path_of(link)).status_code == 404
    assert client.post(path_of(link), NEW).status_code == 404
    third, link = invite(workspace=workspace, email="petro@example.com", role=Role.AGENT, by=owner)
    client.force_login(owner)
    client.post(f"/w/kyiv-kettles/settings/invitations/{third.uuid}/revoke/")
    assert Client().get(path_of(link)).status_code == 404
    assert not User.objects.filter(email="petro@example.com").exists()
    assert AuditEntry.objects.filter(verb="revoked", subject="invitation").count() == 1
    revoke_invitation(invitation=third, by=owner)
    assert AuditEntry.objects.filter(verb="revoked", subject="invitation").count() == 1


def test_nobody_invites_with_more_than_they_have(client: Client) -> None:
    workspace = make_workspace()
    admin = make_member(workspace, Role.ADMIN, "admin@example.com")
    analyst = make_member(workspace, Role.ANALYST, "analyst@example.com")
    for by, role in ((admin, Role.OWNER), (analyst, Role.VIEWER), (make_user("x@example.com"), Role.VIEWER)):
        with pytest.raises(PermissionDenied):
            invite(workspace=workspace, email="petro@example.com", role=role, by=by)
    client.force_login(admin)
    response = client.post("/w/kyiv-kettles/settings/members/invite/", {"email": "p@example.com", "role": "owner"})
    assert response.status_code == 422
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again() -> None:
    workspace = make_workspace()
    with pytest.raises(ValidationError, match="already"):
        invite(workspace=workspace, email="OLENA@example.com", role=Role.VIEWER, by=None)
    assert not Invitation.objects.exists()


def test_the_link_is_mailed_where_mail_is_set_up(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    workspace = make_workspace("Kettles & Co")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with django_capture_on_commit_callbacks(execute=True):
        invite(workspace=workspace, email="first@example.com", role=Role.VIEWER, by=None)
    assert mail.outbox == []
    settings.EMAIL_URL = "smtp://mail.example.com"
    with django_capture_on_commit_callbacks(execute=True):
        _invitation, link = invite(workspace=workspace, email="second@example.com", role=Role.VIEWER, by=None)
    assert [(one.to, one.subject) for one in mail.outbox] == [(["second@example.com"], "Join Kettles & Co on OpenCXM")]
    assert link in mail.outbox[0].body
