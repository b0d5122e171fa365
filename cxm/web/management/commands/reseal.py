from __future__ import annotations

from typing import Any

from django.utils.translation import ngettext

from cxm.accounts.sealing import reseal
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Seal every stored secret with the present secret key, so that a former one is no longer needed."

    def work(self, **options: Any) -> None:
        n = reseal()
        self.say(ngettext("%(n)d secret was sealed anew.", "%(n)d secrets were sealed anew.", n) % {"n": n})
