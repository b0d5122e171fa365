"""The bytes of attachments: files of the data directory under names that nobody can guess and no mail chooses."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from .models import Attachment

FOLDER = "messages"  # in settings.MEDIA_ROOT
UNCLAIMED = 3600.0  # seconds after which a file without a row belongs to nobody
ASKED = 500


def path_of(key: str) -> Path:
    return Path(settings.MEDIA_ROOT) / FOLDER / key[:2] / key


def keep(content: bytes) -> str:
    """Write it and have it on disk; returns its key."""
    key = uuid.uuid4().hex
    path = path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return key


def drop(keys: Iterable[str]) -> None:
    for key in keys:
        path_of(key).unlink(missing_ok=True)


@contextmanager
def kept_if_committed() -> Iterator[list[str]]:
    """Keys that the block adds to the list are dropped again if it raises."""
    keys: list[str] = []
    try:
        yield keys
    except BaseException:
        drop(keys)
        raise


def drop_unclaimed() -> int:
    """Remove files whose message is gone (an erased customer) or never came to be; returns how many. A clock."""
    before = time.time() - UNCLAIMED
    root = Path(settings.MEDIA_ROOT) / FOLDER
    found = [file for file in root.glob("??/*") if file.stat().st_mtime < before] if root.is_dir() else []
    dropped = 0
    for start in range(0, len(found), ASKED):
        some = {file.name: file for file in found[start : start + ASKED]}
        held = set(Attachment.objects.filter(key__in=list(some)).values_list("key", flat=True))
        for name in some.keys() - held:
            some[name].unlink(missing_ok=True)
            dropped += 1
    return dropped
