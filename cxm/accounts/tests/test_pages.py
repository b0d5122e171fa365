"""Every page of accounts: it renders, holds nothing that the content security policy would stop, and can be read."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.invitations import invite
from cxm.accounts.models import ApiKey, Role
from cxm.testing.cast import make_user, make_workspace

pytestmark = pytest.mark.django_db

OWN = ["/workspaces/", "/workspaces/new/", "/account/profile/", "/account/password/change/", "/account/2fa/",
       "/account/sessions/", "/account/logout/", "/api/v1/docs"]  # fmt: skip
SETTINGS = ["", "members/", "keys/", "audit/", "delete/"]
PUBLIC = ["/account/login/", "/account/signup/", "/account/inactive/", "/account/password/reset/",
          "/account/password/reset/done/", "/account/password/reset/key/1-abc/",
          "/account/password/reset/key/done/", "/join/nothing/", "/api/v1/docs"]  # fmt: skip
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)")


def check(client: Client, url: str, status: int = 200) -> None:
    response = client.get(url)
    assert response.status_code == status, url
    page = response.content.decode()
    assert not INLINE.search(page), f"{url}: {INLINE.search(page)}"
    assert page.count("<h1") == 1, url
    assert not re.search(r"(src|href|action)=\"(https?:)?//", page), f"{url} loads or leads elsewhere"
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert "*" not in policy and "http:" not in policy


def test_the_pages_of_members(client: Client) -> None:
    workspace = make_workspace("Kettles")
    owner = workspace.memberships.get().user
    invite(workspace=workspace, email="petro@example.com", role=Role.VIEWER, by=owner)
    create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="x", by=owner)
    client.force_login(owner)
    for url in [*OWN, *(f"/w/kettles/settings/{page}" for page in SETTINGS)]:
        check(client, url)


def test_the_public_pages(client: Client) -> None:
    check(client, "/setup/")
    make_user()
    for url in PUBLIC:
        check(client, url, 404 if url.startswith("/join/") else 200)


def test_pages_speak_the_language_of_the_browser(client: Client) -> None:
    make_user()
    page = client.get("/account/login/", headers={"accept-language": "uk"}).content.decode()
    assert '<html lang="uk"' in page
    assert "Пароль" in page  # allauth brings its own translations
