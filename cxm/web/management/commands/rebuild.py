from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cxm.web import jobs
from cxm.web.data_directory import exchange
from cxm.web.errands import ask_server, new_folder, server_holds_log
from cxm.web.terminal import Command as Base
from cxm.web.terminal import bar


class Command(Base):
    help = "Make every derived table of the event log anew from the events."

    def work(self, **options: Any) -> None:
        folder = new_folder()
        with exchange(folder), bar(_("Derived tables")) as line:
            if server_holds_log():
                done = ask_server(jobs.rebuild_derived, folder, progress=line.to)
            else:
                done = jobs.rebuild_all(line.to)
        self.say(_("%(number)s derived tables are new.") % {"number": done})
