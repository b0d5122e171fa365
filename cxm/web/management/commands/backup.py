from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.web.backup import EVENTS, write_backup
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar


class Command(Base):
    help = "Write all data to one file; also while the server runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, for example cxm-backup.zip")

    def work(self, *, file: Path, **options: Any) -> None:
        with bar(_("Backup")) as line:
            manifest = write_backup(file, lambda what, done, total: line.to(done, total, what))
        rows = sum(part.rows for name, part in manifest.parts.items() if name.startswith("database/"))
        self.say(
            _("%(path)s holds %(events)s events, %(rows)s operational rows and %(files)s files (%(size).1f MB)."
              " It holds secrets too: keep it where only you can read it.") % {
                "path": file,
                "events": manifest.parts[EVENTS].rows,
                "rows": rows,
                "files": sum(name.startswith("files/") for name in manifest.parts),
                "size": file.stat().st_size / 1e6,
            }
        )  # fmt: skip
