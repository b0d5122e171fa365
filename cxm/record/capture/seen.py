"""How often a row was seen before in this file, in bounded memory: what does not fit goes to a temporary file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

IN_MEMORY = 300_000  # digests, about 40 MB
ASKED = 500


class Seen:
    """Counts digests (10 bytes: a billion rows collide with a chance below one in a million)."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._counts: dict[bytes, int] = {}
        self._limit = in_memory
        self._spilled: sqlite3.Connection | None = None

    def places(self, digests: Sequence[bytes]) -> list[int]:
        """For each digest how many equal ones came before it, in this call or an earlier one."""
        counts = self._counts
        if self._spilled is not None:
            for digest, count in self._known(digests):
                counts.setdefault(digest, count)
        # Mostly nothing repeats; the sets say so faster than going over all.
        if len(fresh := dict.fromkeys(digests, 1)) == len(digests) and counts.keys().isdisjoint(fresh):
            counts |= fresh
            if len(counts) > self._limit:
                self._spill()
            return [0] * len(digests)
        places = []
        for digest in digests:
            place = counts.get(digest, 0)
            counts[digest] = place + 1
            places.append(place)
        if len(counts) > self._limit:
            self._spill()
        return places

    def close(self) -> None:
        if self._spilled is not None:
            self._spilled.close()

    def _known(self, digests: Sequence[bytes]) -> list[tuple[bytes, int]]:
        assert self._spilled is not None
        found: list[tuple[bytes, int]] = []
        asked = [digest for digest in digests if digest not in self._counts]
        for start in range(0, len(asked), ASKED):
            part = asked[start : start + ASKED]
            marks = ",".join("?" * len(part))
            found += self._spilled.execute(f"SELECT digest, n FROM seen WHERE digest IN ({marks})", part)  # only marks
        return found

    def _spill(self) -> None:
        if self._spilled is None:
            # An empty name makes a temporary file that SQLite removes itself.
            self._spilled = sqlite3.connect("", isolation_level=None)
            self._spilled.execute("PRAGMA journal_mode=OFF")
            self._spilled.execute("PRAGMA cache_size=-32000")
            self._spilled.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        self._spilled.execute("BEGIN")
        self._spilled.executemany(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET n = excluded.n",
            sorted(self._counts.items()),
        )
        self._spilled.execute("COMMIT")
        self._counts.clear()
