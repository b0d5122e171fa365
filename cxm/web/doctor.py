"""What `cxm doctor` looks at: each check is one function that gives findings, in one list."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import time
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import django
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks_db.models import DBTaskResult

from cxm import __version__
from cxm.accounts.models import Workspace
from cxm.record.capture.models import Import
from cxm.record.eventlog import transfer
from cxm.record.eventlog.engine import SCHEMA, EventlogError, engine
from cxm.record.eventlog.models import OutboxFact

from . import tables
from .data_directory import LEAST_FREE, Refused, check_usable, holder
from .health import ask_log

SKEW = 5.0  # seconds that the clocks of engine, database and this machine may differ
LATE = timedelta(minutes=5)  # a fact or a job that waits longer shows that nobody works
STUCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and, unless it is well, what to do."""

    level: Literal["ok", "warning", "problem"]
    subject: str
    text: str


def examine() -> Iterator[Finding]:
    """Every finding, in the order of the list; a database that cannot be used ends the examination."""
    for check in CHECKS:
        try:
            yield from check()
        except EventlogError as error:
            yield Finding("problem", _("Event log"), str(error))
        except django.db.Error as error:
            yield Finding("problem", _("Database"), str(error).strip())
            return


def versions() -> Iterator[Finding]:
    text = f"OpenCXM {__version__}, Python {platform.python_version()}, Django {django.__version__}"
    yield Finding("ok", _("Versions"), text)


def data_directory() -> Iterator[Finding]:
    path = Path(settings.DATA_DIR)
    try:
        check_usable()
    except Refused as refusal:
        yield Finding("problem", _("Data directory"), str(refusal))
        return
    free = shutil.disk_usage(path).free
    text = _("%(path)s, %(free).1f GB free") % {"path": path, "free": free / 1e9}
    if free < 20 * LEAST_FREE:
        yield Finding("warning", _("Data directory"), text + ". " + _("Make room before it is full."))
    else:
        yield Finding("ok", _("Data directory"), text)
    secret = path / "secret_key"
    if secret.exists() and secret.stat().st_mode & 0o077:
        yield Finding(
            "problem", _("Secret key"), _("Others can read %(path)s. Run: chmod 600 %(path)s") % {"path": secret}
        )
    if any(path.glob("replaced-*")):
        yield Finding(
            "warning",
            _("Old data"),
            _("A restore has left the data from before in replaced-…. Remove it when you no longer need it."),
        )


def database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            version = f"SQLite {sqlite3.sqlite_version}"
            sound = cursor.execute("PRAGMA quick_check(1)").fetchone()[0]
        else:
            cursor.execute("SHOW server_version")
            version, sound = f"PostgreSQL {cursor.fetchone()[0]}", "ok"
    if sound != "ok":
        yield Finding(
            "problem",
            _("Database"),
            _("%(version)s finds damage: %(text)s. Restore a backup.") % {"version": version, "text": sound},
        )
    elif tables.migrations_wait():
        yield Finding(
            "problem",
            _("Database"),
            _("%(version)s; its schema is older than the program. Run cxm migrate.") % {"version": version},
        )
    else:
        yield Finding("ok", _("Database"), version)


def event_log() -> Iterator[Finding]:
    pid = holder()
    if not settings.EVENTLOG_URL and pid is not None:
        yield Finding("ok", _("Event log"), _("in the server (pid %(pid)s); /health tells how it is") % {"pid": pid})
        return
    ask_log()
    opened = engine()
    with opened.client() as client:
        version = client.query("SELECT version()").result_rows[0][0]
        seen = {row[0] for row in client.query("SELECT name FROM schema_files").result_rows}
    where = _("%(number)s nodes") % {"number": len(opened.nodes)} if opened.nodes else _("in-process")
    if missing := {file.name for file in SCHEMA.glob("*.sql")} - seen:
        yield Finding(
            "problem", _("Event log"), _("schema files are missing: %(names)s") % {"names": ", ".join(missing)}
        )
    else:
        events = transfer.count_events()
        yield Finding(
            "ok", _("Event log"), f"ClickHouse {version}, {where}, " + _("%(number)s events") % {"number": events}
        )
    skew = abs((transfer.log_time() - timezone.now()).total_seconds())
    if skew > SKEW:
        yield Finding(
            "problem",
            _("Clock"),
            _("The event log's clock differs by %(number).0f s. Set both by NTP.") % {"number": skew},
        )


