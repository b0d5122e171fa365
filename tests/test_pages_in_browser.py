"""Every page, on a desktop and on a phone, light and dark: accessible, quiet, and never wider than the window.

A new page is one line: of ANYONE before the login, of OWN for the user's own, of PAGES for those of a workspace (its
URL name, and the arguments beside the slug).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from cxm.accounts.models import Workspace
from cxm.record.capture import actions
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_user, make_workspace
from cxm.testing.effort import FULL

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ANYONE = ["account_login", "account_reset_password"]
PAGES: list[tuple[str, dict[str, Any]]] = [
    ("showcase", {}),
    ("accounts:settings", {}),
    ("accounts:members", {}),
    ("accounts:keys", {}),
    ("accounts:audit", {}),
    ("customers:list", {}),
    ("customers:new", {}),
    ("customers:segments", {}),
    ("customers:segment_new", {}),
    ("imports:list", {}),
    ("imports:new", {}),
    ("sources:list", {}),
    ("sources:new", {}),
    ("sources:plan", {}),
    ("sources:regulations", {}),
    ("flow", {}),
    ("surveys:list", {}),
    ("surveys:new", {}),
]
OWN = ["accounts:profile", "accounts:workspaces", "mfa_index", "usersessions_list"]
# The two that differ most; CXM_TEST_FULL=1 takes all four.
LOOKS = {"desktop": (1280, False), "phone-dark": (375, True)}
if FULL:
    LOOKS |= {"desktop-dark": (1280, True), "phone": (375, False)}
looks = pytest.mark.parametrize(("width", "dark"), LOOKS.values(), ids=LOOKS.keys())


@pytest.fixture(autouse=True)
def _with_showcase(settings: Any) -> None:
    settings.ROOT_URLCONF = "cxm.testing.showcase"


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def check(page: Page, ignore: str = "\0") -> None:
    check_quiet(page, ignore)
    check_width(page)
    check_accessible(page)


@looks
@pytest.mark.parametrize("name", ANYONE)
def test_a_page_before_the_login_looks_right(
    open_page: OpenPage, live_server: Any, name: str, width: int, dark: bool
) -> None:
    page = open_page(width, dark)
    page.goto(live_server.url + reverse(name))
    check(page)


@looks
@pytest.mark.parametrize(("name", "arguments"), PAGES, ids=[name for name, _ in PAGES])
def test_a_page_of_a_workspace_looks_right(
    open_page: OpenPage,
    live_server: Any,
    workspace: Workspace,
    name: str,
    arguments: dict[str, Any],
    width: int,
    dark: bool,
) -> None:
    page = open_page(width, dark)
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse(name, kwargs={"slug": workspace.slug, **arguments}))
    assert (page.locator("html").get_attribute("data-bs-theme") == "dark") is dark
    check(page)


@looks
def test_the_mapping_of_an_import_looks_right(
    open_page: OpenPage, live_server: Any, workspace: Workspace, tmp_path: Path, width: int, dark: bool
) -> None:
    file = tmp_path / "answers.csv"
    file.write_text("id,when,who,score,words\n1,01/02/2026,Ada,9,Fine\n2,02/02/2026,Олена,3,Довго чекала\n")
    owner = workspace.memberships.get().user
    one = actions.add_file(workspace=workspace, path=file, name=file.name, by=owner, move=False)
    page = open_page(width, dark)
    log_in(page, live_server, owner)
    page.goto(live_server.url + reverse("imports:mapping", args=[workspace.slug, one.pk]))
    assert page.get_by_text("Довго чекала").count()
    check(page)


@looks
@pytest.mark.parametrize("name", OWN)
def test_a_page_of_the_user_looks_right(
    open_page: OpenPage, live_server: Any, workspace: Workspace, name: str, width: int, dark: bool
) -> None:
    page = open_page(width, dark)
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse(name))
    check(page)


@looks
@pytest.mark.parametrize(("address", "status"), [("/w/nowhere/showcase", 404), ("/broken", 500)])
def test_an_error_page_looks_right(
    open_page: OpenPage, live_server: Any, settings: Any, address: str, status: int, width: int, dark: bool
) -> None:
    page = open_page(width, dark)
    log_in(page, live_server, make_user())
    answer = page.goto(live_server.url + address)
    assert answer is not None
    assert answer.status == status
    check(page, ignore="the server responded with a status of")


def test_the_theme_is_remembered(page: Page, live_server: Any, workspace: Workspace) -> None:
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("showcase", args=[workspace.slug]))
    page.locator(".menu-user button").first.click()
    page.locator("[data-theme-choice=dark]").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    check_accessible(page)  # the menu is open
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    check_quiet(page)


def test_the_keyboard_goes_around(page: Page, live_server: Any, workspace: Workspace) -> None:
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("showcase", args=[workspace.slug]))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("?")
    assert page.locator("#shortcuts").is_visible()
    check_accessible(page)
    page.keyboard.press("Escape")
    page.locator("#shortcuts").wait_for(state="hidden")


def test_a_question_is_asked_before_a_form_is_sent(page: Page, live_server: Any, workspace: Workspace) -> None:
    log_in(page, live_server, workspace.memberships.get().user)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(live_server.url + reverse("showcase", args=[workspace.slug]))
    page.get_by_role("button", name="Undo the import").click()
    check_accessible(page)
    page.get_by_role("button", name="Cancel").click()
    assert sent == []
    page.get_by_role("button", name="Undo the import").click()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_load_state()
    assert len(sent) == 1


def test_a_chart_is_saved_as_picture_and_as_numbers(page: Page, live_server: Any, workspace: Workspace) -> None:
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("showcase", args=[workspace.slug]))
    figure = page.locator("figure.chart").first
    saved = {}
    for kind in ("png", "svg", "csv"):
        with page.expect_download() as download:
            figure.locator(f"[data-save={kind}]").click()
        assert download.value.suggested_filename == f"nps-by-month.{kind}"
        saved[kind] = download.value.path().read_bytes()
    assert saved["png"].startswith(b"\x89PNG")
    assert b"Net Promoter Score by month" in saved["svg"]
    lines = saved["csv"].decode("utf-8-sig").splitlines()
    assert lines[0] == "Series,Period,Value,Lower bound,Upper bound,n"
    # 40 + 4·sin(0) = 40, ± 3 + 2·cos(0) = 5
    assert lines[1] == "All customers,2025-01-01,40,35,45,700"
    assert len(lines) == 1 + 18
    check_quiet(page)


def test_a_page_without_scripts_shows_the_numbers(open_page: OpenPage, live_server: Any, workspace: Workspace) -> None:
    page = open_page(375, java_script_enabled=False)
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("showcase", args=[workspace.slug]))
    assert page.locator("#menu").is_visible()
    page.get_by_text("Show the numbers").first.click()
    assert page.get_by_role("cell", name="All customers").first.is_visible()
