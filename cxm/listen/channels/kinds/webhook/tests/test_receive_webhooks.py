"""Other systems tell us things: signed ones become messages or events, once; others change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from standardwebhooks import Webhook

from cxm.listen.channels.models import Channel, Message
from cxm.record.customers.models import Customer
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.commit import writer
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_workspace

SECRET, FORMER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVlc="
PATHS = {"sender": "$.data.email", "text": "$.data.text", "at": "$.timestamp", "subject": "$.data.subject"}
SAID = {"type": "ticket.created", "timestamp": "2026-11-20T09:00:00Z",
        "data": {"email": "ada@example.com", "text": "It leaks.", "subject": "Kettle", "order": 7}}  # fmt: skip


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(
        workspace=make_workspace(), kind="webhook", name="Shop", secrets={"secret": SECRET, "former": FORMER},
        settings={"style": "standard", "paths": PATHS, "properties": {"order": "$.data.order"},
                  "when": "$[?@=='ticket.created']"},
    )  # fmt: skip


@pytest.fixture
def stored() -> Iterator[None]:
    yield
    writer().stop()
    writer.cache_clear()


def post(channel: Channel, said: Any, *, id_: str = "msg_1", secret: str = SECRET, **more: str) -> tuple[int, str]:
    body, now = said if isinstance(said, bytes) else json.dumps(said).encode(), datetime.now(UTC)
    signature = Webhook(secret).sign(id_, now, body.decode("utf-8", "surrogateescape"))
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        **more,
    }
    answer = Client().post(f"/hooks/{channel.public_id}", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()["code"]


def test_a_signed_webhook_becomes_one_message(channel: Channel) -> None:
    assert post(channel, SAID) == (200, "message_kept")
    assert post(channel, SAID) == (200, "message_kept")  # its sender did not hear our answer
    assert post(channel, SAID, id_="msg_2", secret=FORMER) == (200, "message_kept")  # while the secret is exchanged
    assert post(channel, {"type": "ping"}, id_="msg_3") == (200, "ignored")
    first = Message.objects.order_by("external_id").first()
    assert first is not None
    assert Message.objects.count() == 2
    assert (first.text, first.conversation.subject, first.at) == (
        "It leaks.", "Kettle", datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    )  # fmt: skip
    assert Customer.objects.get().email == "ada@example.com"
    fact = OutboxFact.objects.filter(name="message_received").first()
    assert fact is not None
    assert (fact.properties["channel"], fact.properties["properties"]) == ("webhook", {"order": 7})
    channel.refresh_from_db()
    assert [row[1:3] for row in channel.state["log"]] == [[200, "ignored"]] + [[200, "message_kept"]] * 3
    assert ["$.type", "text"] in channel.state["shape"]
    assert "leaks" not in json.dumps(channel.state)  # no value of anybody


def test_what_is_not_believed_or_not_understood_changes_nothing(channel: Channel) -> None:
    other = "whsec_" + "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcg=="
    assert post(channel, SAID, secret=other) == (401, "signature_wrong")
    assert post(channel, SAID, **{"webhook-timestamp": "1614265330"}) == (401, "timestamp_wrong")
    assert post(channel, b"{broken") == (400, "unusable")
    assert post(channel, {"type": "ticket.created"}) == (422, "unusable")
    assert post(channel, b"[" + b" " * 1_000_000 + b"]") == (413, "too_large")
    address = f"/hooks/{channel.public_id}"
    assert Client().post(address, SAID, content_type="application/json").status_code == 401
    assert Client().get(address).status_code == 405
    assert Client().post("/hooks/00000000-0000-4000-8000-000000000000").status_code == 404
    Channel.objects.update(is_paused=True)
    assert post(channel, SAID) == (503, "paused")
    assert not Message.objects.exists()
    assert not Customer.objects.exists()
    channel.refresh_from_db()
    # A stranger who knocks is noted now and then, not each time.
    assert [row[2] for row in channel.state["log"]] == ["unusable", "unusable", "signature_wrong"]
    assert channel.state["error"]


@dataclass(frozen=True)
class Stored:
    name: str
    source: str
    customer: str
    properties: str


@pytest.mark.usefixtures("stored")
def test_a_webhook_may_become_an_event_of_its_customer(channel: Channel) -> None:
    channel.settings |= {"makes": "event", "event": "kettle_returned"}
    channel.save()
    assert post(channel, SAID) == (200, "event_kept")
    assert post(channel, SAID) == (200, "event_kept")
    scope = Scope(channel.workspace_id, "UTC")
    found = ask(
        "SELECT name, source, toString(customer_id) AS customer, properties FROM events"
        " WHERE $scope AND name = 'kettle_returned'",
        scope, row=Stored, name="webhooks", table="events",
    )  # fmt: skip
    assert found.rows == [Stored("kettle_returned", "capture", str(Customer.objects.get().pk), '{"order":7}')]
    assert not Message.objects.exists()
    channel.settings |= {"event": ""}
    channel.save()
    assert post(channel, SAID, id_="msg_9") == (422, "unusable")
