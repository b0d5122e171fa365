"""Backup and restore: consistent while in use, checked before anything changes, the same on every pair of engines."""

from __future__ import annotations

import errno
import json
import threading
import time
import uuid
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer
from cxm.record.customers.snapshot import put_snapshot
from cxm.record.eventlog.append import append
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.outbox import emit, move_outbox
from cxm.record.eventlog.transfer import empty_log
from cxm.testing.cast import answer, make_customer, make_workspace
from cxm.testing.site import Site
from cxm.web import backup, restore
from cxm.web.data_directory import Refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _log_of_its_own() -> None:
    """A backup holds the whole log: what other tests left there would only make these slow."""
    empty_log()


# What metrics are computed from, restricted to the events of a backup: answers, roll-up, traits.
INPUTS = """
SELECT metric, count() AS n, sum(score) AS total, sum(weight) AS weight, groupArray(2)(f) AS areas FROM (
  SELECT metric, score, weight, toString(properties.area) AS f FROM feedback
  WHERE workspace_id = {pk} AND event_id GLOBAL IN (SELECT event_id FROM events WHERE received_at <= '{until}')
  ORDER BY event_id
) GROUP BY metric ORDER BY metric
"""
RESTORED = """
import json
from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.models import OutboxFact
waiting = OutboxFact.objects.count()
move_outbox()
def rows(sql):
    with engine().client() as client:
        return client.query(sql).result_rows
print(json.dumps({
    "users": User.objects.count(),
    "customers": Customer.objects.count(),
    "names": sorted(Customer.objects.values_list("name", flat=True))[:1],
    "facts": rows("SELECT uniqExact(customer_id), count() FROM events WHERE name = 'customer_noticed'")[0],
    "answers": rows(
        "SELECT count(), uniqExact(event_id) FROM events WHERE name = 'answer_given' AND workspace_id = %(pk)s"
    )[0],
    "inputs": rows(%(inputs)r),
    "rollup": rows("SELECT sum(n), sum(w), sum(score * w) FROM feedback_rollup WHERE workspace_id = %(pk)s")[0],
    "traits": rows("SELECT toString(traits.plan), count() FROM customers FINAL GROUP BY 1 ORDER BY 1"),
}, default=str))
"""


def rows(sql: str) -> list[Any]:
    with engine().client() as client:
        text = json.dumps([list(row) for row in client.query(sql).result_rows], default=str)
    plain: list[Any] = json.loads(text)
    return plain


def given_company(answers: int = 4) -> Workspace:
    workspace = make_workspace(f"Kettles {uuid.uuid4().hex[:6]}")
    customers = [make_customer(workspace, "Ada", traits={"plan": "gold"}) for _ in range(answers)]
    put_snapshot(workspace.pk, [one.pk for one in customers])
    append([answer(workspace, 9, customer_id=one.pk, properties={"area": "A"}) for one in customers])
    return workspace


def back_up(target: Path) -> backup.Manifest:
    return backup.write_backup(target, lambda what, done, total: None)


def everything_of(workspace: Workspace) -> object:
    """What a refused restore must leave as it was."""
    found = rows(f"SELECT count(), max(received_at) FROM events WHERE workspace_id = {workspace.pk}")
    return (
        found,
        Customer.objects.count(),
        sorted(path.name for path in Path(settings.DATA_DIR).iterdir() if path.suffix != ".lock"),
    )


def test_a_backup_made_while_events_arrive_restores_to_one_moment(tmp_path: Path) -> None:
    workspace = given_company()
    stop, problems = threading.Event(), list[BaseException]()

    def keep_writing() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    customer = make_customer(workspace, "New", traits={"plan": "tin"})
                    emit("customer_noticed", workspace_id=workspace.pk, customer_id=customer.pk)
                append([answer(workspace, 3, customer_id=customer.pk, properties={"area": "B"}) for _ in range(5)])
                move_outbox()
        except BaseException as problem:  # told to the test, which runs in another thread
            problems.append(problem)
        finally:
            connection.close()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        while Customer.objects.filter(name="New").count() < 5 and writer.is_alive():
            time.sleep(0.05)
        manifest = back_up(tmp_path / "backup.zip")
        behind = Customer.objects.filter(name="New").count() + 5
        while Customer.objects.filter(name="New").count() < behind and writer.is_alive():
            time.sleep(0.05)
    finally:
        stop.set()
        writer.join()
    assert not problems

    site = Site(tmp_path / "data")
    done = site.run("restore", str(tmp_path / "backup.zip"))
    assert done.returncode == 0, done.stderr
    until = manifest.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    inputs = INPUTS.format(pk=workspace.pk, until=until)
    found = site.ask(RESTORED % {"inputs": inputs, "pk": workspace.pk})
    assert found["users"] == 1
    assert found["customers"] == manifest.parts["database/customers.customer.jsonl"].rows
    # Each customer that was made by the writer has its fact once, whether it was in the outbox, in the log, or in both.
    made = found["customers"] - 4
    assert found["facts"] == [made, made]
    answers = f"name = 'answer_given' AND workspace_id = {workspace.pk}"  # other tests share this log
    kept = rows(f"SELECT count() FROM events WHERE {answers} AND received_at <= '{until}'")[0][0]
    assert found["answers"] == [kept, kept]
    assert found["inputs"] == rows(inputs)
    # 4 answers of 9 were there before, every other one is a 3.
    assert found["rollup"] == [kept, kept, 4 * 9 + (kept - 4) * 3]
    assert found["traits"] == [["gold", 4], ["tin", made]]


