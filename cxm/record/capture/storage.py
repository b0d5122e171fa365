"""Where imports keep their files: one folder each, in the data directory, removed when nothing in it is needed."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from cxm.lib.csv import cell

from .converting import Rejected


def folder(import_id: UUID | str) -> Path:
    return Path(settings.DATA_DIR) / "imports" / str(import_id)


def new_file(import_id: UUID | str) -> Path:
    made = folder(import_id)
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made / "file"


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def held(import_id: UUID | str) -> Iterator[bool]:
    """Hold the import for this process, if no other has it; the lock falls with the process, however it ends."""
    place = folder(import_id)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_held(import_id: UUID | str) -> bool:
    if not folder(import_id).exists():
        return False
    with held(import_id) as mine:
        return not mine


def rejected_path(import_id: UUID | str) -> Path:
    return folder(import_id) / "rejected.csv"


def start_rejected(import_id: UUID, header: Sequence[str]) -> int:
    """A new file of rejected rows with its heading; returns its length."""
    folder(import_id).mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(rejected_path(import_id), 0, [[_("row"), _("reason"), *header]], mark=True)


def add_rejected(import_id: UUID, length: int, rows: Iterable[Rejected]) -> int:
    """Add rows behind the first `length` bytes: what a killed run wrote after them is dropped. Returns the length."""
    return _write(rejected_path(import_id), length, [[one.row, one.reason, *one.cells] for one in rows])


def _write(path: Path, length: int, rows: Iterable[Sequence[object]], *, mark: bool = False) -> int:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([cell(value) for value in row])
    data = text.getvalue().encode("utf-8-sig" if mark else "utf-8", "replace")
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(length)
        file.seek(length)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return length + len(data)


def remove_file(import_id: UUID) -> None:
    """Remove the uploaded file; the rejected rows stay for download."""
    (folder(import_id) / "file").unlink(missing_ok=True)


def remove_folder(import_id: UUID) -> None:
    shutil.rmtree(folder(import_id), ignore_errors=True)
