from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser

from cxm.web import process
from cxm.web.management.commands.demo import has_tables, settled
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Run OpenCXM: pages, background jobs and clocks in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")

        parser.add_argument("--demo", action="store_true", help="load the sample company where there is no workspace")

    def work(self, *, host: str, port: int, demo: bool, **options: Any) -> None:
        if demo and has_tables() and settled():
            call_command("demo", "--if-empty")  # tells the login
        elif demo:
            process.apart("demo", "--if-empty")
        process.run(host=host, port=port, web=True, work=True, say=self.say)
