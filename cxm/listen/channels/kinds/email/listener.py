"""Mail that a mail server hands over by SMTP: taken when it is on disk, and not before the answer says so.

It is no mail server for the open Internet, has no queue and relays nothing: it takes mail for the addresses of
mailboxes, and reports for the address of bounces. With a certificate it offers STARTTLS (RFC 3207).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from django.conf import settings
from django.db import Error, close_old_connections, connections

from cxm.listen.channels.mail.bounces import VERP
from cxm.listen.channels.mail.letter import our_host
from cxm.listen.channels.models import Channel, Delivery
from cxm.listen.channels.queries import folded
from cxm.listen.channels.reports import take as take_report

from .bounded import MOST_BYTES
from .taking import take

logger = logging.getLogger(__name__)
T = TypeVar("T")

THREADS = 4
MOST_SESSIONS = 50
MOST_RECIPIENTS = 20  # of one mail
PATIENCE = 60.0  # seconds for a command of the other side


def mailbox_for(address: str) -> Channel | None:
    """The mailbox that an address of an envelope means, paused or not; name+anything@ means name@."""
    name, _at, domain = folded(address).partition("@")
    own = {f"{name}@{domain}", f"{name.partition('+')[0]}@{domain}"}
    return (
        Channel.objects.select_related("workspace")
        .filter(kind="email", address__in=own, workspace__deleted_at=None)
        .order_by("-address")
        .first()
    )


def bounced_delivery(address: str) -> Delivery | None:
    """The delivery whose bounces an address takes (CXM_EMAIL_BOUNCES_TO)."""
    found = VERP.search(folded(address))
    name, _at, domain = folded(settings.EMAIL_BOUNCES_TO).partition("@")
    if (
        not found
        or not name
        or not folded(address).startswith(f"{name}+")
        or not address.lower().endswith(f"@{domain}")
    ):
        return None
    return Delivery.objects.select_related("workspace").filter(pk=found[1]).first()


def answer_to(address: str) -> str:
    """What a server that has mail for this address is told. While a mailbox is paused, it keeps the mail."""
    channel = mailbox_for(address)
    if channel and channel.is_paused:
        return "450 4.2.1 This mailbox takes nothing just now"
    return "250 OK" if channel or bounced_delivery(address) else "550 5.1.1 No such mailbox here"


def take_for(addresses: list[str], raw: bytes) -> None:
    """Take a mail for everybody in its envelope; for one mailbox once."""
    seen = set()
    for address in addresses:
        if delivery := bounced_delivery(address):
            take_report(raw, workspace=delivery.workspace)
            continue
        channel = mailbox_for(address)
        if channel and not channel.is_paused and channel.pk not in seen:
            seen.add(channel.pk)
            take(raw, channel=channel, recipients=addresses)


class Handler:
    """What aiosmtpd asks. The database is asked in threads beside its event loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="inbound-mail")

    async def _beside(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _with_connections, do)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            answer = await self._beside(lambda: answer_to(address))
        except Error:
            logger.exception("The database cannot be asked for a mailbox")
            return "451 4.3.0 Come back later"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        addresses, raw = list(envelope.rcpt_tos), bytes(envelope.content)
        if not envelope.mail_from:
            raw = b"Return-Path: <>\r\n" + raw  # a report, whatever else it says
        try:
            await self._beside(lambda: take_for(addresses, raw))
        except Exception:
            logger.exception("A mail could not be taken; its sender keeps it")
            return "451 4.3.0 Come back later"
        return "250 OK"

    def close(self) -> None:
        self._pool.shutdown()


def _with_connections(do: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return do()
    finally:
        connections.close_all()  # the pool's threads come and go with the load


def certificate() -> ssl.SSLContext | None:
    """What the settings name. Raises OSError (ssl.SSLError is one) where the files do not fit each other."""
    if settings.INBOUND_SMTP_CERTIFICATE is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.INBOUND_SMTP_CERTIFICATE, settings.INBOUND_SMTP_KEY)
    return context


class Listener(Controller):
    """The server: start() returns when it listens, or raises OSError; stop() lets it go."""

    def __init__(self, host: str, port: int) -> None:
        self.sessions = 0
        self._certificate = certificate()
        self._taking = Handler()
        super().__init__(self._taking, hostname=host, port=port, ready_timeout=30)

    def factory(self) -> SMTP:
        return Session(
            self.handler, data_size_limit=MOST_BYTES, enable_SMTPUTF8=True, hostname=our_host(), ident="OpenCXM",
            timeout=PATIENCE, owner=self, tls_context=self._certificate,
            command_call_limit={"RCPT": 2000, "MAIL": 1000, "DATA": 1000, "RSET": 1000, "NOOP": 20, "*": 50},
        )  # fmt: skip

    def _trigger_server(self) -> None:
        """Find itself at the port that the system chose, where it was told none."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's

    def stop(self, no_assert: bool = False) -> None:
        super().stop(no_assert)
        self._taking.close()


class Session(SMTP):
    """One conversation; there are at most MOST_SESSIONS at once."""

    def __init__(self, *args: Any, owner: Listener, **more: Any) -> None:
        super().__init__(*args, **more)
        self._owner = owner

    def connection_made(self, transport: Any) -> None:
        if self.transport is not None:  # the same connection once more, within TLS
            super().connection_made(transport)
            return
        self._owner.sessions += 1
        if self._owner.sessions > MOST_SESSIONS:
            transport.write(b"421 4.3.2 Too many connections\r\n")
            transport.close()
            self.transport = transport
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.sessions -= 1
        if self._handler_coroutine is not None:
            super().connection_lost(error)
