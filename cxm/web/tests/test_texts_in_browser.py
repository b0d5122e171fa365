"""Marks, chips and the switch of the third opinion in a real browser: readable, on a phone and in the dark too."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cxm.record.eventlog.texts import texts_by_id, write_annotations
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import answer, given_events, make_customer, make_workspace
from cxm.understand.text import annotating
from cxm.understand.text.reading.reading import Reading, Span, Tag

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_evidence_can_be_read_by_everybody(live_server: Any, open_page: OpenPage, width: int, dark: bool) -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    said = answer(workspace, 2, comment="Late, but the app is great and I like it", customer_id=ada.pk)
    given_events([said])
    reading = Reading(
        language="en", supported=True, sentiment="mixed", score=0.0, emotion="anger", intent="suggestion", effort=True,
        tags=(Tag("sentiment", "negative", -0.8, (Span(0, 4),)), Tag("sentiment", "positive", 0.8, (Span(21, 26),)),
              Tag("emotion", "anger", 0.8, (Span(0, 4),)), Tag("topic", "app", 1.0, (Span(14, 17),))),
    )  # fmt: skip
    write_annotations([annotating.annotation(one, reading, {}, "m", 1)
                       for one in texts_by_id(workspace.pk, [said.event_id])])  # fmt: skip
    owner = workspace.memberships.get().user
    warm = Client()  # templates are compiled here, so that no wait below is for them
    warm.force_login(owner)
    for address in (f"customers/{ada.pk}/", "text/endpoint/"):
        warm.get(f"/w/{workspace.slug}/{address}")
    page = open_page(width=width, dark=dark)
    log_in(page, live_server, owner)
    page.goto(f"{live_server.url}/w/{workspace.slug}/customers/{ada.pk}/")
    assert page.locator("mark.evidence").count() == 3
    assert page.locator(".evidence-chip").all_inner_texts() == ["Mixed", "Anger", "Suggestion", "Effort", "app"]
    check_accessible(page)
    check_width(page)
    page.goto(f"{live_server.url}/w/{workspace.slug}/text/endpoint/")
    check_accessible(page)
    check_width(page)
    check_quiet(page)
