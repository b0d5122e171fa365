"""An installation of its own, in a directory of its own, driven by its commands as a user would."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from .engines import free_port


@cache
def _installed() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cxm-installed-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    Site(directory, servers=False).ask("from cxm.web.process import prepare\nprepare(lambda text: None)")
    (directory / "secret_key").unlink(missing_ok=True)  # each has its own
    return directory


PATIENCE = 90  # seconds until a process that does not answer counts as broken; a test machine may be slow


class Site:
    """`servers` puts it on the PostgreSQL and ClickHouse that the tests run on, in new databases; else on files."""

    def __init__(self, directory: Path, *, servers: bool | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.environment = {**os.environ, "CXM_DATA_DIR": str(directory), "CXM_BASE_URL": self.url("")}
        database, log = self.environment.pop("CXM_DATABASE_URL", ""), self.environment.pop("CXM_EVENTLOG_URL", "")
        if servers is None:
            servers = bool(database)
        if servers:
            name = f"cxm_{uuid.uuid4().hex[:12]}"
            import psycopg

            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            self.environment["CXM_DATABASE_URL"] = database.rpartition("/")[0] + f"/{name}"
            head, _, query = log.partition("?")
            self.environment["CXM_EVENTLOG_URL"] = head.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `cxm …` and wait for its end."""
        return subprocess.run(
            [sys.executable, "-m", "cxm", *command],
            env=self.environment, input=stdin, capture_output=True, text=True, check=False, timeout=5 * PATIENCE,
        )  # fmt: skip

    def install(self) -> None:
        """What the first start of a server does. On files it is done once in a test run, and copied from then on."""
        if self.environment.get("CXM_DATABASE_URL"):
            done = self.run("migrate", "--verbosity", "0")
            assert done.returncode == 0, done.stderr
            return
        shutil.copytree(_installed(), self.directory, dirs_exist_ok=True)

    def ask(self, code: str) -> Any:
        """Run Python inside the installation; `code` prints JSON."""
        code = (
            "import django; django.setup()\n"
            + code
            + "\nfrom cxm.record.eventlog.engine import close_engine\nclose_engine()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "cxm.settings"},
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def beside(self) -> Site:
        """Another process of the same installation, at another port."""
        other = Site(self.directory, servers=False)
        other.environment = dict(self.environment)
        return other

    def start(self, command: str = "serve") -> None:
        """Start `cxm serve`, or `web`, and wait until it answers; `work` answers nobody."""
        if command == "work":
            self.process = self._popen("work")
            return
        self.process = self._popen(command, "--port", str(self.port))
        deadline = time.monotonic() + PATIENCE
        while self.status("/health") != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill(signal.SIGABRT)  # so that it says where its threads stand
                raise AssertionError(f"cxm {command} did not start ({self.process.returncode}): {self.said()}")
            time.sleep(0.1)

    def status(self, path: str) -> int:
        """The status of a page; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(self.url(path), timeout=PATIENCE / 3) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def stop(self) -> tuple[int, str]:
        """End the server as a service manager does; returns its exit code and what it said."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=PATIENCE)
        return self.process.returncode, self.said()

    def said(self) -> str:
        """What the process of the last start has said so far."""
        self._output.seek(0)
        return self._output.read()

    def _popen(self, *command: str) -> subprocess.Popen[str]:
        # A file, because nobody reads while it runs: a full pipe would stop the server.
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # open as long as the process writes
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "cxm", *command],
            env=self.environment, stdout=self._output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the server at once, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()
