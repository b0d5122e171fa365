"""The data directory: who holds it, whether it can be written, and the small exchange between commands and server."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

LEAST_FREE = 100 * 1024 * 1024  # bytes: below this the engines may fail in the middle of a write
EXCHANGE_AGE = 24 * 3600  # seconds after which a left-over exchange folder is removed


class Refused(Exception):
    """The command cannot do its work now; the text says why and what to do. `code` is the exit code."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


IN_USE = 3  # exit code: another cxm process holds what this one needs


def lock_path() -> Path:
    return Path(settings.DATA_DIR) / "serve.lock"


@contextmanager
def held() -> Iterator[None]:
    """Hold the data directory for this process alone; the lock goes with the process, however it ends.

    Raises Refused when another process holds it.
    """
    descriptor = os.open(lock_path(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for patience in (0.1, 0.2, 0.0):  # a look by `holder` lasts a moment, a server stays
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(patience)
        else:
            pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "?"
            raise Refused(
                _("Another cxm process (pid %(pid)s) is using the data directory %(path)s. Stop it first.")
                % {"pid": pid, "path": settings.DATA_DIR},
                code=IN_USE,
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder() -> int | None:
    """The process id of the server on this data directory, if one runs."""
    try:
        descriptor = os.open(lock_path(), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else 0
    else:
        return None
    finally:
        os.close(descriptor)


def check_usable() -> None:
    """Raise Refused unless this process can write into the data directory and there is room."""
    path = Path(settings.DATA_DIR)
    probe = path / f".probe-{os.getpid()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Refused(no_room(path)) from error
        raise Refused(
            _("The data directory %(path)s cannot be written: %(reason)s. Give this user the right to write there,"
              " or name another directory in CXM_DATA_DIR.") % {"path": path, "reason": error.strerror}
        ) from error  # fmt: skip
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    if shutil.disk_usage(path).free < LEAST_FREE:
        raise Refused(no_room(path))


def no_room(path: Path) -> str:
    return _("The disk that holds %(path)s is full. Free at least 100 MB and try again.") % {"path": path}


@contextmanager
def exchange(name: str) -> Iterator[Path]:
    """A folder in the data directory where a command and the server leave things for each other; removed afterwards."""
    folder = exchange_folder(name)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def exchange_folder(name: str) -> Path:
    return Path(settings.DATA_DIR) / "exchange" / name


def clear_exchange() -> None:
    """Remove what commands that were killed have left behind."""
    root = Path(settings.DATA_DIR) / "exchange"
    for folder in root.iterdir() if root.is_dir() else ():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > EXCHANGE_AGE:
                shutil.rmtree(folder, ignore_errors=True)
