"""A visitor writes by the contact form: it becomes one message of a conversation, a customer and feedback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cxm.listen.channels.conversing import reply
from cxm.listen.channels.files import path_of
from cxm.listen.channels.kinds.form.fields import LONGEST, asked, lines_of, origins_of
from cxm.listen.channels.kinds.form.limits import BURST, Limit
from cxm.listen.channels.letters import make
from cxm.listen.channels.models import Attachment, Channel, Conversation, Message
from cxm.record.customers.models import Customer
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_workspace

SETTINGS = {
    "topics": "delivery = Delivery | uk: Доставка\nbill = The bill | pl: Rachunek", "takes_files": True,
    "extras": "order = Order number | uk: Номер замовлення", "title_uk": "Напишіть нам", "sites": "shop.example",
}  # fmt: skip


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(workspace=make_workspace(), kind="form", name="Site", settings=dict(SETTINGS))


def ticket_in(page: bytes) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page.decode())
    assert found
    return found[1]


def filled(ticket: str, **more: Any) -> dict[str, Any]:
    return {"ticket": ticket, "name": "Ada", "email": "Ada@example.com", "topic": "delivery", "x_order": "K-7",
            "message": "The kettle\nnever came.", **more}  # fmt: skip


def test_a_form_becomes_one_message(channel: Channel) -> None:
    visitor = Client(HTTP_ACCEPT_LANGUAGE="uk,en;q=0.5")
    address = f"/f/{channel.public_id}"
    page = visitor.get(address, {"page": "https://shop.example/help"})
    text = page.content.decode()
    assert '<html lang="uk"' in text
    assert "Напишіть нам" in text
    assert "Доставка" in text  # the topic in the visitor's language
    assert "The bill" in text  # where there is no word in it, the usual one
    assert not page.cookies
    assert "frame-ancestors 'self' https://shop.example" in page["Content-Security-Policy"]
    assert "X-Frame-Options" not in page
    said = filled(ticket_in(page.content), page="https://shop.example/help",
                  files=SimpleUploadedFile("../photo.png", b"not really", "image/png"))  # fmt: skip
    answer = visitor.post(f"{address}?lang=uk", said)
    assert answer.status_code == 302
    assert answer["Location"] == f"{address}?sent=1&lang=uk"
    said["files"] = SimpleUploadedFile("photo.png", b"not really", "image/png")
    assert visitor.post(f"{address}?lang=uk", said).status_code == 302  # the button was pressed twice
    message = Message.objects.get()
    assert message.text == "The kettle\nnever came.\n\nНомер замовлення: K-7"
    assert message.properties["properties"] == {"order": "K-7", "topic": "delivery"}
    assert message.properties["category"] == "delivery"
    assert message.properties["page"] == "https://shop.example/help"
    conversation = Conversation.objects.get()
    assert (conversation.subject, conversation.language) == ("Доставка", "uk")
    assert conversation.address.lower() == "ada@example.com"
    customer = Customer.objects.get()
    assert (customer.name, customer.email.lower(), customer.language) == ("Ada", "ada@example.com", "uk")
    kept = Attachment.objects.get()
    assert (kept.name, kept.type, path_of(kept.key).read_bytes()) == ("photo.png", "image/png", b"not really")
    assert Path(kept.key).name == kept.key
    fact = OutboxFact.objects.get(name="message_received")
    assert fact.customer_id == customer.pk
    told = {name: fact.properties[name] for name in ("channel", "metric", "comment", "language", "properties")}
    assert told == {
        "channel": "form", "metric": "text", "comment": message.text, "language": "uk",
        "properties": {"order": "K-7", "topic": "delivery"},
    }  # fmt: skip
    thanks = visitor.get(answer["Location"])
    assert thanks.status_code == 200
    assert "<form" not in thanks.content.decode()


def test_an_answer_to_a_form_comes_from_a_mailbox(channel: Channel) -> None:
    visitor = Client()
    address = f"/f/{channel.public_id}?lang=en"
    visitor.post(address, filled(ticket_in(visitor.get(address).content)))
    Channel.objects.create(workspace=channel.workspace, kind="email", name="Help", address="help@kettles.example")
    answer = reply(conversation=Conversation.objects.get(), text="It is on its way.", by=None)
    assert answer.delivery is not None
    letter = make(answer.delivery)
    assert letter is not None
    assert (answer.delivery.to.lower(), letter.sender_address) == ("ada@example.com", "help@kettles.example")
    assert letter.subject == "Delivery"


@pytest.mark.parametrize(
    ("change", "status"),
    [({"email": "nobody"}, 422), ({"message": " "}, 422), ({"topic": "other"}, 422), ({"ticket": "made up"}, 422),
     ({"message": "x" * (LONGEST["message"] + 1)}, 422), ({"email": "a@example.com\nBcc: b@example.com"}, 422)],
)  # fmt: skip
def test_what_cannot_be_used_is_said_and_nothing_is_lost(channel: Channel, change: dict[str, str], status: int) -> None:
    visitor = Client()
    address = f"/f/{channel.public_id}?lang=en"
    ticket = ticket_in(visitor.get(address).content)
    refused = visitor.post(address, filled(ticket, x_order="<b>K-7</b>") | change)
    assert refused.status_code == status
    text = refused.content.decode()
    assert 'role="alert"' in text
    assert "&lt;b&gt;K-7&lt;/b&gt;" in text
    assert not Message.objects.exists()
    assert not Customer.objects.exists()


def test_robots_strangers_and_closed_forms(channel: Channel) -> None:
    visitor = Client()
    address = f"/f/{channel.public_id}?lang=pl"
    ticket = ticket_in(visitor.get(address).content)
    assert visitor.post(address, filled(ticket, website="http://spam.example")).status_code == 302
    assert not Message.objects.exists()
    channel.refresh_from_db()
    assert channel.state["trapped"] == 1
    files = [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(7)]
    assert visitor.post(address, filled(ticket, files=files)).status_code == 413
    assert not Attachment.objects.exists()
    assert visitor.post(address, b"--x\r\nbroken", content_type="multipart/form-data; boundary=x").status_code in (
        413,
        422,
    )
    other = Channel.objects.create(workspace=channel.workspace, kind="form", name="Other")
    assert (
        visitor.post(f"/f/{other.public_id}", filled(ticket, topic="")).status_code == 422
    )  # a ticket of another form
    mailbox = Channel.objects.create(workspace=channel.workspace, kind="email", name="Mail")
    assert visitor.get(f"/f/{mailbox.public_id}").status_code == 404
    Channel.objects.filter(pk=channel.pk).update(is_paused=True)
    assert visitor.post(address, filled(ticket)).status_code == 410
    assert not Message.objects.exists()


def test_an_address_may_write_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, clock = Limit(), [1000.0]
    monkeypatch.setattr("cxm.listen.channels.kinds.form.limits.time.monotonic", lambda: clock[0])
    assert [bucket.may(1, "203.0.113.7") for _n in range(int(BURST) + 1)] == [True] * int(BURST) + [False]
    assert bucket.may(2, "203.0.113.7")  # another form
    assert bucket.may(1, "203.0.113.8")
    assert all(bucket.may(1, "127.0.0.1") for _n in range(50))
    clock[0] += 120  # 30 an hour: one every two minutes
    assert [bucket.may(1, "203.0.113.7"), bucket.may(1, "203.0.113.7")] == [True, False]


def test_lines_and_sites_are_read() -> None:
    assert [(one.code, dict(one.words), one.required) for one in lines_of("a* = A | pl: Ą: x\n\nBig order\n訂單")] == [
        ("a", {"": "A", "pl": "Ą: x"}, True), ("big_order", {"": "Big order"}, False),
        ("choice_3", {"": "訂單"}, False),
    ]  # fmt: skip
    for wrong in ("A b = x", "a = x\na = y", "a = ", "\n".join(f"a{n} = x" for n in range(41))):
        with pytest.raises(ValueError, match=r"\w"):
            lines_of(wrong)
    assert origins_of("shop.example https://a.example:8443/x *.b.example") == [
        "https://shop.example", "https://a.example:8443", "https://*.b.example",
    ]  # fmt: skip
    for wrong in ("javascript://x y", "https://a;script-src", "http://[x"):
        with pytest.raises(ValueError, match="site"):
            origins_of(wrong)
    form = asked({"ask_email": "no", "ask_phone": "required", "consent_en": "I agree"}, "xx")
    assert form.language == "en"
    assert [one.name for one in form.fields] == ["name", "phone", "message", "consent"]
