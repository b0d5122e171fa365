"""What the way in must know of the operational database, held in memory: keys, refusals, suppressions, plans.

A number in the database changes with any of it; a thread looks at the number once a second and reads anew when it has
changed. So a request asks no database, and events are taken while the database is away.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from django.db import Error, close_old_connections, connection

from cxm.record.customers import versions
from cxm.record.customers.directory import granted_analytics, refused_analytics

from ..plan import Plan
from ..sources import SourceEntry, keys_used, plans, sources_by_key_hash, suppressed
from .arriving import identity_id

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks at the number
NOTE_EVERY = 30.0  # seconds between two notes of when keys were used


@dataclass(frozen=True, slots=True)
class Known:
    """One reading of the database."""

    version: int = -1
    sources: dict[str, SourceEntry] = field(default_factory=dict)  # by the fingerprint of the key
    plans: dict[int, Plan] = field(default_factory=dict)  # by workspace
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
        self._first = threading.Event()
        self._stopping = False
        self._fingerprints: dict[str, str] = {}
        self._used: dict[int, datetime] = {}
        self._note_at = 0.0

    def known(self) -> Known:
        """The present knowledge. Raises Unknown before the first reading has succeeded."""
        if self._known.version == -1 or self._thread is None:
            self._begin()
        return self._known

    def source(self, key: str) -> SourceEntry | None:
        """The source that a write key opens, and the note that the key was used."""
        known = self.known()
        fingerprint = self._fingerprints.get(key)
        if fingerprint is None:
            fingerprint = sha256(key.encode(errors="replace")).hexdigest()
            if fingerprint in known.sources:
                if len(self._fingerprints) > 10_000:
                    self._fingerprints.clear()
                self._fingerprints[key] = fingerprint
        found = known.sources.get(fingerprint)
        if found is not None:
            self._used[found.key_id] = datetime.now(UTC)
        return found

    def preset(self, known: Known) -> None:
        """Know this and look at no database: for tests, whose rows no other thread sees."""
        self._known, self._thread = known, threading.current_thread()
        self._fingerprints.clear()

    def refresh(self) -> None:
        """Read anew if anything has changed."""
        with self._lock:
            version = versions.directory_version()
            if version != self._known.version:
                self._known = read(version)
            if time.monotonic() >= self._note_at:
                self._note_at = time.monotonic() + NOTE_EVERY
                used, self._used = self._used, {}
                keys_used(used)

    def stop(self) -> None:
        """End the thread and forget everything."""
        self._stopping = True
        versions.changed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.__init__()  # type: ignore[misc]  # as new

    def _begin(self) -> None:
        """The first reading, in a thread of its own because the caller may be an event loop."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
                self._thread.start()
        self._first.wait(5)
        if self._known.version == -1:
            raise Unknown

    def _run(self) -> None:
        while not self._stopping:
            versions.changed.clear()
            try:
                close_old_connections()
                self.refresh()
            except Error as error:
                logger.warning("The keys of sources cannot be read: %s", error)
            except Exception:
                logger.exception("Reading the keys of sources failed")
            self._first.set()
            versions.changed.wait(EVERY)
        connection.close()


def read(version: int) -> Known:
    return Known(
        version,
        sources_by_key_hash(),
        plans(),
        refused=frozenset(one.bytes for _workspace, one in refused_analytics()),
        granted=frozenset(one.bytes for _workspace, one in granted_analytics()),
        suppressed=frozenset(identity_id(workspace, "user_id", user) for workspace, user in suppressed()),
    )


@cache
def directory() -> Directory:
    return Directory()
