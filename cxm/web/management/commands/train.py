from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.understand.text.accuracy.wording import compared_said
from cxm.web.data_directory import Refused
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar
from cxm.web.training import train_workspace


class Command(Base):
    help = (
        "Train the model that reads texts: a workspace's own, on the labels that it has, or the weights that everybody"
        " gets, from labelled sets."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--workspace", metavar="SLUG", help="train its own model; the last part of its address")
        which.add_argument("--data", metavar="FOLDER", type=Path, help="train the shipped weights on the sets in there")
        parser.add_argument("--use", action="store_true", help="read texts with the own model, if it is better")
        parser.add_argument("--out", metavar="FILE", type=Path, help="where the weights go; otherwise into the package")
        parser.add_argument("--work", metavar="FOLDER", type=Path, help="keeps what was made, so that it can go on")
        parser.add_argument("--processes", type=int, default=1, help="heads that are trained at the same time")

    def work(self, *, workspace: str | None, data: Path | None, **options: Any) -> None:
        if workspace is not None:
            self.train_own(workspace, use=options["use"])
        elif data is not None:
            self.train_shipped(data, options["out"], options["work"], options["processes"])

    def train_own(self, workspace: str, *, use: bool) -> None:
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

    def train_shipped(self, data: Path, out: Path | None, work: Path | None, processes: int) -> None:
        from cxm.understand.text.reading.weights import FILE
        from cxm.understand.text.training.build import build  # needs packages of the group "train"

        target, folder = out or FILE, work or Path("weights-in-training")
        if not data.is_dir():
            raise Refused(_("There is no folder %(folder)s.") % {"folder": data})
        try:
            version = build(data, target, work=folder, tell=self.say, processes=processes)
        except ImportError as error:
            raise Refused(
                _("Training needs packages that serving does not: pip install --group train. Missing: %(name)s.")
                % {"name": error.name}
            ) from error
        except FileNotFoundError as error:
            raise Refused(_("This set is missing: %(file)s.") % {"file": error.filename}) from error
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from error
        self.say(_("Weights %(version)s are in %(file)s.") % {"version": version, "file": target})
