"""The process as a user meets it: start, stop, a second start, kill -9, and the commands beside a running server."""

from __future__ import annotations

import os
import signal
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxm.testing.site import PATIENCE, Site

GIVEN = """
import uuid
from cxm.testing.cast import answer, given_events, make_customer, make_user, make_workspace
workspace = make_workspace("Kettles", owner=make_user())
given_events([answer(workspace, score, customer_id=make_customer(workspace).pk) for score in (0, 8, 10)])
"""
# A job that takes as long as it is told, in a module that tests only load: `Task` rows name their function by path.
SLEEPING = """
from django_tasks_db.models import DBTaskResult
from cxm.testing.sample_jobs import sleep
sleep.enqueue(30)
"""
STATES = """
import json
from django_tasks_db.models import DBTaskResult
print(json.dumps([[job.status, len(job.worker_ids)] for job in DBTaskResult.objects.all()]))
"""

# What threads use was looked at before there are threads: structs whose module nobody had imported by then.
LATE_STRUCTS = """
import json, pkgutil
from importlib import import_module
import cxm, msgspec
from cxm.web.process import load_all
def structs(base):
    return {base}.union(*map(structs, base.__subclasses__()))
load_all(web=False)
early = structs(msgspec.Struct)
for found in pkgutil.walk_packages(cxm.__path__, "cxm."):
    if not {"tests", "testing", "training", "__main__"} & set(found.name.split(".")):
        import_module(found.name)
late = structs(msgspec.Struct) - early
print(json.dumps([len(early), sorted(f"{kind.__module__}.{kind.__name__}" for kind in late)]))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data")
    yield made
    made.kill()


def test_it_starts_answers_refuses_a_second_one_backs_up_and_stops(site: Site, tmp_path: Path) -> None:
    site.install()
    site.ask(GIVEN)
    site.start()
    assert site.status("/account/login/") == 200
    assert site.status("/w/kettles/settings/") == 200  # a stranger is led to the login page

    second = site.run("serve", "--port", str(site.port))
    assert (second.returncode, "cannot be used" in second.stderr) == (1, True), second.stderr
    second = site.run("serve", "--port", "0")
    assert (second.returncode, "is using the data directory" in second.stderr) == (3, True), second.stderr
    refused = site.run("restore", str(tmp_path / "none.zip"))
    assert refused.returncode == 1
    (tmp_path / "empty.zip").touch()
    refused = site.run("restore", "--force", str(tmp_path / "empty.zip"))
    assert (refused.returncode, "Traceback" in refused.stderr) == (3, False), refused.stderr

    file = tmp_path / "backup.zip"
    backup = site.run("backup", str(file))
    assert backup.returncode == 0, backup.stderr
    assert "holds 3 events" in backup.stdout
    assert zipfile.ZipFile(file).testzip() is None
    assert file.stat().st_mode & 0o077 == 0

    table = tmp_path / "answers.csv"
    export = site.run("export", "--workspace", "kettles", "--what", "answers", str(table))
    assert export.returncode == 0, export.stderr
    assert len(table.read_text().splitlines()) == 4  # a heading and three answers
    rebuild = site.run("rebuild")
    assert rebuild.returncode == 0, rebuild.stderr
    assert site.run("doctor").returncode == 0
    assert site.status("/health") == 200

    code, said = site.stop()
    assert (code, "Traceback" in said, "ERROR" in said) == (0, False, False), said
    assert site.status("/health") == 0
    assert not list((tmp_path / "data" / "exchange").iterdir())


def test_after_kill_9_it_starts_again_and_the_interrupted_job_runs_again(site: Site) -> None:
    site.start()
    site.ask(SLEEPING)
    deadline = time.monotonic() + PATIENCE
    while site.ask(STATES) != [["RUNNING", 1]]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGKILL)
    site.process.wait()
    if "CXM_DATABASE_URL" in site.environment:
        # Another process may live on the same database: this one counts as dead when its signs of life run out.
        site.ask("from django.core.cache import cache; cache.clear()")
    site.start()
    while site.ask(STATES) != [["RUNNING", 2]]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    # A crash inside a library is an end too, which a service manager can see, and says where it was.
    os.kill(site.process.pid, signal.SIGSEGV)
    assert site.process.wait(PATIENCE) == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in site.said()


def test_every_struct_is_known_before_threads_use_it(site: Site) -> None:
    early, late = site.ask(LATE_STRUCTS)
    assert early > 50
    assert late == []


def test_a_port_that_another_program_uses_is_refused_with_a_sentence(site: Site) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        refused = site.run("serve", "--port", str(site.port))
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert f"Port {site.port} on 127.0.0.1 cannot be used: Address already in use." in refused.stderr


def test_a_data_directory_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    site = Site(tmp_path / "file" / "data", servers=False)
    site.environment["CXM_SECRET_KEY"] = "x" * 60
    refused = site.run("serve", "--port", str(site.port))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
