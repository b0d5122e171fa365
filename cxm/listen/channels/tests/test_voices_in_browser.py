"""The contact form in a page of somebody else, and the pages of reviews and calls, in a browser."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cxm.accounts.models import Role
from cxm.listen.channels.kinds.calls.taking import Call, take
from cxm.listen.channels.kinds.calls.transcripts import read
from cxm.listen.channels.kinds.reviews.rows import Review
from cxm.listen.channels.kinds.reviews.taking import take as take_review
from cxm.listen.channels.models import Channel, Message
from cxm.listen.channels.receiving import File
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import at, make_member, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SAID = {"segments": [
    {"start": 0, "end": 2, "text": "Hello.", "speaker": "A"},
    {"start": 2, "end": 7, "text": "It leaks.", "speaker": "B"},
]}  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


def check(page: Any) -> None:
    check_quiet(page)
    check_width(page)
    check_accessible(page)


def test_a_visitor_writes_in_a_page_of_the_company(open_page: OpenPage, live_server: Any, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shop_url = f"http://127.0.0.1:{server.server_port}"
    own = {"topics": "delivery = Delivery", "takes_files": True, "sites": shop_url, "consent_en": "I agree"}
    channel = Channel.objects.create(workspace=make_workspace(), kind="form", name="Site", settings=own)
    page = open_page(375, dark=True)
    page.set_default_timeout(60_000)
    page.goto(f"{live_server.url}/f/{channel.public_id}")
    check(page)
    page.get_by_role("button", name="Send the message").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("E-mail address").get_attribute("aria-invalid") == "true"
    check_width(page)
    check_accessible(page)
    shop = open_page()
    shop.set_default_timeout(60_000)
    html = (
        '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>'
        f'<div data-cxm-form="{channel.public_id}"></div><script async src="{live_server.url}/form.js"></script>'
    )
    (tmp_path / "help").mkdir()
    (tmp_path / "help" / "index.html").write_text(html)
    shop.goto(f"{shop_url}/help/?token=secret")
    frame = shop.frame_locator("iframe")
    frame.get_by_label("E-mail address").fill("ada@example.com")
    frame.get_by_label("What is it about?").select_option("delivery")
    frame.get_by_label("Your message").fill("Where is my kettle?")
    frame.get_by_label("I agree").check()
    box = shop.locator("iframe").bounding_box()
    assert box is not None
    assert box["height"] > 500  # as tall as the form
    frame.get_by_role("button", name="Send the message").click()
    frame.get_by_role("status").wait_for()
    message = Message.objects.get()
    assert message.text == "Where is my kettle?"
    assert message.properties["page"] == f"{shop_url}/help/"  # without what stood behind it
    check_quiet(shop)
    server.shutdown()


def test_reviews_calls_and_channels_look_right(open_page: OpenPage, live_server: Any) -> None:
    workspace = make_workspace()
    admin = make_member(workspace, Role.ADMIN, "admin@example.com")
    reviews = Channel.objects.create(workspace=workspace, kind="reviews", name="Maps")
    calls = Channel.objects.create(workspace=workspace, kind="calls", name="Phone")
    form = Channel.objects.create(workspace=workspace, kind="form", name="Site")
    hook = Channel.objects.create(
        workspace=workspace, kind="webhook", name="Shop", settings={"paths": {"text": "$.t"}},
        state={"log": [["2026-11-20T09:00:00", 401, "signature_wrong", "No."]], "shape": [["$.t", "text"]]},
    )  # fmt: skip
    review = Review("r", at("2026-11-20 09:00"), 2.0, text="Cold.", answer="Sorry.", url="https://r.example/")
    take_review(channel=reviews, review=review)
    call = take(channel=calls, call=Call("c"), transcript=read(json.dumps(SAID).encode()),
                recording=File("call.wav", "audio/wav", b"RIFF"))  # fmt: skip
    base = f"{live_server.url}/w/{workspace.slug}/channels/"
    for width, dark in ((1280, False), (375, True)):
        page = open_page(width, dark)
        log_in(page, live_server, admin)
        for rest in (
            f"{reviews.pk}/reviews/", f"{reviews.pk}/reviews/file/", f"{calls.pk}/calls/", f"calls/{call.pk}/",
            f"{hook.pk}/", f"{form.pk}/", "new/webhook/", "new/form/",
        ):  # fmt: skip
            page.goto(base + rest)
            check(page)
    page.goto(f"{base}calls/{call.pk}/")
    page.get_by_label("B", exact=True).check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The text of the call is what the customer said.").wait_for()
    assert Message.objects.get(pk=call.pk).text == "It leaks."
