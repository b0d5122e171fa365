from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.accounts.models import Workspace
from cxm.record.eventlog.engine import close_engine
from cxm.understand.text.annotating import Annotator
from cxm.understand.text.models import Rereading
from cxm.understand.text.rereading import read_again
from cxm.web.data_directory import Refused
from cxm.web.errands import server_holds_log
from cxm.web.terminal import Bar, bar
from cxm.web.terminal import Command as Base
from cxm.web.workers import new_process_name

LOOK_EVERY = 0.5  # seconds
STUCK_AFTER = 180.0  # seconds without a sign of the process that reads


class Command(Base):
    help = "Read every text anew: language, sentiment, topics and all else that is read out of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="the last part of its address; without it, all of them")
        parser.add_argument("--resume", action="store_true", help="go on with what was begun instead of beginning anew")

    def work(self, *, workspace: str | None, resume: bool, **options: Any) -> None:
        places = Workspace.objects.filter(deleted_at=None)
        if workspace is not None:
            places = places.filter(slug=workspace)
            if not places.exists():
                raise Refused(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        ids = list(places.order_by("pk").values_list("pk", flat=True))
        begun = set(Rereading.objects.filter(workspace__in=ids, done_at=None).values_list("pk", flat=True))
        for place in places:
            if not (resume and place.pk in begun):
                read_again(place)
        try:
            with bar(_("Reading texts")) as line:
                self.watch(ids, line)
        finally:
            close_engine()
        read = sum(Rereading.objects.filter(pk__in=ids).values_list("done", flat=True))
        self.say(ngettext("%(n)s text was read anew.", "%(n)s texts were read anew.", read) % {"n": f"{read:,}"})

    def watch(self, ids: list[int], line: Bar) -> None:
        """Read here, or look on while a server does."""
        annotator, changed, last = Annotator(new_process_name()), time.monotonic(), (-1, -1)

        def stop() -> bool:
            left, total, done = self.state(ids)
            line.to(done, total)
            return not left

        while True:
            left, total, done = self.state(ids)
            line.to(done, total)
            if not left:
                break
            if not server_holds_log():
                try:
                    annotator.annotate_due(stop)
                finally:
                    annotator.end()
            if (left, done) != last:
                changed, last = time.monotonic(), (left, done)
            elif time.monotonic() - changed > STUCK_AFTER:
                raise Refused(
                    _("The texts are not being read. They are read as soon as the server runs; look at its log.")
                )
            else:
                time.sleep(LOOK_EVERY)

    def state(self, ids: list[int]) -> tuple[int, int, int]:
        """How many workspaces are left, how many texts there are, how many of them are done."""
        rows = list(Rereading.objects.filter(pk__in=ids, workspace__deleted_at=None))
        left = sum(row.done_at is None for row in rows)
        return left, max(sum(row.total or 0 for row in rows), 1), sum(row.done for row in rows)
