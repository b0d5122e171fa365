"""One e-mail as its cause words it, and as bytes for SMTP: headers of RFC 5322, 2369 and 8058, signed by DKIM."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import dkim
from django.conf import settings
from django.utils import timezone

from cxm.listen.channels.models import Delivery
from cxm.listen.channels.tokens import unsubscribe_token

SIGNED = [
    b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references", b"mime-version",
    b"content-type", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id", b"auto-submitted", b"precedence",
]  # fmt: skip
# Named once more, so that nobody on the way can add a second one (RFC 6376, 8.15).
OVERSIGNED = [b"from", b"to", b"subject", b"list-unsubscribe", b"list-unsubscribe-post"]


PLAUSIBLE = re.compile(r"[^\s@<>(),:;\"\[\]\\\x00-\x1f]{1,64}@[^\s@<>(),:;\"\[\]\\]{1,253}")


class Unusable(ValueError):
    """No message can be made of this delivery, however often one tries."""


@dataclass(frozen=True)
class Letter:
    """What a cause says. `html` and `text` say the same; an empty `html` makes a plain message."""

    subject: str
    text: str
    html: str = ""
    sender_name: str = ""
    reply_to: str = ""
    language: str = ""
    sender_address: str = ""  # of a channel; else that of the installation
    in_reply_to: str = ""  # the Message-ID that it follows up, so that both stand in one thread
    references: Sequence[str] = ()  # all Message-IDs of the thread before it, the oldest first
    files: Sequence[tuple[str, str, Path]] = ()  # name, type, where the bytes lie
    automatic: str = "auto-generated"  # RFC 3834: auto-replied for an answer without a person; empty: a person wrote
    feedback_id: str = ""  # campaign for the statistics of mailbox providers: "<mailing>:<survey>"
    bulk: bool = True  # asked for by nobody: can be unsubscribed from with one click
    headers: dict[str, str] = field(default_factory=dict)


def our_host() -> str:
    return urlsplit(settings.BASE_URL).hostname or "localhost"


def message_id_of(delivery: Delivery) -> str:
    """Follows from the delivery, so that a second attempt after a doubtful first one is the same message."""
    return f"<{delivery.pk.hex}@{our_host()}>"


def unsubscribe_address(delivery: Delivery) -> str:
    return f"{settings.BASE_URL}/u/{unsubscribe_token(delivery.pk)}"


def mailbox(name: str, address: str) -> Address:
    """Raises Unusable for what is no address of a mailbox."""
    if not PLAUSIBLE.fullmatch(address):
        raise Unusable(f"{address!r} is no e-mail address.")
    user, _at, domain = address.rpartition("@")
    return Address(one_line(name), user, domain)  # its parser of whole addresses takes ASCII only


def sender(name: str = "", address: str = "") -> Address:
    own_name, own_address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return mailbox(name or own_name, address or own_address)


def one_line(text: str) -> str:
    """A header has no line breaks; whoever writes one must not add a header with it."""
    return " ".join(text.split())


def message_of(delivery: Delivery, letter: Letter) -> bytes:
    """The whole message as it goes over the wire. Raises Unusable."""
    to = ascii_domain(delivery.to)
    # Long lines: the standard library folds a long address of a link into an encoded word, which nobody understands.
    message = EmailMessage(policy=SMTP.clone(utf8=not to.isascii(), max_line_length=900))
    try:
        message["From"] = sender(letter.sender_name, letter.sender_address)
        message["To"] = mailbox("", to)
        message["Subject"] = one_line(letter.subject)
        message["Date"] = format_datetime(timezone.now())
        message["Message-ID"] = message_id_of(delivery)
        if letter.reply_to:
            message["Reply-To"] = mailbox("", letter.reply_to)
        if letter.in_reply_to:
            message["In-Reply-To"] = one_line(letter.in_reply_to)
            message["References"] = one_line(" ".join(letter.references or [letter.in_reply_to]))
        if letter.language:
            message["Content-Language"] = one_line(letter.language)
        if letter.automatic:
            message["Auto-Submitted"] = letter.automatic
        if letter.bulk:
            message["Precedence"] = "bulk"
            message["List-Unsubscribe"] = f"<{unsubscribe_address(delivery)}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        if letter.feedback_id:
            message["Feedback-ID"] = one_line(letter.feedback_id)
        for name, value in letter.headers.items():
            message[name] = one_line(value)
        message.set_content(letter.text, cte="quoted-printable")
        if letter.html:
            message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        for name, kind, path in letter.files:
            main, _slash, sub = kind.partition("/")
            message.add_attachment(path.read_bytes(), maintype=main, subtype=sub or "octet-stream", filename=name)
        raw = message.as_bytes()
    except (ValueError, UnicodeError, OSError) as error:
        raise Unusable(str(error)) from error
    return sign(raw, sender("", letter.sender_address).domain)


def ascii_domain(address: str) -> str:
    """An address whose domain is written as the DNS has it. Raises Unusable."""
    name, _at, domain = address.rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode()}" if not domain.isascii() else address
    except UnicodeError as error:
        raise Unusable(f"{address!r} is no e-mail address.") from error


def sign(raw: bytes, domain: str = "") -> bytes:
    """With a DKIM signature in front, where a key is configured for the `domain` that it is from; empty: our own."""
    domain = domain or sender().domain
    if not settings.DKIM_KEY or domain != sender().domain:
        return raw
    present = {line.partition(b":")[0].lower() for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    headers = [name for name in SIGNED if name in present] + OVERSIGNED
    signature = dkim.sign(
        raw, settings.DKIM_SELECTOR.encode(), domain.encode(), key_of(str(settings.DKIM_KEY)),
        canonicalize=(b"relaxed", b"relaxed"), include_headers=headers,
    )  # fmt: skip
    return bytes(signature) + raw


@cache
def key_of(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  # one read of a path that is a text here
        return file.read()


def envelope_sender(delivery: Delivery, letter: Letter | None = None) -> str:
    """Where bounces go: to an address that names the delivery, if there is a mailbox for them; else to its sender."""
    if not settings.EMAIL_BOUNCES_TO:
        return sender("", letter.sender_address if letter else "").addr_spec
    name, _at, domain = settings.EMAIL_BOUNCES_TO.partition("@")
    return f"{name}+{delivery.pk.hex}@{domain}"
