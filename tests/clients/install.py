"""Put the clients of others where the tests find them: `python -m tests.clients.install`.

They lie in the virtual environment, each Python client in a directory of its own (two versions of one package, and
packages that share a name, cannot live in one environment). Nothing is fetched twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frontend.build import BuildError, find_node

HERE = Path(__file__).resolve().parent
HOME = Path(sys.prefix) / "clients"
PYTHON = {
    "segment-python 2.4.0": "segment-analytics-python==2.4.0",
    "segment-python 2.3.4": "segment-analytics-python==2.3.4",
    "rudder-python": "rudder-sdk-python==2.1.9",
    "posthog-python": "posthog==7.91.1",
}

# The last archive of pyxform that carries the example forms of its tests; pip cannot build it any more.
FORMS = (
    "https://files.pythonhosted.org/packages/8f/5f/49aeb9d048969b680ce6da089e8edd0050896ef1ad7d4d28588e64235c83/"
    "pyxform-1.4.0.tar.gz"
)
FORMS_SHA256 = "f3e1f1cb27dea3ff05bce88ac46031008207e2e923baedd5c674b4c16e4c856b"


class NotInstalled(Exception):
    """A registry cannot be reached, or has not what we ask for."""


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time: test workers want the same packages at the same moment."""
    HOME.mkdir(exist_ok=True)
    with (HOME / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python_client(name: str) -> Path:
    """The directory for PYTHONPATH. Raises NotInstalled."""
    package = PYTHON[name]
    target = HOME / package.replace("==", "-")
    with alone():
        if not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), package], package)
            (target / ".complete").touch()
    return target


def node_clients(source: Path = HERE) -> tuple[Path, Path]:
    """Node.js, and the directory that holds node_modules of the lock file in `source`. Raises NotInstalled."""
    lock = source / "package-lock.json"
    target = HOME / ("npm-" + hashlib.sha256(lock.read_bytes()).hexdigest()[:12])
    try:
        node, npm = find_node()
    except BuildError as error:
        raise NotInstalled(str(error)) from error
    with alone():
        if not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for file in (source / "package.json", lock):
                shutil.copy(file, target)
            # Not `npm ci`: it wants the optional parts for every kind of machine, which not every mirror has.
            options = ["--ignore-scripts", "--no-save", "--omit=optional", "--no-audit", "--no-fund"]
            run([*npm, "install", *options], "what package-lock.json names", target)
            (target / ".complete").touch()
    return node, target


def published_forms() -> list[Path]:
    """The XLSForms that pyxform was published with. Raises NotInstalled."""
    target = HOME / "pyxform-forms"
    with alone():
        if not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            try:
                with urllib.request.urlopen(FORMS, timeout=60) as answer:
                    data = answer.read()
            except (urllib.error.URLError, TimeoutError) as error:
                raise NotInstalled(f"the forms of pyxform cannot be fetched: {error}") from error
            if hashlib.sha256(data).hexdigest() != FORMS_SHA256:
                raise NotInstalled("the forms of pyxform are not what they were")
            target.mkdir(parents=True)
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive:
                    if member.isfile() and Path(member.name).suffix in {".xls", ".xlsx"}:
                        kept = archive.extractfile(member)
                        assert kept
                        (target / Path(member.name).name).write_bytes(kept.read())
            (target / ".complete").touch()
    return sorted(target.glob("*.xls*"))


def run(command: list[str], what: str, directory: Path | None = None) -> None:
    answer = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise NotInstalled(f"{what} cannot be installed: {(answer.stdout + answer.stderr).strip()[-500:]}")


def main() -> None:
    try:
        for name in PYTHON:
            python_client(name)
        node_clients()
    except NotInstalled as error:
        sys.exit(f"tests/clients/install.py: {error}")


if __name__ == "__main__":
    main()
