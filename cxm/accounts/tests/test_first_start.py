"""The first start: whoever comes first makes the owner account and the first workspace, and nobody after them."""

from __future__ import annotations

import pytest
from django.test import Client

from cxm.accounts.models import AuditEntry, Membership, Role, User, Workspace
from cxm.testing.cast import PASSWORD, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

FORM = {
    "your_name": "Olena", "email": "Olena@Example.com", "password": PASSWORD, "password_again": PASSWORD,
    "name": "Kyiv Kettles", "time_zone": "Europe/Kyiv", "currency": "UAH",
}  # fmt: skip


def test_without_users_the_first_page_leads_to_the_set_up(client: Client) -> None:
    assert client.get("/")["Location"] == "/setup/"
    page = client.get("/setup/").content.decode()
    assert "data-guess-time-zone" in page and "Europe/Kyiv" in page


def test_the_set_up_makes_the_owner_and_the_workspace_and_logs_in(client: Client) -> None:
    response = client.post("/setup/", FORM)
    assert response["Location"] == "/w/kyiv-kettles/"
    user, workspace = User.objects.get(), Workspace.objects.get()
    assert (user.email, user.name, user.is_superuser) == ("olena@example.com", "Olena", False)
    assert (workspace.name, workspace.time_zone, workspace.currency) == ("Kyiv Kettles", "Europe/Kyiv", "UAH")
    assert Membership.objects.get().role == Role.OWNER
    assert client.get("/")["Location"] == "/w/kyiv-kettles/"
    assert list(AuditEntry.objects.values_list("verb", "subject")) == [("created", "workspace"), ("created", "user")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password_again": "something else entirely"}, "password_again"),
        ({"email": "nobody"}, "email"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"currency": "???"}, "currency"),
        ({"name": ""}, "name"),
    ],
)
def test_a_refused_set_up_makes_nothing(client: Client, change: dict[str, str], field: str) -> None:
    response = client.post("/setup/", {**FORM, **change})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not User.objects.exists() and not Workspace.objects.exists()


def test_once_anybody_exists_the_set_up_is_gone(client: Client) -> None:
    make_user()
    assert client.get("/setup/")["Location"] == "/"
    assert client.post("/setup/", FORM)["Location"] == "/"
    assert User.objects.count() == 1 and not Workspace.objects.exists()
    assert client.get("/")["Location"] == "/account/login/?next=/"


def test_the_first_page_leads_to_the_only_or_the_last_workspace_else_to_the_list(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    assert client.get("/")["Location"] == "/workspaces/"
    assert "Create a workspace" in client.get("/workspaces/").content.decode()
    make_workspace("Kettles", owner=user)
    assert client.get("/")["Location"] == "/w/kettles/"
    make_workspace("Teapots", owner=user)
    assert client.get("/")["Location"] == "/workspaces/"
    client.get("/w/teapots/settings/")
    assert client.get("/")["Location"] == "/w/teapots/"


def test_anybody_with_an_account_may_open_a_workspace_and_owns_it(client: Client) -> None:
    user = make_member(make_workspace(), role=Role.VIEWER, email="petro@example.com")
    client.force_login(user)
    assert client.get("/workspaces/new/").status_code == 200
    form = {"name": "茶壺", "time_zone": "Asia/Taipei", "currency": "TWD"}
    assert client.post("/workspaces/new/", form)["Location"] == "/w/workspace/"  # no letter of it fits an address
    assert Workspace.objects.get(slug="workspace").memberships.get().role == Role.OWNER
