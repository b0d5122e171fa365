"""The desk in a real browser: by keys alone, on a phone, in the dark, with two people at one case."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases import actions, canned, notes
from cxm.act.cases.models import Case, Team, TeamMember
from cxm.listen.channels.models import Channel, Conversation, Message
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_customer, make_member, make_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def workspace() -> Workspace:
    workspace = make_workspace()
    team = Team.objects.create(workspace=workspace, name="Customer service", is_default=True)
    TeamMember.objects.create(team=team, user=User.objects.get())
    channel = Channel.objects.create(workspace=workspace, kind="email", name="Support", address="help@kettles.example")
    names = ("Ada Lovelace", "Grace Hopper", "Олена Коваленко")
    for n, name in enumerate(names):
        customer = make_customer(workspace, name, email=f"c{n}@example.com", traits={"plan": "gold"})
        conversation = Conversation.objects.create(
            workspace=workspace, channel=channel, kind="email", customer=customer, address=customer.email
        )
        message = Message.objects.create(
            conversation=conversation, workspace=workspace, direction="in", text="It leaks. " * 12, quoted="> Hello",
            external_id=str(uuid4()),
        )  # fmt: skip
        case = actions.open_case(
            workspace=workspace, subject=f"Leak of {name}", opened_by=f"message:{message.pk}", by=None,
            conversation=conversation, complaint=n == 0, tags=["vip"], priority=4 - n,
        )  # fmt: skip
        Case.objects.filter(pk=case.pk).update(due_at=timezone.now() + timedelta(hours=2 * n - 1))
    warm = Client()  # templates are compiled here, so that no wait below is for them
    warm.force_login(User.objects.get())
    for page in ("", "1/"):
        warm.get(f"/w/{workspace.slug}/cases/{page}")
    return workspace


def by_keys(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def test_a_morning_by_keys_alone(workspace: Workspace, live_server: Any, open_page: OpenPage) -> None:
    me = User.objects.get()
    petro = make_member(workspace, Role.AGENT, "petro@example.com")
    canned.save_reply(workspace=workspace, name="Sorry", texts={"en": "Dear {customer.first_name}, sorry."}, by=me)
    page = open_page()
    log_in(page, live_server, me)
    page.goto(f"{live_server.url}/w/{workspace.slug}/cases/")
    check_accessible(page)
    by_keys(page, "j Enter")
    page.wait_for_url(re.compile(r"/cases/1/\?"))
    # A note with a name, a reply from a saved text, then the next case.
    by_keys(page, "n")
    page.keyboard.type("Ask @Pet")
    page.get_by_role("button", name="Petro", exact=True).wait_for()
    by_keys(page, "Tab Control+Enter")
    page.locator(".message-note", has_text="Ask @Petro").wait_for()
    check_accessible(page)
    by_keys(page, "r")
    page.keyboard.type("/")
    page.locator("#replies[open]").wait_for()
    page.keyboard.type("sor")
    by_keys(page, "Enter")
    assert page.locator("#text").input_value() == "Dear Ada, sorry."
    # What is written survives a change of the case: the draft comes back.
    page.locator("#d_priority").select_option("2")
    page.locator(".thread-event", has_text="priority to Normal").wait_for()
    assert page.locator("#text").input_value() == "Dear Ada, sorry."
    page.locator("#text").focus()
    by_keys(page, "Control+Enter")
    page.locator(".message-out", has_text="Dear Ada, sorry.").wait_for()
    assert page.locator("#text").input_value() == ""
    by_keys(page, "j")
    page.wait_for_url(re.compile(r"/cases/2/\?"))
    by_keys(page, "e")
    page.locator("#resolve[open]").wait_for()
    by_keys(page, "Enter")  # solved, then the next
    page.wait_for_url(re.compile(r"/cases/3/\?"))
    by_keys(page, "s 2")
    page.wait_for_url(re.compile(r"/cases/\?"))
    assert [one.state for one in Case.objects.order_by("number")] == ["waiting", "resolved", "snoozed"]
    assert Message.objects.get(direction="out", author=me).text == "Dear Ada, sorry."
    # Two cases in the list at once, and where one finds the keys.
    page.goto(f"{live_server.url}/w/{workspace.slug}/cases/?queue=all")
    by_keys(page, "j x j x a")
    page.locator("#assign[open] option", has_text="Petro").first.wait_for(state="attached")
    page.locator("#assign select").select_option(label="Petro")
    by_keys(page, "Enter")
    page.get_by_text("1 case was changed").wait_for()
    assert Case.objects.filter(owner=petro).count() == 1, "the other one is done, and is named"
    page.get_by_text("#2: This case is done").wait_for()
    by_keys(page, "?")
    page.get_by_text("Next case, previous case").wait_for()
    check_quiet(page)


def test_two_at_one_case_and_on_a_phone_in_the_dark(
    workspace: Workspace, live_server: Any, open_page: OpenPage
) -> None:
    me, petro = User.objects.get(), make_member(workspace, Role.AGENT, "petro@example.com")
    address = f"{live_server.url}/w/{workspace.slug}/cases/1/?queue=todo"
    his = open_page()
    log_in(his, live_server, petro)
    his.goto(address)
    his.locator("#text").fill("I am on it")
    his.reload()  # the draft is still there, and says at once that he writes
    assert his.locator("#text").input_value() == "I am on it"
    his.locator("#text").press("!")
    his.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page = open_page(width=375, dark=True)
    log_in(page, live_server, me)
    page.goto(address)
    page.get_by_text("is looking at this case, too").or_(page.get_by_text("is writing an answer")).wait_for()
    check_width(page)
    check_accessible(page)
    notes.add_note(case=Case.objects.get(number=1), text="News", by=petro)
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("link", name="Show it").click()
    page.locator(".message-note", has_text="News").wait_for()
    page.goto(address.replace("1/?", "?"))
    check_width(page)
    check_accessible(page)
    check_quiet(page)
