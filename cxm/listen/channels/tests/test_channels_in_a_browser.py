"""Channels and a conversation in a browser: on a phone, at night, accessible; and hostile mail stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cxm.accounts.models import Role
from cxm.listen.channels.conversing import reply
from cxm.listen.channels.kinds.email.taking import take
from cxm.listen.channels.models import Channel
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_member, make_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RAW = (
    b"From: Eve <eve@evil.example>\r\nReply-To: x@evil.example\r\nSubject: <script>document.title='gone'</script>\r\n"
    b"Message-ID: <e@evil>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Hello</p><table><tr><td>" + b"w" * 400 + b"</td></tr></table>"
    b"<img src=https://evil.example/spy.gif onerror=x()>"
    b"<form action=https://evil.example><input autofocus></form><style>body{display:none}</style>\r\n"
    b'--x\r\nContent-Type: text/html; name="a very long name ' + b"n" * 120 + b'.html"\r\n\r\n'
    b"<script>x</script>\r\n--x--"
)  # fmt: skip


def check(page: Page) -> None:
    check_quiet(page)
    check_width(page)
    check_accessible(page)


@pytest.mark.parametrize(("width", "dark"), [(1500, False), (375, True)], ids=["desktop", "phone-dark"])
def test_channels_and_a_hostile_conversation(open_page: OpenPage, live_server: Any, width: int, dark: bool) -> None:
    workspace = make_workspace()
    admin = make_member(workspace, Role.ADMIN, "admin@kettles.example")
    channel = Channel.objects.create(
        workspace=workspace, kind="email", name="Support", address="support@kettles.example",
        settings={"intake": "smtp", "opens_cases": True}, state={"error": "mx.kettles.example refuses: wrong password"},
    )  # fmt: skip
    message = take(RAW, channel=channel)
    assert message
    reply(conversation=message.conversation, text="Thank you.\n\nWe look into it.", by=admin)
    page = open_page(width, dark)
    log_in(page, live_server, admin)
    base = f"{live_server.url}/w/{workspace.slug}/channels/"
    for rest in ("", "new/", "new/email/", f"{channel.pk}/", "conversations/"):
        page.goto(base + rest)
        check(page)
    page.goto(f"{base}conversations/{message.conversation_id}/")
    page.get_by_text("As it was formatted").click()
    check(page)
    assert "document.title='gone'" in page.title()  # as text
    assert page.locator("#content img, #content main form[action^='https://evil']").count() == 0
    page.get_by_label("Your answer").fill("One more thing.")
    page.get_by_role("button", name="Answer").click()
    assert page.get_by_text("One more thing.").is_visible()
    assert message.conversation.messages.filter(direction="out").count() == 2
