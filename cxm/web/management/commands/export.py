from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.web import exports
from cxm.web.data_directory import Refused
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar


class Command(Base):
    help = "Write the customers, events or answers of a workspace to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write")
        parser.add_argument("--workspace", metavar="SLUG", required=True, help="its name in addresses")
        parser.add_argument("--what", choices=exports.WHAT, required=True)
        parser.add_argument("--personal", action="store_true", help="with personal data; else it is masked")
        parser.add_argument("--format", choices=["csv", "jsonl"], help="default: by the name of the file, else csv")

    def work(
        self,
        *,
        file: Path,
        workspace: str,
        what: str,
        format: str | None,  # noqa: A002  # the option's name
        personal: bool,
        **options: Any,
    ) -> None:
        place = Workspace.objects.filter(slug=workspace).first()
        if place is None:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True)) or "—"
            raise Refused(
                _("There is no workspace %(slug)s. There are: %(known)s.") % {"slug": workspace, "known": known}
            )
        if reason := exports.check_target(file):
            raise Refused(reason)
        form = format or ("jsonl" if file.suffix == ".jsonl" else "csv")
        with bar(what) as line:
            written = exports.export(place, what, form, file, line.to, personal=personal)
        self.say(_("%(path)s holds %(number)s rows.") % {"path": file, "number": written})
