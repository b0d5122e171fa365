"""Which captured events the log has already: every id is kept for ever, and most new ones are told apart in memory.

Senders repeat what they do not know to be stored, so each event id is compared with the log before it is written. The
log looks ids up by a projection, some milliseconds for each hundred. A Bloom filter over all ids answers for nearly
every new one that it cannot be there; only the others are looked up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import Engine

BITS_PER_ID = 16
PROBES = 6  # with 16 bits an id: 0.1 % of new ids are looked up in vain (Broder & Mitzenmacher 2004, (1-e^(-6/16))^6)
SMALLEST = 2**19  # ids
LOOKUP = 2_000  # ids in one question; a server takes 256 KiB of query text unless told otherwise
OVERLAP = timedelta(seconds=30)  # how long an insert of another process may take from its time stamp to its commit

Hashes = npt.NDArray[np.uint64]


class BloomFilter:
    """A set of ids that may say yes wrongly and never says no wrongly. Not for two threads at once."""

    def __init__(self, capacity: int) -> None:
        size = 1 << max(SMALLEST * BITS_PER_ID, capacity * BITS_PER_ID - 1).bit_length()
        self.capacity = size // BITS_PER_ID
        self.count = 0
        self._mask = np.uint64(size - 1)
        self._bits = np.zeros(size // 8, dtype=np.uint8)

    def _places(self, hashes: Hashes) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """Byte and bit of each probe (double hashing: Kirsch & Mitzenmacher 2006); shape (ids, PROBES)."""
        steps = np.arange(PROBES, dtype=np.uint64)
        places = (hashes[:, :1] + steps * (hashes[:, 1:] | np.uint64(1))) & self._mask
        return places >> np.uint64(3), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)

    def add(self, hashes: Hashes) -> None:
        """`hashes` has shape (ids, 2): both halves of each id."""
        with np.errstate(over="ignore"):
            byte, bit = self._places(hashes)
        np.bitwise_or.at(self._bits, byte.ravel(), bit.ravel())
        self.count += len(hashes)

    def may_hold(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        with np.errstate(over="ignore"):
            byte, bit = self._places(hashes)
        return np.asarray(np.all(self._bits[byte] & bit, axis=1))


def halves(ids: Sequence[bytes]) -> Hashes:
    """Ids of 16 bytes as two numbers each."""
    return np.frombuffer(b"".join(ids), dtype=">u8").reshape(-1, 2).astype(np.uint64)


class Repeats:
    """What one process knows of the ids in the log. Used under the capture lock."""

    def __init__(self, opened: Engine) -> None:
        self._engine = opened
        self._filter: BloomFilter | None = None
        self._seen_until: datetime | None = None

    def among(self, ids: Sequence[bytes]) -> set[bytes]:
        """Those of `ids` (16 bytes each) that the log has. Afterwards all count as suspects. Raises EventlogError."""
        known = self._known()
        hashes = halves(ids)
        suspects = [one for one, maybe in zip(ids, known.may_hold(hashes).tolist(), strict=True) if maybe]
        known.add(hashes)
        return self.look_up(suspects)

    def look_up(self, ids: Sequence[bytes]) -> set[bytes]:
        """By the projection, or row by row where no merge has made one yet. What was erased is not known."""
        found: set[bytes] = set()
        for start in range(0, len(ids), LOOKUP):
            listed = ",".join(f"'{one.hex()}'" for one in ids[start : start + LOOKUP])
            with self._engine.client() as client:
                rows = client.query(
                    f"SELECT event_id FROM events WHERE event_id IN ({listed})",
                    settings={
                        "optimize_use_projections": 1,
                        "preferred_optimize_projection_name": "by_id",
                        "log_comment": "eventlog.repeats",
                    },
                ).result_rows
            found.update(row[0].bytes for row in rows)
        return found

    def _known(self) -> BloomFilter:
        """The filter, full to the present. Other processes write to a server too: what they wrote is added."""
        current = self._filter
        if current is None or current.count > current.capacity:
            current = self._filled()
        elif not self._engine.in_process:
            self._add_newer(current)
        return current

    def _filled(self) -> BloomFilter:
        with self._engine.client() as client:
            [(n, now)] = client.query("SELECT count(), now64(3, 'UTC') FROM events WHERE type != ''").result_rows
        fresh = BloomFilter(2 * n)
        self._read_into(fresh, "type != ''", {})
        self._filter, self._seen_until = fresh, now
        return fresh

    def _add_newer(self, current: BloomFilter) -> None:
        assert self._seen_until is not None
        with self._engine.client() as client:
            [(now,)] = client.query("SELECT now64(3, 'UTC')").result_rows
        before = current.count
        self._read_into(
            current,
            "type != '' AND received_at >= {since:DateTime64(3, 'UTC')}",
            {"since": self._seen_until - OVERLAP},
        )
        current.count = before + (current.count - before) // 30  # most of them were in it already
        self._seen_until = now

    def _read_into(self, fresh: BloomFilter, where: str, parameters: dict[str, Any]) -> None:
        with self._engine.client() as client:
            stream = client.raw_stream(
                f"SELECT event_id FROM events WHERE {where}", parameters=parameters, fmt="RowBinary"
            )
            assert isinstance(stream, io.IOBase)
            try:
                rest = b""
                while block := stream.read(1 << 20):
                    block = rest + block
                    whole = len(block) - len(block) % 16
                    # The engine writes an id as two little-endian numbers, the high half first.
                    fresh.add(np.frombuffer(block[:whole], dtype="<u8").reshape(-1, 2).astype(np.uint64))
                    rest = block[whole:]
            finally:
                stream.close()
