"""What the way in must know of the operational database, held in memory: keys, refusals, suppressions, plans.

A number in the database changes with any of it; a thread looks at the number once a second and reads anew when it has
changed. So a request asks no database, and events are taken while the database is away.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from django.db import Error, close_old_connections, connection

from cxm.accounts.models import ApiKey

from .arriving import identity_id

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks at the number


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends. `origins` are the web pages that may use the key; empty: any."""

    id: int
    workspace_id: int
    enabled: bool = True
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """One reading of the database."""

    version: int = -1
    sources: dict[str, Source] = field(default_factory=dict)  # by the fingerprint of the key
    refused: frozenset[bytes] = frozenset()  # identity ids whose person said no to analytics
    granted: frozenset[bytes] = frozenset()
    suppressed: frozenset[bytes] = frozenset()


class Unknown(Exception):
    """Nothing could be read yet: the database is away."""


class Directory:
    def __init__(self) -> None:
        self._known = Known()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._fingerprints: dict[str, str] = {}

    def known(self) -> Known:
        """The present knowledge. Raises Unknown before the first reading has succeeded."""
        if self._known.version == -1 or self._thread is None:
            self._begin()
        return self._known

    def source(self, key: str) -> Source | None:
        fingerprint = self._fingerprints.get(key)
        if fingerprint is None:
            fingerprint = sha256(key.encode()).hexdigest()
            if fingerprint in self.known().sources:
                if len(self._fingerprints) > 10_000:
                    self._fingerprints.clear()
                self._fingerprints[key] = fingerprint
        return self.known().sources.get(fingerprint)

    def refresh(self) -> None:
        """Read anew if anything has changed."""
        with self._lock:
            version = current_version()
            if version != self._known.version:
                self._known = read(version)

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread, self._known = None, Known()
        self._stop.clear()

    def _begin(self) -> None:
        """The first reading, in a thread of its own because the caller may be an event loop."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
                self._first = threading.Event()
                self._thread.start()
        self._first.wait(5)
        if self._known.version == -1:
            raise Unknown

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                close_old_connections()
                self.refresh()
            except Error as error:
                logger.warning("The keys of sources cannot be read: %s", error)
            except Exception:
                logger.exception("Reading the keys of sources failed")
            self._first.set()
            self._stop.wait(EVERY)
        connection.close()


def current_version() -> int:
    return ApiKey.objects.count()


def read(version: int) -> Known:
    rows = ApiKey.objects.filter(kind=ApiKey.Kind.WRITE, revoked_at=None, workspace__deleted_at=None)
    return Known(
        version,
        {
            key_hash: Source(pk, workspace)
            for key_hash, pk, workspace in rows.values_list("key_hash", "pk", "workspace_id")
        },
    )


def suppressed_id(workspace_id: int, user_id: str) -> bytes:
    return identity_id(workspace_id, "user_id", user_id)


@cache
def directory() -> Directory:
    return Directory()
