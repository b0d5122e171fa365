"""SMTP with a clear answer to the only question that matters: did the message leave?"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import sys
import time
from typing import Protocol

from django.conf import settings

from .letter import our_host

PATIENCE = 60.0  # seconds for each answer of the server (RFC 5321, 4.5.3.2, gives it minutes)
IDLE = 30.0  # seconds after which a connection is not trusted any more
MOST_ON_ONE = 500  # messages; servers close long conversations


class Away(Exception):
    """There is no talking to the server: nothing left, and no message is at fault. Try all of them later."""


class Rejected(Exception):
    """The server answered no to this message; it did not leave."""

    def __init__(self, code: int, text: str, *, about_address: bool = False) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.permanent = 500 <= code < 600
        self.about_address = about_address


class Unknown(Exception):
    """The connection broke between the message and the answer: nobody knows whether it left."""


class Transport(Protocol):
    def open(self) -> None: ...
    def send(self, sender: str, to: str, raw: bytes) -> None: ...
    def close(self) -> None: ...


class Smtp:
    """One connection, opened when needed and used for many messages. Not for several threads."""

    def __init__(self) -> None:
        self._server: smtplib.SMTP | None = None
        self._used_at = 0.0
        self._sent = 0

    def open(self) -> None:
        """Be ready to send, or raise Away."""
        if self._server and (self._sent >= MOST_ON_ONE or time.monotonic() - self._used_at > IDLE):
            self.close()
        if self._server:
            return
        server: smtplib.SMTP | None = None
        try:
            if settings.EMAIL_USE_SSL:
                server = smtplib.SMTP_SSL(
                    settings.EMAIL_HOST, settings.EMAIL_PORT, our_host(), timeout=PATIENCE,
                    context=ssl.create_default_context(),
                )  # fmt: skip
            else:
                server = smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, our_host(), timeout=PATIENCE)
                if settings.EMAIL_USE_TLS:
                    server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if settings.EMAIL_HOST_USER:
                server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        except (smtplib.SMTPException, OSError) as error:
            if server:
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.close()
            raise Away(str(error)) from error
        self._server, self._sent, self._used_at = server, 0, time.monotonic()

    def send(self, sender: str, to: str, raw: bytes) -> None:
        """Returns when the server has taken the message. Raises Away, Rejected or Unknown."""
        self.open()
        server = self._server
        assert server is not None
        self._used_at = time.monotonic()
        options = []
        if not to.isascii():
            if not server.has_extn("smtputf8"):
                raise Rejected(553, "5.6.7 The server takes no addresses beyond ASCII", about_address=True)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            server.command_encoding = "utf-8"
        try:
            self._expect(250, *server.mail(sender, options))
            self._expect(250, *server.rcpt(to), about_address=True)
            self._expect(354, *server.docmd("DATA"))
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise Away(str(error)) from error
        finally:
            server.command_encoding = "ascii"
        try:
            server.send(b"".join(_dotted(raw)))
            code, text = server.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise Unknown(str(error)) from error
        self._expect(250, code, text)
        self._sent += 1

    def _expect(self, wanted: int, code: int, text: bytes, *, about_address: bool = False) -> None:
        if code // 10 == wanted // 10:
            return
        words = text.decode("utf-8", "replace")[:1000]
        assert self._server is not None
        if code == 421:  # the server says goodbye
            self.close()
            raise Away(f"421 {words}")
        try:
            self._server.rset()
        except (smtplib.SMTPException, OSError):
            self.close()
        raise Rejected(code, words, about_address=about_address)

    def close(self) -> None:
        server, self._server = self._server, None
        if server:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.close()


def _dotted(raw: bytes) -> list[bytes]:
    """Lines that begin with a dot get a second one, and a line with a dot alone ends the message."""
    lines = raw.split(b"\r\n")
    if lines and not lines[-1]:
        lines.pop()
    return [b"." * line.startswith(b".") + line + b"\r\n" for line in lines] + [b".\r\n"]


class Console:
    """Where no server is configured, messages are printed as they would leave."""

    def open(self) -> None:
        return

    def send(self, sender: str, to: str, raw: bytes) -> None:
        print(raw.decode("utf-8", "replace"), file=sys.stderr, flush=True)

    def close(self) -> None:
        return


def transport() -> Transport:
    return Smtp() if settings.EMAIL_URL else Console()
