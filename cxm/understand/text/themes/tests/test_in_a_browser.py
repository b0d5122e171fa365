"""The theme explorer in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.accounts.models import Workspace
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import given_events
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Theme

from .test_find_themes import owner_of, ran, said, workspace  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_the_explorer_and_a_theme_are_accessible_quiet_and_fit(
    open_page: OpenPage, live_server: Any, width: int, dark: bool, workspace: Workspace,  # noqa: F811  # the fixture
) -> None:  # fmt: skip
    given_events(
        [
            event
            for topic in ("delivery", "app", "refund")
            for days in (3, 120)
            for event in said(workspace, topic, 12, days)
        ]
    )
    ran(workspace)
    annotate_workspace(workspace.pk)
    page = open_page(width=width, dark=dark)
    log_in(page, live_server, owner_of(workspace))
    for path in ("", f"{Theme.objects.filter(is_current=True)[0].pk}/", "none/"):
        page.goto(f"{live_server.url}/w/{workspace.slug}/themes/{path}")
        page.wait_for_load_state("networkidle")
        check_accessible(page)
        check_width(page)
        check_quiet(page)
    page.goto(f"{live_server.url}/w/{workspace.slug}/themes/")
    page.wait_for_selector(".chart-picture svg")
    assert page.locator("table").first.locator("tbody tr").count() == 3