@pytest.mark.parametrize("how", ["cut", "changed", "not a zip", "without manifest", "a part missing"])
def test_a_broken_file_is_refused_and_nothing_changes(tmp_path: Path, how: str) -> None:
    workspace = given_company()
    whole, file = tmp_path / "whole.zip", tmp_path / "broken.zip"
    back_up(whole)
    before = everything_of(workspace)
    if how == "cut":
        file.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    elif how == "not a zip":
        file.write_bytes(b"hello")
    else:
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if how == "changed" and name == "database/accounts.user.jsonl":
                    content = content.replace(b"olena@", b"mallory@")
                if how == "without manifest" and name == backup.MANIFEST:
                    continue
                if how == "a part missing" and name == "database/customers.customer.jsonl":
                    continue
                new.writestr(name, content)
    with pytest.raises(Refused, match="is not a whole backup"):
        restore.restore(file, force=True)
    with pytest.raises(CommandError, match="is not a whole backup"):
        call_command("restore", str(file), force=True)
    assert everything_of(workspace) == before


def test_data_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    workspace = given_company()
    file = tmp_path / "backup.zip"
    back_up(file)
    before = everything_of(workspace)
    with pytest.raises(Refused, match="--force"):
        restore.restore(file, force=False)
    assert everything_of(workspace) == before


def test_a_full_disk_leaves_the_old_backup_and_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_company()
    file = tmp_path / "backup.zip"
    file.write_text("the backup of yesterday")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(CommandError, match="The disk is full"):
        call_command("backup", str(file))
    assert file.read_text() == "the backup of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["backup.zip"]


def test_a_restore_without_room_is_refused_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = given_company()
    file = tmp_path / "backup.zip"
    back_up(file)
    before = everything_of(workspace)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, 0))
    if not settings.DATABASE_URL:
        with pytest.raises(Refused, match="is full"):
            restore.restore(file, force=True)
    assert everything_of(workspace) == before


def changed_manifest(source: Path, target: Path, **changes: Any) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == backup.MANIFEST:
                manifest = msgspec.json.decode(content, type=backup.Manifest)
                content = msgspec.json.encode(msgspec.structs.replace(manifest, **changes))
            new.writestr(name, content)


@pytest.mark.once
def test_a_backup_of_an_older_version_is_migrated_and_a_newer_one_refused(tmp_path: Path) -> None:
    workspace = given_company()
    manifest = back_up(tmp_path / "now.zip")
    last = max(one for one in manifest.migrations if one[0] == "mfa")
    older = [one for one in manifest.migrations if one != last]
    changed_manifest(tmp_path / "now.zip", tmp_path / "older.zip", migrations=older, version="0.0.1")
    site = Site(tmp_path / "data")
    done = site.run("restore", str(tmp_path / "older.zip"))
    assert done.returncode == 0, done.stderr
    assert site.run("migrate", "--check").returncode == 0
    assert site.ask("from cxm.record.customers.models import Customer\nprint(Customer.objects.count())") == 4

    before = everything_of(workspace)
    newer = [*manifest.migrations, ("accounts", "9999_from_the_future")]
    changed_manifest(tmp_path / "now.zip", tmp_path / "newer.zip", migrations=newer, version="99.0")
    with pytest.raises(Refused, match=r"OpenCXM 99\.0, which is newer"):
        restore.restore(tmp_path / "newer.zip", force=True)
    assert everything_of(workspace) == before


COUNTS = """
import json
from cxm.accounts.models import AuditEntry, User
from cxm.record.customers.models import Customer
from cxm.record.eventlog.transfer import count_events
user = User.objects.get()
Customer.objects.create(workspace=user.memberships.get().workspace)  # new rows do not collide with restored ones
AuditEntry.objects.create(verb="seen")
first = Customer.objects.order_by("created_at").first()
print(json.dumps([user.email, user.check_password("correct horse battery"), first.name, first.traits,
                  Customer.objects.count(), count_events()]))
"""


@pytest.mark.skipif(not settings.DATABASE_URL, reason="needs PostgreSQL, which the other pair of engines has")
def test_a_backup_moves_between_files_and_servers(tmp_path: Path) -> None:
    files, servers, back = (Site(tmp_path / name, servers=name == "servers") for name in ("files", "servers", "back"))
    assert files.run("migrate", "--verbosity", "0").returncode == 0
    files.ask(
        "from cxm.testing.cast import *\nw = make_workspace()\n"
        "c = make_customer(w, 'Ada\\x00 Ł', traits={'plan': 'go\\x00ld', 'n': 1.5})\n"
        "given_events([answer(w, 9, customer_id=c.pk, comment='你好')])"
    )
    assert files.run("backup", str(tmp_path / "a.zip")).returncode == 0
    moved = servers.run("restore", str(tmp_path / "a.zip"))
    assert moved.returncode == 0, moved.stderr
    # NUL, which PostgreSQL cannot hold, is gone.
    assert servers.ask(COUNTS) == ["olena@example.com", True, "Ada Ł", {"plan": "gold", "n": 1.5}, 2, 1]
    refused = servers.run("restore", str(tmp_path / "a.zip"))
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert servers.run("backup", str(tmp_path / "b.zip")).returncode == 0
    again = servers.run("restore", "--force", str(tmp_path / "b.zip"))
    assert again.returncode == 0, again.stderr
    assert servers.ask(COUNTS)[4:] == [3, 1]
    assert back.run("restore", str(tmp_path / "b.zip")).returncode == 0
    assert back.ask(COUNTS) == ["olena@example.com", True, "Ada Ł", {"plan": "gold", "n": 1.5}, 3, 1]
