"""Write a backup: one zip file that holds all data of the installation, made while it is in use.

Order makes it consistent: a snapshot of the operational data first, then the events that the log had received by the
moment of that snapshot. A fact that was on its way is in both, and its event id makes it one when it is moved again.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from cxm import __version__
from cxm.record.eventlog import transfer

from . import jobs, tables
from .data_directory import Refused, exchange, exchange_folder
from .errands import ask_server, new_folder, server_holds_log

FORMAT = 1
EVENTS = "events.jsonl.gz"
MANIFEST = "manifest.json"
PIECE = 1024 * 1024
# What the data directory holds that a backup has already, makes again, or must not have.
NOT_FILES = ("cxm.sqlite3", "eventlog", "static", "exchange", "restoring", "restored", "replaced-", ".", "test.")
NOT_FILES_END = (".lock", ".part")

Progress = Callable[[str, float, float], None]  # what, done, of how many


class Part(msgspec.Struct, frozen=True):
    """One file of the archive: its size in it, its digest, and how many rows it holds."""

    size: int
    sha256: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `events_size` is in bytes before compression."""

    format: int
    version: str
    created_at: datetime
    database: str
    migrations: list[tuple[str, str]]
    parts: dict[str, Part]
    events_size: int


def write_backup(target: Path, progress: Progress) -> Manifest:
    """Write everything to `target`, which appears complete or not at all. Raises Refused, OSError, EventlogError."""
    if target.is_dir():
        raise Refused(_("%(path)s is a directory; name a file in it.") % {"path": target})
    if tables.migrations_wait():
        raise Refused(_("The database is older than this program. Run cxm migrate first."))
    part = target.with_name(target.name + ".part")
    folder = new_folder()
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds secrets
        with os.fdopen(descriptor, "wb") as file, exchange(folder):
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                manifest = _fill(archive, folder, progress)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _sync_directory(target.parent)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return manifest


def _fill(archive: zipfile.ZipFile, folder: str, progress: Progress) -> Manifest:
    parts: dict[str, Part] = {}
    links = exchange_folder(folder) / "files"
    _link_files(links)
    with tables.snapshot():
        until = transfer.log_time() if settings.EVENTLOG_URL else datetime.now(UTC)
        _link_files(
            links
        )  # again: now every file that the snapshot speaks of is there, even if it is removed meanwhile
        migrations = tables.applied_migrations()
        models = tables.portable_models()
        for number, model in enumerate(models):
            progress(_("Operational data"), number, len(models))
            parts[tables.part_name(model)] = _add(archive, tables.part_name(model), tables.dump(model))
    connection.close()
    kept = sorted(path for path in links.rglob("*") if path.is_file())
    for number, path in enumerate(kept):
        progress(_("Files"), number, len(kept))
        name = f"files/{path.relative_to(links)}"
        parts[name] = _add(archive, name, _pieces(path))
    parts[EVENTS], events_size = _add_events(archive, folder, until, progress)
    manifest = Manifest(
        format=FORMAT,
        version=__version__,
        created_at=until,
        database=connection.vendor,
        migrations=migrations,
        parts=parts,
        events_size=events_size,
    )
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _add_events(archive: zipfile.ZipFile, folder: str, until: datetime, progress: Progress) -> tuple[Part, int]:
    def report(done: float, total: float) -> None:
        progress(_("Events"), done, total)

    place = exchange_folder(folder) / EVENTS
    if server_holds_log():
        rows = ask_server(jobs.dump_events, folder, until.isoformat(), progress=report)
    else:
        rows = jobs.write_lines(transfer.dump_events(until), place, transfer.count_events(until), report)
    with gzip.open(place, "rb") as file:
        size = sum(len(piece) for piece in iter(lambda: file.read(PIECE), b""))
    part = _add(archive, EVENTS, _pieces(place), compressed=True)
    place.unlink()
    return Part(part.size, part.sha256, rows), size


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], *, compressed: bool = False) -> Part:
    """Stream `pieces` into the archive; `rows` counts them, which for a table means its rows."""
    info = zipfile.ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    info.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    digest, size, rows = hashlib.sha256(), 0, 0
    with archive.open(info, "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
            digest.update(piece)
            size += len(piece)
            rows += 1
    return Part(size, digest.hexdigest(), rows)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _link_files(links: Path) -> None:
    """Give the files of the data directory a second name, so that they stay until they are read."""
    root = Path(settings.DATA_DIR)
    for top in sorted(root.iterdir()):
        if top.name.startswith(NOT_FILES) or top.name.endswith(NOT_FILES_END):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if not path.is_file() or path.is_symlink() or path.name.endswith(NOT_FILES_END):
                continue
            link = links / path.relative_to(root)
            if link.exists():
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                try:
                    os.link(path, link)
                except OSError:  # a file system without hard links
                    shutil.copyfile(path, link)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened_backup(source: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup whose every byte has been compared with its manifest. Raises Refused when it is not whole."""
    broken = _("%(path)s is not a whole backup (%(reason)s). Nothing was changed.")
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise Refused(broken % {"path": source, "reason": error}) from error
    with archive:
        try:
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            _compare(archive, manifest)
        except (KeyError, msgspec.DecodeError, zipfile.BadZipFile, EOFError, ValueError, zlib.error) as error:
            raise Refused(broken % {"path": source, "reason": error}) from error
        yield archive, manifest


def _compare(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise ValueError(_("its format is %(number)s") % {"number": manifest.format})
    if set(archive.namelist()) - {MANIFEST} != set(manifest.parts) or EVENTS not in manifest.parts:
        raise ValueError(_("files in it are missing or too many"))
    for name, part in manifest.parts.items():
        digest = hashlib.sha256()
        with archive.open(name) as entry:
            for piece in _chunks(entry):
                digest.update(piece)
        if digest.hexdigest() != part.sha256:
            raise ValueError(_("%(name)s has changed") % {"name": name})


def _chunks(file: IO[Any]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
