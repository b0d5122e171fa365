"""Ending a workspace: nobody gets in at once, and soon nothing of it is left, on any shelf."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django_tasks_db.models import DBTaskResult

from cxm.accounts.access import api_key_for
from cxm.accounts.actions import create_api_key, create_workspace
from cxm.accounts.invitations import invite
from cxm.accounts.models import ApiKey, AuditEntry, Invitation, Membership, Role, Workspace
from cxm.record.capture.models import Import, Mapping
from cxm.record.customers.models import Customer, Identity, Note, Tag
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import emit
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.web.workspaces import erase_closed_workspaces, erase_workspace, remove_sample_data

pytestmark = pytest.mark.django_db

DELETE = "/w/kyiv-kettles/settings/delete/"


@dataclass
class Count:
    n: int


def events(workspace_id: int) -> int:
    sql = "SELECT count() AS n FROM events WHERE $scope"
    return ask(sql, Scope(workspace_id), row=Count, name="test", table="events").rows[0].n


def fill(workspace: Workspace, file: Path) -> str:
    """One thing of each kind in the workspace; returns a secret key."""
    owner = workspace.memberships.get(role=Role.OWNER).user
    ada, twin = make_customer(workspace, "Ada"), make_customer(workspace, "Ada L.")
    Customer.objects.filter(pk=twin.pk).update(merged_into=ada)
    Identity.objects.create(workspace=workspace, customer=ada, kind="user_id", value="1")
    Note.objects.create(customer=ada, text="x", by=owner)
    Tag.objects.create(workspace=workspace, name="vip").customers.add(ada)
    Mapping.objects.create(workspace=workspace, name="m", yaml="")
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("name\nAda\n")
    Import.objects.create(workspace=workspace, file_name="a.csv", file_path=str(file), created_by=owner)
    given_events([answer(workspace, 9, customer_id=ada.pk), answer(workspace, 2)])
    with transaction.atomic():
        emit("note_added", workspace_id=workspace.pk, customer_id=ada.pk)
    invite(workspace=workspace, email="petro@example.com", role=Role.VIEWER, by=owner)
    return create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="x", by=owner)[1]


def test_the_owner_types_the_name_and_everything_goes(
    client: Client, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    other = make_workspace("Other", owner=owner)
    file, theirs = settings.DATA_DIR / "imports" / "ours.csv", settings.DATA_DIR / "imports" / "theirs.csv"
    secret = fill(workspace, file)
    fill(other, theirs)
    client.force_login(owner)

    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(DELETE, {"confirmation": "Kyiv Teapots"}).status_code == 422
    assert workspace.memberships.exists() and DBTaskResult.objects.count() == 0

    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(DELETE, {"confirmation": "Kyiv Kettles"})["Location"] == "/workspaces/"
    assert client.get("/w/kyiv-kettles/settings/").status_code == 404
    assert api_key_for(secret, ApiKey.Kind.SECRET) is None
    assert "Kyiv Kettles" not in client.get("/workspaces/").content.decode().split("<main")[1].split("list-group")[-1]
    job = DBTaskResult.objects.get()
    assert job.args_kwargs["args"] == [str(workspace.pk)]

    erase_workspace.call(str(workspace.pk))
    erase_workspace.call(str(workspace.pk))  # after a crash it is called again
    assert events(workspace.pk) == 0 and events(other.pk) == 2
    assert not file.exists() and theirs.exists()
    for model, left in ((Workspace, 1), (Customer, 2), (Identity, 1), (Note, 1), (Tag, 1), (Mapping, 1), (Import, 1),
                        (Membership, 1), (Invitation, 1), (ApiKey, 1), (OutboxFact, 1)):  # fmt: skip
        assert model._default_manager.count() == left, model
    entry = AuditEntry.objects.get(verb="deleted")
    assert (entry.by, entry.subject_name, entry.workspace) == (owner, "Kyiv Kettles", None)


def test_only_an_owner_deletes(client: Client) -> None:
    workspace = make_workspace()
    for user, status in (
        (make_member(workspace, Role.ADMIN, "admin@example.com"), 403),
        (make_user("stranger@example.com"), 404),
    ):
        client.force_login(user)
        assert client.get(DELETE).status_code == status
        assert client.post(DELETE, {"confirmation": "Kyiv Kettles"}).status_code == status
    assert Workspace.objects.get().deleted_at is None


def test_the_sample_company_goes_in_one_click(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    owner = make_user()
    own = make_workspace("Own", owner=owner)
    sample = create_workspace(name="Lumo Home", owner=owner, is_sample=True)
    given_events([answer(sample, 9), answer(own, 5)])
    client.force_login(owner)
    assert "Remove the sample data" in client.get("/w/lumo-home/settings/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/w/lumo-home/settings/remove-sample/")["Location"] == "/workspaces/"
    assert erase_closed_workspaces() == 1
    assert list(Workspace.objects.all()) == [own]
    assert events(sample.pk) == 0 and events(own.pk) == 1


def test_a_workspace_with_real_data_is_no_sample(client: Client) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    client.force_login(owner)
    assert client.post("/w/kyiv-kettles/settings/remove-sample/").status_code == 404
    with pytest.raises(ValidationError):
        remove_sample_data(workspace=workspace, by=owner)
    assert Workspace.objects.get().deleted_at is None


def test_a_file_outside_the_data_directory_is_left_alone(tmp_path: Path) -> None:
    workspace = make_workspace()
    file = tmp_path / "mine.csv"
    fill(workspace, file)
    Workspace.objects.update(deleted_at="2026-01-01T00:00:00Z")
    assert erase_closed_workspaces() == 1
    assert file.exists()
