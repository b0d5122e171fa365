"""The page of accuracy in a real browser: readable by everybody, on every width, and it follows the training."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.accounts.models import Role
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_member, make_workspace
from cxm.understand.text.experience import keeping
from cxm.understand.text.learning import running
from cxm.understand.text.learning.tests.test_own_labels import given_labels
from cxm.understand.text.models import OwnModel

from .test_accuracy_pages import given_tickets

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_is_accessible_and_follows_the_training(live_server: Any, open_page: OpenPage) -> None:
    workspace = make_workspace()
    analyst = make_member(workspace, Role.ANALYST, "ana@example.com")
    given_labels(workspace, 70)
    given_tickets(workspace, 100)
    keeping.calibrate(workspace.pk)
    page = open_page(width=1280)
    log_in(page, live_server, analyst)
    address = f"{live_server.url}/w/{workspace.slug}/text/"
    page.goto(address)
    page.get_by_role("button", name="Train a version").click()
    page.get_by_text("Version 1 is being trained").wait_for()
    check_accessible(page)
    running.run(OwnModel.objects.get().pk)
    page.get_by_role("button", name="Use version 1").wait_for()  # the page looks by itself
    check_accessible(page)
    check_width(page)
    page.get_by_role("button", name="Use version 1").click()
    page.get_by_text("In use").wait_for()
    check_quiet(page)
    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, analyst)
    phone.goto(address)
    check_accessible(phone)
    check_width(phone)
