"""The page on which people say where a survey shows, in a browser: accessible, never too wide, and alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.widget.actions import make_identity_key
from cxm.listen.surveys.widget.tests.given import live_survey
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_customer, make_workspace, make_write_key

if TYPE_CHECKING:
    from cxm.accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def survey() -> Survey:
    workspace = make_workspace()
    make_write_key(workspace)
    make_customer(workspace, traits={"plan": "pro"})
    make_identity_key(workspace=workspace, by=None)
    condition = {"all": [{"field": "trait.plan", "operator": "is", "values": ["pro"]}]}
    return live_survey(workspace, "A long name of a survey " * 4, triggers=[{"on": "load"}], when=condition)


@pytest.mark.parametrize(("width", "dark"), [(320, True), (1280, False)])
def test_it_is_accessible_and_fits(
    survey: Survey, open_page: OpenPage, live_server: Any, width: int, dark: bool
) -> None:
    page = open_page(width=width, dark=dark)
    owner: User = survey.workspace.memberships.get().user
    log_in(page, live_server, owner)
    page.goto(live_server.url + reverse("surveys:widget", args=[survey.workspace.slug, survey.pk]))
    check_accessible(page)
    check_width(page)
    check_quiet(page)
    page.get_by_label("How it appears").select_option("popup")
    page.get_by_label("When the visitor is about to leave the page").check()
    page.locator("form").filter(has=page.get_by_label("How it appears")).get_by_role(
        "button", name="Save", exact=True
    ).last.click()
    page.get_by_text("The settings are saved and hold from now on.").wait_for()
    survey.refresh_from_db()
    assert survey.widget["kind"] == "popup"
    assert survey.widget["triggers"] == [{"on": "load"}, {"on": "exit"}]
    assert survey.widget["when"] == {"all": [{"field": "trait.plan", "operator": "is", "values": ["pro"]}]}
