"""The widget on a foreign page with a strict policy, and a real server behind it: asked, stored, in the log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from cxm.testing.browser import OpenPage, check_quiet
from cxm.testing.recorder import PATIENCE, Answer, Recorder
from cxm.testing.site import Site

from .widget_shop import BODY, STUB, policy, wait_until, widget

pytestmark = pytest.mark.browser
FIRM = """
import json
from cxm.accounts.models import User
from cxm.accounts.actions import create_workspace
from cxm.listen.surveys.actions import create_survey, publish
from cxm.listen.surveys.definition import Choice, Definition, Ending, Page, Question, Section
from cxm.listen.surveys.identity import identity_hash
from cxm.listen.surveys.models import ContactRule
from cxm.listen.surveys.widget.actions import make_identity_key, set_widget
from cxm.listen.surveys.widget.config import Trigger, Widget
from cxm.record.capture.models import Source
from cxm.record.capture.source_actions import create_source
owner = User.objects.create_user(email="olena@example.com", password="correct horse battery", name="Olena")
workspace = create_workspace(name="Kyiv Kettles", owner=owner, time_zone="UTC")
_source, key = create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner)
ask = Question("nps", "nps", {"en": "How likely?", "uk": "Наскільки ймовірно?"}, required=True)
why = Question("why", "long_text", {"en": "Why?", "uk": "Чому?"}, explains="nps")
proof = Question("proof", "file", {"en": "A picture?", "uk": "Знімок?"}, accept=[".txt"])
definition = Definition(
    title={"en": "Your opinion", "uk": "Ваша думка"}, languages=["en", "uk"], hidden=["order"],
    pages=[Page("p1", [Section("s1", [ask])]), Page("p2", [Section("s2", [why, proof])])],
    endings=[Ending("e", {"en": "Thanks a lot!", "uk": "Щиро дякуємо!"})],
)
survey = create_survey(workspace=workspace, name="After buying", definition=definition, by=owner)
publish(survey=survey, by=owner)
set_widget(survey=survey, widget=Widget(enabled=True, triggers=[Trigger("event", name="Order Completed")]), by=owner)
ContactRule.objects.create(workspace=workspace, name="One a month", most=1, days=30)
secret = make_identity_key(workspace=workspace, by=owner).secret
print(json.dumps([key, survey.public_id, identity_hash(secret, "ada"), workspace.pk]))
"""
STORED = """
import json
from cxm.listen.surveys.models import Contact, Response
print(json.dumps([
    [one.state, one.channel, one.origin, one.language, one.answers, str(one.person), one.hidden, one.flags]
    for one in Response.objects.order_by("started_at")
] + [Contact.objects.count()]))
"""
LOGGED = """
import json
from dataclasses import dataclass
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
@dataclass(frozen=True)
class Row:
    name: str
    n: int
rows = ask("SELECT toString(name) AS name, count() AS n FROM events WHERE $scope GROUP BY name ORDER BY name",
           Scope({workspace}), row=Row, name="test", table="events").rows
print(json.dumps(dict((row.name, row.n) for row in rows)))
"""


@pytest.fixture
def theirs() -> Iterator[Recorder]:
    with Recorder() as theirs:
        theirs.pages["/favicon.ico"] = Answer(200, b"")
        theirs.pages["/site.css"] = Answer(200, b"", {"Content-Type": "text/css"})
        yield theirs


def put(theirs: Recorder, site: Site, key: str, script: str) -> None:
    body = BODY.format(ours=site.url(""), body="", language="uk", auto="none").replace('"KEY"', f'"{key}"')
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy(site.url(""))}
    theirs.pages["/"] = Answer(200, body.encode(), headers)
    theirs.pages["/site.js"] = Answer(200, (STUB + script).encode(), {"Content-Type": "text/javascript"})


def wait_for(site: Site, code: str, is_so: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not is_so(found := site.ask(code)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def test_a_visitor_is_asked_once_and_the_answer_outlives_the_server(
    tmp_path: Any, theirs: Recorder, open_page: OpenPage
) -> None:
    site = Site(tmp_path / "data")
    site.install()
    key, survey, proof, workspace = site.ask(FIRM)
    site.start()
    try:
        put(theirs, site, key, f"cx('identify', 'ada', {{}}, {{hash: '{proof}'}});")
        page = open_page()
        page.goto(theirs.url)
        wait_until(page, "window.cx?.here")
        page.evaluate("cx('track', 'Order Completed', {total: 5})")
        box = widget(page)
        box.get_by_role("radio", name="3 із 10").or_(box.get_by_role("radio", name="3 of 10")).check()
        box.locator("form button[type=submit]").click()
        box.get_by_label("Чому?").wait_for()
        box.get_by_label("Знімок?").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"abc"})
        box.get_by_text("a.txt", exact=True).wait_for()
        box.get_by_label("Чому?").fill("Довго чекали")
        check_quiet(page)
        page.wait_for_timeout(1200)  # longer than the pause before what was typed is kept
        site.kill()
        box.locator("form button[type=submit]").click()
        box.locator(".status").filter(has_text=" ").wait_for()
        assert page.evaluate("Object.keys(localStorage).some(name => name.endsWith('_answers'))")
        site.start()
        box.get_by_text("Щиро дякуємо!").wait_for(timeout=60_000)
        page.evaluate("cx('flush')")
        page.wait_for_timeout(500)
        page.goto(theirs.url)
        wait_until(page, "window.cx?.here")
        page.evaluate("id => { cx('track', 'Order Completed'); cx('survey', id) }", survey)
        page.wait_for_timeout(1500)
        assert widget(page).count() == 0  # once; and by the site's own call the contact budget says no
        wait_until(page, "!Object.keys(localStorage).some(name => name.endsWith('_answers'))")
    finally:
        site.stop()
    [[state, channel, origin, language, answers, person, _hidden, _flags], contacts] = site.ask(STORED)
    assert (state, channel, origin, language, contacts) == ("completed", "widget", "Shop", "uk", 1)
    files = answers.pop("proof")
    assert [(one["name"], one["size"]) for one in files] == [("a.txt", 3)]
    assert answers == {"nps": 3, "why": "Довго чекали"}
    assert person
    site.start()
    try:
        time.sleep(2)
    finally:
        site.stop()
    logged = site.ask(LOGGED.replace("{workspace}", str(workspace)))
    told = {name: logged.get(name) for name in ("answer_given", "survey_completed", "survey_shown", "survey_dismissed")}
    assert told == {"answer_given": 2, "survey_completed": 1, "survey_shown": 1, "survey_dismissed": None}
