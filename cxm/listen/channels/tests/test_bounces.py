"""What mail servers report: messages that came back, addresses that are gone, complaints."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from textwrap import dedent
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from cxm.accounts.models import Workspace
from cxm.listen.channels import actions
from cxm.listen.channels.mail import bounces
from cxm.listen.channels.mail.letter import envelope_sender
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.reports import take
from cxm.testing.cast import make_user, make_workspace

pytestmark = pytest.mark.django_db


def sent(workspace: Workspace, to: str = "ada@example.com", cause: str = "test:1") -> Delivery:
    with transaction.atomic():
        pk = actions.queue(workspace=workspace, cause=cause, to=to, subject="s", text="t")
    Delivery.objects.filter(pk=pk).update(state="sent", message_id=f"<{pk.hex}@127.0.0.1>")
    return Delivery.objects.get(pk=pk)


def dsn(delivery_id: UUID, status: str = "5.1.1", action: str = "failed", to: str = "cx@kettles.example") -> bytes:
    """As Postfix writes it, with the headers of the original."""
    return (
        dedent(f"""\
        Return-Path: <>
        From: MAILER-DAEMON@mx.example (Mail Delivery System)
        To: {to}
        Subject: Undelivered Mail Returned to Sender
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="X"

        --X
        Content-Type: text/plain; charset=us-ascii

        I'm sorry to have to inform you that your message could not be delivered.

        --X
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example
        Arrival-Date: Sun, 1 Mar 2026 12:00:00 +0000 (UTC)

        Final-Recipient: rfc822; ada@elsewhere.example
        Action: {action}
        Status: {status}
        Diagnostic-Code: smtp; 550 {status} <ada@elsewhere.example>: User unknown

        --X
        Content-Type: text/rfc822-headers

        From: Kyiv Kettles <cx@kettles.example>
        To: ada@example.com
        Message-ID: <{delivery_id.hex}@127.0.0.1>
        Subject: s

        --X--
        """)
        .replace("\n", "\r\n")
        .encode()
    )


def complaint(delivery_id: UUID, kind: str = "abuse") -> bytes:
    return (
        dedent(f"""\
        From: <feedback@mailbox.example>
        To: abuse@kettles.example
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report; boundary="X"

        --X
        Content-Type: text/plain

        This is an abuse report.
        --X
        Content-Type: message/feedback-report

        Feedback-Type: {kind}
        User-Agent: Mailbox/1.0
        Version: 1

        --X
        Content-Type: message/rfc822

        From: Kyiv Kettles <cx@kettles.example>
        Message-ID: <{delivery_id.hex}@127.0.0.1>
        Subject: s

        t
        --X--
        """)
        .replace("\n", "\r\n")
        .encode()
    )


def test_a_dead_address_is_suppressed_under_the_name_that_we_wrote_to() -> None:
    workspace = make_workspace()
    delivery = sent(workspace)
    [report] = take(dsn(delivery.pk), workspace=workspace)
    assert (report.kind, report.status) == ("bounce", "5.1.1")
    delivery.refresh_from_db()
    assert delivery.state == "bounced"
    assert delivery.error == "5.1.1 550 5.1.1 <ada@elsewhere.example>: User unknown"
    assert Suppression.objects.get().address == "ada@example.com"


def test_a_full_mailbox_is_suppressed_only_the_third_time() -> None:
    workspace = make_workspace()
    for number in range(3):
        assert not Suppression.objects.exists()
        take(dsn(sent(workspace, cause=f"test:{number}").pk, "5.2.2"), workspace=workspace)
    assert Suppression.objects.get().reason == "bounced"


def test_a_delay_is_no_bounce() -> None:
    workspace = make_workspace()
    delivery = sent(workspace)
    [report] = take(dsn(delivery.pk, "4.4.1", "delayed"), workspace=workspace)
    assert report.kind == "delay"
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_the_address_of_the_bounce_names_the_message_too(settings: object) -> None:
    settings.EMAIL_BOUNCES_TO = "bounces@kettles.example"  # type: ignore[attr-defined]  # of pytest-django
    workspace = make_workspace()
    delivery = sent(workspace)
    raw = dsn(uuid4(), to=envelope_sender(delivery))
    assert b"bounces+" in raw
    assert len(take(raw, workspace=workspace)) == 1
    delivery.refresh_from_db()
    assert delivery.state == "bounced"


def test_a_complaint_ends_it_and_a_compliment_does_not() -> None:
    workspace = make_workspace()
    delivery = sent(workspace)
    take(complaint(delivery.pk, "not-spam"), workspace=workspace)
    assert not Suppression.objects.exists()
    take(complaint(delivery.pk), workspace=workspace)
    assert Suppression.objects.get().reason == "complained"


def test_a_report_about_somebody_elses_message_changes_nothing() -> None:
    workspace = make_workspace()
    other = make_workspace("Lviv Lamps", owner=make_user("lviv@example.com"))
    delivery = sent(other)
    assert take(dsn(delivery.pk), workspace=workspace) == []
    assert take(dsn(uuid4()), workspace=workspace) == []
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("raw", [
    b"", b"\x00\xff", b"Content-Type: multipart/report; boundary=X\r\n\r\n--X\r\n",
    b"Content-Type: message/delivery-status\r\n\r\n\xff\xfe: \x00\r\n\r\nAction\r\n",
    b"Content-Type: multipart/mixed; boundary=X\r\n\r\n" + b"--X\r\nContent-Type: message/rfc822\r\n\r\n" * 500,
])  # fmt: skip
def test_a_broken_report_is_harmless(raw: bytes) -> None:
    assert take(raw, workspace=make_workspace()) == []


def test_an_ordinary_answer_is_no_report() -> None:
    message = EmailMessage(policy=SMTP)
    message["To"], message["Subject"] = "cx@kettles.example", "Re: How was it?"
    message.set_content("Fine, thanks. Action: failed")
    assert bounces.read(message.as_bytes()) == []
