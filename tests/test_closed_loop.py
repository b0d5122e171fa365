"""The loop closed once, over real parts: an unhappy answer, an alert, a case, an acknowledgement in a real mailbox, a
reply, the customer's mail into the same thread, the resolution, the question how it went, the numbers, the trail.
"""

from __future__ import annotations

import re
import smtplib
import sqlite3
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from cxm.testing.browser import OpenPage
from cxm.testing.engines import free_port
from cxm.testing.mailbox import Arrived, Mailbox, smtp_server
from cxm.testing.site import PATIENCE, Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.slow]
PASSWORD = "correct horse battery"
HELP = "support@kettles.example"
# A firm with two teams; detractors go to the one for recovery. Ada is asked by a personal link.
GIVEN = f"""
import json
from cxm.accounts.actions import create_workspace
from cxm.accounts.models import Membership, User
from cxm.act.cases import causes, routing
from cxm.act.cases.actions import default_team
from cxm.act.cases.alerts.actions import create_rule
from cxm.act.cases.alerts.recipes import BY_KEY
from cxm.act.cases.alerts.rules import CaseOf
from cxm.lib.conditions import Condition
from cxm.listen.channels.channel_actions import create_channel
from cxm.listen.surveys.actions import create_survey, publish
from cxm.listen.surveys.distribution.actions import invite
from cxm.listen.surveys.distribution.links import personal_link
from cxm.listen.surveys.presets import preset
from cxm.record.customers.models import Customer
owner = User.objects.create_user(email="olena@example.com", password="{PASSWORD}", name="Olena")
workspace = create_workspace(name="Kyiv Kettles", owner=owner, time_zone="UTC")
default_team(workspace)
team = routing.save_team(workspace=workspace, name="Recovery", by=owner, gives_cases=True)
routing.save_member(team=team, user=owner, by=owner)
category = Condition(field="category", operator="is", values=("recovery",))
routing.save_rule(workspace=workspace, name="Unhappy customers", team=team, by=owner, condition=category)
causes.add(workspace=workspace, name="Delivery partner", by=owner)
create_rule(workspace=workspace, name="Detractor", kind="answer", by=owner, condition=BY_KEY["detractor"].condition,
            opens_case=True, case=CaseOf(category="recovery", priority=3), users=[owner.pk])
create_channel(
    workspace=workspace, kind="email", name="Help", by=owner, address="{HELP}", settings={{"intake": "smtp"}}
)
for name in ("nps", "after_case"):
    survey = create_survey(workspace=workspace, name=name, definition=preset(name, ["en"]), by=owner)
    publish(survey=survey, by=owner)
    survey.refresh_from_db()
    first = first if name != "nps" else survey
ada = Customer.objects.create(workspace=workspace, name="Ada", email="ada@example.org", language="en")
print(json.dumps([workspace.slug, personal_link(invite(survey=first, customer=ada, by=owner))]))
"""
Found = TypeVar("Found")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def site(tmp_path: Path, box: Mailbox) -> Iterator[Site]:
    made = Site(tmp_path / "data", servers=False)
    made.environment |= {
        "CXM_EMAIL_URL": f"smtp://127.0.0.1:{box.port}", "CXM_BASE_URL": made.url(""),
        "CXM_INBOUND_SMTP": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    made.install()
    yield made
    made.kill()


def until(look: Callable[[], Found | None], what: str) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return found


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{site.directory / 'cxm.sqlite3'}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def mail(box: Mailbox, to: str, words: str) -> Callable[[], Arrived | None]:
    return lambda: next((one for one in box.arrived if one.to == to and words in one.text()), None)


def write(site: Site, answered: Arrived, text: str) -> None:
    """The customer answers a mail, as a mail program does."""
    letter = EmailMessage()
    letter["From"], letter["To"] = "Ada <ada@example.org>", answered.message["Reply-To"] or answered.message["From"]
    letter["Subject"], letter["Message-ID"] = f"Re: {answered.message['Subject']}", "<ada-1@example.org>"
    letter["In-Reply-To"] = letter["References"] = answered.message["Message-ID"]
    quoted = "".join(f"> {line}\n" for line in answered.text().splitlines())
    letter.set_content(f"{text}\n\nOn Monday, Kyiv Kettles wrote:\n{quoted}")
    host, _colon, port = site.environment["CXM_INBOUND_SMTP"].partition(":")
    with smtplib.SMTP(host, int(port)) as connection:
        connection.send_message(letter, "ada@example.org", [HELP])


def score(page: Page, link: str, value: int, words: str = "") -> None:
    page.goto(link)
    page.locator(f"label:has(input[type=radio][value='{value}'])").click()
    if words:
        page.locator("textarea").fill(words)
    page.locator("button[name=step][value=next]").click()
    page.get_by_text("Thank you!").wait_for()


def figure(page: Page, base: str, metric: str) -> str:
    page.goto(f"{base}metrics/{metric}/")
    return page.locator("main").inner_text()


def test_an_unhappy_customer_is_noticed_answered_helped_and_asked_again(
    site: Site, box: Mailbox, open_page: OpenPage
) -> None:
    slug, link = site.ask(GIVEN)
    site.start()
    base = site.url(f"/w/{slug}/")
    ada = open_page(390)
    score(ada, link, 2, "It came a week late and cold.")
    thanked = time.monotonic()

    # Noticed: an alert, and a case in the queue of the right team, with the one who can take it.
    case = until(lambda: rows(site, "SELECT number, category, priority, state, opened_by FROM cases_case"), "a case")[0]
    print(f"the case was there {time.monotonic() - thanked:.1f} s after the thank-you")
    assert case[:4] == (1, "recovery", 3, "new")
    assert case[4].startswith("answer:")
    assert rows(site, "SELECT t.name FROM cases_case c JOIN cases_team t ON t.id = c.team_id") == [("Recovery",)]
    assert len(rows(site, "SELECT 1 FROM cases_alert WHERE case_id IS NOT NULL")) == 1
    # Acknowledged, in a real mailbox; and the agent is told.
    until(mail(box, "ada@example.org", "it has the number 1 with us"), "the acknowledgement")
    until(lambda: [one for one in box.arrived if one.to == "olena@example.com"], "the mail of the alert")

    desk = open_page(1400)
    desk.goto(site.url("/account/login/"))
    desk.locator("input[name=login]").fill("olena@example.com")
    desk.locator("input[name=password]").fill(PASSWORD)
    desk.locator("input[name=password]").press("Enter")
    desk.wait_for_url("**/w/**")
    desk.goto(f"{base}cases/?queue=mine")
    desk.get_by_text("Ada").first.click()
    desk.wait_for_url("**/cases/1/**")
    assert "It came a week late and cold." in desk.locator("main").inner_text()
    desk.locator("#text").fill("I am sorry. A new one leaves today.")
    desk.locator("button[name=how][value=reply]").click()
    reply = until(mail(box, "ada@example.org", "A new one leaves today."), "the reply")
    # The customer answers into the same thread, and the case is back with us.
    write(site, reply, "Thank you, it has arrived and it is hot!")
    until(
        lambda: rows(site, "SELECT 1 FROM cases_case WHERE state = 'open' AND last_customer_at IS NOT NULL"), "her mail"
    )
    assert len(rows(site, "SELECT 1 FROM cases_case")) == len(rows(site, "SELECT 1 FROM channels_conversation")) == 1
    desk.goto(f"{base}cases/1/")
    assert "it is hot!" in desk.locator("main").inner_text()
    desk.get_by_role("button", name="Resolve", exact=True).first.click()
    desk.locator("#resolve_cause").select_option(label="Delivery partner")
    desk.locator("dialog[open]").get_by_role("button", name="Resolve", exact=True).click()
    until(lambda: rows(site, "SELECT 1 FROM cases_case WHERE state = 'resolved'"), "the resolution")

    # Did it help? She is asked, and says so; the numbers move.
    asked = until(mail(box, "ada@example.org", "/s/i/"), "the survey after the case")
    own = re.search(r"https?://\S+/s/i/[\w-]+", asked.text())
    assert own, asked.text()
    score(open_page(390), own[0], 5)
    until(lambda: "100" in figure(desk, base, "acknowledged_in_time"), "the loop metrics")
    until(lambda: "n = 1" in figure(desk, base, "resolution_satisfaction"), "the satisfaction with the resolution")
    # The trail tells it all.
    told = [one[0] for one in rows(site, "SELECT verb FROM accounts_auditentry WHERE subject = 'case' ORDER BY id")]
    for verb in ("opened", "acknowledged", "replied", "resolved"):
        assert verb in told, told
    desk.goto(f"{base}cases/1/")
    story = desk.locator("main").inner_text()
    for words in ("It came a week late and cold.", "A new one leaves today.", "it is hot!", "Delivery partner"):
        assert words in story, words
