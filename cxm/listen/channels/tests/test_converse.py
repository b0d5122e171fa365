"""What comes in becomes a message, an event and feedback; what we say leaves once and in the same thread."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from cxm.accounts.models import Role
from cxm.listen.channels import files
from cxm.listen.channels.actions import Refused, suppress
from cxm.listen.channels.conversing import MOST_AUTOMATIC, open_conversation, reply
from cxm.listen.channels.models import Attachment, Channel, Conversation, Delivery, Message, Suppression
from cxm.listen.channels.receiving import File, Incoming, receive
from cxm.listen.channels.sending import Sender
from cxm.listen.channels.tokens import conversation_id_of, reply_token
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import at, make_customer, make_member, make_user, make_workspace
from cxm.testing.mailbox import mail_through, smtp_server

pytestmark = pytest.mark.django_db

FIRST = Incoming(
    "<one@ada.example>", at("2026-11-01 10:00"), "Ada@Example.com", "Ada", "My kettle leaks", "It leaks.",
    attachments=[File("leak.png", "image/png", b"\x89PNG")], language="en",
)  # fmt: skip


def make_mailbox(**settings: Any) -> Channel:
    return Channel.objects.create(
        workspace=make_workspace(), kind="email", name="Support", address="support@kettles.example", settings=settings
    )


def facts() -> list[str]:
    return list(OutboxFact.objects.order_by("pk").values_list("name", flat=True))


def test_a_message_makes_a_customer_a_conversation_and_feedback_once(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    channel = make_mailbox(touchpoint="support")
    message = receive(channel=channel, incoming=FIRST)
    assert receive(channel=channel, incoming=replace(FIRST, text="another")) == message
    conversation = message.conversation
    assert (conversation.customer.name, conversation.customer.email) == ("Ada", "ada@example.com")  # type: ignore[union-attr]  # a known sender
    assert (conversation.address, conversation.subject) == ("Ada@Example.com", "My kettle leaks")
    assert Identity.objects.get().value == "ada@example.com"
    kept = Attachment.objects.get()
    assert (kept.name, kept.size, files.path_of(kept.key).read_bytes()) == ("leak.png", 4, b"\x89PNG")
    assert facts() == ["customer_created", "message_received"]
    fact = OutboxFact.objects.get(name="message_received")
    assert fact.customer_id == conversation.customer_id
    assert fact.occurred_at == at("2026-11-01 10:00")
    assert fact.properties == {
        "message_id": str(message.pk), "conversation_id": str(conversation.pk), "channel": "email",
        "channel_name": "Support", "subject": "My kettle leaks", "comment": "It leaks.", "metric": "text",
        "question": "message", "language": "en", "touchpoint": "support", "automatic": False,
    }  # fmt: skip

    # By another channel the same person is the same customer; an out-of-office note of a machine is nobody.
    form = Channel.objects.create(workspace=channel.workspace, kind="form", name="Form")
    again = receive(channel=form, incoming=replace(FIRST, customer_ids=[("user_id", "u1")]))
    assert again.conversation.customer == conversation.customer
    machine = receive(
        channel=channel, incoming=Incoming("<m@x>", at("2026-11-01 10:00"), "bot@example.com", is_automatic=True)
    )
    assert machine.conversation.customer is None
    assert (Customer.objects.count(), facts().count("message_received")) == (1, 2)

    # Who is erased leaves no file behind: the sweep takes what has no row, and only after a while.
    Message.objects.all().delete()
    assert files.drop_unclaimed() == 0
    for one in (tmp_path / files.FOLDER).glob("??/*"):
        os.utime(one, (1, 1))
    assert files.drop_unclaimed() == 2


@dataclass(frozen=True)
class Said:
    metric: str
    question: str
    channel: str
    touchpoint: str
    score: float | None
    comment: str


def test_what_people_write_is_feedback_and_what_machines_write_is_none() -> None:
    channel = make_mailbox(touchpoint="support")
    receive(channel=channel, incoming=FIRST)
    receive(channel=channel, incoming=replace(FIRST, external_id="<away@x>", is_automatic=True))
    others = [
        Channel.objects.create(workspace=channel.workspace, kind=kind, name=kind) for kind in ("reviews", "calls")
    ]
    for other in others:
        came = replace(FIRST, external_id="17", score=2 if other.kind == "reviews" else None)
        receive(channel=other, incoming=replace(came, properties={"place": "Kyiv", "duration_s": 61}))
    move_outbox()
    rows = ask(
        "SELECT metric, question, channel, touchpoint, score, comment FROM feedback WHERE $scope ORDER BY question",
        Scope(channel.workspace_id), row=Said, name="test.said",
    ).rows  # fmt: skip
    assert rows == [
        Said("text", "call", "calls", "", None, "It leaks."),
        Said("text", "message", "email", "support", None, "It leaks."),
        Said("rating", "review", "reviews", "", 2.0, "It leaks."),
    ]


def test_a_failed_receipt_leaves_nothing(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    channel = make_mailbox()

    def fails(*args: Any, **more: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("cxm.listen.channels.receiving.emit", fails)
    with pytest.raises(RuntimeError):
        receive(channel=channel, incoming=FIRST)
    assert not Message.objects.exists()
    assert not Customer.objects.exists()
    assert not list((tmp_path / files.FOLDER).glob("??/*"))


def test_answers_go_both_ways_in_one_thread(settings: Any) -> None:
    channel = make_mailbox(plus_addresses=True, signature="Your kettle people", sender_name="Kettle help")
    agent = make_member(channel.workspace, Role.AGENT, "agent@kettles.example")
    conversation = receive(channel=channel, incoming=FIRST).conversation
    with smtp_server() as box, mail_through(box, settings):
        said = reply(
            conversation=conversation, text="Turn it off.", by=agent, case_id="c1",
            attachments=[File("how.txt", "text/plain", b"so")],
        )  # fmt: skip
        # Who wants no surveys still gets an answer to what they asked.
        suppress(
            workspace=channel.workspace, address="ada@example.com", reason=Suppression.Reason.UNSUBSCRIBED, by=None
        )
        assert Sender("t/1").send_due() == 1
    arrived = box.arrived[0]
    mail = arrived.message
    assert (arrived.sender, arrived.to) == ("support@kettles.example", "Ada@Example.com")
    assert str(mail["From"]) == "Kettle help <support@kettles.example>"
    assert str(mail["Subject"]) == "Re: My kettle leaks"
    assert str(mail["In-Reply-To"]) == str(mail["References"]) == "<one@ada.example>"
    assert mail["Auto-Submitted"] is None
    assert mail["List-Unsubscribe"] is None
    assert str(mail["Reply-To"]) == f"support+{reply_token(conversation.pk)}@kettles.example"
    assert arrived.text() == "Turn it off.\n\n-- \nYour kettle people\n"
    assert [part.get_content() for part in mail.iter_attachments()] == ["so"]
    assert str(mail["Message-ID"]) == said.external_id
    sent = OutboxFact.objects.get(name="message_sent").properties
    assert (sent["kind"], sent["case_id"], sent["channel"]) == ("reply", "c1", "email")

    back = Incoming(
        "<two@ada.example>", at("2026-11-01 12:00"), "ada@example.com", text="It helped.",
        in_reply_to=said.external_id, references=["<one@ada.example>", said.external_id],
    )  # fmt: skip
    answer = receive(channel=channel, incoming=back)
    assert (answer.conversation, answer.remarks) == (conversation, [])
    second = reply(conversation=conversation, text="Glad.", by=agent)
    assert second.delivery
    from cxm.listen.channels.causes import make

    letter = make(second.delivery)
    assert letter
    assert letter.references == ["<one@ada.example>", "<two@ada.example>", said.external_id]  # by time


def test_a_thread_is_joined_only_by_who_belongs_to_it_or_was_written_to() -> None:
    channel = make_mailbox()
    first = receive(channel=channel, incoming=FIRST)
    said = reply(conversation=first.conversation, text="Turn it off.", by=None)

    def got(**fields: Any) -> Message:
        fields = {"external_id": f"<{Message.objects.count()}@x>", "at": at("2026-11-02 10:00"), **fields}
        return receive(channel=channel, incoming=Incoming(**fields))

    # A stranger who saw the Message-ID of Ada's mail, on a list for instance.
    stranger = got(sender="eve@example.com", in_reply_to="<one@ada.example>", text="Pay here.")
    assert stranger.conversation != first.conversation
    assert stranger.remarks == ["spoofed_thread"]
    # Somebody who was forwarded our own mail, whose id nobody can guess: joined, and marked.
    colleague = got(sender="bob@example.com", references=[said.external_id])
    assert (colleague.conversation, colleague.remarks) == (first.conversation, ["other_sender"])
    # Ada's address, but her mail server says that it was not her: only what she alone can know counts.
    fields: dict[str, Any] = {"sender": "ada@example.com", "remarks": ["sender_not_verified"]}
    assert got(**fields, in_reply_to="<one@ada.example>").conversation != first.conversation
    assert got(**fields, in_reply_to=said.external_id).conversation == first.conversation
    # By her second address she is the same customer.
    assert first.conversation.customer
    Identity.objects.create(
        workspace=channel.workspace, customer=first.conversation.customer, kind="email", value="ada@work.example"
    )
    assert got(sender="ada@work.example", in_reply_to="<one@ada.example>").remarks == []
    # A signed reply address proves it; another workspace's does not.
    assert got(sender="ada@example.com", conversation_id=first.conversation_id).conversation == first.conversation
    other = Conversation.objects.create(workspace=make_workspace("Other", owner=make_user("o@x.example")))
    assert got(sender="ada@example.com", conversation_id=other.pk).conversation.workspace == channel.workspace


def test_reply_tokens_cannot_be_made_by_others() -> None:
    conversation = Conversation(workspace_id=1)
    token = reply_token(conversation.pk)
    assert conversation_id_of(token) == conversation.pk
    assert conversation_id_of(token.upper()) == conversation.pk
    for wrong in ("", token[:-1], token[:-1] + ("a" if token[-1] != "a" else "b"), "é" * 42, "1" * 42):
        assert conversation_id_of(wrong) is None


def test_machines_are_not_answered_by_machines() -> None:
    channel = make_mailbox()
    conversation = receive(channel=channel, incoming=FIRST).conversation
    for _n in range(MOST_AUTOMATIC):
        assert reply(conversation=conversation, text="We have it.", by=None, kind="acknowledgement").delivery
    held = reply(conversation=conversation, text="We have it.", by=None, kind="acknowledgement")
    assert (held.delivery, held.remarks, held.is_automatic) == (None, ["not_sent_loop"], True)
    assert Delivery.objects.count() == MOST_AUTOMATIC
    assert reply(conversation=conversation, text="A person writes.", by=None).delivery

    away = replace(FIRST, external_id="<away@x>", sender="out@example.com", is_automatic=True)
    machine = receive(channel=channel, incoming=away).conversation
    assert reply(conversation=machine, text="We have it.", by=None, kind="acknowledgement").delivery is None


def test_who_may_not_write_writes_nothing() -> None:
    channel = make_mailbox()
    conversation = receive(channel=channel, incoming=FIRST).conversation
    for by, refusal in ((make_member(channel.workspace, Role.VIEWER, "v@x.example"), PermissionDenied),):
        with pytest.raises(refusal):
            reply(conversation=conversation, text="Hello", by=by)
    with pytest.raises(Refused):
        reply(conversation=conversation, text="  \x00", by=None)
    assert not Message.objects.filter(direction="out").exists()
    assert not Delivery.objects.exists()


def test_we_can_begin_a_conversation_and_note_what_cannot_be_sent() -> None:
    channel = make_mailbox()
    ada = make_customer(channel.workspace, email="ada@example.com", language="pl")
    begun = open_conversation(workspace=channel.workspace, customer=ada, channel=None, subject="Your kettle")
    assert (begun.channel, begun.address, begun.language) == (channel, "ada@example.com", "pl")
    assert reply(conversation=begun, text="How is it?", by=None).delivery
    reviews = Channel.objects.create(workspace=channel.workspace, kind="reviews", name="Reviews")
    review = receive(channel=reviews, incoming=Incoming("17", at("2026-11-02 10:00"), name="A.", text="Bad.", score=1))
    assert OutboxFact.objects.filter(name="review_received").get().properties["score"] == 1
    noted = reply(conversation=review.conversation, text="Sorry.", by=None)
    assert (noted.delivery, noted.remarks) == (None, ["not_sent_no_address"])
