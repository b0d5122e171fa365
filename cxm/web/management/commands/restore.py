from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.web import restore
from cxm.web.backup import EVENTS
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar


class Command(Base):
    help = "Replace all data by what a backup holds; the server must be stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that cxm backup wrote")
        parser.add_argument("--force", action="store_true", help="replace the data that is there")
        parser.add_argument("--quiet", action="store_true", help="show no progress")
        parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)  # what the command starts itself

    def work(self, *, file: Path, force: bool, quiet: bool, build: bool, **options: Any) -> None:
        if build:
            with bar(_("Restore"), quiet=quiet) as line:
                restore.build(file, lambda what, done, total: line.to(done, total, what))
            return
        manifest = restore.restore(file, force=force, quiet=quiet)
        rows = sum(part.rows for name, part in manifest.parts.items() if name.startswith("database/"))
        self.say(
            _(
                "Restored %(events)s events, %(rows)s operational rows and %(files)s files from the backup"
                " of %(when)s UTC. What was here before is in replaced-… in the data directory, if it was in files."
            )
            % {
                "events": manifest.parts[EVENTS].rows,
                "rows": rows,
                "files": sum(name.startswith("files/") for name in manifest.parts),
                "when": manifest.created_at.strftime("%Y-%m-%d %H:%M"),
            }
        )
