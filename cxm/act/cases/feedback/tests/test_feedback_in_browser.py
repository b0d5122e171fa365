"""The feedback inbox in a real browser: by keys, on a phone in the dark, and without barriers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import User
from cxm.act.cases.models import FeedbackMark
from cxm.record.customers.consent import set_consent
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import answer, given_events, make_customer, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Correction
from cxm.understand.text.topics.actions import create_topic

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.once]


def test_a_morning_in_the_inbox(live_server: Any, open_page: OpenPage) -> None:
    workspace, me = make_workspace(), User.objects.get()
    ada = make_customer(workspace, "Ada Lovelace", traits={"plan": "gold"})
    set_consent(customer=ada, purpose="quotes", granted=True, by=me)
    today = timezone.now().date()
    given_events(
        answer(
            workspace, n % 11, f"{today - timedelta(days=n)} 12:00", customer_id=ada.pk, channel="email", scale="0-10",
            comment="Terrible delivery, very bad" if n % 2 else "Great shop, excellent service",
        )
        for n in range(1, 41)
    )  # fmt: skip
    create_topic(workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=me)
    annotate_workspace(workspace.pk)
    warm = Client()  # templates are compiled here, so that no wait below is for them
    warm.force_login(me)
    for path in ("", "compare/", "quotes/"):
        assert warm.get(f"/w/{workspace.slug}/feedback/{path}").status_code == 200
    page = open_page()
    log_in(page, live_server, me)
    address = f"{live_server.url}/w/{workspace.slug}/feedback/"
    page.goto(address)
    page.locator("#found").get_by_text("40 texts").wait_for()
    check_accessible(page)
    # Search as one types, once and not again when the field is left; two chosen by keys, handled, and undone.
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "hx-request" in request.headers else None)
    page.locator("#id_q").fill("deliveries")
    page.locator("#found").get_by_text("20 texts").wait_for()
    page.locator("mark.evidence-found", has_text="delivery").first.wait_for()
    page.locator("#id_q").blur()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.locator("#found input:checked").nth(1).wait_for()
    assert len([one for one in searches if "q=deliveries" in one]) == 1
    page.keyboard.press("e")
    page.get_by_text("2 texts were marked handled.").wait_for()
    assert FeedbackMark.objects.exclude(handled_at=None).count() == 2
    page.keyboard.press("z")
    page.get_by_text("2 texts are as they were before.").wait_for()
    # One text: why it is negative, and that it is not.
    page.locator(".text-link").first.click()
    page.locator("mark.evidence-bad").first.wait_for()
    check_accessible(page)
    page.get_by_role("button", name="Neutral").click()
    page.get_by_role("button", name="Take back").wait_for()
    assert Correction.objects.get().value == "neutral"
    page.keyboard.press("j")
    page.get_by_role("button", name="Take back").wait_for(state="detached")
    page.keyboard.press("u")
    page.wait_for_url(re.compile(r"/feedback/\?"))
    page.goto(address + "compare/?period=7d")
    page.get_by_text("Everything that was compared").wait_for()
    check_accessible(page)
    page.goto(address + "quotes/")
    with page.expect_download() as picture:
        page.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('closed')); }")
        page.locator("[data-quote]").first.click()
    assert picture.value.suggested_filename == "quote.png"
    check_accessible(page)
    check_quiet(page)
    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, me)
    for path in ("", "compare/", "quotes/", f"{FeedbackMark.objects.first().event_id}/"):  # type: ignore[union-attr]  # there are two
        phone.goto(address + path)
        check_width(phone)
        check_accessible(phone)
