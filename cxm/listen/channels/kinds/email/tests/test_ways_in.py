"""The two ways by which mail comes in: a mailbox that is asked, and the SMTP server of the installation."""

from __future__ import annotations

import json
import smtplib
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cxm.listen.channels.actions import Refused
from cxm.listen.channels.channel_actions import change_channel, check_channel, create_channel, poll_all
from cxm.listen.channels.conversing import reply
from cxm.listen.channels.kinds.email.forms import EmailForm
from cxm.listen.channels.kinds.email.imap import folder_name
from cxm.listen.channels.kinds.email.listener import Listener, answer_to, bounced_delivery, take_for
from cxm.listen.channels.kinds.email.oauth import REFRESH
from cxm.listen.channels.letters import reply_address
from cxm.listen.channels.models import Channel, Delivery, Message
from cxm.listen.channels.sending import Sender
from cxm.testing.cast import make_workspace
from cxm.testing.imap import PASSWORD, Imap, imap_server
from cxm.testing.mailbox import mail_through, smtp_server
from cxm.testing.receiver import Answer, receiver


def mail(number: int, body: str = "It leaks.", **headers: str) -> bytes:
    head = {"From": "Ada <ada@example.com>", "Message-ID": f"<{number}@ada>", "Subject": "Kettle", **headers}
    return ("".join(f"{name}: {value}\r\n" for name, value in head.items()) + f"\r\n{body}").encode()


def make_mailbox(box: Imap, **more: Any) -> Channel:
    return create_channel(
        workspace=make_workspace(), kind="email", name="Support", by=None, address="Support@Kettles.example",
        settings={"intake": "imap", "imap_host": "127.0.0.1", "imap_port": box.port, "imap_security": "none",
                  "imap_user": "support", "imap_folder": "INBOX", "mark_seen": True, **more},
        secrets={"imap_password": PASSWORD},
    )  # fmt: skip


def texts() -> list[str]:
    return list(Message.objects.order_by("external_id").values_list("text", flat=True))


@pytest.mark.django_db
def test_new_mail_is_taken_once_from_a_mailbox() -> None:
    with imap_server() as box:
        box.inbox.add(mail(1, "old"))
        channel = make_mailbox(box)
        assert check_channel(channel=channel, by=None) == "The mailbox can be read. Mails in its folder: 1."
        assert poll_all() == 0  # history is not answered
        assert poll_all() == 0
        for number in (2, 3):
            box.inbox.add(mail(number, f"new {number}"))
        assert poll_all() == 2
        assert poll_all() == 0
        assert texts() == ["new 2", "new 3"]
        assert box.inbox.seen == {2, 3}
        channel.refresh_from_db()
        assert channel.state["imap"]["uid"] == 3
        assert channel.state["received_at"]

        # One that is far too large: its beginning, and a remark. One that vanished in between is passed over.
        box.inbox.said_size[box.inbox.add(mail(4, "large " * 100))] = 80_000_000
        gone = box.inbox.add(mail(5))
        del box.inbox.mails[gone]
        assert poll_all() == 1
        assert Message.objects.get(external_id="<4@ada>").remarks == ["too_large"]
        assert any("<0." in one for one in box.fetched)

        # The mailbox is made anew: its numbers begin again; what was taken stays one message.
        box.inbox.validity, box.inbox.next_uid = 8, 1
        box.inbox.mails = {}
        for number in (3, 6):
            box.inbox.add(mail(number, f"new {number}"))
        assert poll_all() == 2
        assert texts() == ["new 2", "new 3", "large " * 99 + "large", "new 6"]


@pytest.mark.django_db
def test_trouble_with_a_mailbox_is_told_in_words_and_stops_no_other() -> None:
    with imap_server() as box:
        channel = make_mailbox(box, imap_folder="Somewhere")
        good = create_channel(
            workspace=channel.workspace, kind="email", name="Sales", by=None, address="sales@kettles.example",
            settings={**channel.settings, "imap_folder": "INBOX"}, secrets=channel.secrets,
        )  # fmt: skip
        poll_all()
        box.inbox.add(mail(1))
        assert poll_all() == 1
        channel.refresh_from_db()
        good.refresh_from_db()
        assert channel.state["error"] == "The folder “Somewhere” cannot be opened."
        assert "error" not in good.state
        good.secrets = {"imap_password": "wrong"}
        good.save()
        with pytest.raises(Refused, match=r"127\.0\.0\.1 refuses: .*wrong password"):
            check_channel(channel=good, by=None)
    with pytest.raises(Refused, match=r"127\.0\.0\.1 cannot be reached"):
        check_channel(channel=channel, by=None)
    assert folder_name('Почта & "x"') == '"&BB8EPgRHBEIEMA- &- \\"x\\""'  # by hand: 041F 043E 0447 0442 0430


