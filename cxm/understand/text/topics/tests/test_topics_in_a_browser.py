"""The pages of topics and words in a browser: what a word finds is seen as it is typed; accessible in both widths."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import answer, given_events, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Topic, TopicExample
from cxm.understand.text.topics.actions import add_example
from cxm.understand.text.topics.starter import plant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_word_is_tried_as_it_is_typed_and_a_text_marked(open_page: OpenPage, live_server: Any) -> None:
    from playwright.sync_api import expect

    workspace = make_workspace()
    boss = workspace.memberships.get(role=Role.OWNER).user
    day = timezone.now().strftime("%Y-%m-%d")
    said = ["The kettle is broken.", "Deliveries are late, but the courier is great.", "Доставку задержали, кошмар."]
    given_events([answer(workspace, 5, f"{day} 00:00:{n:02d}", comment=said[n % 3]) for n in range(36)])
    plant(workspace=workspace, tree="delivery", by=boss)
    annotate_workspace(workspace.pk)
    topic = Topic.objects.get(key="delivery")
    add_example(topic=topic, text="The kettle is broken.", fits=False, by=boss)
    base = f"{live_server.url}/w/{workspace.slug}/"
    client = Client()
    client.force_login(boss)
    client.get(f"/w/{workspace.slug}/topics/")  # the first page of a process loads what others need too
    for width, dark in ((1400, False), (375, True)):
        page = open_page(width, dark)
        log_in(page, live_server, boss)
        for path in ("topics/", f"topics/{topic.pk}/", "topics/check/", "words/"):
            page.goto(base + path)
            check_quiet(page)
            check_width(page)
            check_accessible(page)
            if folder := os.environ.get("CXM_SHOTS"):
                page.screenshot(path=f"{folder}/{path.replace('/', '_')}{width}.png", full_page=True)
    page = open_page()
    log_in(page, live_server, boss)
    page.goto(f"{base}topics/{topic.pk}/")
    expect(page.locator("#trial mark", has_text="Deliveries").first).to_be_visible()
    page.locator("#id_words_en").fill("kettle")
    expect(page.locator("#trial mark", has_text="kettle").first).to_be_visible()
    assert "kettle" not in Topic.objects.get(pk=topic.pk).words["en"]  # only tried
    with page.expect_response(lambda response: "/examples/" in response.url):
        page.locator("#trial").get_by_role("button", name="Fits", exact=True).first.click()
    expect(page.locator("#trial [aria-pressed=true]").first).to_be_visible()
    assert page.locator("#id_words_en").input_value() == "kettle"  # what was typed stays
    assert TopicExample.objects.filter(topic=topic, fits=True).count() == 1
    check_accessible(page)
