"""Restore a backup: everything is checked first, then built beside what is there, then put in its place.

Files (SQLite, the in-process log, what people uploaded) are built in `restoring/` in the data directory by a process
whose data directory that is. When they are complete the folder is renamed `restored/`, and from then on the swap can
be finished by whoever comes next: what was there goes to `replaced-TIME/`. On servers, the events are loaded beside
the log first, then PostgreSQL changes in one transaction, then the log takes the events.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DataError, IntegrityError, connection, connections, transaction
from django.utils.translation import gettext as _

from cxm.accounts.models import User, Workspace
from cxm.act.cases.feedback.queries import put_marks_again
from cxm.record.customers.snapshotting import rebuild_snapshot
from cxm.record.eventlog import transfer
from cxm.record.eventlog.engine import EventlogError, close_engine, engine
from cxm.record.eventlog.models import FollowCursor

from . import tables
from .backup import EVENTS, Manifest, Progress, opened_backup
from .data_directory import Refused, held, no_room

PIECE = 1024 * 1024


def restore(source: Path, *, force: bool, quiet: bool = False) -> Manifest:
    """Replace all data by what `source` holds. Raises Refused; then everything is as it was before.

    Refuses while a server runs, and where data is there already unless `force` is given.
    """
    if not source.is_file():
        raise Refused(_("%(path)s does not exist.") % {"path": source})
    with held():
        finish_swap()
        with opened_backup(source) as (_archive, manifest):
            newer = tables.unknown_migrations(manifest.migrations)
        if newer:
            raise Refused(
                _("This backup was made by OpenCXM %(theirs)s, which is newer than this program."
                  " Install that version, then restore.") % {"theirs": manifest.version}
            )  # fmt: skip
        if not force and not is_empty():
            raise Refused(
                _("There is data here already. Restoring would replace all of it: give --force if that is what you"
                  " want, and make a backup before.")
            )  # fmt: skip
        _check_room(manifest)
        connections.close_all()
        new = Path(settings.DATA_DIR) / "restoring"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        try:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "cxm",
                    "restore",
                    str(source.resolve()),
                    "--build",
                    *(["--quiet"] if quiet else []),
                ],
                env={**os.environ, "CXM_DATA_DIR": str(new)},
                check=False,
            )
            if done.returncode:
                raise Refused(_("The restore stopped; the reason is above. What was here is still here."))
            if settings.EVENTLOG_URL:
                close_engine()
            else:
                (new / "eventlog.lock").unlink(missing_ok=True)
            (new / "serve.lock").unlink(missing_ok=True)
            new.rename(new.with_name("restored"))
        finally:
            shutil.rmtree(new, ignore_errors=True)
        finish_swap()
    return manifest


def is_empty() -> bool:
    """Whether nobody has used this installation yet: no user and no workspace."""
    with connection.cursor() as cursor:
        present = connection.introspection.table_names(cursor)
    if Workspace._meta.db_table not in present:
        return True
    return not (Workspace.objects.exists() or User.objects.exists())


def finish_swap() -> None:
    """Put what `restored/` holds into its place. Safe to repeat after a crash in the middle."""
    root = Path(settings.DATA_DIR)
    ready = root / "restored"
    if not ready.is_dir():
        return
    aside = next(iter(sorted(root.glob("replaced-*.part"))), None)
    if aside is None:
        aside = root / f"replaced-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.part"
        aside.mkdir(mode=0o700)
    for path in sorted(ready.iterdir()):
        # A journal of the old database next to the new one would be taken for its own.
        for name in (path.name, *((f"{path.name}-wal", f"{path.name}-shm") if path.suffix == ".sqlite3" else ())):
            if (root / name).exists() and not (aside / name).exists():
                (root / name).rename(aside / name)
        path.replace(root / path.name)
    ready.rmdir()
    aside.rename(aside.with_suffix(""))


def _check_room(manifest: Manifest) -> None:
    rows = sum(part.size for name, part in manifest.parts.items() if name.startswith("database/"))
    files = sum(part.size for name, part in manifest.parts.items() if name.startswith("files/"))
    needed = files + (0 if settings.DATABASE_URL else 2 * rows) + (0 if settings.EVENTLOG_URL else manifest.events_size)
    if shutil.disk_usage(settings.DATA_DIR).free < needed:
        raise Refused(no_room(Path(settings.DATA_DIR)))


def build(source: Path, progress: Progress) -> None:
    """Build everything from the backup; CXM_DATA_DIR names the new directory. Raises Refused."""
    with opened_backup(source) as (archive, manifest):
        try:
            _place_files(archive, manifest, progress)
            _load_events(archive, manifest, progress)
            with all_or_nothing():
                _load_tables(archive, manifest, progress)
            if settings.EVENTLOG_URL:
                transfer.take_staged_events()
            FollowCursor.objects.all().delete()  # blocks have other numbers in the new log: it is followed anew
            for number, workspace in enumerate(Workspace.objects.all()):
                progress(_("Customers"), number, Workspace.objects.count())
                rebuild_snapshot(workspace)
                put_marks_again(workspace)
        except (tables.BadRow, IntegrityError, DataError, EventlogError) as error:
            raise Refused(_("The backup cannot be restored: %(reason)s") % {"reason": error}) from error
        finally:
            connections.close_all()
            close_engine()


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """One transaction on PostgreSQL, whose tables go first. A new SQLite file needs neither."""
    if connection.vendor == "sqlite":
        yield
        return
    with transaction.atomic():
        tables.drop_all()
        yield


def _load_tables(archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    registry = tables.migrate_to(manifest.migrations)
    models = {tables.part_name(model): model for model in tables.portable_models(registry)}
    names = [name for name in manifest.parts if name.startswith("database/")]
    with transaction.atomic():
        for model in models.values():
            model._base_manager.all().delete()  # what a migration puts there is in the backup too
        for number, name in enumerate(names):
            progress(_("Operational data"), number, len(names))
            if name not in models:
                raise tables.BadRow(_("%(name)s belongs to no table") % {"name": name})
            with archive.open(name) as entry:
                loaded = tables.load(models[name], entry)
            if loaded != manifest.parts[name].rows:
                raise tables.BadRow(f"{name}: {loaded} of {manifest.parts[name].rows}")
        tables.reset_sequences(models.values())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or the tables could not be altered in this transaction
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def _load_events(archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    wanted = manifest.parts[EVENTS].rows

    def report(done: int) -> None:
        progress(_("Events"), done, wanted)

    engine()
    with archive.open(EVENTS) as entry, gzip.open(entry, "rb") as lines:
        pieces = iter(lambda: lines.read(PIECE), b"")
        loaded = (
            transfer.stage_events(pieces, report)
            if settings.EVENTLOG_URL
            else transfer.load_events(pieces, progress=report)
        )
    if loaded != wanted:
        raise tables.BadRow(f"{EVENTS}: {loaded} of {wanted}")


def _place_files(archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    root = Path(settings.DATA_DIR).resolve()
    names = [name for name in manifest.parts if name.startswith("files/")]
    for number, name in enumerate(names):
        progress(_("Files"), number, len(names))
        path = (root / name.removeprefix("files/")).resolve()
        if not path.is_relative_to(root):
            raise Refused(_("The backup cannot be restored: %(reason)s") % {"reason": name})
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            archive.open(name) as entry,
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        ):
            shutil.copyfileobj(entry, file, PIECE)
