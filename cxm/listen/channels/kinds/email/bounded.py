"""Reading the bytes of a mail with bounds: a message can be built so that reading it takes hours or all memory.

The parser of the standard library is used with limits on lines, parts, depth and the length of headers. What goes
beyond them is not refused: its beginning is read as one text, and the message says that it was cut.
"""

from __future__ import annotations

import base64
import codecs
import quopri
import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.feedparser import BytesFeedParser
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from typing import Any

from charset_normalizer import from_bytes

MOST_BYTES = 30_000_000
MOST_LINES = 600_000  # 30 MB of base64 have 400,000
MOST_PARTS = 100
MOST_DEPTH = 10
MOST_HEADERS = 1000  # of all parts
LONGEST_HEADER = 16_000  # characters; References of long threads are the longest true ones
BEGINNING = 200_000  # bytes that are read of what goes beyond the bounds
# Charsets that mails are really in. Python knows others that are none, some of which take quadratic time.
CHARSETS = re.compile(
    r"utf[-_](8|16|32|16[-_][bl]e|32[-_][bl]e|8[-_]sig)|ascii|iso8859-\d+|latin[-_]?1|cp\d+|koi8[-_][rut]|gb2312|gbk|gb18030"
    r"|big5(hkscs)?|euc_(kr|jp|jis_2004|jisx0213)|shift_jis(x0213|_2004)?|iso2022_(jp(_\d|_ext|_2004)?|kr)|mac[-_]\w+|hz|johab"
)
# What is meant by a name that is used wrongly so often that the wrong meaning has become the right one (WHATWG).
MEANT = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "utf-8", "big5": "big5hkscs"}


class TooMuch(Exception):
    """The message goes beyond a bound."""


class Bounds(Compat32):
    """The policy of one reading; it counts."""

    def __init__(self) -> None:
        super().__init__(message_factory=None)
        object.__setattr__(self, "counts", {"parts": 0, "headers": 0, "cut": 0})

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        counts: dict[str, int] = self.counts  # type: ignore[attr-defined]  # policies refuse attributes that they do not know
        counts["headers"] += 1
        if counts["headers"] > MOST_HEADERS:
            raise TooMuch
        kept, length = [], 0
        for line in sourcelines:
            length += len(line)
            if length > LONGEST_HEADER:
                counts["cut"] += 1
                kept.append(line[: max(0, len(line) - (length - LONGEST_HEADER))])
                break
            kept.append(line)
        name, value = super().header_source_parse(kept)
        return name, value


