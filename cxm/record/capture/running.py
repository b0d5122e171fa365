"""Running an import: check the file as a whole, then store it part by part; and undoing one.

Each part is stored in this order: customers (one transaction), events (durable when the call returns), rejected rows
(on disk), then the progress. A run that was killed begins again after the last progress; what it had stored beyond
that has the same ids and is not stored twice.
"""

from __future__ import annotations

import errno
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cxm.accounts.audit import audit
from cxm.accounts.models import Workspace
from cxm.record.customers.bulk import (
    Person,
    created_by,
    put_customers,
    removable_customers,
    remove_created,
    restore_overwritten,
)
from cxm.record.customers.sayings import FIELDS
from cxm.record.customers.snapshot import owner_by_log_id, put_snapshot, refresh_activity
from cxm.record.eventlog.append import NOBODY, append_lines, known_ids
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import EventlogBusy, EventlogError
from cxm.record.eventlog.forget import forget_import
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.snapshot import customer_row
from cxm.record.eventlog.snapshot import put_customers as put_rows

from . import files, storage
from .abouts import facts_of
from .converting import Batch, Converter
from .mapping import MappingError, MappingFile, read_mapping
from .models import Import
from .problems import FileProblem

logger = logging.getLogger(__name__)

PART = 32_000  # records stored together: fewer and larger writes, so the engine has half as much to merge
PART_CELLS = 1_200_000  # and cells, so that wide files do not take more memory
WAIT_S = 1.0
FEW = 2000
ASKED = 3000  # ids in one question to the log: a server takes 128 KB for a parameter
State = Import.State


class Stopped(Exception):
    """The import cannot go on; the message says why, in the user's language."""


@dataclass(frozen=True, slots=True)
class Count:
    n: int


def events_of(workspace_id: int, import_id: uuid.UUID) -> int:
    """How many events of an import the log holds."""
    return ask(
        "SELECT count() AS n FROM events WHERE $scope AND import_id = {import_id:UUID}",
        Scope(workspace_id), row=Count, name="imports.count", table="events", import_id=str(import_id),
    ).rows[0].n  # fmt: skip


def run(import_id: uuid.UUID, progress: Callable[[Import], None] = lambda _one: None) -> Import | None:
    """Run or go on with an import; returns it, or None where another run has it. What stops it is in `problem`.

    Raises EventlogBusy where another process holds the log; then the import waits again.
    """
    with storage.held(import_id) as mine:
        if not mine:
            return None
        claimed = _claim(import_id)
        if claimed is None:
            return None
        one, resumed = claimed
        language = one.created_by.language if one.created_by else ""
        with translation.override(language or translation.get_language()):
            _guarded(one, lambda: _Run(one, resumed, progress).run())
    progress(one)
    return one


def _guarded(one: Import, do: Callable[[], None]) -> None:
    """Whatever goes wrong stops the import with a sentence."""
    try:
        do()
    except EventlogBusy:
        one.state = State.WAITING
        one.save(update_fields=["state"])
        raise
    except (FileProblem, MappingError, Stopped) as error:
        _stop(one, str(error))
    except EventlogError as error:
        logger.exception("Import %s: the event log failed.", one.pk)
        full = "NOT_ENOUGH_SPACE" in str(error) or "No space left" in str(error)
        text = _("The event log could not store the rows: %(error)s") % {"error": str(error)[:300]}
        _stop(one, _("The disk is full. Make room and go on.") if full else text)
    except OSError as error:
        logger.exception("Import %s: the disk failed.", one.pk)
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        _stop(one, _("The disk is full. Make room and go on.") if full else str(error))
    except DatabaseError as error:
        logger.exception("Import %s: the database failed.", one.pk)
        _stop(one, _("The database could not store the rows: %(error)s") % {"error": str(error)[:300]})
    except Exception:  # the edge of a job: an import must never stay "running"
        logger.exception("Import %s failed.", one.pk)
        _stop(one, _("Something went wrong on our side. Nothing is lost: go on, or undo the import."))


def _claim(import_id: uuid.UUID) -> tuple[Import, bool] | None:
    """Mark the import as running, once no other import of the same data runs.

    Returns it, and whether it ran before; None where it is not to be run.
    """
    while True:
        with transaction.atomic():
            one = Import.objects.select_related("workspace", "created_by").filter(pk=import_id).first()
            if one is None or one.state not in {State.WAITING, State.RUNNING}:
                return None
            # One at a time in a workspace while we look: two runs must not both find the way free.
            Workspace.objects.select_for_update(no_key=True).get(pk=one.workspace_id)
            others = Import.objects.filter(
                workspace=one.workspace_id, dataset=one.dataset, state__in=[State.RUNNING, State.UNDOING]
            ).exclude(pk=one.pk)
            if not any(is_alive(other) for other in others):
                resumed = one.started_at is not None
                one.state, one.problem = State.RUNNING, ""
                one.started_at = one.started_at or timezone.now()
                one.save(update_fields=["state", "problem", "started_at"])
                return one, resumed
        time.sleep(WAIT_S)


