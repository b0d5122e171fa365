"""`cxm demo`: load the sample company, and say where it is and how to get in."""

from __future__ import annotations

import os
import secrets
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cxm.accounts.models import User, Workspace

EMAIL = "demo@example.com"


def password_file() -> Path:
    return Path(settings.DATA_DIR) / "demo_password"


class Command(BaseCommand):
    help = "Load the sample company, with 18 months of customers, orders, tickets and answers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there is a workspace already")
        parser.add_argument("--small", action="store_true", help="a twentieth of everything, for tests")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes another firm of the same kind")
        parser.add_argument("--remove", action="store_true", help="remove the sample company and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        from cxm.record.eventlog.engine import EventlogBusy, EventlogError

        try:
            if options["remove"]:
                self.remove()
            elif options["if_empty"] and settled():
                self.tell_login()
            else:
                self.load(seed=options["seed"], small=options["small"])
        except EventlogBusy as error:
            raise CommandError(
                "The event log is in use, most likely by a running `cxm serve`. Stop that first, then run this again."
            ) from error
        except EventlogError as error:
            raise CommandError(f"The event log refused: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error}. Has `cxm migrate` been run?") from error

    def load(self, *, seed: int, small: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from cxm.record.eventlog.engine import engine
        from cxm.web.sample import load

        engine()  # A log in use is reported before anything is written.
        started = time.monotonic()
        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns) as bars:
            tasks = {name: bars.add_task(name, total=None) for name in ("customers", "events")}
            loaded = load(
                owner=owner(),
                seed=seed,
                small=small,
                progress=lambda what, done, of: bars.update(tasks[what], completed=done, total=of),
            )
        engine().close()
        if loaded.events or loaded.customers:
            self.stdout.write(
                f"Loaded {loaded.customers:,} customers and {loaded.events:,} events"
                f" in {time.monotonic() - started:.0f} s."
            )
        else:
            self.stdout.write("The sample company is loaded already.")
        self.tell_login()

    def remove(self) -> None:
        from cxm.web.sample import remove

        found = list(Workspace.objects.filter(is_sample=True))
        for workspace in found:
            remove(workspace, None)
        self.stdout.write("The sample company is removed." if found else "There is no sample company.")

    def tell_login(self) -> None:
        """Address and login, for as long as the password is the one that was made here."""
        workspace = Workspace.objects.filter(is_sample=True).first()
        if workspace is None:
            return
        self.stdout.write(f"Sample company: {settings.BASE_URL}/w/{workspace.slug}/")
        password = password_file().read_text().strip() if password_file().exists() else ""
        user = User.objects.filter(email=EMAIL).first()
        if user and password and user.check_password(password):
            self.stdout.write(f"Log in with:    {EMAIL}  {password}")


def settled() -> bool:
    """Whether somebody has made a workspace here. An interrupted load of the sample is not yet one."""
    from cxm.accounts.models import AuditEntry
    from cxm.web.sample.load import LOADED

    samples = Workspace.objects.filter(is_sample=True)
    unfinished = samples.exclude(pk__in=AuditEntry.objects.filter(verb=LOADED).values("workspace_id"))
    return Workspace.objects.exists() and not unfinished.exists()


def owner() -> User:
    """The sample's own login, with a password that only the data directory knows."""
    user = User.objects.filter(email=EMAIL).first()
    if user is not None:
        return user
    password = secrets.token_urlsafe(9)
    descriptor = os.open(password_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
    return User.objects.create_user(email=EMAIL, password=password, name="Demo")