class Parser(BytesFeedParser):
    """The standard parser, which has no bounds of its own."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(policy=bounds)
        self._bounds = bounds

    def _new_message(self) -> None:  # called by the standard parser for each part
        counts: dict[str, int] = self._bounds.counts  # type: ignore[attr-defined]  # as above
        counts["parts"] += 1
        if counts["parts"] > MOST_PARTS or len(self._msgstack) >= MOST_DEPTH:  # type: ignore[attr-defined]  # of the standard library
            raise TooMuch
        super()._new_message()  # type: ignore[misc]  # of the standard library


@dataclass
class Part:
    """A leaf of the tree: a text, or a file."""

    type: str
    content: bytes
    charset: str = ""
    name: str = ""
    is_file: bool = False


@dataclass
class Mail:
    """Headers by small names, each with all its values; the leaves in their order; what looked wrong.

    `coded` has them as they came: an address must be found before a name beside it is decoded, which may look like one.
    """

    headers: dict[str, list[str]] = field(default_factory=dict)
    coded: dict[str, list[str]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    type: str = "text/plain"
    remarks: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        return next(iter(self.headers.get(name, [])), "")

    def add(self, name: str, value: str) -> None:
        self.coded.setdefault(name.lower(), []).append(value)
        self.headers.setdefault(name.lower(), []).append(header_text(value))


def read(raw: bytes) -> Mail:
    """Read a message of whatever size and shape; never raises, never takes long."""
    remarks = []
    if len(raw) > MOST_BYTES:
        remarks.append("too_large")
    elif raw.count(b"\n") > MOST_LINES or raw.count(b"\r") > MOST_LINES:
        remarks.append("too_many_parts")
    if not remarks:
        bounds = Bounds()
        parser = Parser(bounds)
        try:
            parser.feed(raw)
            mail = _mail(parser.close())
        except (TooMuch, RecursionError):
            remarks.append("too_many_parts")
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError):  # the standard parser, at a loss
            remarks.append("unreadable")
        else:
            if bounds.counts["cut"]:  # type: ignore[attr-defined]  # as above
                mail.remarks.append("long_headers")
            return mail
    return _beginning(raw, remarks)


def _beginning(raw: bytes, remarks: list[str]) -> Mail:
    """The top headers, and the start of all that follows as one text."""
    head, _blank, body = re.sub(rb"\r\n?", b"\n", raw[:BEGINNING]).partition(b"\n\n")
    mail = Mail(remarks=remarks)
    lines = re.sub(rb"\n[ \t]+", b" ", head).split(b"\n")[:200]
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and re.fullmatch(rb"[!-9;-~]{1,76}", name):
            text = value[:LONGEST_HEADER].strip().decode("utf-8", "surrogateescape")
            mail.add(name.decode(), text)
    mail.parts = [Part("text/plain", body)]
    return mail


def _mail(message: Message) -> Mail:
    mail = Mail(type=message.get_content_type())
    for name, value in message.raw_items():
        mail.add(name, str(value))
    _walk(message, mail)
    if message.defects:
        mail.remarks.append("malformed")
    return mail


def _walk(message: Message, mail: Mail) -> None:
    kind = message.get_content_type()
    # Asked for by its method, it would be decoded by whatever charset it names.
    payload: Any = message._payload  # type: ignore[attr-defined]  # of the standard library, the same since Python 2
    if kind in {"message/rfc822", "message/global"} and isinstance(payload, list) and payload:
        # A mail in a mail is a file: its words are not those of the sender.
        inner = payload[0]
        name = header_text(str(inner.get("subject", ""))) or "message"
        mail.parts.append(Part("message/rfc822", inner.as_bytes(), name=f"{name[:80]}.eml", is_file=True))
        return
    if isinstance(payload, list):
        for one in payload:
            _walk(one, mail)
        return
    name = _file_name(message)
    disposition = message.get_content_disposition()
    is_text = kind in {"text/plain", "text/html"}
    mail.parts.append(
        Part(
            kind, _content(message, payload), str(message.get_param("charset") or ""), name,
            is_file=disposition == "attachment" or bool(name) or not is_text,
        )
    )  # fmt: skip


def _file_name(message: Message) -> str:
    try:
        return header_text(message.get_filename() or "")
    except (ValueError, LookupError):  # in a charset of its own (RFC 2231), which may be any
        return "file"


def _content(message: Message, payload: object) -> bytes:
    """The bytes of a part."""
    raw = payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else b""
    match str(message.get("content-transfer-encoding", "")).strip().lower():
        case "quoted-printable":
            return quopri.decodestring(raw)
        case "base64":
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
            return base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==="[: -len(letters) % 4])
    return raw


def header_text(value: str) -> str:
    """A header decoded (RFC 2047) and on one line; bytes that are in no charset are guessed."""
    value = value[:LONGEST_HEADER]
    if any("\udc80" <= letter <= "\udcff" for letter in value):
        value = decoded(value.encode("utf-8", "surrogateescape"), "")[0]
    if "=?" in value:
        try:
            pieces = decode_header(value)
        except (HeaderParseError, ValueError):
            pieces = [(value, None)]
        value = "".join(
            piece if isinstance(piece, str) else decoded(piece, charset or "ascii")[0] for piece, charset in pieces
        )
    return " ".join(value.replace("\x00", "").split())


def decoded(content: bytes, charset: str) -> tuple[str, bool]:
    """Text of bytes that say to be in `charset`, and whether they were. No byte is lost without a mark."""
    name = codec_of(charset)
    if name:
        try:
            return content.decode(name), True
        except (UnicodeError, LookupError):
            pass
    try:
        return content.decode("utf-8"), not charset
    except UnicodeDecodeError:
        pass
    guess = from_bytes(content[:20_000]).best()
    return content.decode(guess.encoding if guess else "cp1252", "replace"), False


def codec_of(charset: str) -> str:
    """The codec for a charset of a mail; empty for one that is unknown or none."""
    try:
        name = codecs.lookup(charset.strip().strip("\"'")[:40]).name if charset else ""
    except (LookupError, ValueError):
        return ""
    return MEANT.get(name, name) if CHARSETS.fullmatch(name) else ""
