from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cxm.web.data_directory import Refused
from cxm.web.doctor import examine
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Look whether everything is well, and say what to do where it is not."

    def work(self, **options: Any) -> None:
        style = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "problem": self.style.ERROR}
        words = {"ok": _("ok"), "warning": _("warning"), "problem": _("problem")}
        problems = 0
        for finding in examine():
            problems += finding.level == "problem"
            self.say(f"{style[finding.level](words[finding.level].ljust(8))} {finding.subject}: {finding.text}")
        if problems:
            raise Refused(_("There are problems; each line above says what to do."))
