"""How our commands speak: progress bars, plain sentences for expected problems, and exit codes.

0 done · 1 it could not be done, and why is said · 2 wrong usage
3 another cxm process holds what is needed · 130 Ctrl+C
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from cxm.record.eventlog.engine import EventlogBusy, EventlogError

from .data_directory import IN_USE, Refused


class Command(BaseCommand):
    """A command of ours: write `work`, raise Refused for what the user can understand."""

    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            # With --traceback Django leaves the error to us, so that it is printed as a sentence and nothing else.
            super().run_from_argv([*argv[:2], "--traceback", *argv[2:]])
        except CommandError as error:
            sys.stderr.write(f"cxm {argv[1]}: {error}\n")
            sys.exit(error.returncode)

    def handle(self, *args: Any, **options: Any) -> None:
        for generic in ("settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "verbosity"):
            options.pop(generic, None)
        try:
            self.work(**options)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=refusal.code) from refusal
        except EventlogBusy as error:
            raise CommandError(
                _("Another cxm process has the event log open. Wait until it is done, or stop it."), returncode=IN_USE
            ) from error
        except EventlogError as error:
            raise CommandError(_("The event log does not answer: %(reason)s") % {"reason": error}) from error
        except Error as error:
            raise CommandError(_reason(error)) from error
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                text = _("The disk is full, nothing was changed. Free some space and try again.")
            elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
                text = _("%(path)s cannot be written or read by this user.") % {"path": error.filename}
            elif error.errno == errno.ENOENT:
                text = _("%(path)s does not exist.") % {"path": error.filename}
            else:
                raise
            raise CommandError(text) from error
        except KeyboardInterrupt:
            self.stderr.write(_("Stopped."))
            sys.exit(130)

    def work(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _reason(error: Error) -> str:
    """A new database has no tables yet, which is not the same as one that is away."""
    from .tables import migrations_wait  # loads what only few commands need

    with suppress(Error):
        if migrations_wait():
            return _("The database is older than this program. Run cxm migrate first.")
    return _("The database does not answer: %(reason)s") % {"reason": error}


class Bar:
    """One line of progress; without a terminal, nothing until the end."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def to(self, done: float, total: float | None = None, text: str | None = None) -> None:
        if text is not None:
            self._progress.update(self._task, description=text)
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def bar(text: str, total: float | None = None, *, quiet: bool = False) -> Iterator[Bar]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True, quiet=quiet), transient=True
    ) as progress:
        yield Bar(progress, progress.add_task(text, total=total))
