from __future__ import annotations

from typing import Any

from cxm.web import process
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Do background work only (jobs, facts, clocks); needs PostgreSQL and a ClickHouse server."

    def work(self, **options: Any) -> None:
        process.run(web=False, work=True, say=self.say)
