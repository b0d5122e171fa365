"""One POST to an address that a stranger may have written: to public machines only, no redirects, all within a time.

The name is resolved once, each of its addresses is judged, and the connection goes to a judged address: between the
check and the use nobody can let the name point elsewhere. For the event loop, so that hundreds of slow machines cost
no thread each.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
NAT64 = IPv6Network("64:ff9b::/96")
MOST_HEAD = 64 * 1024  # bytes of a reply's head
MOST_KEPT = 2048  # bytes of its body; the rest is not read
BODY_WAIT = 2.0  # seconds for the body once the head is there: the status has decided already
EACH_ADDRESS = 8.0  # seconds to connect to one of several addresses of a name
_resolving = ThreadPoolExecutor(200, thread_name_prefix="resolve")  # names that hang must not keep others waiting


class BadAddress(ValueError):
    """What was written is no address of a web service."""


class Unreachable(Exception):
    """No reply came. `code`: name, internal, refused, timeout, certificate, broken, reply."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code


@dataclass(frozen=True)
class Target:
    """A checked address, in the parts that a request needs."""

    secure: bool
    host: str  # as in the DNS: ASCII, without brackets
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes  # its beginning


def target_of(url: str) -> Target:
    """Raises BadAddress for anything but http(s)://host[:port]/path in plain characters, without a password."""
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise BadAddress("characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
    except (ValueError, UnicodeError) as error:
        raise BadAddress("malformed") from error
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise BadAddress("scheme")
    if "@" in parts.netloc:
        raise BadAddress("password")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}|[0-9a-fA-F:.]+", host):
        raise BadAddress("host")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


def is_internal(text: str) -> bool:
    """Whether an IP address is not one of the public internet; also one that is wrapped into another."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner: IPv4Address | None = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo:
            inner = address.teredo[1]
        if inner is None and address in NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and is_internal(str(inner)):
            return True
        if address.ipv4_mapped or address in NAT64:
            return False  # it is nothing but its inner address
    return not address.is_global or address.is_multicast or address.is_reserved


def may_reach(text: str, allowed: Sequence[Network]) -> bool:
    return not is_internal(text) or any(ip_address(text.partition("%")[0]) in network for network in allowed)


@cache
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context()


async def post(
    url: str, *, body: bytes, headers: Mapping[str, str], timeout: float, allowed: Sequence[Network] = (),
    most: int = MOST_KEPT,
) -> Reply:  # fmt: skip
    """Send it; any status is a reply, redirects are not followed. Raises Unreachable, BadAddress.

    `timeout` in seconds is for all of it: name, connection, request and head of the reply. Of its body `most` bytes
    are kept.
    """
    target = target_of(url)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connect(target, allowed)
            writer.write(_head(target, body, headers) + body)
            await writer.drain()
            status, found = await _read_head(reader)
        return Reply(status, found, await _read_body(reader, found, most))
    except TimeoutError as error:
        raise Unreachable("timeout") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable("certificate", error.verify_message) from error
    except (ConnectionRefusedError, socket.gaierror) as error:
        raise Unreachable("refused" if isinstance(error, ConnectionRefusedError) else "name", str(error)) from error
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Unreachable("broken", str(error)) from error
    finally:
        if writer is not None:
            writer.transport.abort()


async def _connect(target: Target, allowed: Sequence[Network]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    found = await asyncio.get_running_loop().run_in_executor(
        _resolving, lambda: socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    )
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    judged = [one for one in addresses if may_reach(one, allowed)]
    if not judged:
        raise Unreachable("internal", ", ".join(addresses))
    context = _trusting() if target.secure else None
    name = target.host if target.secure else None
    for number, address in enumerate(judged):
        last = number == len(judged) - 1
        try:
            async with asyncio.timeout(None if last else EACH_ADDRESS):
                return await asyncio.open_connection(
                    address, target.port, limit=MOST_HEAD, ssl=context, server_hostname=name
                )
        except ssl.SSLCertVerificationError:
            raise
        except (OSError, TimeoutError):  # another of its addresses may answer
            if last:
                raise
    raise AssertionError  # the last one has returned or raised


def _head(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host_header}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    if any("\r" in line or "\n" in line for line in lines):
        raise BadAddress("characters")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        said = re.fullmatch(r"HTTP/1\.[01] ([1-9]\d\d)(?: .*)?", head[0])
        if not said:
            raise Unreachable("reply", head[0][:200])
        if not said[1].startswith("1"):  # "100 Continue" and its like come before the reply
            pairs = (line.partition(":") for line in head[1:] if ":" in line)
            return int(said[1]), {name.strip().lower(): value.strip() for name, _colon, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], most: int) -> bytes:
    """The beginning of the body, for people to read: what cannot be had quickly is left out."""
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    length = headers.get("content-length", "")
    wanted = min(int(length), most) if length.isdecimal() and len(length) < 19 and not chunked else most
    kept = b""
    try:
        async with asyncio.timeout(BODY_WAIT):
            while len(kept) < wanted and (piece := await reader.read(wanted - len(kept))):
                kept += piece
    except (TimeoutError, OSError):
        pass
    return _unchunked(kept) if chunked else kept


def _unchunked(raw: bytes) -> bytes:
    whole = b""
    while match := re.match(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n", raw):
        size = int(match[1], 16)
        whole += raw[match.end() : match.end() + size]
        raw = raw[match.end() + size + 2 :]
        if not size:
            break
    return whole
