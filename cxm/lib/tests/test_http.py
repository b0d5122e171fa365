"""A POST to an address that a stranger wrote: judged, pinned, and contained whatever answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cxm.lib import http
from cxm.lib.http import BadAddress, Network, Reply, Unreachable, is_internal, may_reach, target_of
from cxm.testing.receiver import Answer, receiver

LOOPBACK = [ip_network("127.0.0.0/8")]


def post(url: str, allowed: Sequence[Network] = LOOPBACK, timeout: float = 20, **headers: str) -> Reply:
    sending = http.post(url, body=b"{}", headers=headers, timeout=timeout, allowed=allowed)
    with ThreadPoolExecutor(1) as thread:  # in the thread of the tests a browser may have left its loop running
        return thread.submit(asyncio.run, sending).result()


def code_of(url: str, allowed: Sequence[Network] = LOOPBACK, timeout: float = 20) -> str:
    with pytest.raises(Unreachable) as raised:
        post(url, allowed, timeout)
    return raised.value.code


@contextmanager
def saying(said: bytes, *, hang: bool = False) -> Iterator[str]:
    """A server that says this to whoever connects, and perhaps never ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        release = threading.Event()

        def serve() -> None:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(said)
                    release.wait(30 if hang else 0)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            release.set()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_not_reached(address: str) -> None:
    assert is_internal(address)
    assert not may_reach(address, [ip_network("203.0.113.0/24"), ip_network("2001:db9::/32")])


def test_public_addresses_and_allowed_networks_are_reached() -> None:
    for address in ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"):
        assert may_reach(address, []), address
    assert may_reach("10.1.2.3", [ip_network("10.1.0.0/16")])
    assert not may_reach("10.2.2.3", [ip_network("10.1.0.0/16")])
    assert ip_address("127.0.0.1") in LOOPBACK[0]


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user:word@example.com/",
     "https://example.com:99999/", "https://exa mple.com/", "https://example.com/a\r\nX: 1", "https://[::1/",
     "https://example.com:0/", "https://ex_ample.com\\@127.0.0.1/", "http://ä.example/"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        target_of(url)


def test_addresses_are_taken_apart() -> None:
    target = target_of("https://Example.com:8443/hooks/1?key=a%20b#part")
    assert (target.secure, target.host, target.port, target.path) == (True, "example.com", 8443, "/hooks/1?key=a%20b")
    assert target.host_header == "example.com:8443"
    assert target_of("http://[2606:4700::1]").host_header == "[2606:4700::1]"
    assert target_of("https://xn--bcher-kva.example").host_header == "xn--bcher-kva.example"


def test_a_name_is_resolved_once_and_the_connection_goes_to_a_judged_address(monkeypatch: Any) -> None:
    asked = []

    def resolve(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        # A name that points to a public machine at the check and to our own at the use.
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with receiver() as box:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        url = f"http://rebinding.example:{box.port}/hooks"
        assert post(url).status == 204
        assert asked == ["rebinding.example"]
        assert box.posted[0].headers["host"] == f"rebinding.example:{box.port}"
        assert code_of(url) == "internal"
        assert len(box.posted) == 1


def test_any_status_is_a_reply_and_redirects_are_not_followed() -> None:
    with receiver() as box:
        box.answer = lambda _one: Answer(302, {"Location": box.url("/elsewhere"), "Retry-After": "7"}, b"x" * 5000)
        reply = post(box.url())
        assert (reply.status, reply.headers["retry-after"], len(reply.body)) == (302, "7", 2048)
        assert [one.path for one in box.posted] == ["/hooks"]
        assert code_of(box.url(), []) == "internal"
        with pytest.raises(BadAddress):
            post(box.url(), name="a\r\nb: c")
        assert len(box.posted) == 1


def test_servers_that_do_not_speak_http_are_contained() -> None:
    with saying(b"SSH-2.0-OpenSSH\r\n\r\n") as url:
        assert code_of(url) == "reply"
    with saying(b"HTTP/1.1 200 OK\r\n") as url:
        assert code_of(url) == "broken"
    with saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000) as url:
        assert code_of(url) == "broken"
    with saying(b"HTTP/1.1 200 OK\r\n", hang=True) as url:
        assert code_of(url, timeout=0.5) == "timeout"
    with saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n") as url:  # fmt: skip
        reply = post(url)
        assert (reply.status, reply.body) == (201, b"abcde")
    with saying("HTTP/1.1 200 OK\r\nContent-Length: ²\r\n\r\nok".encode("latin-1")) as url:
        assert post(url).body == b"ok"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code_of(f"http://127.0.0.1:{port}/") == "refused"
    assert code_of("http://no-such-name.invalid/") == "name"


def test_a_certificate_must_be_trusted_and_be_of_the_name(tmp_path: Path, monkeypatch: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "hooks.example"))

    def resolve(_host: str, port: int, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with receiver(context) as box:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert code_of(f"https://hooks.example:{box.port}/") == "certificate"
        monkeypatch.setattr(http, "_trusting", lambda: ssl.create_default_context(cafile=str(tmp_path / "one.pem")))
        assert post(f"https://hooks.example:{box.port}/hooks").status == 204
        assert code_of(f"https://other.example:{box.port}/") == "certificate"
        assert len(box.posted) == 1


def certificate(folder: Path, name: str) -> Path:
    """A file with a key and a certificate of its own for that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "one.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
