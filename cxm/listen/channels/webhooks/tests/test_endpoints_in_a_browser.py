"""The pages of webhooks in a browser: wide and narrow, light and dark, accessible, quiet."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cxm.listen.channels.webhook_models import WebhookAttempt, WebhookMessage
from cxm.listen.channels.webhooks import actions
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_user, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "dark"), [(1500, False), (375, True)], ids=["desktop", "phone-dark"])
def test_the_pages_of_webhooks_look_right(open_page: OpenPage, live_server: Any, width: int, dark: bool) -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    endpoint = actions.create_endpoint(
        workspace=workspace, url="https://example.com/a/long/address/of/hooks/1234567890", by=owner, scheme="v1a",
        name="Slack", types=["case", "feedback.received"],
    )[0]  # fmt: skip
    message = actions.send_test(endpoint=endpoint, by=owner)
    WebhookAttempt.objects.create(
        message=message, number=1, at=timezone.now(), status=500, answer="Internal error " * 40, duration_ms=120
    )
    page = open_page(width, dark)
    log_in(page, live_server, owner)
    home = f"{live_server.url}/w/{workspace.slug}/webhooks/"
    for address in ("", "new/", f"{endpoint.pk}/", f"{endpoint.pk}/change/", f"{endpoint.pk}/messages/{message.pk}/"):
        page.goto(home + address)
        check_quiet(page)
        check_width(page)
        check_accessible(page)
    page.goto(f"{home}{endpoint.pk}/")
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("A test message is on its way").wait_for()
    page.goto(f"{home}{endpoint.pk}/")
    page.get_by_role("button", name="Make a new secret").click()
    assert page.get_by_label("The new secret").input_value().startswith("whpk_")
    assert WebhookMessage.objects.count() == 2
