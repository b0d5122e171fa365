"""What was refused or left out, on its way to the log's `rejections`: seen in the debugger, counted for each source.

These notes are a service, not a record: they are written once a second, a flood is counted instead of kept, and if the
log is away they are dropped after a while.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from functools import cache

import msgspec

from cxm.record.eventlog.engine import EventlogError, engine

from ..reasons import Reason

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds
KEPT_ONE_BY_ONE = 50  # of one source and reason, each time
MOST_WAITING = 20_000
BODY = 2_000  # bytes kept of what came
# Nobody may keep what these people sent.
WITHOUT_BODY = frozenset({Reason.REFUSED_CONSENT, Reason.REFUSED_GPC, Reason.SUPPRESSED, Reason.REPEAT})


class Note(msgspec.Struct):
    workspace_id: int
    source_id: int
    received_at: str
    reason: str
    name: str
    detail: str
    body: str
    n: int = 1


class Rejections:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._notes: dict[tuple[int, str], list[Note]] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def add(
        self, workspace_id: int, source_id: int, reason: Reason, *, name: str = "", detail: str = "", body: bytes = b"",
        n: int = 1,
    ) -> None:  # fmt: skip
        note = Note(
            workspace_id, source_id, datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], reason.value,
            name[:200].replace("\x00", ""), detail[:500].replace("\x00", ""),
            "" if reason in WITHOUT_BODY else body[:BODY].decode(errors="replace").replace("\x00", ""), n,
        )  # fmt: skip
        with self._lock:
            notes = self._notes.setdefault((source_id, reason.value), [])
            if len(notes) < KEPT_ONE_BY_ONE:
                notes.append(note)
            else:
                notes[-1].n += n
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rejections", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what waits, after what another thread is writing. Raises EventlogError; then it still waits."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        with self._lock:
            taken, self._notes = self._notes, {}
        notes = [note for some in taken.values() for note in some]
        if not notes:
            return
        try:
            with engine().client() as client:
                client.raw_insert(
                    "rejections", insert_block=msgspec.json.Encoder().encode_lines(notes), fmt="JSONEachRow"
                )
        except EventlogError:
            with self._lock:
                if sum(map(len, self._notes.values())) + len(notes) < MOST_WAITING:
                    for key, some in taken.items():
                        self._notes[key] = some + self._notes.get(key, [])
            raise

    def stop(self) -> None:
        """End the thread after a last try to write."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self._stopping.clear()

    def _run(self) -> None:
        pause = EVERY
        ended = False
        while not ended:
            ended = self._stopping.wait(pause)
            try:
                self.flush()
                pause = EVERY
            except EventlogError as error:
                logger.warning("Notes on refused events wait: %s", error)
                pause = min(pause * 2, 60.0)


@cache
def rejections() -> Rejections:
    return Rejections()
