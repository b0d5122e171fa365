"""The threads by which messages come in: one asks mailboxes, one is the SMTP server of the installation."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.cache import cache
from django.db import Error, close_old_connections, connections

from cxm.listen.channels.channel_actions import poll_channel, polled_channels
from cxm.listen.channels.kinds.email.listener import Listener

logger = logging.getLogger(__name__)

AT_ONCE = 4  # mailboxes, so that a server that hangs delays no other
CLAIM = 600  # seconds after which another process may ask a mailbox whose asking never ended


class PollThread(threading.Thread):
    """Looks into every channel that has to be asked, every so often."""

    def __init__(self) -> None:
        super().__init__(name="polls", daemon=True)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="polls") as pool:
            while not self._stopping.is_set():
                close_old_connections()
                try:
                    ids = polled_channels()
                except Error as error:
                    logger.warning("Mailboxes wait: %s", error)
                    ids = []
                for one in ids:
                    if cache.add(f"poll:{one}", 1, timeout=CLAIM):
                        pool.submit(self._poll, one)
                self._stopping.wait(settings.MAIL_POLL_S)
        connections.close_all()

    def _poll(self, channel_id: int) -> None:
        try:
            poll_channel(channel_id, self._stopping.is_set)
        except Error as error:
            logger.warning("The channel %s waits: %s", channel_id, error)
        except Exception:
            logger.exception("The channel %s could not be asked", channel_id)
        finally:
            cache.delete(f"poll:{channel_id}")
            connections.close_all()


class InboundMail(threading.Thread):
    """Listens for mail until told to stop."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="inbound-mail", daemon=True)
        self._stopping = threading.Event()
        self._host, self._port = host, port

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        pause = 1.0
        while not self._stopping.is_set():
            try:
                listener = Listener(self._host, self._port)
                listener.start()
            except (OSError, TimeoutError) as error:
                logger.error("Mail cannot be taken at %s:%s: %s", self._host, self._port, error)
                self._stopping.wait(pause)
                pause = min(pause * 2, 60)
                continue
            self._stopping.wait()
            listener.stop()
