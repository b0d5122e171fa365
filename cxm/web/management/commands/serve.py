from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from cxm.web import process
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Run OpenCXM: pages, background jobs and clocks in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")

    def work(self, *, host: str, port: int, **options: Any) -> None:
        process.run(host=host, port=port, web=True, work=True, say=self.say)
