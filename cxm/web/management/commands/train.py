from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cxm.web.data_directory import Refused
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Train the model that reads texts: the weights that everybody gets, from labelled sets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", metavar="FOLDER", type=Path, required=True, help="where the labelled sets are")
        parser.add_argument("--out", metavar="FILE", type=Path, help="where the weights go; otherwise into the package")
        parser.add_argument("--work", metavar="FOLDER", type=Path, help="keeps what was made, so that it can go on")
        parser.add_argument("--processes", type=int, default=1, help="heads that are trained at the same time")

    def work(self, *, data: Path, out: Path | None, work: Path | None, processes: int, **options: Any) -> None:
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
