"""What a mail says: its new text in five languages, its charset, its files; and who wrote it, a person or a machine."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.listen.channels.kinds.email.languages import language_of
from cxm.listen.channels.kinds.email.machines import first_mailbox
from cxm.listen.channels.kinds.email.quotes import split
from cxm.listen.channels.kinds.email.understanding import incoming_of
from cxm.listen.channels.receiving import MAILBOX, Incoming
from cxm.testing.cast import at

NOW = at("2026-11-20 12:00")

REPLIES = {
    "Gmail, English": (
        "Thanks.\n\nSent from my iPhone\n\nOn Fri, Nov 20, 2026 at 10:00 AM Kettles\n<s@k.example> wrote:\n\n> Off\n",
        "Thanks.",
    ),
    "Gmail, Polish": (
        "Dziękuję.\nPozdrawiam\nAda\n\npt., 20 lis 2026 o 10:00 Kettles <s@k.example> napisał(a):\n\n> Proszę\n",
        "Dziękuję.",
    ),
    "Thunderbird, Polish, answer below": (
        "W dniu 20.11.2026 o 10:00, Kettles pisze:\n> Pomogło?\n\nTak, pomogło.\n",
        "Tak, pomogło.",
    ),
    "Yandex, Russian": (
        "Спасибо.\n\nС уважением,\nАда\n\n20.11.2026, 10:00, Kettles пишет:\n> Выключите\n",
        "Спасибо.",
    ),
    "Gmail, Ukrainian": ("Працює.\n\nпт, 20 лист. 2026 р. о 10:00 Kettles <s@k.example> пише:\n\n> Off\n", "Працює."),
    "Gmail, Chinese": ("謝謝。\n\nKettles <s@k.example> 於 2026年11月20日 週五 上午10:00寫道：\n\n> 請\n", "謝謝。"),
    "Outlook, English": (
        "It leaks.\n\nBest regards,\nAda\n\n________________________________\nFrom: K\nSent: Friday\nTo: Ada\n\nOff\n",
        "It leaks.",
    ),
    "Outlook, Polish": ("Cieknie.\n\nOd: K\nWysłano: piątek\nDo: Ada\nTemat: x\n\nOff\n", "Cieknie."),
    "Outlook, Russian": ("Течёт.\n\nОт: K\nОтправлено: пт\nКому: Ada\nТема: x\n\nOff\n", "Течёт."),
    "Outlook, Ukrainian": ("Тече.\n\nВід: K\nНадіслано: пт\nКому: Ada\nТема: x\n\nOff\n", "Тече."),
    "Outlook, Chinese": ("漏水。\n\n寄件者: K\n寄件日期: 週五\n收件者: Ada\n主旨: x\n\nOff\n", "漏水。"),
    "old Outlook": ("No.\n-----Original Message-----\nFrom: a\nfoo", "No."),
    "answers between": (
        "See below.\n\nOn 20 Nov 2026, at 10:00, K <s@k.example> wrote:\n> Leaks?\nYes.\n> On?\nNo.\n",
        "See below.\n\nYes.\nNo.",
    ),
    "a signature": ("Hello\n-- \nAda\nKettle Ltd", "Hello"),
    "only forwarded": (2 * ("---------- Forwarded message ---------\nFrom: x\n\nhi",)),
    "a list": ("Two things:\n- it leaks\n- it smells", "Two things:\n- it leaks\n- it smells"),
    "a sentence": ("He wrote:\nyou are bad\nFrom: what I see", "He wrote:\nyou are bad\nFrom: what I see"),
}  # fmt: skip


@pytest.mark.parametrize("program", REPLIES)
def test_the_new_text_is_parted_from_quotes_and_signatures(program: str) -> None:
    text, new = REPLIES[program]
    found, rest = split(text)
    assert found == new
    # Nothing is lost: every word is in one of both.
    assert sorted((found + " " + rest).split()) == sorted(text.split())


@given(st.text(alphabet="ab>:\n- wrote@10", max_size=300))
def test_no_text_loses_a_word_by_being_split(text: str) -> None:
    found, rest = split(text)
    assert sorted((found + "\n" + rest).split()) == sorted(text.split())
    assert bool(found) == bool(text.strip())


def mail(body: str = "It leaks.", sender: str = "Ada <ada@example.com>", **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    headers = {"From": sender, "To": "support@kettles.example", "Subject": "Kettle", "Message-ID": "<1@x>", **headers}
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def read(raw: bytes, **more: Any) -> Incoming:
    return incoming_of(raw, received_at=NOW, mailbox="support@kettles.example", **more)


def test_a_mail_with_everything() -> None:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Ада Лавлейс <ada@example.com>"
    message["To"] = "support@kettles.example"
    message["Subject"] = "Чайник тече"
    message["Message-ID"] = "<a@example.com>"
    message["Date"] = "Fri, 20 Nov 2026 13:30:00 +0200"
    message["In-Reply-To"] = "<b@k>"
    message["References"] = "<c@k> <b@k>"
    message.set_content("Чайник досі тече, її не можна вимкнути.")
    message.add_alternative(
        "<p>Чайник <b>досі</b> тече<img src=http://spy/1.gif><script>x()</script></p>", subtype="html"
    )
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="../../etc/чайник.png")
    inner = EmailMessage()
    inner["Subject"] = "Earlier"
    inner.set_content("before")
    message.add_attachment(inner)
    came = read(message.as_bytes())
    assert (came.external_id, came.sender, came.name) == ("<a@example.com>", "ada@example.com", "Ада Лавлейс")
    assert (came.subject, came.text, came.language) == ("Чайник тече", "Чайник досі тече, її не можна вимкнути.", "uk")
    assert came.at == at("2026-11-20 11:30")
    assert (came.in_reply_to, came.references) == ("<b@k>", ["<c@k>", "<b@k>"])
    assert came.html == "<p>Чайник <b>досі</b> тече</p>"
    assert [(one.name, one.type) for one in came.attachments] == [
        ("чайник.png", "image/png"), ("Earlier.eml", "message/rfc822")
    ]  # fmt: skip
    assert (came.is_automatic, came.remarks) == (False, [])


def test_html_alone_becomes_text() -> None:
    html = b"<style>p{}</style><p>It&nbsp;leaks.</p><div>Please<br>help</div><blockquote><p>Off</p></blockquote>"
    came = read(b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html)
    assert came.text == "It leaks.\n\nPlease\nhelp"
    assert came.quoted == "> Off"


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("koi8-r", "koi8-r", "Чайник течёт"), ("windows-1251", "cp1251", "Чайник тече"), ("big5", "big5", "水壺漏水"),
        ("gb2312", "gb18030", "水壶漏水"), ("iso-8859-2", "iso-8859-2", "żółw"), ("iso-8859-1", "cp1252", "“quoted” €"),
        ("us-ascii", "utf-8", "żółw"), ("utf-8", "utf-8", "żółw"),
    ],
)  # fmt: skip
def test_charsets_are_read(charset: str, codec: str, text: str) -> None:
    head = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
    came = read(head + text.encode(codec))
    assert (came.text, came.remarks) == (text, [])


@pytest.mark.parametrize("charset", ["utf-8", "nonsense", "punycode", "unicode_escape", "hex", "idna", "'", "x" * 500])
def test_a_wrong_charset_is_guessed_and_said(charset: str) -> None:
    text = "Чайник течёт и не выключается, помогите пожалуйста. " * 5
    head = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
    came = read(head + text.encode("cp1251"))
    assert (came.text, came.remarks) == (text.strip(), ["wrong_charset"])


MACHINES = {
    "automatic": [{"Auto-Submitted": "auto-replied"}, {"X-Autoreply": "yes"}, {"X-Auto-Response-Suppress": "OOF, DR"},
                  {"Subject": "Automatic reply: away"}, {"Subject": "Автоматична відповідь: немає"},
                  {"Subject": "Odpowiedź automatyczna: urlop"}, {"Subject": "自動回覆：休假"},
                  {"Subject": "Автоответ"}],
    "list": [{"Precedence": "bulk"}, {"Precedence": "list"}, {"List-Id": "<news.example.com>"},
             {"List-Unsubscribe": "<https://x.example>"}],
    "report": [{"Return-Path": "<>"}, {"sender": "MAILER-DAEMON@mx.example"}, {"X-Failed-Recipients": "a@b.example"}],
    "own_message": [{"sender": "Kettles <Sales@kettles.example>"}],
}  # fmt: skip


@pytest.mark.parametrize(("why", "headers"), [(why, one) for why, some in MACHINES.items() for one in some])
def test_machines_are_recognised(why: str, headers: dict[str, str]) -> None:
    came = read(mail(**headers), own={"sales@kettles.example"})
    assert (came.is_automatic, came.remarks) == (True, [why])


@pytest.mark.parametrize(
    "headers",
    [{}, {"Auto-Submitted": "no"}, {"Precedence": "list", "List-Id": "Help <support.kettles.example>"},
     {"X-Auto-Response-Suppress": "None"}, {"Subject": "Your automatic reply is annoying"}],
)  # fmt: skip
def test_people_are_no_machines(headers: dict[str, str]) -> None:
    assert not read(mail(**headers)).is_automatic


def test_forged_senders_are_marked_only_by_the_server_that_is_believed() -> None:
    def said(value: str, authority: str = "mx.kettles.example") -> bool:
        return "sender_not_verified" in read(mail(Authentication_Results=value), authority=authority).remarks

    assert said("mx.kettles.example; spf=pass; dkim=none; dmarc=fail")
    assert said("mx.kettles.example 1; spf=fail smtp.mailfrom=x")
    assert not said("mx.kettles.example; spf=fail; dkim=pass; dmarc=pass")
    assert not said("mx.kettles.example; spf=none")
    assert not said("mx.evil.example; dmarc=fail")
    assert not said("mx.kettles.example; dmarc=fail", authority="")


def test_answers_go_to_the_sender_and_never_where_a_forger_wants_them() -> None:
    came = read(mail(Reply_To="Eve <eve@evil.example>"))
    assert (came.sender, came.remarks) == ("ada@example.com", ["reply_to_ignored"])
    form = read(mail(sender="noreply@site.example", Reply_To="Ada <ada@example.com>"))
    assert (form.sender, form.name, form.remarks) == ("ada@example.com", "Ada", ["reply_to_used"])
    # A name that looks like an address, coded so that decoding it first would make it one.
    raw = b"From: =?utf-8?q?victim=40bank=2Eexample_=3Cvictim=40bank=2Eexample=3E?= <eve@evil.example>\r\n\r\nhi"
    assert read(raw).sender == "eve@evil.example"


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        ("ada@example.com", "", "ada@example.com"), ("Ada L <ada@example.com>", "Ada L", "ada@example.com"),
        ('"L, Ada" <ada@example.com>, x@y', "L, Ada", "ada@example.com"), ("<a@b.c>", "", "a@b.c"),
        ('"eve <eve@evil.example>" <ada@example.com>', "eve <eve@evil.example>", "ada@example.com"),
        ("ada@example.com (eve <eve@evil.example>)", "", "ada@example.com"), ("(a (b) c) Ada <a@b.c>", "Ada", "a@b.c"),
        ("Ada (x", "", "Ada"), ("", "", ""), ('"', "", ""),
        ("undisclosed-recipients:;", "", "undisclosed-recipients:;"),
    ],
)  # fmt: skip
def test_the_first_mailbox_of_a_header(header: str, name: str, address: str) -> None:
    assert first_mailbox(header) == (name, address)


def test_letters_tell_the_language() -> None:
    assert language_of("The kettle leaks and it is not my fault") == "en"
    assert language_of("Czajnik cieknie, proszę o pomoc") == "pl"
    assert language_of("Чайник тече, її немає") == "uk"
    assert language_of("Чайник течёт, выключите его") == "ru"
    assert language_of("水壺一直漏水，請問怎麼處理？") == "zh-hant"
    assert (language_of("ok"), language_of("ok", "de-DE, en"), language_of("ok", "\x00")) == ("", "de-de", "")
    assert MAILBOX.fullmatch("ada@example.com")
