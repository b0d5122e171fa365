"""Origins: which pages may send with the keys of a source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MOST = 50
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]")


def read_origins(text: str) -> list[str]:
    """One origin a line, as people type them: the scheme may be missing, a path is cut. Raises ValidationError."""
    found = list(dict.fromkeys(read_origin(line) for line in text.split() if line.strip(",;")))
    if len(found) > MOST:
        raise ValidationError(_("Name at most %(most)d origins.") % {"most": MOST})
    return found


def read_origin(text: str) -> str:
    text = text.strip(",;").lower()
    wrong = ValidationError(
        _("“%(text)s” is not the address of a site, such as https://shop.example.") % {"text": text[:80]}
    )
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = parts.hostname or ""
        name = f"[{host}]" if ":" in host else host.encode("idna").decode()  # browsers say it so
        port = f":{parts.port}" if parts.port not in {None, {"https": 443, "http": 80}.get(parts.scheme)} else ""
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in {"http", "https"} or not HOST.fullmatch(name):
        raise wrong
    return f"{parts.scheme}://{name}{port}"


def origin_allowed(origins: Iterable[str], origin: str) -> bool:
    """Whether a page of `origin` (the header of a browser) may send. `https://*.shop.example` stands for subdomains.

    No origins allow every page.
    """
    origin = origin.lower()
    scheme, _sep, host = origin.partition("://")
    empty = True
    for one in origins:
        empty = False
        allowed_scheme, _sep, allowed = one.partition("://")
        if origin == one or (allowed.startswith("*.") and scheme == allowed_scheme and host.endswith(allowed[1:])):
            return True
    return empty
