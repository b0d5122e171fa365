"""Looking for new mail in a mailbox by IMAP (RFC 9051, 3501): by UIDs after the last one that was taken.

The cursor moves after each mail, in the row of the channel; a mail that was taken just before the process died is
taken again and found to be there. A new mailbox begins with what comes from now on: history is imported, not answered.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.listen.channels.base import Trouble
from cxm.listen.channels.models import Channel

from . import oauth
from .bounded import BEGINNING, MOST_BYTES
from .taking import take

PATIENCE = 30.0  # seconds for each answer of the server
MOST_AT_ONCE = 500  # mails of one look; the rest comes with the next one
LOOK_BACK = timedelta(days=2)  # after the mailbox was made anew, when its numbers mean nothing any more
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
UID = re.compile(rb"UID (\d+)")
DATE = re.compile(rb'INTERNALDATE "[^"]{20,40}"')


@contextmanager
def connected(channel: Channel) -> Iterator[imaplib.IMAP4]:
    """The server of the channel, logged in. Raises Trouble."""
    own = channel.settings
    host, port, security = str(own.get("imap_host", "")), int(own.get("imap_port") or 993), own.get("imap_security")
    server: imaplib.IMAP4 | None = None
    try:
        if security == "none":
            server = imaplib.IMAP4(host, port, timeout=PATIENCE)
        elif security == "starttls":
            server = imaplib.IMAP4(host, port, timeout=PATIENCE)
            server.starttls(ssl.create_default_context())
        else:
            server = imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=PATIENCE)
        _log_in(server, channel)
        yield server
    except ssl.SSLError as error:
        raise Trouble(
            _("%(host)s has no certificate that can be trusted: %(why)s") % {"host": host, "why": error}
        ) from error
    except imaplib.IMAP4.error as error:
        words = str(error).removeprefix("b'").removesuffix("'")[:300]
        raise Trouble(_("%(host)s refuses: %(why)s") % {"host": host, "why": words}) from error
    except (OSError, EOFError) as error:
        raise Trouble(_("%(host)s cannot be reached: %(why)s") % {"host": host, "why": error}) from error
    finally:
        if server is not None:
            with contextlib.suppress(imaplib.IMAP4.error, OSError, EOFError):
                server.logout()


def _log_in(server: imaplib.IMAP4, channel: Channel) -> None:
    user = str(channel.settings.get("imap_user", ""))
    if not channel.settings.get("oauth_token_url"):
        server.login(user, str(channel.secrets.get("imap_password", "")))
        return
    token = oauth.access_token(channel)
    try:
        server.authenticate("XOAUTH2", oauth.answers(user, token))
    except imaplib.IMAP4.error:
        oauth.forget(channel)
        raise


def check(channel: Channel) -> str:
    """Log in and look into the folder. Raises Trouble."""
    if channel.settings.get("intake") != "imap":
        return _("This mailbox is not asked: mail comes by the SMTP server of this installation.")
    with connected(channel) as server:
        n = _select(server, channel)
    return _("The mailbox can be read. Mails in its folder: %(n)s.") % {"n": n}


def poll(channel: Channel, stopping: Callable[[], bool] = lambda: False) -> int:
    """Take what is new; returns how many. Raises Trouble."""
    if channel.settings.get("intake") != "imap":
        return 0
    came = 0
    with connected(channel) as server:
        _select(server, channel)
        validity = _number(server, "UIDVALIDITY")
        cursor = dict(channel.state.get("imap") or {})
        if not cursor:
            last = (_number(server, "UIDNEXT") or _highest(server) + 1) - 1
            _move(channel, validity, last)
            return 0
        for uid in _new(server, cursor, validity)[:MOST_AT_ONCE]:
            if stopping():
                break
            if _take(server, channel, uid):
                came += 1
            _move(channel, validity, uid)
    return came


def _take(server: imaplib.IMAP4, channel: Channel, uid: int) -> bool:
    """Fetch and take one mail; False if it is gone. Of one that is too large only the beginning is fetched."""
    answer = _ask(server, "FETCH", str(uid), "(UID RFC822.SIZE INTERNALDATE)")
    about = b" ".join(one if isinstance(one, bytes) else b" ".join(one) for one in answer if one)
    size = SIZE.search(about)
    if not size:
        return False
    cut = int(size[1]) > MOST_BYTES
    answer = _ask(server, "FETCH", str(uid), f"(BODY.PEEK[]<0.{BEGINNING}>)" if cut else "(BODY.PEEK[])")
    raw = next((one[1] for one in answer if isinstance(one, tuple)), None)
    if raw is None:
        return False
    take(raw, channel=channel, received_at=_date(about), cut=cut)
    if channel.settings.get("mark_seen"):
        _ask(server, "STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
    return True


def _date(about: bytes) -> datetime:
    found = DATE.search(about)
    parsed = imaplib.Internaldate2tuple(found[0]) if found else None
    if parsed is None:
        return timezone.now()
    return min(datetime.fromtimestamp(time.mktime(parsed), UTC), timezone.now())


def _select(server: imaplib.IMAP4, channel: Channel) -> int:
    folder = str(channel.settings.get("imap_folder") or "INBOX")
    kind, answer = server.select(folder_name(folder), readonly=not channel.settings.get("mark_seen"))
    if kind != "OK":
        raise Trouble(_("The folder “%(folder)s” cannot be opened.") % {"folder": folder})
    first = answer[0]
    return int(first) if first and first.isdigit() else 0


def folder_name(folder: str) -> str:
    """As IMAP has it: quoted, and in its own UTF-7 (RFC 3501, 5.1.3)."""
    pieces = re.split(r"([^\x20-\x7e]+)", folder)
    for number in range(1, len(pieces), 2):
        coded = base64.b64encode(pieces[number].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        pieces[number] = f"&{coded}-"
    pieces[::2] = [one.replace("&", "&-") for one in pieces[::2]]
    escaped = "".join(pieces).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _new(server: imaplib.IMAP4, cursor: dict[str, Any], validity: int) -> list[int]:
    if cursor.get("validity") != validity:
        since = datetime.fromisoformat(cursor["at"]) - LOOK_BACK
        months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return _uids(server, f"SINCE {since.day}-{months[since.month - 1]}-{since.year}")
    last = int(cursor.get("uid", 0))
    return [uid for uid in _uids(server, f"UID {last + 1}:*") if uid > last]  # n:* always names the last one


def _uids(server: imaplib.IMAP4, what: str) -> list[int]:
    answer = _ask(server, "SEARCH", what)
    return sorted(int(one) for part in answer if isinstance(part, bytes) for one in part.split() if one.isdigit())


def _highest(server: imaplib.IMAP4) -> int:
    return max(_uids(server, "ALL"), default=0)


def _number(server: imaplib.IMAP4, name: str) -> int:
    _kind, answer = server.response(name)
    found = answer[-1] if answer else None
    return int(found) if isinstance(found, bytes) and found.isdigit() else 0


def _ask(server: imaplib.IMAP4, command: str, *words: str) -> list[Any]:
    kind, answer = server.uid(command, *words)
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{command}: {answer!r}"[:300])
    return answer


def _move(channel: Channel, validity: int, uid: int) -> None:
    """Remember what was taken last."""
    with transaction.atomic():
        row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if row is None:
            return
        row.state["imap"] = {"validity": validity, "uid": uid, "at": timezone.now().isoformat()}
        row.save(update_fields=["state"])
    channel.state = row.state
