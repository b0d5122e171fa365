from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.understand.text.accuracy.wording import compared_said
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar
from cxm.web.training import train_workspace


class Command(Base):
    help = "Train the model that reads texts: a workspace's own, on the labels that it has."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", required=True, help="the last part of its address")
        parser.add_argument("--use", action="store_true", help="read texts with it from now on, if it is better")

    def work(self, *, workspace: str, use: bool, **options: Any) -> None:
        with bar(_("Training")) as line:
            version = train_workspace(workspace, use=use, progress=line.to)
        for row in compared_said(version.report):
            before, after, difference, n = row.cells
            words = {"name": row.name, "before": before, "after": after, "difference": difference, "n": n}
            self.say(
                _("%(name)s: built-in %(before)s, own %(after)s, difference %(difference)s, n = %(n)s. %(verdict)s.")
                % {**words, "verdict": row.verdict}
            )
        told = _("Version %(number)d is used from now on.") if version.is_used else _("Version %(number)d is ready.")
        self.say(told % {"number": version.number})