def is_alive(one: Import) -> bool:
    """Whether a process has it in hand."""
    return one.state in {State.RUNNING, State.UNDOING} and storage.is_held(one.pk)


def _stop(one: Import, problem: str) -> None:
    one.state, one.problem = State.FAILED, problem
    one.finished_at = timezone.now()
    # A full disk may refuse this too; then the import counts as interrupted, which is as good.
    with suppress(DatabaseError, OSError):
        one.save(update_fields=["state", "problem", "finished_at"])


class _Run:
    def __init__(self, one: Import, resumed: bool, progress: Callable[[Import], None]) -> None:
        self.one, self.resumed, self.progress = one, resumed, progress
        self.workspace = one.workspace
        self.snapshot_all = True

    def run(self) -> None:
        one = self.one
        path = Path(one.file_path)
        if not path.exists():
            raise Stopped(_("The file of this import is gone. Upload it again."))
        mapping = read_mapping(one.mapping_yaml)
        look = files.look(path, one.file_name, mapping.format)
        plain = False
        if not one.rejected_bytes:
            checked = files.check(path, one.file_name, look.format)
            plain = checked.plain
            one.notes = [*look.notes, *checked.notes]
            one.rejected_bytes = storage.start_rejected(one.pk, look.header)
            one.save(update_fields=["notes", "rejected_bytes"])
        converter = compiled(one, mapping, look)
        size = max(100, min(PART, PART_CELLS // max(len(look.header), 1)))
        self.compare = self._may_be_known()
        try:
            parts = files.records(
                path, one.file_name, look.format, look.header, size, checked=True, plain=plain and not one.rows_read
            )
            self._store(converter, parts)
        finally:
            converter.seen.close()
        self._finish()

    def _may_be_known(self) -> bool:
        """Whether the log may hold events of this data: only then each part is compared with it."""
        others = Import.objects.filter(workspace=self.workspace, dataset=self.one.dataset).exclude(pk=self.one.pk)
        return self.resumed or others.exclude(state__in=[State.DRAFT, State.WAITING]).exists()

    def _store(self, converter: Converter, parts: Iterator[files.Part]) -> None:
        """Convert in this thread while another writes the part before to the log, which needs no interpreter."""
        done = self.one.rows_read
        read = 0
        waiting: list[tuple[Batch, int, Future[int]]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
            try:
                for part in parts:
                    if part.blocks:
                        batch = converter.convert_blocks(part.blocks, part.first, self._find, self._facts)
                    else:
                        known, rows = part.rows[: max(done - read, 0)], part.rows[max(done - read, 0) :]
                        converter.skip(known)
                        read += len(part.rows)
                        if not rows:
                            continue
                        batch = converter.convert(rows, part.first + len(known), self._find, self._facts)
                    waiting.append((batch, part.bytes_read, pool.submit(self._append, batch)))
                    if len(waiting) > 1:
                        self._progress(*waiting.pop(0))
                while waiting:
                    self._progress(*waiting.pop(0))
            finally:
                for _batch, _bytes, future in waiting:
                    future.cancel()

    def _find(self, people: list[Person]) -> list[uuid.UUID]:
        put = put_customers(workspace=self.workspace, people=people, import_id=self.one.pk)
        # After a crash the first part may have reached the database but not the log's copy.
        told = set(put.ids) if self.resumed and self.snapshot_all else put.changed
        self.snapshot_all = False
        put_rows(
            customer_row(self.workspace.pk, pk, one.traits, fields={name: getattr(one, name) for name in FIELDS})
            for pk, one in put.new.items()
        )
        put_snapshot(self.workspace.pk, told - put.new.keys())
        return put.ids

    def _facts(self, kind: str, ids: list[str]) -> Mapping[str, tuple[uuid.UUID, str]]:
        return facts_of(self.workspace.pk, kind, ids)

    def _append(self, batch: Batch) -> int:
        """Write the events that the log does not have; returns how many rows brought nothing new."""
        if not self.compare or not batch.ids:
            append_lines(batch.data)
            return 0
        found = known_ids(self.workspace.pk, batch.ids, batch.first, batch.last)
        known = {event_id.replace("-", ""): owner for event_id, owner in found.items()}
        append_lines([line for event_id, line in zip(batch.ids, batch.lines, strict=True) if event_id not in known])
        # What this very import stored before it was interrupted is new all the same.
        foreign = {event_id for event_id, owner in known.items() if owner != self.one.pk}
        new = {row for event_id, row in zip(batch.ids, batch.rows, strict=True) if event_id not in foreign}
        return len(set(batch.rows) - new)

    def _progress(self, batch: Batch, bytes_read: int, future: Future[int]) -> None:
        one = self.one
        one.rows_known += future.result()
        if batch.rejected:
            one.rejected_bytes = storage.add_rejected(one.pk, one.rejected_bytes, batch.rejected)
        one.rows_rejected += len(batch.rejected)
        one.rows_read += batch.n
        one.events_added += len(batch.ids)
        one.bytes_read = bytes_read
        one.save(
            update_fields=[
                "rows_known", "rejected_bytes", "rows_rejected", "rows_read", "events_added", "bytes_read",
            ]
        )  # fmt: skip
        self.progress(one)

    def _finish(self) -> None:
        one = self.one
        # Counted where they are, so that the figures are exact after any number of interruptions.
        one.events_added = events_of(self.workspace.pk, one.pk)
        one.customers_added = created_by(self.workspace, one.pk)
        refresh(self.workspace.pk, touched(self.workspace.pk, one.pk))
        one.state, one.finished_at = State.DONE, timezone.now()
        one.bytes_read = one.file_size
        with transaction.atomic():
            one.save()
            audit(
                "imported", one, workspace=self.workspace, by=one.created_by,
                changes={"rows": [0, one.rows_read], "events": [0, one.events_added]},
            )  # fmt: skip
        storage.remove_file(one.pk)


def compiled(one: Import, mapping: MappingFile, look: files.Look) -> Converter:
    """The mapping for the columns of this file; raises MappingError where they do not fit."""
    return Converter(
        mapping, look.header, look.rows,
        workspace_id=one.workspace_id, import_id=one.pk, time_zone=one.workspace.time_zone,
        delimiter=look.format.delimiter or ",",
    )  # fmt: skip


def undo(import_id: uuid.UUID) -> None:
    """Take back all that an import brought; the state must be UNDOING. Safe to repeat after a crash."""
    with storage.held(import_id) as mine:
        one = Import.objects.select_related("workspace").filter(pk=import_id, state=State.UNDOING).first()
        if not mine or one is None:
            return
        workspace = one.workspace
        seen = touched(workspace.pk, one.pk)
        forget_import(workspace.pk, one.pk)
        changed = restore_overwritten(workspace=workspace, import_id=one.pk)
        # Told before they are removed: whoever is gone could not be told any more after a crash.
        removable = removable_customers(workspace=workspace, import_id=one.pk, needed=_still_seen(workspace.pk, one.pk))
        for start in range(0, len(removable), 5000):
            some = removable[start : start + 5000]
            put_rows([customer_row(workspace.pk, pk, {}, gone=True) for pk in some])
        remove_created(workspace=workspace, import_id=one.pk, customers=removable)
        put_snapshot(workspace.pk, changed)
        refresh(workspace.pk, seen)
        one.state, one.finished_at = State.UNDONE, timezone.now()
        one.save(update_fields=["state", "finished_at"])
    storage.remove_folder(one.pk)


@dataclass(frozen=True, slots=True)
class Seen:
    customer_id: uuid.UUID


def touched(workspace_id: int, import_id: uuid.UUID) -> list[uuid.UUID]:
    """Some of the customers that an import has events of: all, unless there are more than FEW."""
    rows = ask(
        "SELECT DISTINCT customer_id FROM events WHERE $scope AND import_id = {import_id:UUID}"
        " AND customer_id != {nobody:UUID} LIMIT {few:UInt32}",
        Scope(workspace_id), row=Seen, name="imports.touched", table="events",
        import_id=str(import_id), nobody=str(NOBODY), few=FEW + 1,
    ).rows  # fmt: skip
    return [one.customer_id for one in rows]


def refresh(workspace_id: int, customers: list[uuid.UUID]) -> None:
    """Count anew when these were last seen; beyond FEW it is quicker to count everybody."""
    if customers:
        refresh_activity(workspace_id, [] if len(customers) > FEW else customers)


def _still_seen(workspace_id: int, import_id: uuid.UUID) -> set[uuid.UUID]:
    """The customers made by this import of whom the log has events that others brought."""
    from cxm.record.customers.models import Customer

    made: Sequence[uuid.UUID] = list(
        Customer.objects.filter(workspace=workspace_id, created_by_import=import_id).values_list("pk", flat=True)
    )
    found: set[uuid.UUID] = set()
    # Captured events carry the id of a name, not that of the customer who holds it.
    owner = {**(owner_by_log_id(workspace_id, made) if made else {}), **{pk: pk for pk in made}}
    asked = list(owner)
    for start in range(0, len(asked), ASKED):
        rows = ask(
            "SELECT DISTINCT customer_id FROM events WHERE $scope AND customer_id IN {ids:Array(UUID)}",
            Scope(workspace_id), row=Seen, name="imports.needed", table="events",
            ids=[str(one) for one in asked[start : start + ASKED]],
        ).rows  # fmt: skip
        found.update(owner[one.customer_id] for one in rows)
    return found
