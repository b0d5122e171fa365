"""The pages of imports, as an analyst and as a viewer see them, and the same by REST and by command."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.record.capture import jobs, running
from cxm.record.capture.models import Import, Mapping
from cxm.testing.cast import make_member, make_workspace

from .given import owner_of

pytestmark = pytest.mark.django_db
CSV = (
    b"Customer ID,Email,Submitted at,NPS Score,Country\n"
    b"1,ada@example.com,2026-03-01 10:00,9,UA\n"
    b"2,,2026-03-02 10:00,12,PL\n"
)


def finish() -> None:
    for one in Import.objects.filter(state__in=["waiting", "undoing"]):
        jobs.run_import.call(str(one.pk))


def logged_in(workspace: Workspace, role: Role | None = None) -> Client:
    client = Client()
    client.force_login(make_member(workspace, role, f"{role}@example.com") if role else owner_of(workspace))
    return client


def upload(client: Client, workspace: Workspace, data: bytes = CSV, name: str = "NPS 2026.csv") -> str:
    answer = client.post(f"/w/{workspace.slug}/imports/new/", {"file": SimpleUploadedFile(name, data)})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_from_upload_to_undo() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    assert b"No files yet" in client.get(f"/w/{workspace.slug}/imports/").content
    address = upload(client, workspace)
    page = client.get(address).content.decode()
    assert "Row 3 will be rejected. Column “NPS Score”: 12 is not on the scale from 0 to 10." in page
    assert "answer_given" in page
    assert not Mapping.objects.exists()
    # Choosing roles writes the mapping; the score becomes a mere property.
    roles = {f"role-{place}": role for place, role in enumerate(["identity", "email", "time", "property", "trait"])}
    page = client.post(address, {"columns": "1", **roles}).content.decode()
    assert "customer_identified" in page
    assert "answer_given" not in page
    yaml = page.partition('spellcheck="false">')[2].partition("</textarea>")[0].replace("&#x27;", "'")
    started = client.post(address, {"yaml": yaml, "start": "1"})
    assert started.status_code == 302
    one = Import.objects.get()
    assert one.state == Import.State.WAITING
    show = str(started["Location"])
    assert b'hx-trigger="every 1s"' in client.get(show).content
    finish()
    page = client.get(show).content.decode()
    assert "Done" in page
    assert "every 1s" not in page
    one.refresh_from_db()
    assert (one.rows_read, one.events_added, one.customers_added) == (2, 2, 2)
    assert client.get(address)["Location"] == show  # what is started is not mapped again
    assert client.post(f"{show}undo/").status_code == 302
    finish()
    one.refresh_from_db()
    assert one.state == Import.State.UNDONE
    assert "Undone" in client.get(f"/w/{workspace.slug}/imports/").content.decode()


def test_a_mapping_that_does_not_fit_is_explained_and_kept() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    address = upload(client, workspace)
    answer = client.post(address, {"yaml": "name: x\ntime: gone\nevents: [{name: e}]", "start": "1"})
    assert answer.status_code == 422
    assert "The file has no column “gone”." in answer.content.decode()
    assert "time: gone" in answer.content.decode()
    assert Import.objects.get().state == Import.State.DRAFT


def test_examples_and_saved_mappings_can_be_picked() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    address = upload(client, workspace)
    assert "name: Telco customers" in client.get(address, {"use": "telco"}).content.decode()
    assert client.get(address, {"use": "../secret"}).status_code == 200


def test_a_broken_file_is_explained() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    address = upload(client, workspace, b"PK\x03\x04 no archive", "x.xlsx")
    page = client.get(address)
    assert page.status_code == 200
    assert "This is not a spreadsheet that can be read" in page.content.decode()
    assert client.post(address.replace("mapping/", "discard/")).status_code == 302
    assert not Import.objects.exists()


def test_too_large_a_file_is_refused(settings: object) -> None:
    settings.UPLOAD_MAX_BYTES = 50  # type: ignore[attr-defined]  # the fixture of pytest-django
    workspace = make_workspace()
    answer = logged_in(workspace).post(f"/w/{workspace.slug}/imports/new/", {"file": SimpleUploadedFile("x.csv", CSV)})
    assert answer.status_code == 422
    assert "larger than this installation accepts" in answer.content.decode()
    assert not Import.objects.exists()


def test_a_viewer_sees_the_list_and_changes_nothing() -> None:
    workspace = make_workspace()
    address = upload(logged_in(workspace), workspace)
    viewer = logged_in(workspace, Role.VIEWER)
    assert viewer.get(f"/w/{workspace.slug}/imports/").status_code == 200
    assert viewer.get(f"/w/{workspace.slug}/imports/new/").status_code == 403
    assert viewer.get(address).status_code == 403
    for verb in ("undo", "resume", "discard"):
        assert viewer.post(address.replace("mapping", verb)).status_code == 403
    assert Import.objects.get().state == Import.State.DRAFT


def test_by_rest() -> None:
    workspace = make_workspace()
    _row, key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", by=owner_of(workspace))
    client = Client(headers={"Authorization": f"Bearer {key}"})
    yaml = "name: R\ntime: Submitted at\nanswers: [{question: q, metric: nps, scale: 0-10, score: NPS Score}]"
    bad = client.post("/api/v1/imports", {"file": SimpleUploadedFile("r.csv", CSV), "mapping": "name: x"})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_mapping")
    assert not Import.objects.exists()
    made = client.post("/api/v1/imports", {"file": SimpleUploadedFile("r.csv", CSV), "mapping": yaml})
    assert made.status_code == 202
    address = f"/api/v1/imports/{made.json()['id']}"
    finish()
    done = client.get(address).json()
    assert (done["state"], done["rows_read"], done["rows_rejected"], done["events_added"]) == ("done", 2, 1, 1)
    assert b"12 is not on the scale" in client.get(f"{address}/rejected").getvalue()
    assert len(client.get("/api/v1/imports").json()["items"]) == 1
    assert client.post(f"{address}/undo").status_code == 202
    assert client.post(f"{address}/undo").status_code == 409
    finish()
    assert client.get(address).json()["state"] == "undone"


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cxm.record.eventlog.engine import engine

    workspace = make_workspace()
    path, yaml = tmp_path / "c.csv", tmp_path / "c.yaml"
    path.write_bytes(CSV)
    yaml.write_text("name: C\ntime: Submitted at\nanswers: [{question: q, metric: nps, scale: 0-10, score: NPS Score}]")
    out = io.StringIO()
    call_command("import", str(path), workspace=workspace.slug, mapping=str(yaml), dry_run=True, stdout=out)
    assert "Nothing was stored." in out.getvalue()
    assert not Import.objects.exists()
    call_command("import", str(path), workspace=workspace.slug, mapping=str(yaml), stdout=out)
    assert "2 rows read." in out.getvalue()
    assert "1 row was rejected" in out.getvalue()
    assert path.exists()
    call_command("import", str(path), workspace=workspace.slug, mapping="C", stdout=out)
    assert "it added nothing" in out.getvalue()
    engine()
    assert running.events_of(workspace.pk, Import.objects.first().pk) == 0  # type: ignore[union-attr]  # the last one
