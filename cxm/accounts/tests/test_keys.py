"""API keys: made, shown once, revoked."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from cxm.accounts.access import api_key_for
from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role
from cxm.testing.cast import make_member, make_workspace

pytestmark = pytest.mark.django_db

KEYS = "/w/kyiv-kettles/settings/keys/"


def test_a_key_is_shown_once_and_kept_as_a_hash(client: Client) -> None:
    workspace = make_workspace()
    client.force_login(make_member(workspace, Role.ADMIN, "admin@example.com"))
    assert "No keys yet" in client.get(KEYS).content.decode()
    response = client.post(KEYS, {"name": "Warehouse", "role": "analyst"})
    secret = response.context["secret"]
    assert secret.startswith("cxm_secret_") and len(secret) == 54  # 11 letters in front of 256 bits in base64
    assert secret in response.content.decode() and "no-store" in response["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.name, key.kind, key.role) == ("Warehouse", "secret", "analyst")
    stored = str(ApiKey.objects.values()) + str(AuditEntry.objects.values()) + client.get(KEYS).content.decode()
    assert secret not in stored and secret[14:] not in stored
    assert api_key_for(secret, ApiKey.Kind.SECRET) == key
    assert api_key_for(secret, ApiKey.Kind.WRITE) is None


def test_a_revoked_key_opens_nothing(client: Client) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    key, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="Site", by=owner)
    client.force_login(owner)
    for _twice in range(2):
        assert client.post(f"{KEYS}{key.uuid}/revoke/")["Location"] == KEYS
    assert api_key_for(secret, ApiKey.Kind.SECRET) is None
    assert "Revoked" in client.get(KEYS).content.decode()
    assert AuditEntry.objects.filter(verb="revoked").count() == 1


def test_write_keys_belong_to_sources_and_stay_there(client: Client) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    key, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.WRITE, name="Site", by=owner)
    client.force_login(owner)
    assert "Site" not in client.get(KEYS).content.decode()
    assert client.post(f"{KEYS}{key.uuid}/revoke/").status_code == 404
    assert (
        client.post(KEYS, {"name": "x", "kind": "write", "role": "viewer"}).context["secret"].startswith("cxm_secret_")
    )
    assert api_key_for(secret, ApiKey.Kind.WRITE) == key


def test_a_key_gets_no_more_than_its_maker_has(client: Client) -> None:
    workspace = make_workspace()
    admin = make_member(workspace, Role.ADMIN, "admin@example.com")
    analyst = make_member(workspace, Role.ANALYST, "analyst@example.com")
    for by, role in ((admin, Role.OWNER), (analyst, Role.VIEWER)):
        with pytest.raises(PermissionDenied):
            create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="x", by=by, role=role)
    client.force_login(admin)
    assert client.post(KEYS, {"name": "x", "role": "owner"}).status_code == 422
    client.force_login(analyst)
    assert client.get(KEYS).status_code == 403
    assert not ApiKey.objects.exists()


def test_a_key_makes_no_keys() -> None:
    workspace = make_workspace()
    key, _secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="x", by=None, role=Role.ADMIN)
    with pytest.raises(PermissionDenied):
        create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="y", by=key)
    assert ApiKey.objects.count() == 1