def clock() -> Iterator[Finding]:
    here = timezone.now()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")
            skew = abs((cursor.fetchone()[0] - here).total_seconds())
        if skew > SKEW:
            yield Finding(
                "problem",
                _("Clock"),
                _("The database's clock differs by %(number).0f s. Set both by NTP.") % {"number": skew},
            )
            return
    newest = Workspace.objects.order_by("-created_at").values_list("created_at", flat=True).first()
    if newest and newest > here + timedelta(minutes=1):
        yield Finding("problem", _("Clock"), _("This machine's clock is behind the data. Set it by NTP."))
        return
    yield Finding("ok", _("Clock"), here.strftime("%Y-%m-%d %H:%M:%S UTC"))


def time_zones() -> Iterator[Finding]:
    names = zoneinfo.available_timezones()
    wrong = [one.slug for one in Workspace.objects.all() if one.time_zone not in names]
    if wrong:
        yield Finding(
            "problem",
            _("Time zones"),
            _("Unknown in these workspaces: %(names)s. Install tzdata.") % {"names": ", ".join(wrong)},
        )
    else:
        yield Finding("ok", _("Time zones"), _("%(number)s known") % {"number": len(names)})


def outbox() -> Iterator[Finding]:
    waiting = OutboxFact.objects.count()
    oldest = OutboxFact.objects.order_by("occurred_at").values_list("occurred_at", flat=True).first()
    text = _("%(number)s facts wait for the log") % {"number": waiting}
    if oldest and oldest < timezone.now() - LATE:
        yield Finding("warning", _("Outbox"), text + ". " + _("Start cxm serve (or cxm work); it moves them."))
    else:
        yield Finding("ok", _("Outbox"), text)


def jobs() -> Iterator[Finding]:
    late = DBTaskResult.objects.ready().filter(enqueued_at__lt=timezone.now() - LATE).count()
    failed = DBTaskResult.objects.failed().order_by("-finished_at")
    if late:
        yield Finding(
            "warning",
            _("Jobs"),
            _("%(number)s wait for longer than five minutes. Start cxm serve (or cxm work).") % {"number": late},
        )
    if last := failed.first():
        reason = last.traceback.strip().rpartition("\n")[2]
        yield Finding("warning", _("Jobs"), _("%(number)s failed, the last one %(name)s at %(when)s: %(reason)s") % {
            "number": failed.count(), "name": last.task_path,
            "when": f"{last.finished_at:%Y-%m-%d %H:%M}", "reason": reason,
        })  # fmt: skip
    if not late and not last:
        yield Finding("ok", _("Jobs"), _("none waits, none failed"))


def imports() -> Iterator[Finding]:
    stuck = Import.objects.filter(state__in=[Import.State.WAITING, Import.State.RUNNING, Import.State.UNDOING])
    old = stuck.filter(created_at__lt=timezone.now() - STUCK).count()
    if old and holder() is None and not settings.EVENTLOG_URL:
        yield Finding(
            "warning", _("Imports"), _("%(number)s are not done. They go on when cxm serve runs.") % {"number": old}
        )
    else:
        yield Finding("ok", _("Imports"), _("%(number)s in progress") % {"number": stuck.count()})


def mail() -> Iterator[Finding]:
    if settings.EMAIL_URL:
        yield Finding("ok", _("Mail"), f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}")
    else:
        yield Finding("warning", _("Mail"), _("Mail is printed, not sent. Name a server in CXM_EMAIL_URL."))


def https() -> Iterator[Finding]:
    host = settings.BASE_URL.partition("://")[2].split(":")[0]
    if settings.SECURE:
        yield Finding("ok", "HTTPS", settings.BASE_URL)
    elif host in {"127.0.0.1", "localhost"}:
        yield Finding("ok", "HTTPS", _("not needed on this machine alone (%(url)s)") % {"url": settings.BASE_URL})
    else:
        yield Finding(
            "problem",
            "HTTPS",
            _(
                "%(url)s sends passwords in clear. Put a proxy with TLS in front and set CXM_BASE_URL to its https"
                " address."
            )
            % {"url": settings.BASE_URL},
        )


def debug() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding("problem", _("Debugging"), _("CXM_DEBUG is on: errors show inner details to everybody."))
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield Finding("warning", _("User"), _("This runs as root. Give OpenCXM a user of its own."))
    if time.localtime().tm_year < 2025:
        yield Finding("problem", _("Clock"), _("This machine's clock is not set."))


CHECKS: list[Callable[[], Iterator[Finding]]] = [
    versions, data_directory, debug, database, clock, event_log, time_zones, outbox, jobs, imports, mail, https,
]  # fmt: skip
