from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection
from django.utils.translation import gettext as _

from cxm.accounts.models import AuditEntry, User, Workspace
from cxm.web.sample import LOADED
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar

EMAIL = "demo@example.com"


class Command(Base):
    help = "Load the sample company: 18 months of customers, orders, tickets and answers, made up from a seed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there is a workspace already")
        parser.add_argument("--small", action="store_true", help="a twentieth of everything, for tests")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes another firm of the same kind")
        parser.add_argument("--remove", action="store_true", help="remove the sample company and nothing else")

    def work(self, *, if_empty: bool, small: bool, seed: int, remove: bool, **options: Any) -> None:
        if not has_tables():  # somebody removed the data
            call_command("migrate", verbosity=0, interactive=False)
        if remove:
            self.remove()
        elif if_empty and settled():  # quickly: the event log stays closed
            self.tell_login()
        else:
            self.load(seed, small)

    def load(self, seed: int, small: bool) -> None:
        from cxm.record.eventlog.engine import close_engine, engine
        from cxm.web.sample.load import load

        engine()  # a log in use is reported before anything is written
        started = time.monotonic()
        try:
            with bar(_("Making the sample company")) as line:
                words = {
                    "customers": _("Writing customers"), "events": _("Writing events"), "texts": _("Reading comments")
                }  # fmt: skip
                loaded = load(
                    owner=owner(),
                    seed=seed,
                    small=small,
                    progress=lambda what, done, of: line.to(done, of, words[what]),
                )
        finally:
            close_engine()
        if loaded.events or loaded.customers:
            self.say(
                _("The sample company is loaded: %(customers)s customers, %(events)s events, %(seconds)d seconds.")
                % {
                    "customers": f"{loaded.customers:,}",
                    "events": f"{loaded.events:,}",
                    "seconds": time.monotonic() - started,
                }
            )
        else:
            self.say(_("The sample company is here already."))
        self.tell_login()

    def remove(self) -> None:
        from cxm.record.eventlog.engine import close_engine, engine
        from cxm.web.sample.remove import remove

        found = list(Workspace.objects.filter(is_sample=True, deleted_at=None))
        if found:
            engine()
        try:
            for workspace in found:
                remove(workspace, None)
        finally:
            close_engine()
        self.say(_("The sample company is removed.") if found else _("There is no sample company."))

    def tell_login(self) -> None:
        """Address and login, for as long as the password is the one that was made here."""
        workspace = Workspace.objects.filter(is_sample=True, deleted_at=None).first()
        if workspace is None:
            return
        self.say(_("Sample company: %(address)s") % {"address": f"{settings.BASE_URL}/w/{workspace.slug}/"})
        password = password_file().read_text().strip() if password_file().exists() else ""
        user = User.objects.filter(email=EMAIL).first()
        if user and password and user.check_password(password):
            self.say(_("Log in as %(email)s with the password %(password)s") % {"email": EMAIL, "password": password})


def password_file() -> Path:
    return Path(settings.DATA_DIR) / "demo_password"


def has_tables() -> bool:
    return Workspace._meta.db_table in connection.introspection.table_names()


def settled() -> bool:
    """Whether there is, or was, something here: a workspace, or a sample that somebody has removed.

    A sample whose loading was interrupted does not count.
    """
    samples = Workspace.objects.filter(is_sample=True, deleted_at=None)
    if samples.exclude(pk__in=AuditEntry.objects.filter(verb=LOADED).values("workspace_id")).exists():
        return False
    return Workspace.objects.exists() or User.objects.filter(email=EMAIL).exists()


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
