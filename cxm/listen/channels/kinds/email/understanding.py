"""From the bytes of a mail to an Incoming: who wrote, what is new in it, and everything that looked wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from uuid import UUID

from cxm.listen.channels.receiving import MAILBOX, MOST_TEXT, UNVERIFIED, File, Incoming
from cxm.listen.channels.sanitising import safe_html
from cxm.listen.channels.tokens import REPLY_LETTERS, conversation_id_of

from .bounded import Mail, decoded, read
from .languages import language_of
from .machines import NO_REPLY, failed_checks, mailbox_in, why_automatic
from .quotes import split

MOST_FILES = 50
MOST_HTML = 1_000_000  # characters that are looked at
BELIEVED = timedelta(days=3)  # a Date header may be so far before the receipt
MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,240}>")
TOKEN = re.compile(rf"\+([a-z2-7]{{{REPLY_LETTERS}}})@", re.IGNORECASE)
TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")


def incoming_of(
    raw: bytes, *, received_at: datetime, mailbox: str, own: Iterable[str] = (), authority: str = "",
    recipients: Iterable[str] = (), cut: bool = False,
) -> Incoming:  # fmt: skip
    """What a mail says. `own` are the mailboxes of the workspace, `recipients` those of the envelope; `cut` says that
    only its beginning was fetched. Never raises."""
    mail = read(raw)
    remarks = [*mail.remarks, *(["too_large"] if cut and "too_large" not in mail.remarks else [])]
    name, sender = mailbox_in(mail, "from")
    why = why_automatic(mail, sender, {one.casefold() for one in own}, mailbox)
    if len(mail.headers.get("from", [])) != 1:
        remarks.append("several_senders")
    if not MAILBOX.fullmatch(sender):
        remarks.append("no_sender")
        sender = ""
    if failed_checks(mail, authority):
        remarks.append(UNVERIFIED)
    other_name, other = mailbox_in(mail, "reply-to")
    if other and MAILBOX.fullmatch(other) and other.casefold() != sender.casefold():
        if NO_REPLY.match(sender):  # a form of a site: who filled it in stands in Reply-To
            name, sender = other_name, other
            remarks.append("reply_to_used")
        else:
            remarks.append("reply_to_ignored")  # else a forged mail would lead our answer to the forger
    text, html, attachments, more = _content(mail)
    new, quoted = split(text)
    if why:
        remarks.append(why)
    own_id = MESSAGE_ID.search(mail.get("message-id"))
    return Incoming(
        external_id=own_id[0] if own_id else f"<sha256-{hashlib.sha256(raw).hexdigest()}@none>",
        at=_sent_at(mail, received_at), sender=sender, name=name, subject=mail.get("subject")[:300], text=new,
        quoted=quoted, html=html, attachments=attachments, is_automatic=bool(why),
        remarks=list(dict.fromkeys([*remarks, *more])), in_reply_to=next(iter(ids_in(mail.get("in-reply-to"))), ""),
        references=ids_in(mail.get("references")), language=language_of(new, mail.get("content-language")),
        conversation_id=_proven(mail, recipients),
        properties={
            "to": mail.get("to")[:500], "cc": mail.get("cc")[:500],
            "digest": hashlib.sha256(f"{sender}\n{mail.get('subject')}\n{text}".encode("utf-8", "replace")).hexdigest(),
        },
    )  # fmt: skip


def ids_in(value: str) -> list[str]:
    return MESSAGE_ID.findall(value)


def _proven(mail: Mail, recipients: Iterable[str]) -> UUID | None:
    """The conversation that a reply address of ours names."""
    for value in [*recipients, *(mail.get(name) for name in ("to", "cc", "delivered-to", "x-original-to"))]:
        for token in TOKEN.findall(value):
            if found := conversation_id_of(token.lower()):
                return found
    return None


def _sent_at(mail: Mail, received_at: datetime) -> datetime:
    """When it was sent, as it says, if that can be; else when it came."""
    try:
        said = parsedate_to_datetime(mail.get("date")[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return received_at
    said = said if said.tzinfo else said.replace(tzinfo=UTC)
    try:
        return said if received_at - BELIEVED <= said <= received_at else received_at
    except OverflowError:
        return received_at


def _content(mail: Mail) -> tuple[str, str, list[File], list[str]]:
    """Text, sanitised HTML, files, remarks."""
    text, html = "", ""
    files: list[File] = []
    remarks: list[str] = []
    for part in mail.parts:
        if part.is_file or (part.type == "text/html" and html) or (part.type == "text/plain" and text and html):
            if len(files) >= MOST_FILES:
                remarks.append("too_many_files")
                continue
            files.append(File(file_name(part.name, part.type), _type(part.type), part.content))
            continue
        words, as_said = decoded(part.content[: MOST_TEXT * 4], part.charset)
        if not as_said:
            remarks.append("wrong_charset")
        if len(words) > MOST_TEXT or len(part.content) > MOST_TEXT * 4:
            remarks.append("long_text")
        if part.type == "text/html":
            html = safe_html(words[:MOST_HTML])
            if not html and words.strip():
                html, remarks = "", [*remarks, "html_dropped"]
                text = text or text_of_html(words[:MOST_TEXT])
        else:
            text = f"{text}\n\n{words[:MOST_TEXT]}" if text else words[:MOST_TEXT]
    if mail.type == "multipart/encrypted" or any(part.type.startswith("application/pkcs7-mime") for part in mail.parts):
        remarks.append("encrypted")
    text = text.replace("\x00", "")
    if not text.strip() and html:
        text = text_of_html(html)
    return text, html, files, remarks


def _type(kind: str) -> str:
    return kind if TYPE.fullmatch(kind) else "application/octet-stream"


def file_name(name: str, kind: str) -> str:
    """A name without a path and without letters that turn or hide what follows."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(letter for letter in name if letter.isprintable() and letter not in '<>:"|?*').strip(". ")
    return name[-150:] or ("message.eml" if kind == "message/rfc822" else "file")


class _Words(HTMLParser):
    """The text of HTML, a line for each block."""

    BLOCKS = frozenset({
        "p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "table", "ul",
        "ol", "dt", "dd",
    })  # fmt: skip
    HIDDEN = frozenset(("script", "style", "title", "head", "template"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self.HIDDEN
        self._quotes += tag == "blockquote"
        if tag in self.BLOCKS:
            self.pieces.append("\n" + "> " * min(self._quotes, 3))

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self.HIDDEN))
        self._quotes = max(0, self._quotes - (tag == "blockquote"))
        if tag in self.BLOCKS:
            self.pieces.append("\n" + "> " * min(self._quotes, 3))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(" ".join(data.split()) if data.strip() else " ")
            if data[-1:].isspace():
                self.pieces.append(" ")


def text_of_html(html: str) -> str:
    """The words of HTML; quotations are marked by ">" as in a text."""
    words = _Words()
    words.feed(html)
    words.close()
    lines = [line.strip() for line in "".join(words.pieces).split("\n")]
    kept = [line for number, line in enumerate(lines) if line.strip("> ") or (number and lines[number - 1].strip("> "))]
    return "\n".join("" if not line.strip("> ") else line for line in kept).strip()
