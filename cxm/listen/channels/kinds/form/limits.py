"""What keeps robots in bounds without a cookie, a third party or a puzzle. All in memory, and only here."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from ipaddress import ip_address
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from .fields import MOST_FILE_BYTES, MOST_FILES

PER_HOUR, BURST = 30.0, 10.0  # messages of one address to one form
REMEMBERED = 20_000
MOST_BYTES = MOST_FILES * MOST_FILE_BYTES + 1_000_000  # of one request
TOO_LARGE = "cxm.form_too_large"
_salt = secrets.token_bytes(16)


class Limit:
    """A bucket for each address, that fills as time passes. One for each process."""

    def __init__(self) -> None:
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def may(self, form: int, address: str) -> bool:
        """Whether this address may send one more message. A local one may: it is ours, or a proxy's that
        CXM_TRUSTED_PROXIES does not know of, and then it stands for everybody."""
        if _local(address):
            return True
        key = hmac.digest(_salt, f"{form} {address}".encode(errors="replace"), "sha256")[:12]
        with self._lock:
            now = time.monotonic()
            left, at = self._left.get(key, (BURST, now))
            left = min(BURST, left + (now - at) * PER_HOUR / 3600)
            self._left[key] = (left - 1 if left >= 1 else left, now)
            self._left.move_to_end(key)
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return left >= 1


def _local(address: str) -> bool:
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def address_of(request: HttpRequest) -> str:
    """Whose request it is: the connection's address, or what the proxies of CXM_TRUSTED_PROXIES say."""
    client = str(request.META.get("REMOTE_ADDR", ""))
    proxies = int(settings.ALLAUTH_TRUSTED_PROXY_COUNT)
    said = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",") if one.strip()]
    return said[-proxies] if proxies and len(said) >= proxies else client


class Bound(FileUploadHandler):
    """Ends a request whose files are more than a form takes; stands before the handlers that keep them."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.size = self.files = 0

    def new_file(self, *args: object, **more: object) -> None:
        self.files += 1
        if self.files > MOST_FILES + 1:
            self._stop()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.size += len(raw_data)
        if self.size > MOST_BYTES:
            self._stop()
        return raw_data

    def _stop(self) -> None:
        if self.request is not None:
            self.request.META[TOO_LARGE] = True
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None


limit = Limit()
