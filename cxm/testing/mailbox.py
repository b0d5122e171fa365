"""A real SMTP server for tests, which may be told to refuse, to delay and to hang up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Arrived:
    sender: str
    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class Mailbox:
    """`rcpt` and `data` may answer with a line of SMTP instead of taking it; None takes it."""

    port: int = 0
    arrived: list[Arrived] = field(default_factory=list)
    rcpt: Callable[[str], str | None] = lambda _address: None
    data: Callable[[str], str | None] = lambda _address: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if refusal := self.rcpt(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        to = envelope.rcpt_tos[0]
        refusal = self.data(to)
        if refusal == "hang up after it":
            self._keep(envelope, to)
            server.transport.close()
            return "250 never heard"
        if refusal:
            return refusal
        self._keep(envelope, to)
        return "250 OK"

    def _keep(self, envelope: Any, to: str) -> None:
        with self.lock:
            self.arrived.append(Arrived(envelope.mail_from, to, envelope.content))


class AnyPort(Controller):
    def _trigger_server(self) -> None:
        """Find itself at the port that the system chose."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """A server at 127.0.0.1 on a free port."""
    box = Mailbox()
    controller = AnyPort(box, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def mail_through(box: Mailbox, settings: Any) -> Iterator[None]:
    """Point the settings of pytest-django at it."""
    settings.EMAIL_URL = f"smtp://127.0.0.1:{box.port}"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "Kyiv Kettles <cx@kettles.example>"
    yield
