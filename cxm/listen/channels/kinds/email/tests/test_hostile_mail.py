"""Mails that mean harm: they are contained, they are shown, and they take no more time than others."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.listen.channels.actions import Refused
from cxm.listen.channels.causes import make
from cxm.listen.channels.conversing import reply
from cxm.listen.channels.kinds.email.taking import take
from cxm.listen.channels.kinds.email.understanding import incoming_of
from cxm.listen.channels.mail.letter import message_of
from cxm.listen.channels.models import Channel, Delivery, Message
from cxm.listen.channels.receiving import Incoming
from cxm.record.customers.models import Customer
from cxm.testing.cast import at, make_workspace
from cxm.testing.effort import full_or

NOW = at("2026-11-20 12:00")
HEAD = b"From: Eve <eve@evil.example>\r\nTo: support@kettles.example\r\nSubject: Hello\r\nMessage-ID: <e@evil>\r\n"
# Each of these takes the parsers of the standard library minutes or gigabytes when nothing bounds them.
BOMBS: dict[str, bytes] = {
    "nested parts": HEAD + b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(5000)
    ),
    "nested mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 200_000,
    "a hidden boundary": (
        HEAD + b"Content-Type: multipart/mixed; boundary*0=b;\r\n boundary*1=c\r\n\r\n" + b"--bc\r\n\r\n" * 200_000
    ),
    "many lines": HEAD + b"\r\n" + b"a\n" * 10_000_000,
    "many bare returns": HEAD + b"\r\n" + b"a\r" * 10_000_000,
    "many headers": HEAD + b"A: b\r\n" * 500_000 + b"\r\nhi",
    "many parameters": HEAD + b"Content-Type: text/plain" + b"; a=b" * 3_000_000 + b"\r\n\r\nhi",
    "a long header": HEAD + b"References: " + b"<a@b> " * 3_000_000 + b"\r\n\r\nhi",
    "many coded words": HEAD + b"X: " + b"=?utf-8?q?a?= " * 1_000_000 + b"\r\n\r\nhi",
    "nested comments": b"From: " + b"(" * 1_000_000 + b" a@b.example\r\n\r\nhi",
    "quoted lines": HEAD + b"\r\n" + b"> a\r\n\r\n" * 150_000 + b"x\r\n" + b"> a\r\n\r\n" * 50_000,
    "somebody wrote": HEAD + b"\r\nOn " + b"a " * 5_000_000 + b"wrote:",
    "html": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div><a href='" * 2_000_000,
    "nested html": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<b><i><blockquote>" * 25_000 + b"hi",
    "50 MB": HEAD + b"\r\n" + b"x" * 50_000_000,
}  # fmt: skip
MOST_SECONDS = 10.0  # far beyond what any of them takes here (the slowest about one), far below what they would


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_in_bounded_time_and_says_so(bomb: str) -> None:
    started = time.process_time()
    came = read(BOMBS[bomb])
    assert time.process_time() - started < MOST_SECONDS
    assert len(came.attachments) <= 100
    assert sum(len(part) for part in (came.text, came.quoted, came.html, came.subject)) < 1_500_000
    harmless = {"quoted lines", "somebody wrote"}
    assert bool(came.remarks) or bomb in harmless, came.remarks


def read(raw: bytes) -> Incoming:
    return incoming_of(raw, received_at=NOW, mailbox="support@kettles.example")


LINES = st.sampled_from([
    b"From: a@b.example", b"Content-Type: multipart/mixed; boundary=x", b"Content-Type: message/rfc822", b"--x",
    b"--x--", b"Content-Type: text/html; charset=utf-7", b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: uuencode", b"Content-Disposition: attachment; filename*=utf-8''%FF%00",
    b"Subject: =?big5?b?/////w==?=", b"Date: 99", b"", b"", b"Message-ID: <>", b"\xff\xfe\x00", b" folded",
    b"begin 644 x", b"=3D=", b"Content-Type: multipart/report", b">From x",
    b"Content-Type: multipart/digest; boundary=x", b"<b onclick=x>y", b"To: \xf0\x9f\x92\xa9",
    b"Date: Mon, 1 Jan 0001 00:00:00 +9999",
])  # fmt: skip


@settings(max_examples=full_or(3000, 150))
@given(st.lists(st.one_of(LINES, st.binary(max_size=40)), max_size=40))
def test_no_bytes_make_reading_fail(lines: list[bytes]) -> None:
    came = read(b"\r\n".join(lines))
    assert came.external_id.startswith("<")
    for text in (came.text, came.subject, came.name, came.html, *(one.name for one in came.attachments)):
        assert "\x00" not in text
        text.encode()
    assert came.at <= NOW


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(
        workspace=make_workspace(), kind="email", name="Support", address="support@kettles.example"
    )


def taken(channel: Channel, raw: bytes, **more: Any) -> Message:
    message = take(raw, channel=channel, received_at=NOW, **more)
    assert message is not None
    return message


def test_what_is_beyond_the_bounds_is_kept_and_shown(channel: Channel) -> None:
    message = taken(channel, BOMBS["50 MB"])
    assert (message.sender, message.properties["subject"]) == ("eve@evil.example", "Hello")
    assert message.remarks == ["too_large"]
    assert message.text.startswith("xxx")
    assert not message.attachments.exists()


def test_headers_cannot_be_injected(channel: Channel) -> None:
    raw = (
        b"From: =?utf-8?q?Eve=0D=0ABcc=3A_all=40k=2Eexample?= <eve@evil.example>\r\n"
        b"Subject: =?utf-8?q?Hi=0D=0ABcc=3A_victim=40bank=2Eexample=0D=0A=0D=0Abody?=\r\n"
        b"Message-ID: <x@evil>\r\nReferences: <a@b>\r\n\tBcc: <c@d>\r\n\r\nhello"
    )
    message = taken(channel, raw)
    assert message.conversation.subject == "Hi Bcc: victim@bank.example body"
    said = reply(conversation=message.conversation, text="Hello", by=None)
    assert said.delivery
    letter = make(said.delivery)
    assert letter
    sent = message_of(said.delivery, letter)
    head = sent.partition(b"\r\n\r\n")[0]
    assert b"\nBcc:" not in head
    assert head.count(b"\nSubject:") == 1
    # An address with a line break is none, and nothing is sent to it.
    odd = taken(channel, b'From: "a\r\n b"@evil.example\r\nMessage-ID: <y@evil>\r\n\r\nhi')
    assert odd.sender == ""
    assert reply(conversation=odd.conversation, text="Hello", by=None).remarks == ["not_sent_no_address"]


SCRIPTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>", "<a href='data:text/html,<script>x</script>'>x</a>",
    "<iframe src=//evil></iframe>", "<form action=//evil><input></form>", "<style>@import '//evil'</style>",
    "<link rel=stylesheet href=//evil>", "<meta http-equiv=refresh content='0;//evil'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<base href=//evil>", "<div style='background:url(//evil)'>x</div>",
    "<p class=btn data-hx-get=/evil hx-get=/evil id=content>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<a href=' &#1;javascript:alert(1)'>x</a>",
]  # fmt: skip


def test_scripts_are_taken_out(channel: Channel) -> None:
    body = "<p>Hello</p>" + "".join(SCRIPTS)
    message = taken(channel, HEAD + b"Content-Type: text/html\r\n\r\n" + body.encode())
    assert "Hello" in message.text
    for wrong in ("<script", "onerror", "onload", "javascript:", "data:", "<iframe", "<form", "<style", "<link",
                  "<meta", "<img", "<svg", "<base", "style=", "hx-get", "class=", "id="):  # fmt: skip
        assert wrong not in message.html.lower(), wrong


def test_loops_end(channel: Channel) -> None:
    """Two machines that answer each other: every answer of theirs is kept, and soon none of ours leaves."""
    for n in range(20):
        head = b"From: bot@shop.example\r\nMessage-ID: <%d@shop>\r\nSubject: Re: We have your message\r\n" % n
        message = taken(channel, head + b"\r\nWe have your message.")
        reply(conversation=message.conversation, text="We have your message.", by=None, kind="acknowledgement")
    assert Message.objects.filter(direction="in").count() == 20
    assert Delivery.objects.count() == 6
    # Our own mail that comes back, by its sender or by its id, or after fifty servers, makes nothing new happen.
    own = taken(channel, b"From: support@kettles.example\r\nMessage-ID: <o@k>\r\n\r\nhi")
    assert (own.is_automatic, own.remarks, own.conversation.customer) == (True, ["own_message"], None)
    said = Message.objects.filter(direction="out", delivery__isnull=False).first()
    assert said
    back = b"From: x@y.example\r\nMessage-ID: " + said.external_id.encode() + b"\r\n\r\nhi"
    assert taken(channel, back) == said
    hops = b"Received: by x\r\n" * 60 + b"From: x@y.example\r\nMessage-ID: <h@y>\r\n\r\nhi"
    assert taken(channel, hops).remarks == ["mail_loop"]
    assert Customer.objects.count() == 1  # bot@shop.example, whom nothing marks as a machine


def test_another_mail_under_a_used_id_is_not_overlooked(channel: Channel) -> None:
    first = taken(channel, HEAD + b"\r\nhello")
    assert taken(channel, b"Received: by another way\r\n" + HEAD + b"\r\nhello") == first
    second = taken(channel, HEAD + b"\r\nsomething else")
    assert second != first
    assert second.remarks == ["repeated_id"]
    assert taken(channel, HEAD + b"\r\nsomething else") == second


def test_what_no_bound_foresaw_stops_no_other(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("cxm.listen.channels.kinds.email.taking.incoming_of", fails)
    message = taken(channel, HEAD + b"\r\nhello")
    assert (message.remarks, message.is_automatic) == (["unreadable"], True)
    assert [one.name for one in message.attachments.all()] == ["message.eml"]
    assert taken(channel, HEAD + b"\r\nhello") == message


def test_an_answer_has_bounds_too(channel: Channel) -> None:
    from cxm.listen.channels.receiving import File

    conversation = taken(channel, HEAD + b"\r\nhello").conversation
    with pytest.raises(Refused):
        reply(conversation=conversation, text="x", by=None, attachments=[File("a", "a/b", b"x" * 20_000_001)])
    assert not Delivery.objects.exists()
