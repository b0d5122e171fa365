from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.accounts.models import Workspace
from cxm.record.capture import actions, jobs, running
from cxm.record.capture.examples import example
from cxm.record.capture.mapping import MappingError, read_mapping
from cxm.record.capture.models import Import, Mapping
from cxm.record.capture.preview import look_at, preview_of
from cxm.record.capture.problems import FileProblem
from cxm.record.eventlog.engine import close_engine
from cxm.web.data_directory import Refused
from cxm.web.errands import server_holds_log
from cxm.web.terminal import Bar, bar
from cxm.web.terminal import Command as Base

LOOK_EVERY = 0.5  # seconds
STUCK_AFTER = 120.0  # seconds that a server may leave a file waiting


class Command(Base):
    help = "Import a file of customers, answers, tickets, orders or subscriptions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="CSV, TSV, XLSX or JSON Lines; .gz is fine too")
        parser.add_argument("--workspace", required=True, metavar="SLUG", help="the last part of its address")
        parser.add_argument(
            "--mapping", required=True, metavar="NAME|FILE.yaml", help="a saved mapping, an example, or a file"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what the first rows become, store nothing")

    def work(self, *, file: str, workspace: str, mapping: str, dry_run: bool, **options: Any) -> None:
        place = Workspace.objects.filter(slug=workspace).first()
        if place is None:
            raise Refused(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        path = Path(file)
        if not path.is_file():
            raise Refused(_("%(path)s does not exist.") % {"path": file})
        try:
            if dry_run:
                self.show(place, path, mapping)
            else:
                self.bring(place, path, mapping)
        except (MappingError, FileProblem, actions.Refused) as error:
            raise Refused(str(error)) from error
        finally:
            close_engine()

    def show(self, workspace: Workspace, path: Path, mapping: str) -> None:
        read = read_mapping(yaml_named(workspace, mapping))
        one = Import(workspace=workspace, file_name=path.name, file_path=str(path.resolve()))
        if read.about and server_holds_log():
            raise Refused(_("This mapping looks into the event log, which the server holds. Stop it for a dry run."))
        preview = preview_of(one, read, look_at(one, read))
        for shown in preview.events:
            details = " ".join(f"{key}={value}" for key, value in shown.details.items())
            self.say(f"{shown.row}\t{shown.at}\t{shown.name}\t{shown.customer}\t{details}")
        for bad in preview.rejected:
            self.say(_("Row %(row)d will be rejected. %(reason)s") % {"row": bad.row, "reason": bad.reason})
        self.say(_("Nothing was stored."))

    def bring(self, workspace: Workspace, path: Path, mapping: str) -> None:
        one = actions.add_file(workspace=workspace, path=path, name=path.name, by=None, move=False)
        try:
            one = actions.start_import(one=one, yaml=yaml_named(workspace, mapping), by=None)
        except (MappingError, FileProblem):
            actions.discard_import(one=one, by=None)
            raise
        with bar(_("Importing %(name)s") % {"name": path.name}) as line:
            if server_holds_log():
                done: Import | None = self.follow(one, line)
            else:
                done = running.run(one.pk, progress=lambda now: line.to(now.bytes_read, now.file_size))
        if done is None:
            raise Refused(_("Another process runs this import already."))
        self.tell(done)

    def follow(self, one: Import, line: Bar) -> Import:
        """Leave the import to the job threads of the server, and look on."""
        jobs.run_import.enqueue(str(one.pk))
        waited = time.monotonic()
        while True:
            one.refresh_from_db()
            line.to(one.bytes_read, one.file_size)
            if one.state in {Import.State.DONE, Import.State.FAILED}:
                return one
            if one.state == Import.State.RUNNING:
                waited = time.monotonic()
            if not server_holds_log() or time.monotonic() - waited > STUCK_AFTER:
                raise Refused(_("The server stopped before it was done; it goes on when the server starts again."))
            time.sleep(LOOK_EVERY)

    def tell(self, done: Import) -> None:
        if done.state != Import.State.DONE:
            raise Refused(done.problem)
        for note in done.notes:
            self.say(note)
        rows = ngettext("%(n)s row read.", "%(n)s rows read.", done.rows_read) % {"n": f"{done.rows_read:,}"}
        events = ngettext("%(n)s event added.", "%(n)s events added.", done.events_added)
        customers = ngettext("%(n)s customer added.", "%(n)s customers added.", done.customers_added)
        self.say(rows)
        self.say(events % {"n": f"{done.events_added:,}"})
        self.say(customers % {"n": f"{done.customers_added:,}"})
        if done.rows_known and not done.events_added:
            self.say(_("Everything in this file was here already; it added nothing."))
        if done.rows_rejected:
            text = ngettext(
                "%(n)s row was rejected; see %(path)s.", "%(n)s rows were rejected; see %(path)s.", done.rows_rejected
            )
            from cxm.record.capture.storage import rejected_path

            self.say(text % {"n": f"{done.rows_rejected:,}", "path": rejected_path(done.pk)})


def yaml_named(workspace: Workspace, name: str) -> str:
    """The mapping in a file of that name, saved under that name, or shipped as an example."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise Refused(_("%(path)s does not exist.") % {"path": name})
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Refused(_("%(path)s is not a text in UTF-8.") % {"path": name}) from error
    saved = Mapping.objects.filter(workspace=workspace, name=name).order_by("-version").first()
    if saved:
        return saved.yaml
    try:
        return example(name).yaml if name.replace("_", "").isalnum() else ""
    except FileNotFoundError as error:
        raise Refused(
            _("There is no mapping “%(name)s” in this workspace, and no example of that name.") % {"name": name}
        ) from error
