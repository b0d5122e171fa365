"""Messages of the delivery table go over a real SMTP connection, at most once each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import transaction
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.channels import actions, sending
from cxm.listen.channels.mail.smtp import Away
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.sending import Sender, give_up_claims
from cxm.testing.cast import make_customer, make_workspace
from cxm.testing.mailbox import Mailbox, mail_through, smtp_server

pytestmark = pytest.mark.django_db

State = Delivery.State


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with smtp_server() as box, mail_through(box, settings):
        yield box


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def queue(workspace: Workspace, to: str = "ada@example.com", cause: str = "", **letter: Any) -> Delivery:
    letter = {"subject": "How was it?", "text": "Tell us.\n", "html": "<p>Tell us.</p>", **letter}
    with transaction.atomic():
        pk = actions.queue(workspace=workspace, cause=cause or f"test:{to}", to=to, **letter)
    return Delivery.objects.get(pk=pk)


def send(times: int = 1) -> int:
    sender = Sender("host/1/0")
    try:
        return sum(sender.send_due() for _ in range(times))
    finally:
        sender.close()


def test_a_queued_message_arrives_with_its_headers(box: Mailbox, workspace: Workspace, settings: Any) -> None:
    settings.BASE_URL = "https://cx.kettles.example"
    delivery = queue(workspace, subject="Wie war's?\r\nBcc: all@example.com", text="Grüße 🙂\n", feedback_id="7:nps")
    assert send() == 1
    [arrived] = box.arrived
    message = arrived.message
    assert (arrived.sender, arrived.to) == ("cx@kettles.example", "ada@example.com")
    assert message["Subject"] == "Wie war's? Bcc: all@example.com", "a line break makes no header"
    assert message["Bcc"] is None
    assert arrived.text() == "Grüße 🙂\n"
    assert message["Message-ID"] == f"<{delivery.pk.hex}@cx.kettles.example>"
    assert message["List-Unsubscribe"].startswith("<https://cx.kettles.example/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    assert message["Feedback-ID"] == "7:nps"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error) == (State.SENT, 1, "")
    assert delivery.message_id == message["Message-ID"]


def test_a_cause_gets_one_message_however_often_it_is_queued(box: Mailbox, workspace: Workspace) -> None:
    first, second = queue(workspace, cause="test:1"), queue(workspace, cause="test:1")
    assert first.pk == second.pk
    assert send(2) == 1
    assert len(box.arrived) == 1


def test_a_message_needs_the_transaction_of_its_cause(workspace: Workspace, transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        actions.queue(workspace=workspace, cause="test:1", to="ada@example.com", subject="s", text="t")
    assert not Delivery.objects.exists()


def test_lines_that_begin_with_a_dot_arrive_unchanged(box: Mailbox, workspace: Workspace) -> None:
    queue(workspace, text="one\n.\n..two\n.three\n", html="")
    send()
    assert box.arrived[0].text() == "one\n.\n..two\n.three\n"


def test_not_now_is_tried_again_later_and_in_the_end_it_has_failed(box: Mailbox, workspace: Workspace) -> None:
    box.data = lambda _to: "451 4.7.1 Greylisted"
    delivery = queue(workspace)
    for attempt in range(1, len(sending.PAUSES) + 1):
        assert send() == 0
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (State.WAITING, attempt)
        pause = delivery.not_before - timezone.now()
        assert timedelta(0) < sending.PAUSES[attempt - 1] - pause < timedelta(seconds=30)
        assert send() == 0, "not before its time"
        Delivery.objects.update(not_before=timezone.now())
    send()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == (State.FAILED, "451 4.7.1 Greylisted")
    assert not Suppression.objects.exists()


def test_an_address_that_does_not_exist_is_never_written_to_again(box: Mailbox, workspace: Workspace) -> None:
    box.rcpt = lambda _to: "550 5.1.1 No such user"
    delivery = queue(workspace, "Ada@Example.com", "test:1")
    later = queue(workspace, "ada@example.com", "test:2")
    assert send() == 0
    delivery.refresh_from_db()
    later.refresh_from_db()
    assert delivery.state == State.BOUNCED
    assert Suppression.objects.get().address == "ada@example.com"
    assert (later.state, later.error) == (State.CANCELLED, "suppressed: bounced")
    with pytest.raises(actions.Refused):
        actions.send_again(delivery=later, by=None)


def test_a_refusal_because_of_us_suppresses_nobody(box: Mailbox, workspace: Workspace) -> None:
    box.rcpt = lambda _to: "550 5.7.1 Your address is blocked"
    delivery = queue(workspace)
    send()
    delivery.refresh_from_db()
    assert delivery.state == State.BOUNCED
    assert not Suppression.objects.exists()


def test_one_refused_message_does_not_keep_the_next_ones(box: Mailbox, workspace: Workspace) -> None:
    box.data = lambda to: "554 5.6.0 Not like this" if to.startswith("a") else None
    queue(workspace, "ada@example.com")
    queue(workspace, "bob@example.com")
    assert send() == 1
    assert [one.to for one in box.arrived] == ["bob@example.com"]
    assert Delivery.objects.get(to="ada@example.com").state == State.FAILED


def test_a_server_that_cannot_be_reached_costs_nobody_an_attempt(workspace: Workspace, settings: Any) -> None:
    with smtp_server() as gone, mail_through(gone, settings):
        pass
    delivery = queue(workspace)
    with pytest.raises(Away):
        send()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.WAITING, 0)


def test_a_line_that_breaks_before_the_answer_leaves_it_uncertain(box: Mailbox, workspace: Workspace) -> None:
    box.data = lambda _to: "hang up after it"
    delivery = queue(workspace)
    assert send(3) == 0
    delivery.refresh_from_db()
    assert delivery.state == State.UNCERTAIN
    assert len(box.arrived) == 1, "and it is not sent again by itself"
    box.data = lambda _to: None
    actions.send_again(delivery=delivery, by=None)
    assert send() == 1
    assert box.arrived[0].message["Message-ID"] == box.arrived[1].message["Message-ID"]


def test_what_a_dead_process_had_claimed_is_uncertain(box: Mailbox, workspace: Workspace) -> None:
    dead, busy = queue(workspace, "a@example.com"), queue(workspace, "b@example.com")
    Delivery.objects.filter(pk=dead.pk).update(state=State.SENDING, claimed_by="gone/1/0")
    Delivery.objects.filter(pk=busy.pk).update(state=State.SENDING, claimed_by="here/1/0")
    assert give_up_claims(lambda name: name.startswith("here")) == 1
    dead.refresh_from_db()
    busy.refresh_from_db()
    assert (dead.state, busy.state) == (State.UNCERTAIN, State.SENDING)
    assert send() == 0


def test_a_suppressed_address_gets_nothing_however_it_is_spelt(box: Mailbox, workspace: Workspace) -> None:
    delivery = queue(workspace, "ADA@example.com")
    Suppression.objects.create(workspace=workspace, address="ada@example.com", reason="unsubscribed")
    assert send() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == (State.CANCELLED, "suppressed: unsubscribed")
    other = make_workspace("Lviv Lamps", owner=workspace.memberships.get().user)
    queue(other, "ada@example.com")
    assert send() == 1, "the list belongs to one workspace"


def test_no_more_leaves_in_an_hour_than_the_setting_allows(box: Mailbox, workspace: Workspace, settings: Any) -> None:
    settings.EMAIL_PER_HOUR = 3
    for number in range(5):
        queue(workspace, f"{number}@example.com")
    assert send(3) == 3
    Delivery.objects.exclude(claimed_at=None).update(claimed_at=timezone.now() - timedelta(minutes=61))
    assert send() == 2


def test_a_stop_ends_after_the_message_in_hand_and_writes_it_down(box: Mailbox, workspace: Workspace) -> None:
    for number in range(5):
        queue(workspace, f"{number}@example.com")
    asked = iter([False, False, False, False, True, True, True, True])
    sender = Sender("host/1/0")
    sender.send_due(lambda: next(asked, True))
    sender.close()
    assert len(box.arrived) == Delivery.objects.filter(state=State.SENT).count() < 5
    assert not Delivery.objects.filter(state=State.SENDING).exists()


def test_an_address_that_is_none_fails_without_a_connection(box: Mailbox, workspace: Workspace) -> None:
    delivery = queue(workspace, "no address")
    assert send() == 0
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED
    assert "no address" in delivery.error


def test_domains_and_mailboxes_beyond_ascii_are_reached(box: Mailbox, workspace: Workspace) -> None:
    queue(workspace, "ada@bücher.example")
    queue(workspace, "олена@example.com")
    assert send() == 2, list(Delivery.objects.values_list("error", flat=True))
    assert {one.to for one in box.arrived} == {"олена@example.com", "ada@xn--bcher-kva.example"}


def test_a_signature_covers_the_headers_that_mailbox_providers_ask_for(
    box: Mailbox, workspace: Workspace, settings: Any, tmp_path: Any
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "dkim.pem").write_bytes(pem)
    settings.DKIM_KEY, settings.DKIM_SELECTOR = tmp_path / "dkim.pem", "mail2026"
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    import base64

    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    queue(workspace, text="Привіт\n.\n")
    assert send() == 1
    raw = box.arrived[0].raw
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    assert dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"mail2026._domainkey.kettles.example."]
    signed = box.arrived[0].message["DKIM-Signature"]
    covered = signed.replace("\n", "").replace(" ", "").partition("h=")[2].partition(";")[0].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "to", "subject", "message-id"} <= set(covered)
    assert not dkim.verify(raw.replace(b"One-Click", b"Two-Click"), dnsfunc=dns)


def test_with_a_customer_their_messages_go(workspace: Workspace) -> None:
    customer = make_customer(workspace)
    with transaction.atomic():
        actions.queue(workspace=workspace, cause="test:1", to="a@example.com", customer=customer, subject="", text="")
    customer.delete()
    assert not Delivery.objects.exists()