@pytest.mark.django_db
def test_a_mailbox_without_a_password_is_entered_by_tokens(settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    with imap_server() as box, receiver() as tokens:
        channel = make_mailbox(box, oauth_token_url=tokens.url("/token"), oauth_client="us")
        channel.secrets = {"oauth_refresh_token": "first", "oauth_client_secret": "s&s"}
        channel.save()

        def answer(status: int, **said: Any) -> None:
            tokens.answer = lambda _posted: Answer(status, body=json.dumps(said).encode())

        def asked() -> dict[str, str]:
            return dict(parse_qsl(tokens.posted[-1].body.decode()))

        box.token = "one"
        answer(200, access_token="one", expires_in=3600, refresh_token="second")
        assert check_channel(channel=channel, by=None).startswith("The mailbox can be read.")
        assert asked() == {
            "grant_type": "refresh_token", "refresh_token": "first", "client_id": "us", "client_secret": "s&s"
        }  # fmt: skip
        assert box.sasl == ["user=support\x01auth=Bearer one\x01\x01"]
        assert poll_all() == 0 and len(tokens.posted) == 1  # it holds for an hour
        box.inbox.add(mail(1))
        assert poll_all() == 1

        # The server takes it no more: told in words, and the next look gets another one, by the newest refresh token.
        box.token = "two"
        poll_all()
        channel.refresh_from_db()
        assert "wrong token" in channel.state["error"]
        answer(200, access_token="two", expires_in=100)
        box.inbox.add(mail(2))
        assert poll_all() == 1 and asked()["refresh_token"] == "second"
        poll_all()
        assert len(tokens.posted) == 3  # one that is about to end is not used any more
        answer(400, error="invalid_grant", error_description="The refresh token has expired.")
        with pytest.raises(Refused, match="The refresh token has expired"):
            check_channel(channel=channel, by=None)
        # Another refresh token may be of another account: what the former one bought is not used.
        answer(200, access_token="two", expires_in=3600)
        poll_all()
        channel.refresh_from_db()
        change_channel(channel=channel, by=None, name="Support", address=channel.address, secrets={REFRESH: "third"})
        assert poll_all() == 0 and asked()["refresh_token"] == "third"
        settings.WEBHOOK_NETWORKS = []
        change_channel(channel=channel, by=None, name="Support", address=channel.address, secrets={REFRESH: "fourth"})
        channel.refresh_from_db()
        with pytest.raises(Refused, match="cannot be reached: internal"):  # no way into the own network
            check_channel(channel=channel, by=None)


@pytest.mark.django_db
def test_the_form_of_a_mailbox_asks_for_a_password_or_for_what_tokens_need() -> None:
    given = {"name": "Support", "address": "help@example.com", "intake": "imap", "imap_host": "h", "imap_user": "u"}
    assert set(EmailForm(given).errors) == {"imap_password"}
    given |= {"oauth_token_url": "http://login.example/token"}
    assert set(EmailForm(given).errors) == {"oauth_token_url", "oauth_client", "oauth_refresh_token"}
    given |= {"oauth_token_url": "https://login.example/token", "oauth_client": "us", "oauth_refresh_token": "r"}
    form = EmailForm(given)
    assert form.is_valid()
    kept = form.kept()
    assert kept["secrets"] == {"oauth_refresh_token": "r"} and "oauth_refresh_token" not in kept["settings"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_hands_mail_over(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = create_channel(
        workspace=make_workspace(), kind="email", name="Support", by=None, address="support@kettles.example",
        settings={"intake": "smtp", "plus_addresses": True},
    )  # fmt: skip
    listener = Listener("127.0.0.1", 0)
    listener.start()
    port = listener.port
    try:
        monkeypatch.setattr("cxm.listen.channels.kinds.email.listener.MOST_SESSIONS", 1)
        with smtplib.SMTP("127.0.0.1", port), pytest.raises(smtplib.SMTPException):
            smtplib.SMTP("127.0.0.1", port)
        monkeypatch.undo()
        with smtplib.SMTP("127.0.0.1", port) as out:
            out.sendmail("ada@example.com", ["support@kettles.example"], mail(1))
            message = Message.objects.get()
            said = reply(conversation=message.conversation, text="Turn it off.", by=None)
            # To the reply address, without any header of the thread.
            back = reply_address("support@kettles.example", message.conversation)
            out.sendmail("ada@example.com", [back], mail(2, "It helped."))
            assert Message.objects.get(external_id="<2@ada>").conversation == message.conversation
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                out.sendmail("ada@example.com", ["nobody@kettles.example", "support@elsewhere.example"], mail(3))
            with pytest.raises(smtplib.SMTPException):
                out.sendmail("ada@example.com", ["support@kettles.example"], mail(3, "x" * 31_000_000))
        assert Message.objects.filter(direction="in").count() == 2

        # What we said leaves, comes back, and is marked so; the report itself is no message.
        with smtp_server() as box, mail_through(box, settings):
            Sender("t/1").send_due()
        sent = box.arrived[0].message
        report = REPORT % {"to": sent["From"], "id": sent["Message-ID"]}
        with smtplib.SMTP("127.0.0.1", port) as out:
            out.sendmail("", ["support@kettles.example"], report.replace("\n", "\r\n"))
        assert said.delivery
        assert Delivery.objects.get(pk=said.delivery.pk).state == Delivery.State.BOUNCED
        assert Message.objects.filter(direction="in").count() == 2
        until = time.monotonic() + 10  # it hears of the end of a connection a moment later
        while listener.sessions and time.monotonic() < until:
            time.sleep(0.02)
        assert listener.sessions == 0
    finally:
        listener.stop()
    settings.EMAIL_BOUNCES_TO = "bounces@kettles.example"
    address = f"bounces+{said.delivery.pk.hex}@kettles.example"
    assert bounced_delivery(address) == said.delivery
    known = (address, address.replace("bounces", "b"), "bounces+x@kettles.example", "SUPPORT+x@kettles.example")
    assert [answer_to(one)[:3] for one in known] == ["250", "550", "550", "250"]
    channel.is_paused = True
    channel.save()
    assert answer_to("support@kettles.example").startswith("450")  # its sender keeps it
    take_for(["support@kettles.example"], mail(9))
    assert not Message.objects.filter(external_id="<9@ada>").exists()


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_hands_mail_over_encrypted(settings: Any, tmp_path: Path) -> None:
    create_channel(
        workspace=make_workspace(), kind="email", name="Support", by=None, address="support@kettles.example",
        settings={"intake": "smtp"},
    )  # fmt: skip
    settings.INBOUND_SMTP_CERTIFICATE, settings.INBOUND_SMTP_KEY = self_signed(tmp_path)
    listener = Listener("127.0.0.1", 0)
    listener.start()
    try:
        trusting = ssl.create_default_context(cafile=str(settings.INBOUND_SMTP_CERTIFICATE))
        for number in (1, 2):
            with smtplib.SMTP("localhost", listener.port) as out:
                assert out.starttls(context=trusting)[0] == 220
                assert isinstance(out.sock, ssl.SSLSocket)
                out.sendmail("ada@example.com", ["support@kettles.example"], mail(number, f"sealed {number}"))
        assert texts() == ["sealed 1", "sealed 2"]
        until = time.monotonic() + 10  # it hears of the end of a connection a moment later
        while listener.sessions and time.monotonic() < until:
            time.sleep(0.02)
        assert listener.sessions == 0, "a connection counts once, before and within TLS"
    finally:
        listener.stop()
    settings.INBOUND_SMTP_KEY.write_bytes(self_signed(tmp_path / "other")[1].read_bytes())
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        Listener("127.0.0.1", 0)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for localhost, and of its key."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    signed = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, SHA256())
    files = folder / "mail.pem", folder / "mail.key"
    files[0].write_bytes(signed.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


REPORT = """From: MAILER-DAEMON@mx.example
To: %(to)s
Subject: Undelivered Mail Returned to Sender
Message-ID: <r@mx>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

It came back.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ada@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such user

--x
Content-Type: text/rfc822-headers

Message-ID: %(id)s

--x--
"""
